"""Words come in; what has them in its name goes out, with its IRI: classes, relations, rules, scenes, legends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kg import vocab
from kg.errors import InputError
from kg.files import shipped
from kg.results import Term
from kg.spelling import near_names
from kg.statements import text
from kg.store import KnowledgeGraph
from landlore.graph import open_graph

_NAMED = "?x rdfs:label|skos:prefLabel|skos:altLabel ?label ."
_MATCHING = f"""SELECT DISTINCT ?x ?label ?type ?id ?code {{
  {{ SELECT DISTINCT ?x {{ {_NAMED} OPTIONAL {{ ?x dct:identifier ?name }}
    FILTER(CONTAINS(LCASE(STR(?label)), WORDS) || CONTAINS(LCASE(COALESCE(?name, "")), WORDS)
      || CONTAINS(LCASE(REPLACE(STR(?x), "^.*[#/]", "")), WORDS)) }} }}
  {_NAMED} OPTIONAL {{ ?x a ?type }} OPTIONAL {{ ?x dct:identifier ?id }} OPTIONAL {{ ?x ll:code ?code }} }}"""
_LABELS = f"SELECT DISTINCT ?label {{ {_NAMED} }}"
_KINDS = {
    vocab.CORE + "SceneClass": "scene",
    vocab.OWL + "Class": "class",
    vocab.OWL + "ObjectProperty": "relation",
    vocab.OWL + "DatatypeProperty": "measure",
    vocab.OWL + "Axiom": "rule",
    vocab.RUN + "Rule": "rule",
    vocab.SKOS + "Concept": "concept",
}
"""Type -> what it is called, most telling first."""


@dataclass(frozen=True)
class Found:
    """Something with a name.

    Attributes:
        iri: What it is called in queries and rules.
        labels: Its names, English first, then Chinese, then others.
        kind: "class", "relation", "measure", "rule", "scene", "concept", or the short IRI of its type.
        code: Its pixel value, where it is a class of a legend.
    """

    iri: str
    labels: tuple[str, ...]
    kind: str
    code: str = ""


def find(words: str, graph: str | Path | None = None) -> tuple[Found, ...]:
    """Everything whose name or IRI has these words in it, the best match first, classes of legends and data sets last.

    Args:
        words: Part of a name, in English or Chinese; upper and lower case are the same.
        graph: Run folder, graph folder, RDF file or server to look in; default everything that ships.

    Raises:
        InputError: No words.
        SourceError: Nothing there that holds a graph.
    """
    sought = words.strip().casefold()
    if not sought:
        raise InputError("find: no words given", "landlore find forest")
    rows: dict[str, list[dict[str, Term | None]]] = {}
    place = _shipped() if graph is None else open_graph(graph)
    for row in place.query(_MATCHING.replace("WORDS", text(sought))).records():
        iri = f"{vocab.RULE}{row['id']}" if row["id"] else str(row["x"])
        if "://" in iri:  # a node without a name cannot be asked for
            rows.setdefault(iri, []).append(dict(row))
    found = [_found(iri, of_it) for iri, of_it in rows.items()]
    return tuple(sorted(found, key=lambda one: (one.kind == "concept", _fit(one, sought), one.iri)))


def nearest(words: str, graph: str | Path | None = None) -> list[str]:
    """Up to three names that are spelt much like these words."""
    place = _shipped() if graph is None else open_graph(graph)
    known = sorted({str(label).casefold() for (label,) in place.query(_LABELS)})
    return near_names(words, known, 3)


@lru_cache(maxsize=1)
def _shipped() -> KnowledgeGraph:
    graph = KnowledgeGraph()
    for path in sorted(shipped("ontologies").rglob("*.ttl")):
        graph.load(path)
    return graph


def _found(iri: str, rows: list[dict[str, Term | None]]) -> Found:
    names = {(str(row["label"]), getattr(row["label"], "language", None) or "") for row in rows}
    rank = {"en": 0, "": 1, "zh": 2}
    labels = [name for name, _ in sorted(names, key=lambda one: (rank.get(one[1], 3), one))]
    types = {str(row["type"]) for row in rows if row["type"]}
    known = [kind for one, kind in _KINDS.items() if one in types]
    kind = known[0] if known else vocab.curie(min(types)) if types else ""
    codes = sorted(str(row["code"]) for row in rows if row["code"])
    return Found(iri, tuple(dict.fromkeys(labels)), kind, codes[0] if codes else "")


def _fit(one: Found, sought: str) -> int:
    """How well words fit: 0 the whole name, 1 its beginning, 2 words of it, 3 a part of a word."""
    return min(_fits(one, sought), default=3)


def _fits(one: Found, sought: str) -> Iterator[int]:
    for name in (*one.labels, vocab.curie(one.iri).rpartition(":")[2]):
        whole = name.casefold()
        yield 0 if whole == sought else 1 if whole.startswith(f"{sought} ") else 3
        if f" {sought} " in f" {whole} ":
            yield 2
