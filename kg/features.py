"""Vector features of the graph come in by SPARQL; their columns go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.files import core_files
from kg.store import read_turtle

if TYPE_CHECKING:
    from kg.store import KnowledgeGraph

_CHUNK = 20_000
_USE = vocab.CORE + "LandUse"
_COVERS = frozenset({vocab.CORE + "LandCover", vocab.CORE + "LandObject"})


@dataclass(frozen=True)
class Features:
    """Vector features of the graph, as columns.

    Attributes:
        iris: IRI of each feature, sorted.
        classes: Core class IRIs of each feature, sorted.
        wkt: Geometry literals, CRS84.
        widths: (feature,) float64 width of lines in metres, NaN where unknown.
        graphs: IRIs of the named graphs they were found in, sorted.
    """

    iris: tuple[str, ...]
    classes: tuple[tuple[str, ...], ...]
    wkt: tuple[str, ...]
    widths: NDArray[np.float64]
    graphs: tuple[str, ...]

    def statements(
        self, predicate: str, heads: NDArray[np.intp], tails: NDArray[np.intp]
    ) -> Iterator[str]:
        """N-Triples `head predicate tail` of features given by their rows, in chunks."""
        for start in range(0, len(heads), _CHUNK):
            block = slice(start, start + _CHUNK)
            pairs = zip(heads[block].tolist(), tails[block].tolist(), strict=True)
            yield "".join(f"<{self.iris[h]}> <{predicate}> <{self.iris[t]}> .\n" for h, t in pairs)


def read_features(
    graph: KnowledgeGraph, *, kind: str = vocab.OSM_FEATURE, graph_iri: str | None = None
) -> Features:
    """Read the features of one evidence kind, with their geometry.

    Args:
        graph: The knowledge graph.
        kind: Evidence class IRI; "" for everything that has a place and is no product cell, whatever it is.
        graph_iri: Named graph to look in; None looks in all.
    """
    places = [graph_iri] if graph_iri else placed_graphs(graph) if not kind else []
    scope = f"VALUES ?g {{ {' '.join(f'<{one}>' for one in places)} }}" if places else ""
    is_one = f"a <{kind}> ;" if kind else "geo:hasGeometry ?place ;"
    kinds = _select(graph, f"SELECT ?f ?c WHERE {{ {scope} GRAPH ?g {{ ?f {is_one} a ?c }} }}")
    found = _select(
        graph,
        f"SELECT ?f ?w ?m ?g WHERE {{ {scope} GRAPH ?g {{ ?f {f'a <{kind}> ;' if kind else ''} "
        f"geo:hasGeometry/geo:asWKT ?w . OPTIONAL {{ ?f ll:width ?m }} }} }}",
    )
    classes: dict[str, set[str]] = {} if kind else {row[0]: set() for row in found}
    for iri, cls in kinds:
        if cls.startswith(vocab.CORE) and cls != kind:
            classes.setdefault(iri, set()).add(cls)
    rows = {row[0]: row for row in sorted(found) if row[0] in classes}
    return Features(
        iris=tuple(rows),
        classes=tuple(tuple(sorted(classes[iri])) for iri in rows),
        wkt=tuple(row[1] for row in rows.values()),
        widths=np.array([float(row[2] or "nan") for row in rows.values()], np.float64),
        graphs=tuple(sorted({row[3] for row in rows.values()})),
    )


def placed_graphs(graph: KnowledgeGraph) -> list[str]:
    """Named graphs that hold things with a place, other than the cells of products and the corrections of runs."""
    asked = "SELECT (COUNT(*) AS ?n) {{ {{ SELECT ?f {{ GRAPH <{}> {{ ?f {} }} }} LIMIT 1 }} }}"

    def holds(place: str, what: str) -> bool:
        """Whether anything of a named graph is so."""
        return any(int(str(n)) for (n,) in graph.query(asked.format(place, what)))

    mine = (one for one in graph.graphs() if not one.startswith(f"{vocab.GRAPH}run/"))
    return [
        one
        for one in mine
        if holds(one, "geo:hasGeometry ?place") and not holds(one, f"a <{vocab.PRODUCT_CELL}>")
    ]


def issued(graph: KnowledgeGraph, graph_iri: str) -> str | None:
    """Date of the data in a named graph (dct:issued), or None."""
    rows = _select(
        graph, f"SELECT ?d WHERE {{ GRAPH <{graph_iri}> {{ <{graph_iri}> dct:issued ?d }} }}"
    )
    return rows[0][0] if rows else None


def _select(graph: KnowledgeGraph, sparql: str) -> list[tuple[str, ...]]:
    return [tuple(str(term or "") for term in row) for row in graph.query(sparql)]


@cache
def _parents() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for path in core_files():
        for child, predicate, parent in read_turtle(path):
            if predicate.value == vocab.RDFS + "subClassOf":
                found.setdefault(child.value, set()).add(parent.value)
    return {child: frozenset(parents) for child, parents in found.items()}


def core_classes() -> frozenset[str]:
    """The classes of the core ontology that are below another one: all that a thing on the ground can be."""
    return frozenset(_parents())


@cache
def ancestors(cls: str) -> frozenset[str]:
    """A core class and every named class above it."""
    above = _parents().get(cls, frozenset())
    return frozenset({cls}).union(*(ancestors(parent) for parent in above))


@cache
def is_use(cls: str) -> bool:
    """Whether a core class says only what land is used for, and neither its cover nor an object on it."""
    above = ancestors(cls)
    return _USE in above and not above & _COVERS


def most_specific(classes: Iterable[str]) -> str:
    """The class that says most: no mere use, then the deepest, then the first by name."""
    return min(classes, key=lambda cls: (is_use(cls), -len(ancestors(cls)), cls))
