"""The command line: words come in, a table, a sentence or a folder goes out.

One module per noun: `area`, `graphs`, `imports`, `maps`, `runs`, `rules`, `ontologies`, `scenes`, `serving`; `first` is
what newcomers type first.
Exit codes: 0 fine, 1 ran but found something wrong, 2 wrong use or wrong input.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from landlore.cli import (
    area,
    ending,
    first,
    graphs,
    imports,
    learning,
    maps,
    ontologies,
    rules,
    runs,
    scenes,
    serving,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Interpret remote-sensing images with what is already known about the land, and say why.",
)  # fmt: skip
_COMMANDS = (
    (area.fetch, "Fetch WorldCover, OpenStreetMap and elevation for an image."),
    (graphs.build, "Build a knowledge graph from products, OSM, vector files."),
    (maps.correct, "Correct the map of any model, with a reason for each change."),
    (maps.interpret, "Map an image without labels, then correct the map."),
    (runs.explain, "Say why a place changed or not, and what would change it."),
    (runs.query, "Ask a run or a graph in SPARQL."),
    (serving.serve, "Serve a run or a graph: SPARQL for programs, pages for people."),
    (runs.publish, "Send the reasons of a run to a SPARQL server."),
    (runs.report, "Write one HTML page: before, after, and why."),
    (runs.export, "Write a QGIS project of a run, or its corrections as outlines."),
    (graphs.measure, "Measure what classes are made of and what they lie beside."),
    (graphs.embed, "Embed a knowledge graph, or place new entities in one."),
    (ontologies.find, "Find the IRI behind a name."),
    (scenes.classify, "Classify images into any classes, without training images."),
    (learning.learn, "Learn weights, calibration and rules from labelled tiles."),
    (learning.mine, "Propose new rules from labelled tiles, for an expert."),
    (learning.confidence, "Learn where a network errs; labels become probabilities."),
    (first.demo, "Interpret a SIMULATED town and explain it, in two minutes."),
    (first.doctor, "Say what is installed and what is missing."),
)
"""Every command that is one function, and what the list of commands says of it (62 characters fit)."""
for _command, _short in _COMMANDS:
    app.command(short_help=_short)(_command)
app.command("import", short_help="Bring in a graph or table of other people.")(imports.import_file)
rules.check.command("ontology")(ontologies.check_ontology)
rules.check.command("osm")(ontologies.check_osm)
app.add_typer(rules.check, name="check")


def main() -> None:
    """Run the command line; errors are two lines on standard error and exit code 2."""
    ending.run(app)


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
