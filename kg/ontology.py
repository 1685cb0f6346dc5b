"""Ontologies and rules in OWL come in, frozen class expressions go out. The one door to owlready2."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Named:
    """A named class."""

    iri: str


@dataclass(frozen=True)
class And:
    """Intersection (owl:intersectionOf)."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Or:
    """Union (owl:unionOf)."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Not:
    """Complement (owl:complementOf)."""

    part: Expression


@dataclass(frozen=True)
class Some:
    """Existential restriction (owl:someValuesFrom): at least one `role` neighbour is `filler`."""

    role: str
    filler: Expression


@dataclass(frozen=True)
class Only:
    """Universal restriction (owl:allValuesFrom): every `role` neighbour is `filler`."""

    role: str
    filler: Expression


@dataclass(frozen=True)
class Facet:
    """A bound on a data property, `property some decimal[op value]`.

    Attributes:
        property: Data property IRI (its unit is declared in the core ontology).
        op: "<", "<=", ">" or ">=".
        value: The bound, in the unit of the property.
        tolerance: Half-width of the soft step, same unit; 0 is a hard step.
    """

    property: str
    op: str
    value: float
    tolerance: float = 0.0


Expression = Named | And | Or | Not | Some | Only | Facet


@dataclass(frozen=True)
class Axiom:
    """`left SubClassOf right`, with how strongly it is believed and who says so.

    Attributes:
        iri: Identifier of the rule (the value of its `dct:identifier` annotation expanded, or minted from its content).
        label: Short English name (rdfs:label@en); shown in tables and sentences.
        label_zh: Chinese name, or "".
        left, right: Class expressions.
        weight: Nats per pixel of violation; ignored when `hard`.
        hard: The axiom removes labels instead of penalising them.
        citation: Source of the knowledge (dct:source / dct:bibliographicCitation).
        file: File it was read from (name only).
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
