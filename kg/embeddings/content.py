"""A knowledge graph comes in, what is embedded of it goes out: weighted triples, words and numbers of its things."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.files import core_files, shipped
from kg.store import KnowledgeGraph
from kg.triples import Triple

_TYPE = vocab.RDF + "type"
_BOOKS = (vocab.DCT, vocab.DCAT, vocab.PROV, vocab.RUN, "http://www.w3.org/ns/shacl#")
_ASIDE = frozenset(
    (
        vocab.RDFS + "isDefinedBy", vocab.RDFS + "seeAlso", vocab.SKOS + "inScheme", vocab.SKOS + "topConceptOf",
        vocab.OWL + "imports", vocab.OWL + "versionIRI", vocab.GEO + "hasGeometry", vocab.GEO + "hasDefaultGeometry",
        vocab.CORE + "comparison", vocab.CORE + "comparedClass",
    )
)  # fmt: skip
_KINDS = (vocab.RDF, vocab.RDFS, vocab.OWL, vocab.SKOS, vocab.GEO, *_BOOKS)
_EVERY = frozenset((vocab.CORE + "SceneClass", vocab.OSM_FEATURE, vocab.PRODUCT_CELL))
_WORDS = """SELECT ?s ?p ?o WHERE { VALUES ?p { skos:prefLabel rdfs:label skos:definition ll:tag }
  ?s ?p ?o . FILTER(isIRI(?s) && LANG(?o) IN ("", "en")) }"""
_NUMBERS = "SELECT ?s ?p ?o WHERE { ?s ?p ?o . FILTER(isIRI(?s) && isNumeric(?o)) }"
_SURE = """SELECT ?s ?p ?o ?c WHERE { ?a owl:annotatedSource ?s ; owl:annotatedProperty ?p ; owl:annotatedTarget ?o ;
  ll:confidence ?c . FILTER(isIRI(?o)) }"""


@dataclass(frozen=True)
class Content:
    """What is embedded of a graph.

    Attributes:
        triples: Weighted statements between IRIs, sorted.
        words: IRI -> what it is called, and how it is defined, in English; IRIs without words are left out.
        numbers: IRI -> predicate IRI -> number.
    """

    triples: tuple[Triple, ...]
    words: Mapping[str, str]
    numbers: Mapping[str, Mapping[str, float]]

    def sentences(self, entities: Sequence[str]) -> list[str]:
        """Words of each entity; those of its IRI where it has no label, "" where these are a mere number."""
        return [self.words.get(iri) or name_of(iri) for iri in entities]

    def columns(self, entities: Sequence[str]) -> NDArray[np.float32]:
        """(entity, predicate) numbers, each predicate with mean 0 and variance 1 over who has it; 0 for who has not."""
        names = sorted({p for iri in entities for p in self.numbers.get(iri, ())})
        table = np.array(
            [[self.numbers.get(iri, {}).get(p, np.nan) for p in names] for iri in entities],
            np.float64,
        ).reshape(len(entities), len(names))
        if not names:
            return table.astype(np.float32)
        spread = np.nanstd(table, axis=0)
        table = (table - np.nanmean(table, axis=0)) / np.where(spread > 0, spread, 1.0)
        return np.asarray(np.nan_to_num(table), np.float32)


def content_of(graph: KnowledgeGraph) -> Content:
    """What is embedded of a graph: statements between things, without book-keeping.

    Left out are licences, sources, versions, schemes, geometries, and types that all things of a kind share. A match
    with another vocabulary weighs what its author was sure of it (`ll:confidence` of an annotated axiom).
    """
    sure = {(s, p, o): float(c) for s, p, o, c in _rows(graph, _SURE)}
    kept = (t for t in graph.triples() if _speaks(t))
    triples = tuple(t._replace(weight=t.weight * sure.get(t[:3], 1.0)) for t in kept)
    said: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for s, p, o in sorted(_rows(graph, _WORDS)):
        said[s][p].append(o)
    numbers: dict[str, dict[str, float]] = defaultdict(dict)
    for s, p, o in sorted(_rows(graph, _NUMBERS)):
        numbers[s][p] = float(o)
    return Content(triples, {iri: _sentence(told) for iri, told in said.items()}, dict(numbers))


def shipped_graph() -> KnowledgeGraph:
    """The whole knowledge that ships: core ontology, covers, alignments, legends, scene concepts, class lists."""
    folder = shipped("ontologies")
    files: list[Path] = [*core_files(), folder / "covers.ttl", folder / "alignments.ttl"]
    for below in ("legends", "scenes", "scenes/lists"):
        files += sorted((folder / below).glob("*.ttl"))
    graph = KnowledgeGraph()
    for path in files:
        graph.load(path, graph=vocab.GRAPH + "ontology")
    return graph


def name_of(iri: str) -> str:
    """The words in the end of an IRI: "…#SaltPan" is "salt pan"; "" where it holds a digit, as Q123 does.

    Example:
        >>> name_of("http://www.worldkg.org/schema/SaltPond")
        'salt pond'
    """
    end = re.split(r"[#/]", iri)[-1]
    return (
        "" if re.search(r"\d", end) else re.sub(r"(?<=[a-z])(?=[A-Z])|_+", " ", end).lower().strip()
    )


def _speaks(triple: Triple) -> bool:
    head, relation, tail, _ = triple
    if head.startswith(_BOOKS):
        return False
    if relation == _TYPE:
        return not tail.startswith(_KINDS) and tail not in _EVERY
    return relation not in _ASIDE and not relation.startswith(_BOOKS)


def _sentence(told: Mapping[str, Sequence[str]]) -> str:
    """The label, a colon and the definition, or whatever there is of these; tags of a feature follow."""
    label = told.get(vocab.SKOS + "prefLabel") or told.get(vocab.RDFS + "label") or []
    parts = [*label[:1], *told.get(vocab.SKOS + "definition", [])[:1]]
    return ", ".join([": ".join(parts), *told.get(vocab.CORE + "tag", [])]).strip(", ")


def _rows(graph: KnowledgeGraph, sparql: str) -> list[tuple[str, ...]]:
    return [tuple(str(term or "") for term in row) for row in graph.query(sparql)]
