"""The command line: words come in, a table, a sentence or a folder goes out.

One module per noun: `graphs`, `imports`, `maps`, `runs`, `rules`, `ontologies`, `scenes`; `first` is what newcomers
type first.
Exit codes: 0 fine, 1 ran but found something wrong, 2 wrong use or wrong input.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from landlore.cli import (
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
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Interpret remote-sensing images with what is already known about the land, and say why.",
)  # fmt: skip
_COMMANDS = (
    graphs.build, maps.correct, maps.interpret, runs.explain, runs.query, runs.publish, runs.report, runs.export,
    graphs.measure, graphs.embed, ontologies.find, scenes.classify,
    learning.learn, learning.mine, learning.confidence, first.demo, first.doctor,
)  # fmt: skip
for _command in _COMMANDS:
    app.command()(_command)
app.command("import")(imports.import_file)
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
