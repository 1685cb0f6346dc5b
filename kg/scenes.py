"""Scene concepts come in as Turtle; weighted triples and a graded attribute table of scene classes go out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import OntologyError
from kg.files import core_files, shipped
from kg.rdf import read_turtle
from kg.triples import Triple

SCENE_CLASS = vocab.CORE + "SceneClass"
RELATIONS = tuple(
    vocab.CORE + r for r in ("hasCover", "hasPart", "hasPattern", "hasFunction", "hasSurrounding")
)
_ROOTS = frozenset(vocab.CORE + c for c in ("LandCover", "LandUse", "LandObject", "Pattern"))
_DECAY = 0.5  # an object or use one level up says half as much; cover shares add up unchanged
_STRENGTH = dict(
    zip(RELATIONS, (1.0, 0.5, 1.0, 0.5, 0.25), strict=True)
)  # what fills the image says most
_Statements = dict[str, dict[str, list[Any]]]


@dataclass(frozen=True)
class SceneConcept:
    """What a kind of scene usually looks like from above.

    Attributes:
        iri: Concept IRI, `<vocab.SCENE>Airport`.
        label: English name.
        label_zh: Chinese name.
        names: Every name, both languages, preferred ones first.
        definition: One English sentence.
        triples: Weighted statements about the concept, sorted.
    """

    iri: str
    label: str
    label_zh: str
    names: tuple[str, ...]
    definition: str
    triples: tuple[Triple, ...]


@dataclass(frozen=True)
class SceneKnowledge:
    """All scene concepts, with the class tree that their values hang in.

    Attributes:
        concepts: Sorted by IRI.
        parents: Class IRI -> IRIs of its direct superclasses.
        labels: IRI -> (English, Chinese) label of every value.
    """

    concepts: tuple[SceneConcept, ...]
    parents: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, tuple[str, str]]

    @cached_property
    def triples(self) -> tuple[Triple, ...]:
        """Every weighted statement, in concept order."""
        return tuple(t for concept in self.concepts for t in concept.triples)

    @cached_property
    def _names(self) -> dict[str, SceneConcept]:
        names: dict[str, SceneConcept] = {}
        for concept in self.concepts:  # preferred labels win over alternative ones
            names.setdefault(_key(concept.label), concept)
            names.setdefault(_key(concept.label_zh), concept)
        for concept in self.concepts:
            for name in concept.names:
                names.setdefault(_key(name), concept)
        return names

    def find(self, name: str) -> SceneConcept | None:
        """The concept with that name, or None.

        IRIs, prefixed names ("sc:Airport"), labels and alternative labels in English and Chinese are understood;
        case, spaces, underscores, a camel hump and a plural "s" make no difference.

        Example:
            >>> load_scenes().find("Railway_Stations").label
            'railway station'
        """
        iri = vocab.expand(name.strip())
        known = next((c for c in self.concepts if c.iri == iri), None)
        key = _key(name)
        return known or self._names.get(key) or self._names.get(key.removesuffix("s"))

    def label(self, iri: str, language: str = "en") -> str:
        """Label of a value or concept; the end of its IRI where it has none."""
        found = self.labels.get(iri)
        if found is None or not found[language == "zh"]:
            return re.split(r"[#/]", iri)[-1]
        return found[language == "zh"]

    def shares(self, relation: str, value: str) -> dict[str, float]:
        """What a statement about `value` says about `value` and the classes above it: IRI -> share in (0, 1]."""
        decay = 1.0 if relation == RELATIONS[0] else _DECAY
        found, level = {value: 1.0}, {value}
        while level:
            up = {
                p
                for v in level
                for p in self.parents.get(v, ())
                if p not in _ROOTS and p not in found
            }
            share = decay * max((found[v] for v in level), default=0.0)
            found.update(dict.fromkeys(up, share))
            level = up
        return found

    def attributes(
        self, statements: Sequence[Sequence[tuple[Triple, float]]]
    ) -> NDArray[np.float64]:
        """Graded attribute table of classes.

        It is linear in the statements, so whatever is linear in the table can be split over them exactly.

        Args:
            statements: For each class (triple, strength) pairs, see `strength`; none gives a row of zeros.

        Returns:
            (class, column) float64; the columns are those of the whole knowledge, see `columns`, so the tables of
            different class lists fit together.
        """
        table = np.zeros((len(statements), len(self.columns)))
        for row, pairs in enumerate(statements):
            for triple, amount in pairs:
                columns, shares = self.spread(triple.relation, triple.tail)
                table[row, columns] += amount * shares
        return table

    @cached_property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(relation IRI, class IRI) of each attribute: every stated value and the classes above it, sorted."""
        pairs = {(t.relation, t.tail) for t in self.triples}
        return tuple(sorted({(r, up) for r, v in pairs for up in self.shares(r, v)}))

    def spread(self, relation: str, value: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns that a statement feeds, and its share in each: (n,) int64 and (n,) float64."""
        if (relation, value) not in self._spread:
            shares = {
                up: share
                for up, share in self.shares(relation, value).items()
                if (relation, up) in self._column
            }
            columns = np.array([self._column[relation, up] for up in shares], np.int64)
            self._spread[relation, value] = (columns, np.array(list(shares.values())))
        return self._spread[relation, value]

    @cached_property
    def _column(self) -> dict[tuple[str, str], int]:
        return {pair: j for j, pair in enumerate(self.columns)}

    @cached_property
    def _spread(self) -> dict[tuple[str, str], tuple[NDArray[np.int64], NDArray[np.float64]]]:
        return {}

    @cached_property
    def graph(self) -> tuple[Triple, ...]:
        """What is embedded: every statement, and the class tree above every value; sorted."""
        found, level = set(self.triples), {t.tail for t in self.triples}
        seen: set[str] = set()
        while level:
            seen |= level
            edges = {
                Triple(v, vocab.RDFS + "subClassOf", p)
                for v in level
                for p in self.parents.get(v, ())
            }
            found |= edges
            level = {t.tail for t in edges} - seen
        return tuple(sorted(found))


def strength(triple: Triple) -> float:
    """How much a statement counts in the attribute table.

    Cover shares enter by their square root, as usual for compositions (Legendre and Gallagher 2001, Hellinger
    distance), so that a cover of 4 % is not lost beside one of 90 %. Relations that describe the whole image
    (cover, pattern) count more than parts and functions, and these more than surroundings.
    """
    weight = triple.weight**0.5 if triple.relation == RELATIONS[0] else triple.weight
    return weight * _STRENGTH[triple.relation]


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def load_scenes(paths: Sequence[str | Path] = ()) -> SceneKnowledge:
    """Read scene concepts.

    Args:
        paths: More Turtle files with concepts of one's own, beside the shipped `ontologies/scenes.ttl`; they may
            add statements to shipped concepts.

    Raises:
        SourceError: A file cannot be read or is not Turtle.
        OntologyError: A statement has no value, or a weight outside (0, 1].
    """
    files = [*core_files(), shipped("ontologies/scenes.ttl"), *map(Path, paths)]
    merged: _Statements = {}
    for number, path in enumerate(files):
        for s, p, o in read_turtle(path):
            subject = f"{number}:{s.value}" if _blank(s) else s.value
            merged.setdefault(subject, {}).setdefault(p.value, []).append((number, o))
    scenes = sorted(
        s for s, known in merged.items() if SCENE_CLASS in _values(known, vocab.RDF + "type")
    )
    named = {s: known for s, known in merged.items() if not s[0].isdigit()}
    below = {s: _values(known, vocab.RDFS + "subClassOf") for s, known in named.items()}
    parents = {s: tuple(sorted(found)) for s, found in below.items() if found}
    labels = {s: found for s, known in named.items() if any(found := _labels(known))}
    return SceneKnowledge(tuple(_concept(s, merged) for s in scenes), parents, labels)


def _blank(term: Any) -> bool:
    return type(term).__name__ == "BlankNode"


def _values(known: dict[str, list[Any]], relation: str) -> list[str]:
    return [o.value for _, o in known.get(relation, ()) if not _blank(o)]


def _labels(known: dict[str, list[Any]]) -> tuple[str, str]:
    found = {"en": "", "zh": ""}
    for relation in (vocab.SKOS + "prefLabel", vocab.RDFS + "label"):
        for _, o in known.get(relation, ()):
            language = getattr(o, "language", None) or "en"
            if not found.get(language, "x"):
                found[language] = o.value
    return found["en"], found["zh"]


def _concept(iri: str, merged: _Statements) -> SceneConcept:
    known = merged[iri]
    label, label_zh = _labels(known)
    names = dict.fromkeys([label, label_zh, *_values(known, vocab.SKOS + "altLabel")])
    triples = [
        _statement(iri, relation, merged.get(f"{number}:{o.value}" if _blank(o) else o.value, {}))
        for relation in RELATIONS
        for number, o in known.get(relation, ())
    ]
    definition = next(iter(_values(known, vocab.SKOS + "definition")), "")
    return SceneConcept(
        iri, label, label_zh, tuple(n for n in names if n), definition, tuple(sorted(triples))
    )


def _statement(head: str, relation: str, node: dict[str, list[Any]]) -> Triple:
    tails, weights = _values(node, vocab.VALUE), _values(node, vocab.WEIGHT)
    where = f"{vocab.curie(head)} {vocab.curie(relation)}"
    if len(tails) != 1 or len(weights) != 1:
        raise OntologyError(
            f"{where}: found {len(tails)} values and {len(weights)} weights, expected one of each",
            "write it as [ ll:value ll:Water ; ll:weight 0.4 ]",
        )
    try:
        weight = float(weights[0])
    except ValueError:
        weight = 0.0
    if not 0 < weight <= 1:
        raise OntologyError(
            f"{where} {vocab.curie(tails[0])}: weight {weights[0]} is not above 0 and at most 1",
            "give a share or degree, for example ll:weight 0.4",
        )
    return Triple(head, relation, tails[0], weight)
