"""Class expressions come in, OWL 2 Manchester syntax goes out (W3C Note, 11 December 2012)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kg import vocab
from kg.axiom import Axiom
from kg.expressions import (
    And,
    Count,
    Expression,
    Facet,
    Named,
    Not,
    Only,
    Or,
    Some,
    is_inverse,
    property_of,
)
from kg.schema import Ontology

_OWL_NAMES = {vocab.OWL + "Thing": "owl:Thing", vocab.OWL + "Nothing": "owl:Nothing"}


def manchester(what: Expression | Axiom, ontology: Ontology) -> str:
    """Write an expression or an axiom the way ontology editors show it.

    Args:
        what: An expression, or a whole axiom (written with `SubClassOf` between its sides).
        ontology: Decides which names are short; others keep their prefix.

    Returns:
        One line, such as `Water and (minWidth some xsd:decimal[>= 5])`. Whatever is not a name
        stands in brackets inside another expression. A tolerance is not part of the syntax.
    """
    name = ontology.short
    if isinstance(what, Axiom):
        return f"{_side(what.left, name)} SubClassOf {_side(what.right, name)}"
    return _side(what, name)


def _side(expression: Expression, name: Callable[[str], str]) -> str:
    if isinstance(expression, Named):
        return _OWL_NAMES.get(expression.iri) or name(expression.iri)
    if isinstance(expression, And | Or):
        word = " and " if isinstance(expression, And) else " or "
        return word.join(_inner(part, name) for part in expression.parts)
    if isinstance(expression, Not):
        return f"not {_inner(expression.part, name)}"
    if isinstance(expression, Some | Only | Count):
        return (
            f"{_role(expression.role, name)} {_word(expression)} {_inner(expression.filler, name)}"
        )
    return _facet(expression, name)


def _role(role: str, name: Callable[[str], str]) -> str:
    return f"{'inverse ' if is_inverse(role) else ''}{name(property_of(role))}"


def _word(expression: Some | Only | Count) -> str:
    if isinstance(expression, Count):
        return f"{expression.word} {expression.number}"
    return "some" if isinstance(expression, Some) else "only"


def _inner(expression: Expression, name: Callable[[str], str]) -> str:
    text = _side(expression, name)
    return text if isinstance(expression, Named) else f"({text})"


def _facet(facet: Facet, name: Callable[[str], str]) -> str:
    number = np.format_float_positional(facet.value, trim="-")
    return f"{name(facet.property)} some xsd:decimal[{facet.op} {number}]"
