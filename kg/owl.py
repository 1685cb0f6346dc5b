"""RDF terms of an OWL file come in, class expressions go out (OWL 2 Mapping to RDF Graphs, 3.2)."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from decimal import Decimal

from kg import vocab
from kg.expressions import And, Count, Expression, Facet, Named, Not, Only, Or, Some, inverse
from kg.terms import TYPE, Literal, Term, Terms

SUBCLASS = vocab.RDFS + "subClassOf"
EQUIVALENT = vocab.OWL + "equivalentClass"
DISJOINT = vocab.OWL + "disjointWith"
THING = vocab.OWL + "Thing"
NOTHING = vocab.OWL + "Nothing"

_FACETS = {
    vocab.XSD + "minInclusive": ">=",
    vocab.XSD + "minExclusive": ">",
    vocab.XSD + "maxInclusive": "<=",
    vocab.XSD + "maxExclusive": "<",
}
_REFUSED = {
    "hasValue": "hasValue (`value`) names one individual or value, and regions have no names; write `some` "
    "with a class or with bounds such as decimal[>= 5]",
    "hasSelf": "hasSelf (`Self`) never holds: no region is a neighbour of itself; leave it out",
    "oneOf": "oneOf (`{...}`) lists individuals, and regions have no names; write a class",
    "onDataRange": "counting values (`min`, `max`, `exactly`): a region has one value of each data property; "
    "write `some` with bounds such as decimal[>= 5]",
    "onProperties": "a restriction on several properties at once; write one restriction for each",
}
_COUNTS = {
    "minCardinality": "min",
    "minQualifiedCardinality": "min",
    "maxCardinality": "max",
    "maxQualifiedCardinality": "max",
    "cardinality": "exactly",
    "qualifiedCardinality": "exactly",
}

_DEEPEST = 100
_SCHEMA = (vocab.RDF, vocab.RDFS, vocab.OWL, vocab.XSD)
_ASIDE = {
    vocab.RDFS + "label",
    vocab.RDFS + "comment",
    vocab.RDFS + "isDefinedBy",
    vocab.RDFS + "seeAlso",
    vocab.OWL + "imports",
    vocab.OWL + "versionIRI",
    vocab.OWL + "versionInfo",
}


class UnreadableError(Exception):
    """A node that is no class expression, or one that is refused; the caller says where."""


def expression(terms: Terms, node: Term, above: frozenset[str] = frozenset()) -> Expression:
    """The class expression that a node stands for.

    Args:
        terms: The file.
        node: IRI of a class, or blank node of an anonymous class.
        above: Nodes that this one is inside of (to notice circles).

    Raises:
        UnreadableError: Not a class expression, or a construct that is refused, with the reason.
    """
    if isinstance(node, Literal):
        raise UnreadableError(f"the literal {node.value!r} stands where a class should")
    if not node.startswith("_:"):
        return Named(node)
    if node in above:
        raise UnreadableError("an anonymous class that contains itself")
    if len(above) > _DEEPEST:
        raise UnreadableError(f"classes nested more than {_DEEPEST} deep")
    inside = above | {node}
    for name, kind in (("intersectionOf", And), ("unionOf", Or)):
        for head in terms.nodes(node, vocab.OWL + name):
            parts = tuple(expression(terms, item, inside) for item in members(terms, head))
            return parts[0] if len(parts) == 1 else kind(parts)
    for part in terms.objects(node, vocab.OWL + "complementOf"):
        return Not(expression(terms, part, inside))
    return _restriction(terms, node, inside)


def members(terms: Terms, head: str) -> list[Term]:
    """Members of an rdf:List.

    Raises:
        UnreadableError: The list is broken or runs in a circle.
    """
    found = terms.items(head)
    if found is None:
        raise UnreadableError("a list that is broken or runs in a circle")
    return found


def role(terms: Terms, node: str) -> str:
    """The role that a node stands for: a property, or one read backwards (owl:inverseOf).

    Raises:
        UnreadableError: An anonymous node that is no inverse.
    """
    if not node.startswith("_:"):
        return node
    found = terms.nodes(node, vocab.OWL + "inverseOf")
    if len(found) != 1 or found[0] == node:
        raise UnreadableError("an anonymous property that is no inverse of a property")
    return inverse(role(terms, found[0]))


def _restriction(terms: Terms, node: str, inside: frozenset[str]) -> Expression:
    for name, reason in _REFUSED.items():
        if terms.objects(node, vocab.OWL + name):
            raise UnreadableError(reason)
    roles = terms.nodes(node, vocab.OWL + "onProperty")
    some = terms.nodes(node, vocab.OWL + "someValuesFrom")
    only = terms.nodes(node, vocab.OWL + "allValuesFrom")
    counts = [(w, t) for n, w in _COUNTS.items() for t in terms.objects(node, vocab.OWL + n)]
    if len(roles) != 1 or len(some) + len(only) + len(counts) != 1:
        raise UnreadableError(
            "an anonymous node that is no class expression (no onProperty with some, only, min, max or exactly)"
        )
    if counts:
        return _count(terms, node, role(terms, roles[0]), inside)
    filler = (some or only)[0]
    if _is_range(terms, filler):
        return values(terms, roles[0], filler)
    return (Some if some else Only)(role(terms, roles[0]), expression(terms, filler, inside))


def _count(terms: Terms, node: str, over: str, inside: frozenset[str]) -> Count:
    """A cardinality restriction; an unqualified one counts owl:Thing (OWL 2, 8.3)."""
    ((word, said),) = (
        (w, t) for n, w in _COUNTS.items() for t in terms.objects(node, vocab.OWL + n)
    )
    number = said.value if isinstance(said, Literal) else said
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise UnreadableError(f"`{word} {number}`; expected a whole number of at least 0")
    fillers = terms.objects(node, vocab.OWL + "onClass") or [THING]
    filler = expression(terms, fillers[0], inside)
    low, high = {"min": (number, None), "max": (0, number), "exactly": (number, number)}[word]
    return Count(over, low, high, filler)


def _is_range(terms: Terms, node: str) -> bool:
    if node.startswith(vocab.XSD) or terms.objects(node, vocab.OWL + "onDatatype"):
        return True
    return vocab.RDFS + "Datatype" in terms.objects(node, TYPE)


def values(terms: Terms, property: str, node: str) -> Expression:
    """Bounds on a data property; `some` and `only` mean the same: a region has one value.

    Args:
        terms: The file.
        property: The data property.
        node: A data range: a datatype with facets, or an intersection, union or complement of such.

    Raises:
        UnreadableError: The range has no bound, or is something else.
    """
    for name, kind in (("intersectionOf", And), ("unionOf", Or)):
        for head in terms.nodes(node, vocab.OWL + name):
            parts = tuple(values(terms, property, str(item)) for item in members(terms, head))
            return parts[0] if len(parts) == 1 else kind(parts)
    for part in terms.nodes(node, vocab.OWL + "datatypeComplementOf"):
        return Not(values(terms, property, part))
    if terms.objects(node, vocab.OWL + "oneOf"):
        raise UnreadableError(
            f"a list of values of {vocab.curie(property)}, and no measure is ever exactly one of them; write bounds"
        )
    found = [
        _facet(property, p, o)
        for head in terms.nodes(node, vocab.OWL + "withRestrictions")
        for item in members(terms, head)
        for p, os in terms.index.get(str(item), {}).items()
        for o in os
    ]
    if not found:
        raise UnreadableError(
            f"{vocab.curie(property)} has no bound; expected one such as decimal[>= 5]"
        )
    return found[0] if len(found) == 1 else And(tuple(found))


def _facet(property: str, predicate: str, bound: Term) -> Facet:
    if predicate not in _FACETS:
        raise UnreadableError(f"the facet {vocab.curie(predicate)}; expected <, <=, > or >=")
    value = bound.value if isinstance(bound, Literal) else bound
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UnreadableError(f"the bound {value!r} of {vocab.curie(property)} is not a number")
    return Facet(property, _FACETS[predicate], float(value))


def schema_ntriples(files: Sequence[Terms]) -> str:
    """The axioms of several files as N-Triples, for a reasoner: no annotations, no imports."""
    lines: list[str] = []
    for number, terms in enumerate(files):
        for subject, row in terms.index.items():
            if vocab.OWL + "Axiom" in row.get(TYPE, ()):
                continue
            for predicate, objects in row.items():
                if predicate.startswith(_SCHEMA) and predicate not in _ASIDE:
                    for term in objects:
                        lines.append(
                            f"{_node(subject, number)} <{predicate}> {_node(term, number)} .\n"
                        )
    return "".join(lines)


def _node(term: Term, file: int) -> str:
    if isinstance(term, Literal):
        if isinstance(term.value, str):
            kind = "boolean" if term.value in ("true", "false") else "string"
            return f"{json.dumps(term.value)}^^<{vocab.XSD}{kind}>"
        kind = "decimal" if isinstance(term.value, float) else "integer"
        value = format(Decimal(str(term.value)), "f")
        return f'"{value}"^^<{vocab.XSD}{kind}>'
    return f"_:f{file}n{term[2:]}" if term.startswith("_:") else f"<{term}>"
