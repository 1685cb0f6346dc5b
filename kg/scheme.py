"""A legend file (SKOS in Turtle) comes in, its concepts with codes, colours and crosswalks go out as plain records."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kg import vocab
from kg.errors import LegendError
from kg.files import shipped
from kg.legend_names import check_legend_names
from kg.store import read_turtle

_MATCHES = ("exactMatch", "closeMatch", "broadMatch")
_HINT = "ontologies/README.md shows the pattern of a legend file"


@dataclass(frozen=True)
class Concept:
    """One concept of a scheme.

    Attributes:
        iri: Concept IRI.
        labels: Language -> skos:prefLabel.
        broader: IRIs of the direct broader concepts.
        codes: Code list name -> pixel value; "" is the official list.
        colour: (red, green, blue) 0..255.
        kind: Core class IRI of its exact, close or broad match, in this order of preference; "" without one.
        partly: That match is a broad one: the concept is only a part of its kind.
        core: (core class IRI, share) pairs; shares sum to 1.
        related: Core class IRIs of its related matches.
    """

    iri: str
    labels: dict[str, str]
    broader: tuple[str, ...]
    codes: dict[str, int]
    colour: tuple[int, int, int]
    kind: str
    core: tuple[tuple[str, float], ...]
    related: tuple[str, ...]
    partly: bool = False


@dataclass(frozen=True)
class Scheme:
    """A legend file as it stands.

    Attributes:
        iri: Scheme IRI.
        concepts: Concept IRI -> concept, in file order.
        nodata: Code list name -> pixel values that mean "no observation"; "" is the official list.
    """

    iri: str
    concepts: dict[str, Concept]
    nodata: dict[str, tuple[int, ...]]

    def broader(self, iri: str) -> tuple[str, ...]:
        """All broader concepts of a concept, nearest first."""
        found: list[str] = []
        queue = list(self.concepts[iri].broader)
        while queue:
            nearest = queue.pop(0)
            if nearest not in found and nearest in self.concepts:
                found.append(nearest)
                queue += self.concepts[nearest].broader
        return tuple(found)


class _Node:
    """Property values of one subject, looked up by full predicate IRI."""

    def __init__(self, graph: dict[Any, dict[str, list[Any]]], subject: Any) -> None:
        self.graph, self.subject = graph, subject

    def terms(self, predicate: str) -> list[Any]:
        """Every object of a predicate."""
        return self.graph.get(self.subject, {}).get(predicate, [])

    def texts(self, predicate: str) -> list[str]:
        """Their texts."""
        return [str(term.value) for term in self.terms(predicate)]

    def first(self, predicate: str) -> str:
        """The first of the texts; "" where there is none."""
        return next(iter(self.texts(predicate)), "")

    def nodes(self, predicate: str) -> list[_Node]:
        """The objects as nodes."""
        return [_Node(self.graph, term) for term in self.terms(predicate)]


def read_scheme(path: Path) -> Scheme:
    """Read a legend file.

    Args:
        path: Turtle with one skos:ConceptScheme and its skos:Concepts.

    Raises:
        SourceError: The file is missing or not Turtle.
        LegendError: It holds no scheme, a code or colour that cannot be read, a class or predicate that is not known,
            or a crosswalk that does not sum to 1.
    """
    return _scheme(path, _changed(path))


@lru_cache(maxsize=64)
def _scheme(path: Path, _time: int) -> Scheme:
    """A file that is edited is read anew: the time of its last change is part of the key."""
    graph = _graph(path)
    check_legend_names(graph, path)
    nodes = [_Node(graph, subject) for subject in graph]
    schemes = [
        node for node in nodes if vocab.SKOS + "ConceptScheme" in node.texts(vocab.RDF + "type")
    ]
    if len(schemes) != 1:
        raise LegendError(f"{path}: {len(schemes)} skos:ConceptScheme found, 1 expected", _HINT)
    concepts = [node for node in nodes if vocab.SKOS + "Concept" in node.texts(vocab.RDF + "type")]
    nodata = {"": _numbers(schemes[0], "nodata", path)}
    for variant in schemes[0].nodes(vocab.CORE + "variant"):
        nodata[variant.first(vocab.SKOS + "notation")] = _numbers(variant, "nodata", path)
    return Scheme(
        schemes[0].subject.value,
        {concept.iri: concept for concept in (_concept(node, path) for node in concepts)},
        nodata,
    )


def usual_covers() -> dict[str, tuple[tuple[str, float], ...]]:
    """What usually covers a use or a mixed class (ontologies/covers.ttl): class -> (core class, share) pairs."""
    path = shipped("ontologies/covers.ttl")
    return _covers(path, _changed(path))


@lru_cache(maxsize=4)
def _covers(path: Path, _time: int) -> dict[str, tuple[tuple[str, float], ...]]:
    graph = _graph(path)
    nodes = {subject.value: _Node(graph, subject) for subject in graph}
    found = {iri: _weighted(node, vocab.CORE + "hasCover", path) for iri, node in nodes.items()}
    return {iri: pairs for iri, pairs in found.items() if pairs}


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


def _graph(path: Path) -> dict[Any, dict[str, list[Any]]]:
    graph: dict[Any, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for subject, predicate, value in read_turtle(path):
        graph[subject][predicate.value].append(value)
    return graph


def _concept(node: _Node, path: Path) -> Concept:
    kinds = [(iri, match) for match in _MATCHES for iri in node.texts(vocab.SKOS + match)]
    kind, how = next((pair for pair in kinds if pair[0].startswith(vocab.CORE)), ("", ""))
    codes = {"": official[0]} if (official := _numbers(node, "code", path)) else {}
    for one in node.nodes(vocab.CORE + "variantCode"):
        codes |= {one.first(vocab.CORE + "variant"): code for code in _numbers(one, "code", path)}
    return Concept(
        node.subject.value,
        {term.language or "en": term.value for term in node.terms(vocab.SKOS + "prefLabel")},
        tuple(node.texts(vocab.SKOS + "broader")),
        codes,
        _colour(node, path),
        kind,
        _weighted(node, vocab.CORE + "crosswalk", path) or (((kind, 1.0),) if kind else ()),
        tuple(node.texts(vocab.SKOS + "relatedMatch")),
        how == "broadMatch",
    )


def _weighted(node: _Node, predicate: str, path: Path) -> tuple[tuple[str, float], ...]:
    statements = node.nodes(predicate)
    pairs = [(one.first(vocab.VALUE), float(one.first(vocab.WEIGHT) or 0)) for one in statements]
    total = sum(weight for _, weight in pairs)
    if pairs and abs(total - 1) > 1e-6:
        raise LegendError(
            f"{path}: {vocab.curie(predicate)} of <{node.subject.value}> sums to {total:g}, 1 expected",
            _HINT,
        )
    return tuple(pairs)


def _numbers(node: _Node, name: str, path: Path) -> tuple[int, ...]:
    try:
        return tuple(int(text) for text in node.texts(vocab.CORE + name))
    except ValueError as error:
        raise LegendError(
            f"{path}: ll:{name} of <{node.subject.value}> is not a whole number ({error})", _HINT
        ) from error


def _colour(node: _Node, path: Path) -> tuple[int, int, int]:
    text = node.first(vocab.CORE + "colour") or "#808080"
    try:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
    except ValueError as error:
        raise LegendError(
            f"{path}: ll:colour of <{node.subject.value}> is {text!r}, #RRGGBB expected", _HINT
        ) from error
    return red, green, blue
