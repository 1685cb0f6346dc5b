"""An RDF file of any syntax comes in, its triples one by one go out. With `kg.rdf` a door to pyoxigraph."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import pyoxigraph as ox

from kg import vocab
from kg.errors import SourceError
from kg.rdf import broken, past_mark

FORMATS = {
    ".ttl": ox.RdfFormat.TURTLE, ".n3": ox.RdfFormat.N3, ".nt": ox.RdfFormat.N_TRIPLES,
    ".trig": ox.RdfFormat.TRIG, ".nq": ox.RdfFormat.N_QUADS,
    ".rdf": ox.RdfFormat.RDF_XML, ".owl": ox.RdfFormat.RDF_XML, ".xml": ox.RdfFormat.RDF_XML,
    ".jsonld": ox.RdfFormat.JSON_LD, ".json": ox.RdfFormat.JSON_LD,
}  # fmt: skip
"""File name ending (without .gz) -> syntax."""
_AS_WKT = vocab.GEO + "asWKT"
_LABELLED = (ox.RdfFormat.N_TRIPLES, ox.RdfFormat.N_QUADS)


class ForeignTriple(NamedTuple):
    """One triple; named graphs are left aside.

    Attributes:
        subject: IRI; blank nodes have one below the name of the graph.
        predicate: IRI.
        value: IRI, or the text of a literal.
        literal: The literal in N-Triples syntax; "" for an IRI.
    """

    subject: str
    predicate: str
    value: str
    literal: str


def is_rdf(path: Path) -> bool:
    """Whether a file name is that of RDF."""
    return _ending(path) in FORMATS


def read_triples(path: Path, name: str) -> Iterator[ForeignTriple | None]:
    """Triples in file order; None stands for a statement about a statement (RDF 1.2), which is not read.

    Everything but JSON-LD is read as it comes. Of blank nodes only N-Triples and N-Quads need no list in memory.

    Args:
        path: One of `FORMATS`, also compressed (.gz).
        name: Name of the graph; relative IRIs and blank nodes lie below it.

    Raises:
        SourceError: The file cannot be read, is empty or does not parse; the message names the line.
    """
    known = FORMATS.get(_ending(path))
    if known is None:
        raise SourceError(
            f"{path}: neither RDF ({' '.join(FORMATS)}) nor a table (.csv .tsv .txt .xlsx .ods)",
            "rename the file",
        )
    base, found = f"{vocab.ID}{name}/", False
    blank = _hashed(base) if known in _LABELLED else _numbered(base)
    try:
        with _opened(path) as file:
            for quad in ox.parse(past_mark(file), known, base_iri=base):
                found = True
                yield _plain(quad, blank)
    except SyntaxError as error:
        raise _broken(path, error) from error
    except (OSError, EOFError) as error:
        raise SourceError(f"{path}: cannot be read ({error})", "check the path") from error
    if not found:
        raise SourceError(f"{path}: no statement in it, expected RDF", "check the path")


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _broken(path: Path, error: SyntaxError) -> SourceError:
    if "LoadDocumentCallback" in str(error):
        return SourceError(
            f"{path}: its JSON-LD context lies on a server, and nothing is fetched",
            "write the context into the file",
        )
    return broken(path, error)


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _plain(quad: Any, blank: Callable[[str], str]) -> ForeignTriple | None:
    subject, value = quad.subject, quad.object
    if isinstance(subject, ox.Triple) or isinstance(value, ox.Triple):
        return None
    head = subject.value if isinstance(subject, ox.NamedNode) else blank(subject.value)
    if isinstance(value, ox.Literal) and quad.predicate.value == _AS_WKT:
        value = _placed(value)
    if isinstance(value, ox.Literal):
        return ForeignTriple(head, quad.predicate.value, value.value, str(value))
    tail = value.value if isinstance(value, ox.NamedNode) else blank(value.value)
    return ForeignTriple(head, quad.predicate.value, tail, "")


def _placed(found: Any) -> Any:
    """A geometry in CRS84; one that cannot be read stays as it is."""
    from kg.geometry import in_crs84

    try:
        return ox.Literal(in_crs84(found.value), datatype=found.datatype)
    except SourceError:
        return found


def _hashed(base: str) -> Callable[[str], str]:
    return lambda label: f"{base}node/{hashlib.sha256(label.encode()).hexdigest()[:16]}"


def _numbered(base: str) -> Callable[[str], str]:
    """The parser calls nameless nodes differently each time, so they are numbered as they come."""
    seen: dict[str, int] = {}
    return lambda label: f"{base}node/{seen.setdefault(label, len(seen) + 1)}"
