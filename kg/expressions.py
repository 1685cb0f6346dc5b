"""Class expressions: frozen trees, and what can be asked of them alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

HARD_WEIGHT = 10.0
"""Nats per pixel of a hard axiom where it acts as a penalty (it depends on a neighbour)."""

INVERSE = "^"
"""In front of a property IRI: the same property read backwards (owl:inverseOf)."""


def is_inverse(role: str) -> bool:
    """Whether a role is a property read backwards."""
    return role.startswith(INVERSE)


def property_of(role: str) -> str:
    """The property IRI of a role, whichever way it is read."""
    return role.removeprefix(INVERSE)


def inverse(role: str) -> str:
    """The role read the other way round; twice is the role itself."""
    return role.removeprefix(INVERSE) if is_inverse(role) else INVERSE + role


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
    """Existential restriction (owl:someValuesFrom): at least one `role` neighbour is `filler`.

    A role is a property IRI, or `INVERSE` and a property IRI; the same holds for `Only` and `Count`.
    """

    role: str
    filler: Expression


@dataclass(frozen=True)
class Only:
    """Universal restriction (owl:allValuesFrom): every `role` neighbour is `filler`."""

    role: str
    filler: Expression


@dataclass(frozen=True)
class Count:
    """Cardinality restriction: from `low` to `high` `role` neighbours are `filler`.

    One of `min` (high None), `max` (low 0) and `exactly` (low == high), as OWL 2 has them; unqualified ones
    have owl:Thing as filler.

    Raises:
        ValueError: Bounds that are none of these.
    """

    role: str
    low: int
    high: int | None
    filler: Expression

    def __post_init__(self) -> None:
        if self.low < 0 or (self.high is not None and self.low not in (0, self.high)):
            raise ValueError(f"{self.low} to {self.high} is no min, max or exactly")

    @property
    def word(self) -> str:
        """Its keyword: `min`, `max` or `exactly`."""
        if self.high is None:
            return "min"
        return "exactly" if self.low else "max"

    @property
    def number(self) -> int:
        """The number that stands behind the word."""
        return self.low if self.high is None else self.high


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


Expression = Named | And | Or | Not | Some | Only | Count | Facet


_JOINED, _RELATED = (And, Or), (Some, Only, Count)


def children(expression: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside this one."""
    if isinstance(expression, _JOINED):
        return expression.parts
    if isinstance(expression, Not):
        return (expression.part,)
    if isinstance(expression, _RELATED):
        return (expression.filler,)
    return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """This expression and everything inside it, depth first, left to right."""
    waiting = [expression]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(children(one)))


def key(expression: Expression) -> tuple[object, ...]:
    """A hashable form, equal when only the order of `and` / `or` operands differs.

    Two nodes of a file mean the same expression exactly when their keys are equal (OWL 2 structural
    specification, section 2.1: operands are a set).
    """
    name = type(expression).__name__
    if isinstance(expression, And | Or):
        return (name, *sorted({key(part) for part in expression.parts}, key=repr))
    if isinstance(expression, Not):
        return (name, key(expression.part))
    if isinstance(expression, Some | Only):
        return (name, expression.role, key(expression.filler))
    if isinstance(expression, Count):
        bounds = (expression.low, -1 if expression.high is None else expression.high)
        return (name, expression.role, *bounds, key(expression.filler))
    if isinstance(expression, Facet):
        return (name, expression.property, expression.op, expression.value, expression.tolerance)
    return (name, expression.iri)


def rebuild(expression: Expression, parts: tuple[Expression, ...]) -> Expression:
    """The same expression with other children, as many as `children` gives."""
    if isinstance(expression, And | Or):
        return replace(expression, parts=parts)
    if isinstance(expression, Not):
        return Not(parts[0])
    if isinstance(expression, Some | Only | Count):
        return replace(expression, filler=parts[0])
    return expression


def soften(expression: Expression, property: str, tolerance: float) -> Expression:
    """The same expression with this tolerance on each bound of this data property."""
    if isinstance(expression, Facet) and expression.property == property:
        return replace(expression, tolerance=tolerance)
    parts = tuple(soften(part, property, tolerance) for part in children(expression))
    return rebuild(expression, parts)


def without_tolerance(expression: Expression) -> Expression:
    """The same expression with hard steps: what a file states, before its annotations."""
    if isinstance(expression, Facet):
        return replace(expression, tolerance=0.0)
    return rebuild(expression, tuple(map(without_tolerance, children(expression))))
