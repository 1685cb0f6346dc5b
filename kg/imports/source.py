"""Somebody's graph or table with its mapping comes in, a source of our graph goes out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from kg import vocab
from kg.errors import LandloreWarning, SourceError
from kg.imports.graphs import graph_statements
from kg.imports.interpreter import Interpreter
from kg.imports.mapping import ImportMapping
from kg.imports.report import SHARES, ImportReport
from kg.imports.rows import row_statements
from kg.imports.tables import is_table, read_rows
from kg.imports.triples import is_rdf
from kg.imports.vocabulary import Vocabulary, local_name
from kg.sources import SourceInfo, checksum
from kg.statements import Statements, ntriples, text


class ImportSource:
    """A graph of other people (RDF of any syntax, a spreadsheet) as a source of ours.

    Memory: tables are read row by row (sheets of .xlsx and .ods whole), RDF triple by triple (JSON-LD whole); kept are
    different terms, classes and their names, and nodes of weighted statements.

    Args:
        mapping: What its words mean, see `kg.imports.mapping.read_mapping`.
        vocabulary: Names of ours; default made when it is needed.
    """

    def __init__(self, mapping: ImportMapping, vocabulary: Vocabulary | None = None) -> None:
        self.mapping = mapping
        self._vocabulary = vocabulary
        self._interpreter: Interpreter | None = None
        self._unused: list[str] = []

    @property
    def iri(self) -> str:
        """IRI of the named graph."""
        return f"{vocab.GRAPH}{self.mapping.name}"

    def describe(self) -> SourceInfo:
        """Title, citation, licence and date of the mapping; checksum of the file.

        Raises:
            SourceError: The file is missing or of no known kind, or the mapping cites nothing.
        """
        self._check()
        self._cited()
        origin = self.mapping.source
        return SourceInfo(
            title=origin.title or self.mapping.file.name,
            licence=origin.licence,
            attribution=origin.attribution,
            date=origin.date or None,
            path=self.mapping.file,
            sha256=checksum(self.mapping.file),
            url=origin.url,
            confidence=origin.confidence,
            settings=self.mapping.digest,
            citation=origin.citation,
        )

    def _check(self) -> None:
        path, where = self.mapping.file, self.mapping.path
        if not path.is_file():
            raise SourceError(
                f"{path}: no such file", f"correct file = in {where}" if where else "check the path"
            )
        if not is_table(path) and not is_rdf(path):
            raise SourceError(
                f"{path}: neither RDF (.ttl .nt .nq .trig .n3 .rdf .owl .xml .jsonld .json) nor a table (.csv .tsv "
                ".txt .xlsx .ods)",
                "rename the file",
            )
        if is_table(path) and self.mapping.table is None:
            raise SourceError(
                f"{where}: {path.name} is a table, but nothing says which column is what",
                f"landlore import {path} --suggest MAPPING.toml writes a [table] to start from",
            )

    def _cited(self) -> None:
        if not self.mapping.cited:
            raise SourceError(
                f"{self.mapping.path}: says nothing about where {self.mapping.file.name} comes from",
                'citation = "Author (year): title" below [source]',
            )

    def ntriples(self) -> Iterator[str]:
        """The statements in our words, as they come; afterwards `report` tells what was understood.

        Raises:
            SourceError: The mapping cites nothing, the file cannot be read, or nothing in it is understood.
        """
        self._cited()
        interpreter = self._interpreter = self._started()
        yield from self._lines(interpreter)
        report = self.report()
        if not report.understood:
            raise SourceError(
                f"{report.file}: none of {report.read} {report.unit} was understood",
                f"landlore import {self.mapping.path} --dry-run says what is unknown",
            )
        if report.shares:
            warnings.warn(f"{report.file}: {SHARES}", LandloreWarning, stacklevel=2)
        if report.understood < report.read:
            warnings.warn(
                f"{report.file}: {report.read - report.understood} of {report.read} {report.unit} left out; "
                f"landlore import {self.mapping.path} --dry-run says which",
                LandloreWarning,
                stacklevel=2,
            )

    def _started(self) -> Interpreter:
        self._check()
        known = self._vocabulary or Vocabulary(self.mapping.alignments)
        return Interpreter(self.mapping, known)

    def _lines(self, interpreter: Interpreter) -> Iterator[str]:
        for chunk in ntriples(chain(self._statements(interpreter), _kept(interpreter))):
            interpreter.tally.statements += chunk.count("\n")
            yield chunk

    def _statements(self, interpreter: Interpreter) -> Iterator[Statements]:
        if is_table(self.mapping.file) and self.mapping.table:
            self._unused = []
            rows = read_rows(self.mapping.file, self.mapping.table, self._unused)
            return row_statements(rows, interpreter)
        return graph_statements(self.mapping.file, interpreter)

    def report(self) -> ImportReport:
        """What was understood; reads everything first where that was not done. It needs no citation.

        Raises:
            SourceError: The file cannot be read.
        """
        found = self._interpreter or self._read_through()
        unit = "rows" if is_table(self.mapping.file) else "triples"

        def nearest(term: str, relation: bool) -> tuple[str, str]:
            """The nearest name that the vocabulary has."""
            return found.vocabulary.nearest(local_name(term), relation=relation)

        made = found.tally.report(self.mapping.file.name, self.mapping.name, unit, nearest)
        return replace(
            made,
            unused=tuple(self._unused),
            shares=found.tally.are_shares,
            cited=self.mapping.cited,
        )

    def _read_through(self) -> Interpreter:
        interpreter = self._started()
        for _ in self._lines(interpreter):
            pass
        return interpreter


def _kept(interpreter: Interpreter) -> Iterator[Statements]:
    """Names of the concepts that were taken over."""
    for iri, label in interpreter.kept.items():
        yield iri, [(vocab.SKOS + "prefLabel", text(label))]
