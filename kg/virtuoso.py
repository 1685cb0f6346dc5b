"""Statements and answers come in, what OpenLink Virtuoso 7 can keep and what it meant goes out.

Measured on 7.2.5: `geo:wktLiteral` with a CRS in front is refused, and comes back under a datatype of its own;
xsd:double is printed with six digits, xsd:decimal with fifteen; ASK answers one row; rows beyond `ResultSetMaxRows`
are left out, with a notice for SELECT and without one for CONSTRUCT.
"""

from __future__ import annotations

import re
from decimal import Decimal

from kg import vocab
from kg.results import QueryResult, Row, Term

GEOMETRY = "http://www.openlinksw.com/schemas/virtrdf#Geometry"
SYSTEM = (
    "http://www.openlinksw.com/schemas/virtrdf#",
    "http://localuriqaserver/sparql",
    "http://www.w3.org/ns/ldp#",
    "http://www.w3.org/2002/07/owl#",
    "http://www.openlinksw.com/schemas/oplweb#",
    "urn:activitystreams-owl:map",
)
"""Graphs that a new database holds."""

_WKT = vocab.GEO + "wktLiteral"
_CRS = f"<{vocab.CRS84}> "
_DOUBLE = re.compile(rf'"([^"]*)"\^\^<{re.escape(vocab.XSD)}double> \.\n\Z')
_DIGITS = 15  # after the point
_ASK = ("__ASK_RETVAL",)


def is_virtuoso(server: str) -> bool:
    """Whether the `Server` header of an answer names it."""
    return server.startswith("Virtuoso")


def kept(line: str) -> str:
    """An N-Triples line as it is sent: geometries without CRS (CRS84 is the default), doubles as decimals."""
    if line.endswith(f"^^<{_WKT}> .\n"):
        return line.replace(f'"{_CRS}', '"', 1)
    found = _DOUBLE.search(line)
    if found is None or not _is_finite(found[1]):
        return line
    return f'{line[: found.start()]}"{_plain(found[1])}"^^<{vocab.XSD}decimal> .\n'


def _is_finite(text: str) -> bool:
    return text not in ("NaN", "INF", "-INF", "+INF")


def _plain(text: str) -> str:
    return f"{round(Decimal(text), _DIGITS):f}"


def meant(found: QueryResult) -> QueryResult:
    """An answer with the terms that were stored: geometries, truth values and labels of blank nodes."""
    if found.variables == _ASK:
        return QueryResult((), ((),) if (Term("1"),) in found.rows else (), "ask")
    return QueryResult(found.variables, tuple(_row(row) for row in found.rows), found.form)


def _row(row: Row) -> Row:
    return tuple(None if term is None else _term(term) for term in row)


def _term(term: Term) -> Term:
    if term.datatype == GEOMETRY:
        return Term(f"{_CRS}{term.value}", "literal", _WKT)
    if term.datatype == f"{vocab.XSD}boolean":
        return Term("true" if term in ("1", "true") else "false", "literal", term.datatype)
    if term.kind == "bnode":
        return Term(re.sub(r"\W", "", term.value), "bnode")
    return term
