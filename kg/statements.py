"""RDF as text: subjects with their predicates and objects come in, N-Triples or TriG streams out.

No RDF library is loaded, so a million statements cost a few seconds and no memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from urllib.parse import quote

from kg import vocab

Statements = tuple[str, list[tuple[str, str]]]
"""A subject IRI and its (predicate IRI, object in N-Triples syntax) pairs."""

_ILLEGAL = re.compile(r'[\x00-\x20<>"{}|^`\\]')
_LOCAL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_BARE = {vocab.XSD + name for name in ("double", "decimal", "integer", "boolean")}
_SPECIAL = re.compile(r'[\\"\n\r\t]')
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_CHUNK = 2000
_PREFIX = {namespace: prefix for prefix, namespace in vocab.PREFIXES.items()}


def iri(value: str) -> str:
    """`<value>`; characters that an IRI may not hold are percent-encoded (RFC 3987)."""
    if _ILLEGAL.search(value):
        value = _ILLEGAL.sub(lambda found: quote(found.group()), value)
    return f"<{value}>"


def text(value: str, lang: str = "") -> str:
    """A string literal, with a language tag if given."""
    if _SPECIAL.search(value):
        value = value.translate(_ESCAPES)
    return f'"{value}"@{lang}' if lang else f'"{value}"'


def typed(value: str, datatype: str) -> str:
    """A literal of the datatype with this IRI."""
    return f"{text(value)}^^<{datatype}>"


def double(value: float) -> str:
    """An xsd:double that reads back to the same 64 bits."""
    if not math.isfinite(value):
        lexical = "NaN" if math.isnan(value) else ("INF" if value > 0 else "-INF")
    else:
        lexical = repr(float(value))
        lexical += "" if "e" in lexical else "e0"
    return f'"{lexical}"^^<{vocab.XSD}double>'


def decimal(value: float) -> str:
    """An xsd:decimal of three digits after the point, for measures in metres."""
    return f'"{value:.3f}"^^<{vocab.XSD}decimal>'


def integer(value: int) -> str:
    """An xsd:integer."""
    return f'"{int(value)}"^^<{vocab.XSD}integer>'


def boolean(value: bool) -> str:
    """An xsd:boolean."""
    return f'"{str(bool(value)).lower()}"^^<{vocab.XSD}boolean>'


def ntriples(statements: Iterable[Statements]) -> Iterator[str]:
    """N-Triples text in chunks of many lines (W3C N-Triples 1.1, section 2)."""
    lines: list[str] = []
    for subject, pairs in statements:
        head = iri(subject)
        lines += [f"{head} <{predicate}> {value} .\n" for predicate, value in pairs]
        if len(lines) >= _CHUNK:
            yield "".join(lines)
            lines = []
    yield "".join(lines)


def trig(statements: Iterable[Statements], graph: str) -> Iterator[str]:
    """TriG text of one named graph, prefixes first, one paragraph per subject (W3C TriG 1.1).

    Args:
        statements: What the graph holds; the order is kept.
        graph: IRI of the graph.
    """
    yield "".join(f"@prefix {prefix}: <{ns}> .\n" for prefix, ns in vocab.PREFIXES.items())
    yield f"\n{iri(graph)} {{\n"
    for subject, pairs in statements:
        by_predicate = groupby(pairs, key=itemgetter(0))
        body = " ;\n".join(
            f"    {_predicate(p)} {', '.join(_short(value) for _, value in same)}"
            for p, same in by_predicate
        )
        yield f"\n  {_short(iri(subject))}\n{body} .\n"
    yield "}\n"


@lru_cache(maxsize=1024)
def _predicate(value: str) -> str:
    return "a" if value == vocab.RDF + "type" else _short(f"<{value}>")


def _short(term: str) -> str:
    """A term of N-Triples in the shorter syntax of Turtle, where there is one."""
    if term[0] == "<":
        end = max(term.rfind("#"), term.rfind("/")) + 1
        prefix, local = _PREFIX.get(term[1:end]), term[end:-1]
        return f"{prefix}:{local}" if prefix and _LOCAL.match(local) else term
    if term[-1] != ">":
        return term
    lexical, _, datatype = term[:-1].rpartition("^^<")
    plain = datatype in _BARE and lexical[-2].isalnum() and lexical[-2] not in "NF"
    return lexical[1:-1] if plain else f"{lexical}^^{_short(f'<{datatype}>')}"
