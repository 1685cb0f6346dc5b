"""Class expressions, legends and an ontology come in; what is wrong with their names goes out."""

from __future__ import annotations

from collections.abc import Collection

from kg import vocab
from kg.errors import LegendError
from kg.expressions import Count, Expression, Facet, Named, Only, Some, property_of, walk
from kg.legend import Legend
from kg.owl import NOTHING, THING
from kg.schema import Ontology
from kg.spelling import near_names


def check_names(expression: Expression, ontology: Ontology) -> str:
    """What is wrong with the names of an expression, with the nearest known name; "" when all are known.

    Classes of legends and those of OWL itself (owl:Thing) need no declaration.
    """
    return next(filter(None, (_wrong(part, ontology) for part in walk(expression))), "")


def check_legend(legend: Legend, ontology: Ontology) -> None:
    """Make sure that the ontology knows what the classes of a legend are.

    Raises:
        LegendError: A class is said to be something that the ontology does not declare; no rule would ever see it.
    """
    for one in legend.classes:
        if one.kind and not ontology.is_class(one.kind):
            near = _nearest(one.kind, ontology.classes, ontology)
            raise LegendError(
                f"legend {legend.name}: class {one.label!r} is {vocab.curie(one.kind)}, "
                f"which no ontology declares{near}",
                "correct its skos:exactMatch, closeMatch or broadMatch, or declare that class",
            )


def _wrong(part: Expression, ontology: Ontology) -> str:
    roles, columns = ontology.object_properties, ontology.data_properties
    if isinstance(part, Named):
        free = part.iri in (THING, NOTHING) or part.iri.startswith(vocab.LEGEND)
        known = ontology.is_class(part.iri) and part.iri not in ontology.refused
        return "" if free or known else _unknown("class", part.iri, ontology.classes, ontology)
    if isinstance(part, Some | Only | Count):
        iri = property_of(part.role)
        if iri in columns:
            return f"{vocab.curie(iri)} is a data property; write bounds such as decimal[>= 5] behind it"
        return _unknown("object property", iri, roles, ontology)
    if isinstance(part, Facet):
        if part.property in roles:
            return f"{vocab.curie(part.property)} is an object property; write a class behind it"
        return _unknown("data property", part.property, columns, ontology)
    return ""


def _unknown(kind: str, iri: str, known: Collection[str], ontology: Ontology) -> str:
    if iri not in known:
        return f"unknown {kind} {vocab.curie(iri)}{_nearest(iri, known, ontology)}"
    if iri in ontology.refused:
        return f"the definition of {vocab.curie(iri)} cannot be used: {ontology.refused[iri]}"
    return ""


def _nearest(iri: str, known: Collection[str], ontology: Ontology) -> str:
    names = {ontology.short(other): vocab.curie(other) for other in known}
    near = near_names(iri[max(iri.rfind("#"), iri.rfind("/")) + 1 :], names)
    return f"; the nearest known is {names[near[0]]}" if near else ""
