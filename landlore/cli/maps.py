"""Commands about maps: a prediction or an image comes in, a run folder with a corrected map goes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg.counted import counted
from kg.errors import InputError
from landlore.cli.idle import told_idle
from landlore.cli.options import (
    MOST,
    AddRules,
    AsJson,
    Bands,
    Calibration,
    Date,
    Dem,
    Facts,
    Graph,
    Image,
    Landcover,
    Lesson,
    Mode,
    Nodes,
    Osm,
    Out,
    Overwrite,
    Reliability,
    Rules,
    Settings,
    Smoothness,
    SourceDate,
    Superpixel,
    Vector,
)
from landlore.cli.printing import need_vision, say, teller, told_inference, told_unmoved

if TYPE_CHECKING:
    from kg.legend import Legend
    from landlore.large import ByRegion
    from landlore.maps import Interpretation
    from landlore.tiled import Tiled


def correct(
    prediction: Annotated[
        Path, typer.Argument(help="GeoTIFF of class codes or of class probabilities.")
    ],
    out: Out,
    legend: Annotated[
        str, typer.Option(help="Legend of the codes, by name or file.")
    ] = "worldcover",
    landcover: Landcover = [],
    osm: Osm = [],
    vector: Vector = [],
    facts: Facts = [],
    graph: Graph = None,
    image: Image = None,
    bands: Bands = None,
    dem: Dem = None,
    rules: Rules = [],
    add_rules: AddRules = [],
    confidence: Annotated[
        float | None, typer.Option(help="Probability of the stated class of labels.")
    ] = None,
    smoothness: Smoothness = None,
    mode: Mode = None,
    nodes: Nodes = None,
    superpixel: Superpixel = None,
    calibration: Calibration = None,
    lesson: Lesson = None,
    date: Date = None,
    source_date: SourceDate = [],
    reliability: Reliability = [],
    by_region: Annotated[
        bool,
        typer.Option(
            "--by-region",
            help="Labels of any size, by strips and rules alone; without sources, from 16 million pixels on by itself.",
        ),
    ] = False,
    tiles: Annotated[
        int | None,
        typer.Option(
            help="A map of any size with all that is beside it, tile by tile; pixels of a tile's side, such as 2048.",
        ),
    ] = None,
    settings: Settings = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Correct the map of any model by evidence and rules, with a reason for every change."""
    from landlore.cli import words
    from landlore.large import correct_by_region, is_large
    from landlore.maps import correct as run
    from landlore.outputs import keep_inputs
    from landlore.settings import read_settings
    from landlore.tiled import correct_tiles

    sources = words.sources(
        landcover=landcover, osm=osm, vector=vector, facts=facts, graph=graph, image=image,
        bands=words.band_names(bands), dem=dem, rules=rules or None, add_rules=add_rules,
    )  # fmt: skip
    given = {
        "confidence": confidence, "smoothness": smoothness, "mode": mode, "nodes": nodes,
        "superpixel": superpixel, "calibration": calibration, "lesson": lesson, "tile": tiles,
        "overwrite": overwrite or None, **words.of_sources(date, source_date, reliability),
    }  # fmt: skip
    keep_inputs([out], [prediction, settings])
    chosen = read_settings(settings, **given)
    if tiles is not None:
        if by_region:
            raise InputError(
                "--tiles and --by-region: two ways to correct a large map", "leave one out"
            )
        tiled = correct_tiles(
            prediction, legend=legend, sources=sources, settings=chosen, out=out, progress=teller(as_json)
        )  # fmt: skip
        _report_tiles(tiled, as_json)
        return
    if by_region or (nodes is None and is_large(prediction, sources)):
        whole = correct_by_region(
            prediction, legend=legend, sources=sources, settings=chosen, out=out, progress=teller(as_json)
        )  # fmt: skip
        _report_large(whole, as_json)
        return
    done = run(
        prediction, legend=legend, sources=sources, settings=chosen, out=out, progress=teller(as_json)
    )  # fmt: skip
    _report(done, as_json)


def interpret(
    image: Annotated[Path, typer.Argument(help="Image with named bands.")],
    out: Out,
    landcover: Landcover,
    legend: Annotated[
        str | None, typer.Option(help="Legend of the map; default: the product's.")
    ] = None,
    osm: Osm = [],
    vector: Vector = [],
    facts: Facts = [],
    graph: Graph = None,
    bands: Bands = None,
    dem: Dem = None,
    rules: Rules = [],
    add_rules: AddRules = [],
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=MOST, help="Seed of everything random.")
    ] = None,
    knowledge_loss: Annotated[
        float | None,
        typer.Option(help="Weight of the rules as a teacher; learns twice. Default 0: off."),
    ] = None,
    smoothness: Smoothness = None,
    mode: Mode = None,
    nodes: Nodes = None,
    superpixel: Superpixel = None,
    calibration: Calibration = None,
    date: Date = None,
    source_date: SourceDate = [],
    reliability: Reliability = [],
    settings: Settings = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Map an image without labels, learning from a land-cover product, then correct and explain the map."""
    need_vision("landlore interpret")
    from landlore.cli import words
    from landlore.maps import interpret as run
    from landlore.outputs import keep_inputs
    from landlore.settings import read_settings

    sources = words.sources(
        landcover=landcover, osm=osm, vector=vector, facts=facts, graph=graph,
        bands=words.band_names(bands), dem=dem, rules=rules or None, add_rules=add_rules,
    )  # fmt: skip
    given = {
        "steps": steps, "seed": seed, "knowledge_loss": knowledge_loss, "smoothness": smoothness, "mode": mode,
        "nodes": nodes, "superpixel": superpixel, "calibration": calibration, "overwrite": overwrite or None,
        **words.of_sources(date, source_date, reliability),
    }  # fmt: skip
    keep_inputs([out], [settings])
    done = run(
        image, legend=legend, sources=sources, settings=read_settings(settings, **given), out=out,
        progress=teller(as_json),
    )  # fmt: skip
    _report(done, as_json)


def _report(done: Interpretation, as_json: bool) -> None:
    from landlore.maps import telling_sentences

    folder = done.folder or Path()
    corrected = done.corrected
    summary = {
        "folder": str(folder),
        "corrections": len(corrected.corrections),
        "changed_pixels": int(corrected.changed.sum()),
        "regions": len(corrected.regions.count),
        "steps": corrected.trace.steps,
        "stopped": corrected.trace.stopped,
    }
    if as_json:
        say(json.dumps({**summary, "triples": len(done.graph)}))
        return
    pixels, corrections = int(corrected.changed.sum()), len(corrected.corrections)
    say(
        f"{counted(pixels, 'pixel')} in {counted(corrections, 'correction')} changed; "
        f"{told_inference(corrected.trace)}"
    )
    for line in told_idle(corrected.inactive):
        say(line)
    if not corrected.corrections and corrected.before.from_labels:
        say(told_unmoved(corrected))
    _tell_of_colours(corrected.after.legend)
    for sentence in telling_sentences(done):
        say(f"  {sentence}")
    say(f"{folder / 'figure.png'}: before, after, why")
    say(f"landlore explain {folder}, or landlore report {folder} for all of it on one page")


def _tell_of_colours(legend: Legend) -> None:
    if max(legend.codes) > 255:
        say(
            "corrected.tif has codes above 255, and no colour table: its colours are in corrected.qml (QGIS)"
        )


def _report_tiles(done: Tiled, as_json: bool) -> None:
    summary = {
        "folder": str(done.folder),
        "tiles": len(done.tiles),
        "corrections": done.corrections,
        "changed_pixels": done.changed_pixels,
    }
    if as_json:
        say(json.dumps(summary))
        return
    say(
        f"{counted(done.changed_pixels, 'pixel')} in {counted(done.corrections, 'correction')} of "
        f"{counted(len(done.tiles), 'tile')} changed"
    )
    say(
        f"{done.folder / 'corrected.tif'}: all tiles; corrections.csv says which tile a correction is in"
    )
    say(
        f"landlore explain {done.folder} --at LON,LAT, or landlore report {done.folder / 'tiles' / done.tiles[0]}"
    )


def _report_large(done: ByRegion, as_json: bool) -> None:
    found = done.corrected
    summary = {
        "folder": str(done.folder),
        "corrections": len(found.corrections),
        "changed_pixels": found.changed_pixels,
        "changed_regions": found.changed_regions,
        "regions": len(found.regions.count),
        "steps": found.trace.steps,
        "stopped": found.trace.stopped,
    }
    if as_json:
        say(json.dumps(summary))
        return
    regions = counted(len(found.regions.count), "region")
    _tell_of_colours(found.before.legend)
    say(
        f"{counted(found.changed_pixels, 'pixel')} in {found.changed_regions:,} of {regions} changed; "
        f"{told_inference(found.trace)}"
    )
    if found.corrections:
        say(
            f"landlore explain {done.folder}: the {len(found.corrections):,} largest, each with its reasons"
        )
