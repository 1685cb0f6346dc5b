"""Somebody's graph or table comes in; a mapping to start from, a report, or a file in our words goes out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kg.errors import InputError, LandloreWarning, OutputError
from kg.folder import check_place, replace_file
from kg.store import KnowledgeGraph
from landlore.outputs import SOURCED, keep_foreign, keep_inputs

if TYPE_CHECKING:
    from kg.imports.mapping import Columns, ImportMapping
    from kg.imports.report import ImportReport
    from kg.imports.source import ImportSource

OUTPUTS = (".nt", ".ttl", ".trig", ".nq")
"""Endings of files that an import can be written to; .nt is written as it is read, the others are sorted in memory."""


@dataclass(frozen=True)
class Imported:
    """What came of an import.

    Attributes:
        report: What was understood.
        path: The file that was written, or None.
    """

    report: ImportReport
    path: Path | None = None


def import_graph(
    file: str | Path,
    mapping: str | Path | None = None,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    encoding: str = "",
) -> Imported:
    """Read a graph of other people (RDF of any syntax, a spreadsheet) by a mapping, and say what was understood.

    `landlore.build` reads the same mapping with `Sources(imports=MAPPING)`, which needs no file in between.

    Args:
        file: The graph or table; or the mapping alone, which names it.
        mapping: Mapping file (TOML, docs/import.md); None tries what can be told without one, and writes nothing.
        out: File to write, ending in .ttl, .trig, .nq or .nt; None only reports. It appears whole or not at all.
        overwrite: Replace `out`, where an import or a build wrote it.
        encoding: Of a table of text, instead of what the mapping says: "cp1252", "gb18030".

    Raises:
        InputError: A file that cannot be read, a mapping that cannot be meant, or nothing that is understood.
        OutputError: `out` exists, was not written by Landlore, or cannot be written.
    """
    known = _mapping(Path(file), None if mapping is None else Path(mapping), encoding)
    from kg.imports.source import ImportSource

    source = ImportSource(known)
    if out is None:
        return Imported(source.report())
    target = Path(out)
    _writable(target, known, overwrite)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LandloreWarning)  # the report says more
        _write(source, target)
    return Imported(source.report(), target)


def suggest_mapping(
    file: str | Path,
    out: str | Path,
    *,
    overwrite: bool = False,
    encoding: str = "",
    mapping: str | Path | None = None,
) -> Imported:
    """Write a mapping to start from: columns, relations and unknown terms by frequency, with the nearest of ours.

    Args:
        file: The graph or table.
        out: The mapping, a file ending in .toml.
        overwrite: Replace it, where a suggestion was written there.
        encoding: Of a table of text; "" is what `mapping` says, else UTF-8.
        mapping: Former mapping whose encoding, delimiter and sheet hold on.

    Raises:
        InputError: The file cannot be read.
        OutputError: `out` exists, was not written by Landlore, or cannot be written.
    """
    from kg.imports.mapping import Columns, read_mapping
    from kg.imports.suggest import MARK
    from kg.imports.suggest import suggest_mapping as suggest

    target = Path(out)
    if target.suffix != ".toml":
        raise OutputError(
            f"{target}: expected a name that ends in .toml", f"--suggest {target.stem}.toml"
        )
    keep_inputs([target], (file, mapping))
    _free(target, overwrite, (MARK,))
    known = (None if mapping is None else read_mapping(mapping, file).table) or Columns()
    found = suggest(Path(file), target.parent, _encoded(known, encoding))
    replace_file(target, found.text.encode())
    return Imported(found.report, target)


def _mapping(file: Path, mapping: Path | None, encoding: str) -> ImportMapping:
    from kg.imports.mapping import Columns, read_mapping
    from kg.imports.suggest import guess_mapping

    if mapping is None and file.suffix != ".toml":
        return guess_mapping(file, _encoded(Columns(), encoding))
    known = read_mapping(file) if mapping is None else read_mapping(mapping, file)
    return known if known.table is None else replace(known, table=_encoded(known.table, encoding))


def _encoded(columns: Columns, encoding: str) -> Columns:
    return replace(columns, encoding=encoding) if encoding else columns


def _writable(target: Path, mapping: ImportMapping, overwrite: bool) -> None:
    if mapping.path is None:
        raise InputError(
            f"{mapping.file}: no mapping says what its words mean",
            f"landlore import {mapping.file} --suggest {mapping.name}.toml, then --mapping {mapping.name}.toml",
        )
    if target.suffix not in OUTPUTS:
        raise OutputError(
            f"{target}: expected a name that ends in {', '.join(OUTPUTS)}",
            f"landlore build GRAPH --import {mapping.path} puts it into a graph folder",
        )
    keep_inputs([target], (mapping.path, mapping.file))
    _free(target, overwrite, SOURCED)


def _free(target: Path, overwrite: bool, marks: tuple[str, ...]) -> None:
    check_place(target)
    keep_foreign(target, marks)
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already", "add --overwrite, or choose another place")


def _write(source: ImportSource, target: Path) -> None:
    from kg.build import provenance
    from kg.statements import ntriples

    def lines() -> Iterator[str]:
        """The statements, where they come from first."""
        yield from ntriples([provenance(source.iri, source.describe())])
        yield from source.ntriples()

    if target.suffix == ".nt":
        replace_file(target, lines())
        return
    graph = KnowledgeGraph()
    graph.replace_graph(source.iri, lines())
    graph.save(target)
