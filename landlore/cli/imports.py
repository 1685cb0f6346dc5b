"""The command about other people's graphs: RDF or a table comes in; a mapping, a report or statements go out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg.errors import InputError
from landlore.cli.options import AsJson, Overwrite
from landlore.cli.printing import say

if TYPE_CHECKING:
    from landlore.importing import Imported


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            help="RDF (.ttl .nt .nq .trig .rdf .owl .jsonld), a table (.csv .tsv .xlsx .ods), or a mapping."
        ),
    ],
    mapping: Annotated[
        Path | None, typer.Option(help="What its words mean (TOML, docs/import.md).")
    ] = None,
    suggest: Annotated[
        Path | None, typer.Option(help="Write a mapping to start from, and stop.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write: .ttl, .trig, .nq, or .nt for large ones."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be understood.")
    ] = False,
    encoding: Annotated[
        str, typer.Option(help="Of a table of text that is not UTF-8: cp1252, gb18030.")
    ] = "",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Bring in a graph or table of other people, in the words of the core ontology; say what was understood."""
    from landlore.importing import import_graph, suggest_mapping

    if suggest is not None and out is not None:
        raise InputError(
            f"-o {out} beside --suggest would write nothing",
            "look at the suggested mapping first, then import with --mapping",
        )
    if suggest is not None:
        done = suggest_mapping(
            file, suggest, overwrite=overwrite, encoding=encoding, mapping=mapping
        )
    elif dry_run or out is not None:
        done = import_graph(
            file, mapping, out=None if dry_run else out, overwrite=overwrite, encoding=encoding
        )
    else:
        raise _nothing_asked(file, mapping)
    _tell(done, as_json)
    if not done.report.understood and suggest is None:
        raise typer.Exit(1)


def _nothing_asked(file: Path, mapping: Path | None) -> InputError:
    """What to say where a file is named and nothing more."""
    if not file.is_file():
        return InputError(f"{file}: no such file", "check the path")
    wanted = "--suggest (a mapping to start from), --dry-run (what would be understood) or -o (a file of statements)"
    told = f"{file}: nothing was asked for, expected {wanted}"
    if mapping is not None:
        return InputError(told, f"landlore import {file} --mapping {mapping} --dry-run")
    if file.suffix == ".toml":
        return InputError(told, f"landlore import {file} --dry-run, then -o OUT.ttl")
    start = f"{file.name.partition('.')[0]}.toml"
    return InputError(told, f"landlore import {file} --suggest {start}")


def _tell(done: Imported, as_json: bool) -> None:
    if as_json:
        record = {**done.report.to_record(), "out": None if done.path is None else str(done.path)}
        say(json.dumps(record, ensure_ascii=False))
        return
    for line in done.report.lines():
        say(line)
    if done.path is not None and done.path.suffix == ".toml":
        say(f"edit {done.path}, then: landlore import {done.path} --dry-run")
    elif done.path is not None:
        say(f"wrote {done.path}")
