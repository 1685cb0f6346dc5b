"""The command line: words come in, a table, a sentence or a folder goes out.

Exit codes: 0 fine, 1 ran but found something wrong, 2 wrong use or wrong input.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from landlore import ending
from landlore.options import (
    MOST,
    AsJson,
    Bands,
    Dem,
    Facts,
    Graph,
    Image,
    Landcover,
    Osm,
    Out,
    Overwrite,
    Rules,
    Settings,
    Vector,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Interpret remote-sensing images with what is already known about the land, and say why.",
)  # fmt: skip


def main() -> None:
    """Run the command line; errors are two lines on standard error and exit code 2."""
    ending.run(app)


def _teller(quiet: bool) -> Callable[[str], None]:
    def tell(line: str) -> None:
        if not quiet:
            sys.stderr.write(f"· {line}\n")
            sys.stderr.flush()

    return tell


@app.command()
def build(
    out: Annotated[Path, typer.Argument(help="Folder, or file ending in .trig, .nq or .ttl.")],
    landcover: Landcover = [],
    osm: Osm = [],
    vector: Vector = [],
    facts: Facts = [],
    cell: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="Product pixels per graph cell, along each side."),
    ] = None,
    bounds: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    relations: Annotated[
        bool, typer.Option(help="Find spatial relations between features.")
    ] = True,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Build a knowledge graph from products, OpenStreetMap, vector files and expert facts."""
    from landlore import commands, words

    sources = words.sources(landcover=landcover, osm=osm, vector=vector, facts=facts, cell=cell)
    commands.build(
        out, sources, words.parse_bounds(bounds), relations, overwrite, _teller(as_json), as_json
    )


@app.command()
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
    confidence: Annotated[
        float | None, typer.Option(help="Probability of the stated class of labels.")
    ] = None,
    smoothness: Annotated[
        float | None, typer.Option(help="Strength of the smoothness term.")
    ] = None,
    settings: Settings = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Correct the map of any model by evidence and rules, with a reason for every change."""
    from landlore import commands, words

    sources = words.sources(
        landcover=landcover, osm=osm, vector=vector, facts=facts, graph=graph, image=image,
        bands=words.band_names(bands), dem=dem, rules=rules or None,
    )  # fmt: skip
    given = {"confidence": confidence, "smoothness": smoothness, "overwrite": overwrite or None}
    commands.correct(
        prediction, legend, sources, (settings, given), out, (_teller(as_json), as_json)
    )


@app.command()
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
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=MOST, help="Seed of everything random.")
    ] = None,
    smoothness: Annotated[
        float | None, typer.Option(help="Strength of the smoothness term.")
    ] = None,
    settings: Settings = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Map an image without labels, learning from a land-cover product, then correct and explain the map."""
    from landlore import commands, words

    commands.need_vision("landlore interpret")
    sources = words.sources(
        landcover=landcover, osm=osm, vector=vector, facts=facts, graph=graph,
        bands=words.band_names(bands), dem=dem, rules=rules or None,
    )  # fmt: skip
    given = {"steps": steps, "seed": seed, "smoothness": smoothness, "overwrite": overwrite or None}
    commands.interpret(image, legend, sources, (settings, given), out, (_teller(as_json), as_json))


@app.command()
def explain(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    at: Annotated[str | None, typer.Option(help="LON,LAT in degrees.")] = None,
    region: Annotated[int | None, typer.Option(min=0, max=MOST, help="Number of a region.")] = None,
    top: Annotated[
        int,
        typer.Option(
            min=1, max=100_000, help="Without a place: how many of the largest corrections."
        ),
    ] = 5,
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Say why a place, a region or the largest corrections were changed."""
    from landlore import commands

    commands.explain(run, at, region, top, lang, as_json)


@app.command()
def query(
    graph: Annotated[
        Path | None, typer.Argument(help="Run folder, graph folder or RDF file.")
    ] = None,
    sparql: Annotated[str | None, typer.Argument(help="SPARQL, or @FILE.")] = None,
    name: Annotated[str | None, typer.Option(help="Named query; `--name list` lists them.")] = None,
    values: Annotated[list[str], typer.Option("--set", help="NAME=VALUE for a named query.")] = [],
    form: Annotated[str, typer.Option("--format", "-f", help="table, csv, json or ttl.")] = "table",
) -> None:
    """Ask a run or a graph in SPARQL."""
    from landlore import commands

    commands.query(graph, sparql, name, values, form)


@app.command()
def embed(
    out: Annotated[Path, typer.Argument(help="File ending in .safetensors.")],
    graph: Annotated[
        Path | None, typer.Option(help="Graph to embed; default: the shipped scene concepts.")
    ] = None,
    model: Annotated[str, typer.Option(help="TransE, DistMult, RotatE or ComplEx.")] = "TransE",
    dim: Annotated[int, typer.Option(min=1, max=4096, help="Numbers per entity.")] = 64,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the triples.")] = 100,
    seed: Annotated[int, typer.Option(min=0, max=MOST, help="Seed of everything random.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Embed a knowledge graph with a KG-embedding model."""
    from landlore import commands

    commands.need_vision("landlore embed")
    commands.embed(out, graph, (model, dim, epochs, seed), as_json)


@app.command()
def classify(
    images: Annotated[
        list[str], typer.Argument(help="One .npz of embeddings, or images and folders.")
    ],
    label: Annotated[
        list[str], typer.Option("--label", "-l", help="Class name. May be repeated.")
    ] = [],
    model: Annotated[
        str | None, typer.Option(help="Folder of a CLIP-like checkpoint, or name in the .npz.")
    ] = None,
    seen: Annotated[
        str | None, typer.Option(help="Seen classes: names, comma-separated, or labelled .npz.")
    ] = None,
    blocks: Annotated[
        str, typer.Option(help="Class-vector blocks: text,graded,kge.")
    ] = "text,graded",
    embedding: Annotated[
        Path | None, typer.Option(help="File of `landlore embed`, for the block kge.")
    ] = None,
    transductive: Annotated[
        bool, typer.Option("--transductive", help="Also learn from the queries.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for scores and explanations.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=MOST, help="With --json: classes per image.")] = 3,
    show: Annotated[int, typer.Option(min=0, help="How many images to print.")] = 10,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Classify scenes into any classes without training images of them, with reasons."""
    from landlore import commands

    commands.need_vision("landlore classify")
    how = {
        "model": model, "seen": seen, "blocks": blocks, "embedding": embedding, "transductive": transductive,
        "out": out, "top": top, "show": show, "overwrite": overwrite,
    }  # fmt: skip
    commands.classify(images, label, how, _teller(as_json), as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the outputs.")] = Path(
        "landlore-demo"
    ),
    seed: Annotated[int, typer.Option(min=0, max=MOST, help="Seed of the scene.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Interpret a SIMULATED coastal town, print what was corrected and why, and write the outputs."""
    from landlore import commands

    commands.need_vision("landlore demo")
    commands.demo(out, seed, _teller(as_json), as_json)


@app.command()
def doctor() -> None:
    """Say what is installed and what is missing."""
    from landlore import commands

    commands.doctor()


def _version(wanted: bool) -> None:
    from importlib.metadata import version

    if wanted:
        typer.echo(version("landlore"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it.")
    ] = False,
) -> Any:
    """Interpret remote-sensing images with what is already known about the land, and say why."""
