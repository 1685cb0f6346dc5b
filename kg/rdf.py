"""RDF text and SPARQL answers come in, terms, rows and plain errors go out: with `kg.store` the door to pyoxigraph."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyoxigraph as ox

from kg import vocab
from kg.errors import SourceError
from kg.results import QueryResult, Row, Term
from kg.triples import Triple, weight_of

_FORMATS = {
    ".ttl": ox.RdfFormat.TURTLE,
    ".trig": ox.RdfFormat.TRIG,
    ".nq": ox.RdfFormat.N_QUADS,
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".rdf": ox.RdfFormat.RDF_XML,
    ".owl": ox.RdfFormat.RDF_XML,
}
_VALUE, _WEIGHT = ox.NamedNode(vocab.VALUE), ox.NamedNode(vocab.WEIGHT)
TRIPLE = ("subject", "predicate", "object")


_MARK = b"\xef\xbb\xbf"


def past_mark(file: Any) -> Any:
    """A file of bytes, after the mark that some editors put before UTF-8."""
    if file.read(len(_MARK)) != _MARK:
        file.seek(0)
    return file


def read_turtle(path: str | Path) -> list[tuple[Any, Any, Any]]:
    """Read a Turtle file.

    Args:
        path: A `.ttl` file, UTF-8.

    Returns:
        (subject, predicate, object) in file order, as pyoxigraph terms (`NamedNode`, `BlankNode`,
        `Literal`: all have `.value`; literals also `.datatype` and `.language`; `str()` of a term
        is its N-Triples form).

    Raises:
        SourceError: The file is missing or is not Turtle; the message names file and line.
    """
    try:
        data = Path(path).read_bytes().removeprefix(_MARK)
        quads = ox.parse(data, ox.RdfFormat.TURTLE, base_iri=Path(path).resolve().as_uri())
        return [(quad.subject, quad.predicate, quad.object) for quad in quads]
    except SyntaxError as error:
        raise broken(path, error) from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})", "check the path") from error


def format_of(path: str | Path) -> ox.RdfFormat:
    """RDF format by the ending of a file name.

    Raises:
        SourceError: The ending is not one of .ttl .trig .nq .nt .rdf .owl.
    """
    found = _FORMATS.get(Path(path).suffix.lower())
    if found is None:
        expected = " ".join(_FORMATS)
        raise SourceError(f"{path}: not an RDF file name, expected {expected}", "rename the file")
    return found


def own_graph(path: str | Path) -> str | None:
    """IRI of the named graph that a file becomes when it is opened; None for formats that have graphs of their own.

    Example:
        >>> own_graph("maps/old town.ttl")
        'https://w3id.org/landlore/graph/file/old%20town'
    """
    known = format_of(path).supports_datasets
    return None if known else f"{vocab.GRAPH}file/{quote(Path(path).stem, safe='')}"


def broken(where: str | Path, error: SyntaxError) -> SourceError:
    """The error for RDF that does not parse: "file:line: reason"."""
    reason = str(error.msg).partition(": ")[2] or str(error.msg)
    found = re.search(r"line (\d+)|error at (\d+):", str(error.msg))
    number = error.lineno or (found and next(filter(None, found.groups())))
    line = f":{number}" if number else ""
    hint = f"correct {where} at that line"
    if "UTF-8" in reason:
        known = "utf16" if _is_utf16(Path(where)) else "latin1"
        hint = f"save it as UTF-8: iconv -f {known} -t utf8 {where} > NEW"
    return SourceError(f"{where}{line}: not valid RDF: {reason}", hint)


def _is_utf16(path: Path) -> bool:
    """Whether a file begins with a mark of UTF-16, or with a character of two bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except (OSError, ValueError):  # no file: text from elsewhere
        return False
    return start in (b"\xff\xfe", b"\xfe\xff") or 0 in start


def node(iri: str) -> ox.NamedNode:
    """A named node.

    Raises:
        SourceError: The text is not an absolute IRI.
    """
    try:
        return ox.NamedNode(iri)
    except ValueError as error:
        raise SourceError(f"{iri!r} is not an IRI ({error})", "write scheme:rest") from error


def term(found: Any) -> Term | None:
    """A pyoxigraph term as ours; None stays None."""
    if found is None:
        return None
    if isinstance(found, ox.NamedNode):
        return Term(found.value)
    if isinstance(found, ox.BlankNode):
        return Term(found.value, "bnode")
    if isinstance(found, ox.Literal):
        return Term(found.value, "literal", found.datatype.value, found.language or "")
    return Term(str(found), "triple")


def row(quad: Any) -> Row:
    """Subject, predicate and object of a triple or quad."""
    return term(quad.subject), term(quad.predicate), term(quad.object)


def result(found: Any, most: int | None = None) -> QueryResult:
    """The answer of a pyoxigraph query, whole or its first rows."""
    if isinstance(found, ox.QueryBoolean):
        return QueryResult((), ((),) if found else (), "ask")
    if isinstance(found, ox.QueryTriples):
        return QueryResult(TRIPLE, tuple(row(triple) for triple in islice(found, most)), "graph")
    names = tuple(variable.value for variable in found.variables)
    rows = tuple(tuple(term(value) for value in solution) for solution in islice(found, most))
    return QueryResult(names, rows)


def functions(sparql: str) -> Any:
    """What a query about geometries may call; shapely is loaded for such queries only."""
    if "geof:" not in sparql and vocab.GEOF not in sparql:
        return None
    from kg import geof

    return geof.functions()


def statement(triple: Triple) -> Iterator[tuple[Any, Any, Any]]:
    """A triple, or for weights below 1 the three statements of the weighted pattern."""
    head, relation, tail = node(triple.head), node(triple.relation), node(triple.tail)
    if triple.weight >= 1:
        yield head, relation, tail
        return
    inner = ox.BlankNode()
    yield head, relation, inner
    yield inner, _VALUE, tail
    yield inner, _WEIGHT, ox.Literal(float(triple.weight))


def described(store: ox.Store, subject: ox.NamedNode) -> tuple[Row, ...]:
    """Statements about a thing and about the nodes of its weighted statements and geometries."""
    rows: dict[Row, None] = {}
    wanted: list[Any] = [subject]
    seen: set[Any] = {subject}
    while wanted:
        for quad in store.quads_for_pattern(wanted.pop(), None, None):
            rows[row(quad)] = None
            if quad.object not in seen and _inner(store, quad.object):
                seen.add(quad.object)
                wanted.append(quad.object)
    return tuple(rows)


def _inner(store: ox.Store, found: Any) -> bool:
    if not isinstance(found, ox.NamedNode):
        return isinstance(found, ox.BlankNode)
    roles = (_VALUE, ox.NamedNode(vocab.GEO + "asWKT"))
    return any(True for role in roles for _ in store.quads_for_pattern(found, role, None))


def weighted_triples(store: ox.Store, place: ox.NamedNode | None, weighted: bool) -> list[Triple]:
    """Statements between IRIs, sorted; weighted statements become one triple each."""
    values, weights = _objects(store, _VALUE, place), _objects(store, _WEIGHT, place)
    found: dict[tuple[str, str, str], float] = {}
    for quad in store.quads_for_pattern(None, None, None, place):
        head: Any = quad.subject
        tail: Any = quad.object
        weight = 1.0
        if tail in values:
            weight = weight_of(weights[tail].value, head) if tail in weights and weighted else 1.0
            tail = values[tail]
        named = isinstance(head, ox.NamedNode) and isinstance(tail, ox.NamedNode)
        if named and head not in values:
            key = head.value, quad.predicate.value, tail.value
            found[key] = max(weight, found.get(key, weight))
    return [Triple(*key, weight) for key, weight in sorted(found.items())]


def _objects(store: ox.Store, role: ox.NamedNode, place: ox.NamedNode | None) -> dict[Any, Any]:
    return {quad.subject: quad.object for quad in store.quads_for_pattern(None, role, None, place)}


def as_rdflib(store: ox.Store) -> Any:
    """A copy as an `rdflib.Dataset` with the union of its graphs as the default."""
    from rdflib import Dataset, URIRef

    data: Any = Dataset(default_union=True)
    default = data.default_graph if hasattr(data, "default_graph") else data.default_context
    for graph in [ox.DefaultGraph(), *store.named_graphs()]:
        named = isinstance(graph, ox.NamedNode)
        target = data.graph(URIRef(str(graph)[1:-1])) if named else default
        lines = store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=graph) or b""
        target.parse(data=lines, format="nt")
    return data


def grounded(chunks: Iterable[str], scope: str) -> Iterator[str]:
    """Lines of N-Triples without blank nodes: each gets an IRI of its own (RDF 1.1 Concepts, 3.5).

    Args:
        chunks: Chunks of whole N-Triples lines.
        scope: IRI of the graph that the blank nodes belong to: the same label in it gives the same IRI.

    Raises:
        SourceError: A line is not N-Triples.
    """
    for chunk in chunks:
        try:
            for quad in ox.parse(chunk.encode(), ox.RdfFormat.N_TRIPLES):
                subject, value = (_ground(term, scope) for term in (quad.subject, quad.object))
                yield f"{subject} {quad.predicate} {value} .\n"
        except SyntaxError as error:
            raise broken(scope, error) from error


def _ground(found: Any, scope: str) -> Any:
    if not isinstance(found, ox.BlankNode):
        return found
    name = hashlib.sha256(f"{scope} {found.value}".encode()).hexdigest()[:20]
    return ox.NamedNode(f"{vocab.ID}node/{name}")


def lines(store: ox.Store, place: Any) -> Iterator[str]:
    """The statements of one graph as N-Triples lines; None is the default graph."""
    for quad in store.quads_for_pattern(None, None, None, place or ox.DefaultGraph()):
        yield f"{quad.subject} {quad.predicate} {quad.object} .\n"


def fill_graph(store: ox.Store, place: ox.NamedNode, chunks: Iterable[str]) -> None:
    """Add N-Triples to a graph in one step of the database; the text is never whole in memory.

    Raises:
        SourceError: A line is not N-Triples.
    """
    try:
        file = io.BufferedReader(_Stream(chunks), 1 << 16)
        store.bulk_load(file, ox.RdfFormat.N_TRIPLES, to_graph=place)
    except SyntaxError as error:
        raise broken(place.value, error) from error


class _Stream(io.RawIOBase):
    """Chunks of text as a file to read from."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk.encode())
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
