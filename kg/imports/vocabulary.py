"""A word or IRI of another graph comes in, the class, concept or relation of ours that it means goes out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from kg import vocab
from kg.files import shipped
from kg.ontology import load_ontology
from kg.rdf import read_turtle
from kg.scene_lists import plain, shared_names
from kg.scenes import RELATIONS, load_scenes

SAME = frozenset(
    (
        vocab.SKOS + "exactMatch", vocab.OWL + "equivalentClass", vocab.OWL + "equivalentProperty",
        vocab.OWL + "sameAs",
    )
)  # fmt: skip
NEAR = frozenset((vocab.SKOS + "closeMatch",))
WIDER, NARROWER = vocab.SKOS + "broadMatch", vocab.SKOS + "narrowMatch"
MATCHES = frozenset((*SAME, *NEAR, WIDER, NARROWER))
"""Predicates that say what a term of theirs is in other words."""
OTHERS = (
    vocab.RDF,
    vocab.RDFS,
    vocab.OWL,
    vocab.SKOS,
    vocab.GEO,
    vocab.SF,
    vocab.DCT,
    vocab.PROV,
    vocab.DCAT,
)
"""Namespaces that everybody shares: their terms mean what they mean."""
_NAMING = frozenset(
    (
        vocab.RDFS + "label",
        vocab.RDFS + "comment",
        *(vocab.SKOS + n for n in ("prefLabel", "altLabel", "definition")),
    )
)
_LITTLE = 0.75


@dataclass(frozen=True)
class Meaning:
    """What a term means.

    Attributes:
        iri: Ours.
        by: How it was understood: "mapping", "iri", "alignment", "wider alignment", "label en", "label zh",
            "class list", "superclass", "kept".
        inverse: A relation that is meant the other way round.
        weight: Weight of statements with this relation that say none; None leaves it to the mapping.
    """

    iri: str
    by: str
    inverse: bool = False
    weight: float | None = None


class Vocabulary:
    """Names and alignments of the core ontology and the scene concepts.

    Args:
        alignments: Turtle files with further matches between other vocabularies and ours, beside those that ship.

    Raises:
        SourceError: A file cannot be read or is not Turtle.
    """

    def __init__(self, alignments: Iterable[str | Path] = ()) -> None:
        self._scenes, self._ontology = load_scenes(), load_ontology()
        self._concepts = {c.iri: c for c in self._scenes.concepts}
        self._values: dict[str, set[str]] = {}
        for triple in self._scenes.triples:
            self._values.setdefault(triple.relation, set()).add(triple.tail)
        self.matches: dict[str, Meaning] = {}
        for path in (shipped("ontologies/alignments.ttl"), *map(Path, alignments)):
            triples = read_turtle(path)
            self.align((s.value, p.value, o.value) for s, p, o in triples if p.value in MATCHES)

    @cached_property
    def relations(self) -> frozenset[str]:
        """Properties of the core ontology."""
        return frozenset((*self._ontology.object_properties, *self._ontology.data_properties))

    def values_of(self, relation: str) -> str:
        """What the values of a relation are: "words", "numbers", or "" for things."""
        unit = self._ontology.data_properties.get(relation)
        if unit is None:
            return "words" if relation in _NAMING else ""
        return "numbers" if unit else "words"

    def align(self, triples: Iterable[tuple[str, str, str]]) -> None:
        """Take in matches of either direction, also in two steps (theirs is Wikidata's, which is ours)."""
        later = []
        for one, match, other in triples:
            ours_first = self.knows(one)
            ours, theirs = (one, other) if ours_first else (other, one)
            if not self.knows(ours):
                later += [(one, other), (other, one)] if match in SAME else []
            elif match in SAME or match in NEAR:
                self._take(theirs, Meaning(ours, "alignment"), sure=match in SAME)
            elif match == (NARROWER if ours_first else WIDER):
                self._take(theirs, Meaning(ours, "wider alignment"), sure=False)
        for theirs, shared in later:
            if shared in self.matches:
                self.matches.setdefault(theirs, self.matches[shared])

    def _take(self, theirs: str, found: Meaning, *, sure: bool) -> None:
        """The first match stays, unless a surer one comes."""
        former = self.matches.get(theirs)
        if former is None or (sure and former.by != "alignment"):
            self.matches[theirs] = found

    def knows(self, iri: str) -> bool:
        """Whether an IRI is a class, concept, value or relation of ours."""
        return iri in self._terms or iri in self.relations

    @cached_property
    def _terms(self) -> frozenset[str]:
        core = (c for c in self._ontology.classes if c.startswith(vocab.CORE))
        return frozenset((*core, *self._concepts, *(v for vs in self._values.values() for v in vs)))

    def label(self, iri: str) -> str:
        """English label of one of ours; the end of the IRI where it has none."""
        return self._scenes.label(iri)

    def named(self, name: str, relation: str = "", *, head: bool = False) -> Meaning | None:
        """What a name means, or None.

        Args:
            name: Word or words, in any spelling.
            relation: Relation of ours that it stands beside, "" for rdf:type.
            head: It is the one that the relation is said of.
        """
        key = plain(name)
        keys = dict.fromkeys((key, key.removesuffix("s")))
        found = [meaning for key in keys for meaning in self._by_name.get(key, ())]
        return min(found, key=lambda m: self._rank(m.iri, relation, head), default=None)

    def relation_named(self, name: str) -> Meaning | None:
        """The relation of ours with this name, or None."""
        return self._relation_names.get(plain(name))

    def nearest(self, name: str, *, relation: bool = False) -> tuple[str, str]:
        """(label, IRI) of ours that is most like a name; ("", "") where nothing is like it."""
        known = self._relation_names if relation else self._first
        key = plain(name)
        begins = sorted((k for k in known if k.startswith(key) and len(key) > 2), key=len)
        near = begins or difflib.get_close_matches(key, known, n=1, cutoff=_LITTLE)
        iri = known[near[0]].iri if near else ""
        return (self.label(iri), iri) if iri else ("", "")

    def _rank(self, iri: str, relation: str, head: bool) -> int:
        """Heads of scene relations are scenes, values what the scenes have as values, types core classes."""
        core, scene = self._ontology.is_class(iri), iri in self._concepts
        if head and relation in RELATIONS:
            return 0 if scene else 2 - core
        if iri in self._values.get(relation, ()):
            return 0
        return 1 if core else 2 + scene

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Meaning, ...]]:
        found: dict[str, dict[str, Meaning]] = {}
        for iri, by, name in self._names():
            found.setdefault(plain(name), {}).setdefault(iri, Meaning(iri, by))
        return {key: tuple(meanings.values()) for key, meanings in found.items() if key}

    @cached_property
    def _first(self) -> Mapping[str, Meaning]:
        return {key: found[0] for key, found in self._by_name.items()}

    def _names(self) -> Iterator[tuple[str, str, str]]:
        """(IRI, language, name) of every class, concept and value: labels, then other names, then class lists."""
        for iri in sorted(self._terms & self._scenes.labels.keys()):
            for by, name in zip(("label en", "label zh"), self._scenes.labels[iri], strict=True):
                yield iri, by, name
        for concept in self._scenes.concepts:
            for name in concept.names:
                yield concept.iri, "label en" if name.isascii() else "label zh", name
        for key, iri in shared_names(self._scenes.lists).items():
            yield iri, "class list", key

    @cached_property
    def _relation_names(self) -> Mapping[str, Meaning]:
        found: dict[str, Meaning] = {}
        for iri in sorted(self.relations, key=lambda iri: (not iri.startswith(vocab.CORE), iri)):
            if not iri.startswith(vocab.CORE):
                continue
            found.setdefault(plain(local_name(iri)), Meaning(iri, "label en"))
            for language in ("en", "zh"):
                if name := self._ontology.labels.get((iri, language), ""):
                    found.setdefault(plain(name), Meaning(iri, f"label {language}"))
        return found


def local_name(iri: str) -> str:
    """The end of an IRI in words; a name that is no IRI stays.

    Example:
        >>> local_name("http://example.org/land#TreeCover")
        'TreeCover'
    """
    return unquote(re.split(r"[#/]", iri.rstrip("#/"))[-1]) if ":" in iri else iri
