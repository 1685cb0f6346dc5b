"""Class expressions and a legend come in; plain expressions and what labels they allow go out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeGuard

import numpy as np

from kg import vocab
from kg.expressions import children, property_of, rebuild, walk
from kg.legend import Legend
from kg.ontology import (
    And,
    Axiom,
    Count,
    Expression,
    Facet,
    Named,
    Not,
    Only,
    Ontology,
    Or,
    Some,
)
from kg.owl import NOTHING, THING
from reasoning.logic.truth import Floats

_REGION = vocab.CORE + "Region"
_FLIPPED = {"<": ">=", "<=": ">"}


class UnusableError(Exception):
    """An expression that cannot be compiled; the caller says in which rule."""


def names_used(
    axioms: Iterable[Axiom], ontology: Ontology
) -> tuple[frozenset[str], frozenset[str]]:
    """Roles and data properties of rules, directly or through definitions of the classes that they name.

    Args:
        axioms: Rules.
        ontology: Holds the definitions.

    Returns:
        Roles (read backwards: with `INVERSE` in front) and data property IRIs.
    """
    roles: set[str] = set()
    properties: set[str] = set()
    defined: set[str] = set()
    waiting = [side for axiom in axioms for side in (axiom.left, axiom.right)]
    while waiting:
        for part in walk(waiting.pop()):
            if isinstance(part, Some | Only | Count):
                roles.add(part.role)
            elif isinstance(part, Facet):
                properties.add(part.property)
            elif isinstance(part, Named):
                new = ontology.below(part.iri).intersection(ontology.definitions) - defined
                defined |= new
                waiting += [other for name in sorted(new) for other in ontology.definitions[name]]
    return frozenset(roles), frozenset(properties)


def wanted(axioms: Iterable[Axiom], ontology: Ontology) -> frozenset[str]:
    """Properties whose facts rules ask for.

    Args:
        axioms: Rules.
        ontology: Holds definitions, sub-properties, inverses and chains.

    Returns:
        IRIs of data properties and of object properties: those named directly, through definitions, and those that
        a property may be made of (sub-properties, inverses, members of chains).
    """
    roles, properties = names_used(axioms, ontology)
    return ontology.roles.needed(roles) | properties


@dataclass(frozen=True, eq=False)
class Labels:
    """What class expressions mean for the labels of a legend.

    Attributes:
        legend: Its classes are the labels that a region may have.
        ontology: Decides which labels are below a class.
    """

    legend: Legend
    ontology: Ontology

    def expand(self, expression: Expression, inside: frozenset[str] = frozenset()) -> Expression:
        """Write an expression with `and`, `or`, `not`, `some`, `min n`, told classes and lower bounds only.

        `only` becomes `not some not`, `max n` becomes `not min n + 1`, `exactly n` becomes both, `min 1` becomes
        `some`, `x < v` becomes `not x >= v`, and a class becomes a union with the definitions of the classes below
        it, where these say more than their names.

        Raises:
            UnusableError: A class is defined through itself, or evidence is counted.
        """
        if isinstance(expression, Named):
            return self._expand_class(expression.iri, inside)
        if isinstance(expression, Some | Only | Count):
            return self._expand_relation(expression, inside)
        if isinstance(expression, Facet) and expression.op in _FLIPPED:
            return Not(replace(expression, op=_FLIPPED[expression.op]))
        done = rebuild(
            expression, tuple(self.expand(part, inside) for part in children(expression))
        )
        if isinstance(done, Not) and isinstance(done.part, Not):
            return done.part.part
        return done

    def _expand_relation(self, relation: Some | Only | Count, inside: frozenset[str]) -> Expression:
        role = relation.role
        if property_of(role) in vocab.EVIDENCE_ROLES:
            return _covered(relation)
        if isinstance(relation, Only):
            return Not(Some(role, self.expand(Not(relation.filler), inside)))
        filler = self.expand(relation.filler, inside)
        if isinstance(relation, Some):
            return Some(role, filler)
        least = _at_least(role, relation.low, filler)
        if relation.high is None:
            return least
        most = Not(_at_least(role, relation.high + 1, filler))
        return And((least, most)) if relation.low else most

    def _expand_class(self, iri: str, inside: frozenset[str]) -> Expression:
        parts: list[Expression] = [Named(iri)]
        below = self.ontology.below(iri)
        for name in sorted(below & self.ontology.definitions.keys()):
            if name in inside:
                if name == iri:
                    raise UnusableError(f"{vocab.curie(iri)} is defined through itself")
                continue  # only below the class: adds nothing to what is told
            for other in self.ontology.definitions[name]:
                if not _implies(other, below):
                    parts.append(self.expand(other, inside | {name}))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def below(self, iri: str) -> Floats:
        """(label,) 1.0 where the label is told to be below this class; not to be written to."""
        if iri not in self._rows:
            self._rows[iri] = self._row(iri)
        return self._rows[iri]

    @cached_property
    def _rows(self) -> dict[str, Floats]:
        return {}

    def _row(self, iri: str) -> Floats:
        below = self.ontology.below(iri)
        if iri == THING or _REGION in below:
            return np.ones(len(self.legend.classes))
        if iri == NOTHING:
            return np.zeros(len(self.legend.classes))
        return np.array(
            [
                float(c.kind in below or iri == c.iri or iri in c.broader)
                for c in self.legend.classes
            ]
        )

    def bounds(self, expression: Expression) -> tuple[Floats, Floats]:
        """(label,) least and greatest truth that an expanded expression can have, whatever the facts are."""
        if isinstance(expression, Named):
            row = self.below(expression.iri)
            return row, row
        if isinstance(expression, Not):
            low, high = self.bounds(expression.part)
            return 1 - high, 1 - low
        zeros, ones = np.zeros(len(self.legend.classes)), np.ones(len(self.legend.classes))
        if isinstance(expression, And | Or):
            every = [self.bounds(part) for part in expression.parts]
            pick = np.minimum if isinstance(expression, And) else np.maximum
            start = ones if isinstance(expression, And) else zeros
            lows, highs = zip(*every, strict=True) if every else ((), ())
            return pick.reduce([start, *lows]), pick.reduce([start, *highs])
        if is_link(expression):
            return zeros, ones * self.bounds(expression.filler)[1].max()
        return zeros, ones


def is_link(expression: Expression) -> TypeGuard[Some | Count]:
    """Whether this part of an expanded expression is a relation to other regions."""
    return isinstance(expression, Some | Count) and expression.role not in vocab.EVIDENCE_ROLES


def _at_least(role: str, number: int, filler: Expression) -> Expression:
    """`role min number filler`; of 1 `some`, of 0 everything."""
    if number == 0:
        return Named(THING)
    return Some(role, filler) if number == 1 else Count(role, number, None, filler)


def _covered(expression: Some | Only | Count) -> Expression:
    """`coveredBy` and the like as `some`, whose filler is not expanded: it names evidence, not labels."""
    name = property_of(expression.role).removeprefix(vocab.CORE)
    if expression.role not in vocab.EVIDENCE_ROLES:
        raise UnusableError(f"{name} read backwards; it leads from a region to evidence only")
    if isinstance(expression, Count):
        raise UnusableError(f"{name} with a count, and evidence is a share; write `{name} some`")
    if isinstance(expression, Only):
        return Not(Some(expression.role, Not(expression.filler)))
    return expression


def _implies(definition: Expression, below: frozenset[str]) -> bool:
    """Whether a definition has a named part that the class covers anyway."""
    parts = definition.parts if isinstance(definition, And) else (definition,)
    return any(isinstance(part, Named) and part.iri in below for part in parts)
