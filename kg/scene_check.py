"""Scene concepts come in; what their editor should look at again goes out, one plain line for each finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kg import vocab
from kg.scene_lists import ClassList
from kg.scenes import RELATIONS, SceneConcept, SceneKnowledge, strength

TOO_ALIKE = 0.925
"""Cosine of two graded rows from which two classes of one data set cannot be told apart by their statements."""
FEWEST = 6
_SAME = tuple(vocab.SKOS + kind for kind in ("exactMatch", "closeMatch"))


@dataclass(frozen=True)
class AlikePair:
    """Two classes of one data set whose statements say nearly the same.

    Attributes:
        classes: Name of the class list.
        first: IRI of one concept.
        second: IRI of the other.
        likeness: Cosine of their graded rows, 0..1.
        synonyms: Whether the concepts are declared to mean nearly the same (skos:exactMatch or closeMatch).
    """

    classes: str
    first: str
    second: str
    likeness: float
    synonyms: bool


def alike_pairs(knowledge: SceneKnowledge, least: float = TOO_ALIKE) -> tuple[AlikePair, ...]:
    """Pairs of one class list whose graded rows have at least that cosine, most alike first."""
    row = {c.iri: i for i, c in enumerate(knowledge.concepts)}
    table = knowledge.attributes(
        [[(t, strength(t)) for t in c.triples] for c in knowledge.concepts]
    )
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    found = []
    for name, listed in knowledge.lists.items():
        iris = [one.concept for one in listed.classes if one.concept in row]
        rows = unit[[row[iri] for iri in iris]]
        for i, j in np.argwhere(np.triu(rows @ rows.T >= least, 1)):
            pair = (knowledge.concepts[row[iris[i]]], knowledge.concepts[row[iris[j]]])
            likeness = float(rows[i] @ rows[j])
            found.append(AlikePair(name, iris[i], iris[j], likeness, _synonyms(*pair)))
    return tuple(sorted(found, key=lambda p: (-p.likeness, p.classes, p.first)))


def check_scenes(knowledge: SceneKnowledge) -> tuple[str, ...]:
    """What is wrong with scene concepts and class lists.

    Returns:
        One line each: classes of one list that are too alike without being near-synonyms, cover shares that sum to
        more than 1, concepts with fewer than `FEWEST` statements, without one of the relations, a label, a definition
        or a confidence, matches and class lists that point nowhere, and classes of a list that mean the same concept.
    """
    lines = [
        f"{p.classes}: {vocab.curie(p.first)} and {vocab.curie(p.second)} are too alike ({p.likeness:.3f})"
        for p in alike_pairs(knowledge)
        if not p.synonyms
    ]
    known = {c.iri for c in knowledge.concepts} | set(knowledge.parents)
    for concept in knowledge.concepts:
        where = vocab.curie(concept.iri)
        lines += [f"{where}: {what}" for what in _wrong(concept)]
        lines += [f"{where}: matches unknown {to}" for _, to in concept.matches if to not in known]
    for name, listed in knowledge.lists.items():
        lines += [f"class list {name}: {what}" for what in _wrong_list(listed, known)]
    return tuple(lines)


def _wrong(concept: SceneConcept) -> Iterator[str]:
    shares = sum(t.weight for t in concept.triples if t.relation == RELATIONS[0])
    if shares > 1 + 1e-6:
        yield f"cover shares sum to {shares:.2f}, at most 1 expected"
    if len(concept.triples) < FEWEST:
        yield f"{len(concept.triples)} statements, at least {FEWEST} expected"
    for relation in RELATIONS:
        if all(t.relation != relation for t in concept.triples):
            yield f"says nothing about {vocab.curie(relation)}"
    if not (concept.label and concept.label_zh and concept.definition):
        yield "needs a label in English and Chinese and a definition"
    if not 0 < concept.confidence <= 1:
        yield "needs sc:confidence above 0 and at most 1"


def _wrong_list(listed: ClassList, known: set[str]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for one in listed.classes:
        if one.concept not in known:
            yield f"{one.name} means unknown {one.concept}"
        if one.concept in seen:
            yield f"{seen[one.concept]} and {one.name} mean the same {vocab.curie(one.concept)}"
        seen[one.concept] = one.name
    if not listed.source:
        yield "cites no source"


def _synonyms(one: SceneConcept, other: SceneConcept) -> bool:
    says = {(kind, to) for kind, to in one.matches if to == other.iri}
    says |= {(kind, to) for kind, to in other.matches if to == one.iri}
    return any(kind in _SAME for kind, _ in says)
