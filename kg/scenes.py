"""Scene concepts and class lists come in as Turtle; weighted triples and a graded attribute table go out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.files import core_files, shipped
from kg.scene_lists import MATCHES, ClassList, class_list, plain, read_lists, shared_names
from kg.scene_source import SceneSource, number
from kg.triples import Triple

SCENE_CLASS = vocab.CORE + "SceneClass"
RELATIONS = tuple(
    vocab.CORE + r for r in ("hasCover", "hasPart", "hasPattern", "hasFunction", "hasSurrounding")
)
_ROOTS = frozenset(
    vocab.CORE + c
    for c in ("LandCover", "LandUse", "LandObject", "Landform", "Obstruction", "Pattern")
)  # too wide to say anything
_DECAY = 0.5  # an object or use one level up says half as much; cover shares add up unchanged
_STRENGTH = dict(
    zip(RELATIONS, (0.7, 0.5, 1.0, 0.5, 0.25), strict=True)
)  # what can be told from above says most
_FLAT = 0.85
_MATCHES = (*MATCHES, vocab.SKOS + "relatedMatch")


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
        matches: (skos relation, IRI) of concepts and core classes that mean the same, nearly the same, more or less.
        confidence: How sure the authors are that the statements fit most images of that name, 0..1; 0 where not said.
    """

    iri: str
    label: str
    label_zh: str
    names: tuple[str, ...]
    definition: str
    triples: tuple[Triple, ...]
    matches: tuple[tuple[str, str], ...] = ()
    confidence: float = 0.0


@dataclass(frozen=True)
class SceneKnowledge:
    """All scene concepts, with the class tree that their values hang in.

    Attributes:
        concepts: Sorted by IRI.
        parents: Class IRI -> IRIs of its direct superclasses.
        labels: IRI -> (English, Chinese) label of every value.
        lists: Class lists of data sets by their short names.
        within: The data set whose class names are understood first, "" for none; see `of_list`.
    """

    concepts: tuple[SceneConcept, ...]
    parents: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, tuple[str, str]]
    lists: Mapping[str, ClassList] = field(default_factory=dict)
    within: str = ""

    @cached_property
    def triples(self) -> tuple[Triple, ...]:
        """Every weighted statement, in concept order."""
        return tuple(t for concept in self.concepts for t in concept.triples)

    def of_list(self, name: str) -> SceneKnowledge:
        """The same knowledge, which understands the class names of that data set as the data set means them.

        Raises:
            InputError: No class list of that name.
        """
        return replace(self, within=class_list(self.lists, name).key)

    @cached_property
    def _by_iri(self) -> dict[str, SceneConcept]:
        return {c.iri: c for c in self.concepts}

    @cached_property
    def _names(self) -> dict[str, SceneConcept]:
        names: dict[str, SceneConcept] = {}
        for concept in self.concepts:  # preferred labels win over alternative ones
            names.setdefault(plain(concept.label), concept)
            names.setdefault(plain(concept.label_zh), concept)
        for concept in self.concepts:
            for name in concept.names:
                names.setdefault(plain(name), concept)
        for key, iri in shared_names(self.lists).items():
            if iri in self._by_iri:
                names.setdefault(key, self._by_iri[iri])
        return names

    def find(self, name: str) -> SceneConcept | None:
        """The concept with that name, or None.

        IRIs, prefixed names ("sc:Airport"), labels and alternative labels in English and Chinese are understood, and
        class names of data sets; case, spaces, underscores, a camel hump and a plural "s" make no difference.

        Example:
            >>> load_scenes().find("Railway_Stations").label
            'railway station'
        """
        listed = self.lists[self.within].find(name) if self.within else None
        iri = vocab.expand(name.strip()) if listed is None else listed.concept
        key = plain(name)
        known = self._by_iri.get(iri) or self._names.get(key)
        return known or self._names.get(key.removesuffix("s"))

    def spelt_like(self, name: str) -> tuple[str, ...]:
        """English labels of concepts with a name that is spelt much like this one, the nearest first."""
        near = get_close_matches(plain(name), self._names, 2, 0.75)
        return tuple(dict.fromkeys(self._names[key].label for key in near))

    @property
    def official(self) -> tuple[str, ...]:
        """Class names of the data set that `within` names, () for none."""
        return self.lists[self.within].official if self.within else ()

    def official_of(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the names that mean a class of the data set `within`, spelt as given; () for none."""
        listed = self.lists.get(self.within)
        return tuple(n for n in names if listed and listed.find(n))

    def words(self, name: str) -> str:
        """A class name in plain words, for prompts: "storagetanks" of UC Merced is "storage tanks"."""
        listed = self.lists[self.within].find(name) if self.within else None
        return listed.words if listed else name

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
    distance), so that a cover of 4 % is not lost beside one of 90 %. All weights are flattened further: what is stated
    at all says more than how much of it. Patterns count more than covers, parts and functions, and these more than
    surroundings. Flattening and the strength of covers were chosen on NWPU-12 and EuroSAT (benchmarks/results.md).
    """
    weight = triple.weight**0.5 if triple.relation == RELATIONS[0] else triple.weight
    return float(weight**_FLAT) * _STRENGTH[triple.relation]


def load_scenes(paths: Sequence[str | Path] = (), *, alone: bool = False) -> SceneKnowledge:
    """Read scene concepts and the class lists of data sets.

    Args:
        paths: More Turtle files with concepts or class lists of one's own, beside those that ship in
            `ontologies/scenes`; they may add statements to shipped concepts.
        alone: Leave out what ships, but for the core ontology.

    Raises:
        SourceError: A file cannot be read or is not Turtle.
        OntologyError: A statement has no value, or a weight outside (0, 1].
    """
    lists = sorted(shipped("ontologies/scenes/lists").glob("*.ttl"))
    ours = [] if alone else [*scene_files(), *lists]
    files = [*core_files(), *ours, *map(Path, paths)]
    source = SceneSource(files)
    named = source.named()
    below = {s: source.iris(s, vocab.RDFS + "subClassOf") for s in named}
    parents = {s: tuple(sorted(found)) for s, found in below.items() if found}
    labels = {s: found for s in named if any(found := source.labels(s))}
    concepts = tuple(_concept(s, source) for s in source.subjects(SCENE_CLASS))
    return SceneKnowledge(concepts, parents, labels, read_lists(source))


def scene_files() -> list[Path]:
    """The shipped files of scene concepts and their vocabulary, sorted; class lists are in `lists` beside them."""
    return sorted(shipped("ontologies/scenes").glob("*.ttl"))


def _concept(iri: str, source: SceneSource) -> SceneConcept:
    label, label_zh = source.labels(iri)
    names = dict.fromkeys([label, label_zh, *source.iris(iri, vocab.SKOS + "altLabel")])
    said = [t for relation in RELATIONS for t in source.weighted(iri, relation)]
    triples = {(t.relation, t.tail): t for t in sorted(said, key=lambda t: t.weight)}
    matches = [(kind, to) for kind in _MATCHES for to in source.iris(iri, kind)]
    return SceneConcept(
        iri,
        label,
        label_zh,
        tuple(n for n in names if n),
        source.text(iri, vocab.SKOS + "definition"),
        tuple(sorted(triples.values())),  # said twice, the stronger counts, as in a graph
        tuple(sorted(matches)),
        number(source.text(iri, vocab.SCENE + "confidence")),
    )
