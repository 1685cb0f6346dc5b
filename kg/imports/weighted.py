"""A statement of ours with its weight and what is told about it comes in, subjects with their pairs go out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from kg import vocab
from kg.imports.interpreter import Interpreter
from kg.imports.vocabulary import Meaning
from kg.scenes import RELATIONS, SCENE_CLASS
from kg.statements import Statements, decimal, iri

LEAST = 0.0005
"""Least weight: three digits are written."""


def weighted(
    interpreter: Interpreter,
    head: Meaning,
    relation: Meaning,
    value: str,
    weight: float | None = None,
    notes: Sequence[tuple[str, str]] = (),
) -> list[Statements]:
    """A plain triple, or the pattern of weighted statements where there is a weight or a note, or scenes need one.

    Args:
        interpreter: Knows the name of the graph and the weight of statements that say none.
        head: Of ours.
        relation: Of ours.
        value: Tail in N-Triples syntax.
        weight: In (0, 1], or None where nothing says it.
        notes: (predicate IRI, value in N-Triples syntax) about the statement itself.
    """
    said = relation.weight if weight is None else weight
    if said is None and not notes and relation.iri not in RELATIONS:
        return [(head.iri, [(relation.iri, value)])]
    strength = interpreter.mapping.unknown.weight if said is None else said
    pairs = [(vocab.VALUE, value), (vocab.WEIGHT, decimal(strength)), *notes]
    words = " ".join((head.iri, relation.iri, *(part for pair in pairs for part in pair)))
    number = hashlib.sha256(words.encode()).hexdigest()[:16]  # the same statement has the same node
    node = f"{vocab.ID}{interpreter.mapping.name}/statement/{number}"
    kind = [(vocab.RDF + "type", iri(SCENE_CLASS))]
    own = kind if head.by == "kept" and relation.iri in RELATIONS else []
    return [(head.iri, [*own, (relation.iri, iri(node))]), (node, pairs)]
