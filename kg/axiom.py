"""A rule as it is written: two class expressions, with weight, citation and the file that says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kg.expressions import Expression

if TYPE_CHECKING:
    from kg.schema import Ontology


@dataclass(frozen=True)
class Axiom:
    """`left SubClassOf right`, with how strongly it is believed and who says so.

    Attributes:
        iri: `vocab.RULE` + its dct:identifier; without one, minted from its content.
        label: Short English name (rdfs:label@en); shown in tables and sentences.
        label_zh: Chinese name, or "".
        left, right: Class expressions.
        weight: Nats per pixel of violation; of a `hard` axiom only where it must act as a penalty.
        hard: The axiom removes labels instead of penalising them.
        citation: Source of the knowledge (dct:source / dct:bibliographicCitation).
        file: File it was read from (name only).
        comment: The axiom in Manchester syntax as its file states it (rdfs:comment), or "".
        ontology: The schema that its names are declared in, where rule files declare names of their own; None:
            the one that the rules were read with.
    """

    iri: str
    label: str
    label_zh: str
    left: Expression
    right: Expression
    weight: float
    hard: bool
    citation: str
    file: str
    comment: str = ""
    ontology: Ontology | None = field(default=None, repr=False, compare=False)
