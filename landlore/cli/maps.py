"""Commands about maps: a prediction or an image comes in, a run folder with a corrected map goes out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kg.errors import InputError
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
    Jobs,
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
from landlore.cli.printing import need_vision, teller
from landlore.cli.results import report_large, report_run, report_tiles


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
    jobs: Jobs = None,
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
        "jobs": jobs, "overwrite": overwrite or None, **words.of_sources(date, source_date, reliability),
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
        report_tiles(tiled, as_json)
        return
    words.refuse_jobs(jobs)
    if by_region or (nodes is None and is_large(prediction, sources)):
        whole = correct_by_region(
            prediction, legend=legend, sources=sources, settings=chosen, out=out, progress=teller(as_json)
        )  # fmt: skip
        report_large(whole, as_json)
        return
    done = run(
        prediction, legend=legend, sources=sources, settings=chosen, out=out, progress=teller(as_json)
    )  # fmt: skip
    report_run(done, as_json)


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
    tiles: Annotated[
        int | None,
        typer.Option(
            help="An image of any size, learned from windows, mapped by parts; pixels of a tile's side, such as 2048.",
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="Pixels to learn from, with --tiles. Default 2000000.")
    ] = None,
    jobs: Jobs = None,
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
    from landlore.interpreted import interpret_tiles
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
        "tile": tiles, "sample": sample, "jobs": jobs, **words.of_sources(date, source_date, reliability),
    }  # fmt: skip
    keep_inputs([out], [settings])
    chosen = read_settings(settings, **given)
    if tiles is not None:
        tiled = interpret_tiles(
            image, legend=legend, sources=sources, settings=chosen, out=out, progress=teller(as_json)
        )  # fmt: skip
        report_tiles(tiled, as_json)
        return
    if sample is not None:
        raise InputError(
            "--sample and no --tiles: an image that is held in memory is learned from as a whole",
            "add --tiles 2048, or leave --sample out",
        )
    words.refuse_jobs(jobs)
    done = run(
        image, legend=legend, sources=sources, settings=chosen, out=out, progress=teller(as_json)
    )  # fmt: skip
    report_run(done, as_json)
