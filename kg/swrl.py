"""A SWRL rule of an OWL file comes in; the two sides of the class axiom that says the same go out.

A rule whose body is a tree with the variable of the head as its root is a class axiom ("rolling up"):
`Water(?x) ^ adjacentTo(?x, ?y) ^ Road(?y) -> Canal(?x)` is `Water and (adjacentTo some Road) SubClassOf Canal`.
(W3C Member Submission SWRL, 21 May 2004: section 2 for the meaning, 6 for the RDF, 8 for the built-ins.)
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from kg import owl
from kg.expressions import And, Expression, Facet, Named, Some, inverse
from kg.owl import UnreadableError
from kg.terms import TYPE, Literal, Term, Terms

SWRL = "http://www.w3.org/2003/11/swrl#"
SWRLB = "http://www.w3.org/2003/11/swrlb#"
RULE = SWRL + "Imp"

_ENABLED = "http://swrl.stanford.edu/ontologies/3.3/swrla.owl#isRuleEnabled"
_COMPARE = {
    SWRLB + "greaterThan": ">",
    SWRLB + "greaterThanOrEqual": ">=",
    SWRLB + "lessThan": "<",
    SWRLB + "lessThanOrEqual": "<=",
}
_SWAPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_REFUSED = {
    "DifferentIndividualsAtom": "differentFrom; write `min 2` in a class axiom, such as `near min 2 Building`",
    "SameIndividualAtom": "sameAs; write the two variables as one",
}


def is_enabled(terms: Terms, rule: str) -> bool:
    """Whether the rule is switched on (Protégé's SWRLTab can switch it off)."""
    return terms.text(rule, _ENABLED).lower() not in ("false", "0")


def class_axiom(terms: Terms, rule: str) -> tuple[Expression, Expression]:
    """The subclass and the superclass that a rule stands for.

    Args:
        terms: The file.
        rule: The swrl:Imp node.

    Raises:
        UnreadableError: The body is no tree rooted in the head's variable, the head is not one class, or an atom is
            refused, with the reason.
    """
    heads = _atoms(terms, rule, "head")
    if len(heads) != 1:
        raise UnreadableError(
            f"{len(heads)} atoms in its head; expected one class: write a rule for each"
        )
    if _kind(terms, heads[0]) != "ClassAtom":
        raise UnreadableError(
            "a head that is no class; what regions are to each other is measured, not inferred"
        )
    root = _variable(terms, heads[0], "argument1")
    body = _Body(terms)
    for atom in _atoms(terms, rule, "body"):
        body.read(atom)
    return body.rolled_up(root), _class(terms, heads[0])


_Bound = tuple[str, float] | str
"""An operator and a number, or the node of a data range."""


@dataclass
class _Body:
    """Atoms of a body, by variable."""

    terms: Terms
    classes: dict[str, list[Expression]] = field(default_factory=lambda: defaultdict(list))
    links: list[tuple[str, str, str]] = field(default_factory=list)
    values: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    bounds: dict[str, list[_Bound]] = field(default_factory=lambda: defaultdict(list))

    def read(self, atom: str) -> None:
        """Take up one atom."""
        terms, kind = self.terms, _kind(self.terms, atom)
        if kind in _REFUSED:
            raise UnreadableError(_REFUSED[kind])
        if kind == "BuiltinAtom":
            self._read_builtin(atom)
            return
        one = _variable(terms, atom, "argument1")
        if kind == "ClassAtom":
            self.classes[one].append(_class(terms, atom))
        elif kind == "IndividualPropertyAtom":
            self.links.append((_property(terms, atom), one, _variable(terms, atom, "argument2")))
        elif kind == "DatavaluedPropertyAtom":
            self.values[_variable(terms, atom, "argument2")].append((one, _property(terms, atom)))
        elif kind == "DataRangeAtom":
            self.bounds[one] += terms.nodes(atom, SWRL + "dataRange")
        else:
            raise UnreadableError(f"an atom of the kind {kind or 'nothing'!r}")

    def _read_builtin(self, atom: str) -> None:
        names = self.terms.nodes(atom, SWRL + "builtin")
        name = names[0] if names else ""
        if name not in _COMPARE:
            raise UnreadableError(
                f"the built-in {_local(name) or 'without name'}; only greaterThan, greaterThanOrEqual, lessThan and "
                "lessThanOrEqual are compiled"
            )
        heads = self.terms.nodes(atom, SWRL + "arguments")
        arguments = owl.members(self.terms, heads[0]) if heads else []
        if len(arguments) != 2:
            raise UnreadableError(f"{_local(name)} with {len(arguments)} arguments; expected 2")
        numbers = [isinstance(argument, Literal) for argument in arguments]
        if sum(numbers) != 1:
            raise UnreadableError(
                f"{_local(name)} between two variables; expected a variable and a number"
            )
        op = _SWAPPED[_COMPARE[name]] if numbers[0] else _COMPARE[name]
        bound, variable = sorted(arguments, key=lambda argument: isinstance(argument, str))
        number = _number(bound, name)
        self.bounds[str(variable)].append((op, number))

    def rolled_up(self, root: str) -> Expression:
        """The class of what the root can be."""
        seen: set[str] = {root}
        found = self._concept(root, None, seen)
        every = [*self.classes, *(v for _, *ends in self.links for v in ends)]
        every += [owner for pairs in self.values.values() for owner, _ in pairs]
        for variable in every:
            if variable not in seen:
                raise UnreadableError(
                    f"{_shown(variable)}, which is not connected to {_shown(root)}"
                )
        for variable in self.bounds:
            if variable not in self.values:
                raise UnreadableError(
                    f"a bound on {_shown(variable)}, which is the value of no data property"
                )
        if found == Named(owl.THING):
            raise UnreadableError(f"nothing about {_shown(root)} in its body")
        return found

    def _concept(self, variable: str, came: int | None, seen: set[str]) -> Expression:
        """What is said about a variable, and about those behind it; `came` is the link that led here."""
        parts = [*self.classes.get(variable, ()), *self._facets(variable)]
        for place, (role, start, end) in enumerate(self.links):
            if place != came and variable in (start, end):
                other = end if start == variable else start
                if other in seen:
                    raise UnreadableError(
                        f"a circle through {_shown(variable)} and {_shown(other)}; the body must be a tree"
                    )
                seen.add(other)
                forwards = role if start == variable else inverse(role)
                parts.append(Some(forwards, self._concept(other, place, seen)))
        if not parts:
            return Named(owl.THING)
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _facets(self, owner: str) -> list[Expression]:
        found: list[Expression] = []
        for value, pairs in self.values.items():
            if owner not in [variable for variable, _ in pairs]:
                continue
            if len(pairs) > 1:
                raise UnreadableError(
                    f"{_shown(value)}, the value of two properties; compare each with a number"
                )
            if not self.bounds.get(value):
                raise UnreadableError(f"{_shown(value)} without a bound; compare it with a number")
            found += [self._bounded(pairs[0][1], bound) for bound in self.bounds[value]]
        return found

    def _bounded(self, property: str, bound: _Bound) -> Expression:
        if isinstance(bound, str):
            return owl.values(self.terms, property, bound)
        return Facet(property, *bound)


def _atoms(terms: Terms, rule: str, side: str) -> Sequence[str]:
    heads = terms.nodes(rule, SWRL + side)
    if len(heads) != 1:
        raise UnreadableError(f"no {side}")
    return [str(atom) for atom in owl.members(terms, heads[0])]


def _kind(terms: Terms, atom: str) -> str:
    kinds = [k for k in terms.nodes(atom, TYPE) if k.startswith(SWRL)]
    return _local(kinds[0]) if kinds else ""


def _class(terms: Terms, atom: str) -> Expression:
    found = terms.objects(atom, SWRL + "classPredicate")
    if len(found) != 1:
        raise UnreadableError("a class atom without class")
    return owl.expression(terms, found[0])


def _property(terms: Terms, atom: str) -> str:
    found = terms.nodes(atom, SWRL + "propertyPredicate")
    if len(found) != 1:
        raise UnreadableError("a property atom without property")
    return owl.role(terms, found[0])


def _variable(terms: Terms, atom: str, argument: str) -> str:
    found = terms.objects(atom, SWRL + argument)
    if len(found) != 1:
        raise UnreadableError(f"an atom without {argument}")
    one = found[0]
    if isinstance(one, Literal):
        raise UnreadableError(
            f"the value {one.value!r}, and no measure is ever exactly a number; write a variable and compare it"
        )
    if SWRL + "Variable" not in terms.nodes(one, TYPE):
        raise UnreadableError(
            f"the individual {_local(one)}, and regions have no names; write a class"
        )
    return one


def _number(bound: Term, name: str) -> float:
    value = bound.value if isinstance(bound, Literal) else bound
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise UnreadableError(f"{_local(name)} with {value!r}; expected a number")
    return float(value)


def _local(iri: str) -> str:
    return iri[max(iri.rfind("#"), iri.rfind("/"), iri.rfind(":")) + 1 :]


def _shown(variable: str) -> str:
    return f"?{_local(variable)}"
