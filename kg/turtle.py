"""Names, literals and class expressions come in, the Turtle text of each goes out."""

from __future__ import annotations

import re

import numpy as np

from kg import vocab
from kg.expressions import (
    And,
    Count,
    Expression,
    Facet,
    Named,
    Not,
    Or,
    Some,
    is_inverse,
    property_of,
)

PREFIXES = ("ll", "owl", "rdf", "rdfs", "xsd", "dct")

_LOCAL = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_FACETS = {">=": "minInclusive", ">": "minExclusive", "<=": "maxInclusive", "<": "maxExclusive"}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def prefixes() -> str:
    """The @prefix lines that the other functions rely on."""
    return "".join(f"@prefix {name}: <{vocab.PREFIXES[name]}> .\n" for name in PREFIXES)


def name(iri: str) -> str:
    """An IRI, with a prefix where that is possible."""
    prefix, _, local = vocab.curie(iri).partition(":")
    return f"{prefix}:{local}" if prefix in PREFIXES and _LOCAL.fullmatch(local) else f"<{iri}>"


def literal(value: str | float, lang: str = "") -> str:
    """A literal: text (with its language), a truth value or a decimal number."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = "".join(_ESCAPES.get(letter, letter) for letter in value)
        return f'"{text}"' + (f"@{lang}" if lang else "")
    return np.format_float_positional(value, trim="0")


def role(over: str) -> str:
    """A property, or the anonymous inverse of one (OWL 2 Mapping to RDF Graphs, table 1)."""
    plain = name(property_of(over))
    return f"[ owl:inverseOf {plain} ]" if is_inverse(over) else plain


def expression(what: Expression) -> str:
    """A class expression as a name or as a nested blank node (OWL 2 Mapping to RDF Graphs, table 1).

    Tolerances are left out: they are annotations of the axiom.
    """
    return name(what.iri) if isinstance(what, Named) else f"[ {inside(what)} ]"


def inside(what: Expression) -> str:
    """The same without the brackets, so that the node can be given a label of its own.

    Raises:
        ValueError: A named class, which is no blank node.
    """
    if isinstance(what, Named):
        raise ValueError(f"{what.iri} is no blank node")
    if isinstance(what, And | Or):
        kind = "intersectionOf" if isinstance(what, And) else "unionOf"
        return f"a owl:Class ; owl:{kind} ( {' '.join(map(expression, what.parts))} )"
    if isinstance(what, Not):
        return f"a owl:Class ; owl:complementOf {expression(what.part)}"
    if isinstance(what, Facet):
        bound = f"[ xsd:{_FACETS[what.op]} {literal(what.value)} ]"
        range_ = (
            f"[ a rdfs:Datatype ; owl:onDatatype xsd:decimal ; owl:withRestrictions ( {bound} ) ]"
        )
        return f"a owl:Restriction ; owl:onProperty {name(what.property)} ; owl:someValuesFrom {range_}"
    start = f"a owl:Restriction ; owl:onProperty {role(what.role)}"
    filler = expression(what.filler)
    if isinstance(what, Count):
        word = {"min": "minQualified", "max": "maxQualified", "exactly": "qualified"}[what.word]
        number = f'"{what.number}"^^xsd:nonNegativeInteger'
        return f"{start} ; owl:{word}Cardinality {number} ; owl:onClass {filler}"
    return f"{start} ; owl:{'some' if isinstance(what, Some) else 'all'}ValuesFrom {filler}"
