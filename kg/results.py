"""Answers of SPARQL come in, tables, CSV, JSON and Turtle for people and programs go out."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from kg import vocab
from kg.errors import QueryError
from kg.statements import iri, text, typed

_LOCAL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_STRING = vocab.XSD + "string"


class Term(str):
    """One RDF term: a `str` (the IRI, or the lexical form), so `float(term)`, `term == iri` work.

    Attributes:
        kind: "uri", "literal" or "bnode".
        datatype: Datatype IRI of a literal, else "".
        language: Language tag of a literal, else "".
    """

    __slots__ = ("datatype", "kind", "language")

    def __new__(cls, value: str, kind: str = "uri", datatype: str = "", language: str = "") -> Term:
        """Make a term; see the attributes."""
        term = super().__new__(cls, value)
        term.kind, term.datatype, term.language = kind, datatype, language
        return term

    kind: str
    datatype: str
    language: str

    @property
    def value(self) -> str:
        """The plain string."""
        return str.__str__(self)

    @property
    def ntriples(self) -> str:
        """The term in N-Triples syntax."""
        if self.kind == "uri":
            return iri(self)
        if self.kind == "bnode":
            return f"_:{self.value}"
        plain = self.datatype in ("", _STRING) or self.language
        return text(self, self.language) if plain else typed(self, self.datatype)

    @property
    def short(self) -> str:
        """The term for people: "ll:Water" for IRIs, the bare value for literals."""
        return vocab.curie(self) if self.kind == "uri" else self.value

    def _json(self) -> dict[str, str]:
        found = {"type": self.kind, "value": self.value}
        if self.language:
            found["xml:lang"] = self.language
        elif self.datatype and self.datatype != _STRING:
            found["datatype"] = self.datatype
        return found


Row = tuple[Term | None, ...]


@dataclass(frozen=True)
class QueryResult:
    """The answer to a query.

    Attributes:
        variables: Column names; ("subject", "predicate", "object") for CONSTRUCT and DESCRIBE,
            () for ASK.
        rows: One tuple per solution, in order; None where a variable is unbound. For ASK one empty
            row means yes.
        form: "select", "ask" or "graph" (CONSTRUCT, DESCRIBE).
    """

    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    form: str = "select"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def column(self, name: str) -> tuple[Term | None, ...]:
        """All values of one variable.

        Raises:
            QueryError: The query has no such variable.
        """
        if name not in self.variables:
            raise QueryError(
                f"no variable ?{name} in the answer, found {', '.join(self.variables) or 'none'}",
                f"add ?{name} after SELECT",
            )
        place = self.variables.index(name)
        return tuple(row[place] for row in self.rows)

    def records(self) -> list[dict[str, Term | None]]:
        """One dictionary per row: variable -> term or None."""
        return [dict(zip(self.variables, row, strict=True)) for row in self.rows]

    def to_table(self) -> str:
        """Aligned plain-text table, IRIs shortened; "yes" or "no" for ASK."""
        if self.form == "ask":
            return "yes\n" if self else "no\n"
        cells = [[_cell(term) for term in row] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(self.variables, *cells, strict=True)]
        lines = [list(self.variables), ["-" * width for width in widths], *cells]
        aligned = (
            "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines
        )
        return "".join(line.rstrip() + "\n" for line in aligned)

    def to_csv(self) -> str:
        """SPARQL 1.1 Query Results CSV (W3C, 2013); CRLF line ends. ASK: "true" or "false"."""
        if self.form == "ask":
            return "true\r\n" if self else "false\r\n"
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(self.variables)
        writer.writerows([_csv(term) for term in row] for row in self.rows)
        return out.getvalue()

    def to_json(self) -> str:
        """SPARQL 1.1 Query Results JSON (W3C, 2013); triples as bindings of their three columns."""
        found: dict[str, Any] = {"head": {}}
        if self.form == "ask":
            return json.dumps(found | {"boolean": bool(self)})
        found["head"] = {"vars": list(self.variables)}
        rows = [
            {k: v._json() for k, v in record.items() if v is not None} for record in self.records()
        ]
        return json.dumps(found | {"results": {"bindings": rows}}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> QueryResult:
        """Read SPARQL 1.1 Query Results JSON (W3C, 2013).

        Raises:
            ValueError: The text is something else.
        """
        found = json.loads(text)
        try:
            if "boolean" in found:
                return cls((), ((),) if found["boolean"] else (), "ask")
            names = tuple(found["head"]["vars"])
            rows = found["results"]["bindings"]
            return cls(names, tuple(tuple(_read(row.get(name)) for name in names) for row in rows))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no SPARQL results in JSON ({error!r})") from error

    def to_turtle(self) -> str:
        """Turtle, sorted by subject, predicate and object.

        Raises:
            QueryError: The query is a SELECT or an ASK, which have no triples.
        """
        if self.form != "graph":
            raise QueryError(
                f"Turtle holds triples, but the query is {self.form.upper()}",
                "use CONSTRUCT or DESCRIBE, or ask for table, csv or json",
            )
        rows = sorted(
            {tuple(_turtle(term) for term in row if term is not None) for row in self.rows}
        )
        body = "".join(
            _paragraph(subject, list(group)) for subject, group in groupby(rows, lambda r: r[0])
        )
        used = {p: ns for p, ns in vocab.PREFIXES.items() if f"{p}:" in body}
        return "".join(f"@prefix {p}: <{ns}> .\n" for p, ns in used.items()) + body


def _read(found: dict[str, str] | None) -> Term | None:
    """A term as the JSON format has it; "typed-literal" is what it was called before 2008."""
    if found is None:
        return None
    kind, language = found["type"].removeprefix("typed-"), found.get("xml:lang", "")
    if kind != "literal":
        return Term(found["value"], kind)
    usual = f"{vocab.RDF}langString" if language else _STRING
    return Term(found["value"], kind, found.get("datatype", usual), language)


def _cell(term: Term | None) -> str:
    return "" if term is None else term.short.replace("\n", " ")


def _csv(term: Term | None) -> str:
    if term is None:
        return ""
    return f"_:{term}" if term.kind == "bnode" else term.value


def _turtle(term: Term) -> str:
    name = term.short
    prefix, _, local = name.partition(":")
    whole = term.kind != "uri" or prefix not in vocab.PREFIXES or not _LOCAL.match(local)
    return term.ntriples if whole else name


def _paragraph(subject: str, rows: list[tuple[str, ...]]) -> str:
    return f"\n{subject} " + " ;\n    ".join(f"{row[1]} {row[2]}" for row in rows) + " .\n"
