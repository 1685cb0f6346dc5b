"""RDF terms of an OWL file come in, class expressions go out (OWL 2 Mapping to RDF Graphs, 3.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from kg import vocab
from kg.expressions import And, Expression, Facet, Named, Not, Only, Or, Some

TYPE = vocab.RDF + "type"
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
    "hasValue": "hasValue (`value`) names an individual, and regions have no names",
    "hasSelf": "hasSelf (`Self`) never holds: no region is a neighbour of itself",
    "oneOf": "oneOf lists individuals, and regions have no names",
    "minCardinality": "counting neighbours (`min`) is not compiled; write `some`",
    "minQualifiedCardinality": "counting neighbours (`min`) is not compiled; write `some`",
    "maxCardinality": "counting neighbours (`max`) is not compiled; write `only` or `not ... some`",
    "maxQualifiedCardinality": "counting neighbours (`max`) is not compiled; write `not ... some`",
    "cardinality": "counting neighbours (`exactly`) is not compiled",
    "qualifiedCardinality": "counting neighbours (`exactly`) is not compiled",
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


class Literal(NamedTuple):
    """An RDF literal.

    Attributes:
        value: Its value; numbers are numbers.
        lang: Language tag, or "".
    """

    value: str | int | float
    lang: str = ""


Term = str | Literal
"""IRIs are plain strings, blank nodes are strings that begin with "_:"."""


class UnreadableError(Exception):
    """A node that is no class expression, or one that is refused; the caller says where."""


@dataclass(frozen=True, eq=False)
class Terms:
    """The triples of one file, by subject and predicate.

    Attributes:
        index: subject -> predicate -> objects, in file order.
    """

    index: dict[str, dict[str, list[Term]]]

    def objects(self, subject: str, predicate: str) -> list[Term]:
        """All objects, in file order."""
        return self.index.get(subject, {}).get(predicate, [])

    def nodes(self, subject: str, predicate: str) -> list[str]:
        """The objects that are IRIs or blank nodes."""
        return [term for term in self.objects(subject, predicate) if isinstance(term, str)]

    def typed(self, kind: str) -> list[str]:
        """Subjects with this rdf:type, sorted."""
        return sorted(s for s, row in self.index.items() if kind in row.get(TYPE, ()))

    def pairs(self, predicate: str) -> list[tuple[str, str]]:
        """(subject, object) of each triple with this predicate whose object is a node."""
        return [(s, o) for s in self.index for o in self.nodes(s, predicate)]

    def text(self, subject: str, predicate: str, lang: str = "", *, exact: bool = False) -> str:
        """The literal in this language (unless `exact`, else one without language), or ""."""
        found = [t for t in self.objects(subject, predicate) if isinstance(t, Literal)]
        plain = [] if exact else [t for t in found if not t.lang]
        best = [t for t in found if t.lang == lang] or plain
        return str(best[0].value) if best else ""

    def items(self, head: str) -> list[Term]:
        """Members of an rdf:List.

        Raises:
            UnreadableError: The list is broken or runs in a circle.
        """
        out: list[Term] = []
        seen: set[str] = set()
        while head != vocab.RDF + "nil":
            first, rest = (
                self.objects(head, vocab.RDF + "first"),
                self.nodes(head, vocab.RDF + "rest"),
            )
            if head in seen or len(first) != 1 or len(rest) != 1:
                raise UnreadableError("a list that is broken or runs in a circle")
            seen.add(head)
            out.append(first[0])
            head = rest[0]
        return out


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
            parts = tuple(expression(terms, item, inside) for item in terms.items(head))
            return parts[0] if len(parts) == 1 else kind(parts)
    for part in terms.objects(node, vocab.OWL + "complementOf"):
        return Not(expression(terms, part, inside))
    return _restriction(terms, node, inside)


def _restriction(terms: Terms, node: str, inside: frozenset[str]) -> Expression:
    for name, reason in _REFUSED.items():
        if terms.objects(node, vocab.OWL + name):
            raise UnreadableError(reason)
    roles = terms.nodes(node, vocab.OWL + "onProperty")
    some = terms.nodes(node, vocab.OWL + "someValuesFrom")
    only = terms.nodes(node, vocab.OWL + "allValuesFrom")
    if len(roles) != 1 or len(some) + len(only) != 1:
        raise UnreadableError(
            "an anonymous node that is no class expression (no onProperty with some or only)"
        )
    if roles[0].startswith("_:"):
        raise UnreadableError("an inverse property; name the property itself")
    filler = (some or only)[0]
    if _is_range(terms, filler):
        return _facets(terms, roles[0], filler)
    return (Some if some else Only)(roles[0], expression(terms, filler, inside))


def _is_range(terms: Terms, node: str) -> bool:
    if node.startswith(vocab.XSD) or terms.objects(node, vocab.OWL + "onDatatype"):
        return True
    return vocab.RDFS + "Datatype" in terms.objects(node, TYPE)


def _facets(terms: Terms, role: str, node: str) -> Expression:
    """Bounds on a data property; `some` and `only` mean the same: a region has one value."""
    found: list[Expression] = []
    for head in terms.nodes(node, vocab.OWL + "intersectionOf"):
        found += [_facets(terms, role, item) for item in terms.items(head) if isinstance(item, str)]
    for head in terms.nodes(node, vocab.OWL + "withRestrictions"):
        for item in terms.items(head):
            found += [
                _facet(role, p, o) for p, os in terms.index.get(str(item), {}).items() for o in os
            ]
    if not found:
        raise UnreadableError(
            f"{vocab.curie(role)} has no bound; expected one such as decimal[>= 5]"
        )
    return found[0] if len(found) == 1 else And(tuple(found))


def _facet(role: str, predicate: str, bound: Term) -> Facet:
    if predicate not in _FACETS:
        raise UnreadableError(f"the facet {vocab.curie(predicate)}; expected <, <=, > or >=")
    value = bound.value if isinstance(bound, Literal) else bound
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UnreadableError(f"the bound {value!r} of {vocab.curie(role)} is not a number")
    return Facet(role, _FACETS[predicate], float(value))


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
        kind = "decimal" if isinstance(term.value, float) else "integer"
        value = format(Decimal(str(term.value)), "f")
        return f'"{value}"^^<{vocab.XSD}{kind}>'
    return f"_:f{file}n{term[2:]}" if term.startswith("_:") else f"<{term}>"
