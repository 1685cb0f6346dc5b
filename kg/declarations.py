"""A rule file and the ontology come in; what the file declares for itself goes out: classes and properties."""

from __future__ import annotations

from collections.abc import Iterator

from kg import owl, vocab
from kg.expressions import key
from kg.roles import Roles, RolesBuilder
from kg.schema import Ontology
from kg.terms import TYPE, Term, Terms

_KINDS = tuple(vocab.OWL + kind for kind in ("Class", "ObjectProperty", "DatatypeProperty"))
_BESIDE = (vocab.RDFS + "subPropertyOf", vocab.OWL + "inverseOf")
_OF_PROPERTIES = (*_BESIDE, vocab.OWL + "propertyChainAxiom")
_ASIDE = frozenset(
    [vocab.OWL + "Axiom", vocab.OWL + "AllDisjointClasses", vocab.OWL + "AllDisjointProperties"]
)


def own_terms(terms: Terms, ontology: Ontology) -> Terms:
    """The part of a rule file that extends the ontology.

    A name is the file's own when the file says that it is a class or a property, the ontology does not know it, and
    it is no name of the core ontology (there, an unknown name is a mistake). What is said to be below, inverse to or
    implied by properties needs no `a owl:ObjectProperty`. Axioms with a weight are rules, not part of the schema.

    Args:
        terms: The file.
        ontology: What is known without it.

    Returns:
        Triples for `kg.schema.ontology_of`; empty when the file declares nothing.
    """
    own = _own_classes(terms, ontology) | _own_properties(terms, ontology)
    if not own:
        return Terms({})
    weighted = set(_weighted(terms))
    index: dict[str, dict[str, list[Term]]] = {}
    for subject, row in terms.index.items():
        if subject.startswith("_:") and not _ASIDE.intersection(map(str, row.get(TYPE, ()))):
            index[subject] = row
        elif subject in own:
            index[subject] = _unweighted(terms, subject, row, weighted)
        else:  # a known property may be put below, or opposite, one of the file's own
            tied: dict[str, list[Term]] = {
                p: [o for o in row.get(p, ()) if o in own] for p in _BESIDE
            }
            index[subject] = {p: found for p, found in tied.items() if found}
    for property in sorted(own & _implied(terms)):
        index[property].setdefault(TYPE, []).append(vocab.OWL + "ObjectProperty")
    return Terms({subject: row for subject, row in index.items() if row})


def changed(terms: Terms, ontology: Ontology) -> Iterator[str]:
    """Object properties of the ontology about which a rule file says something new, sorted."""
    known = set(ontology.object_properties)
    rows = {s: r for s, r in terms.index.items() if s in known or s.startswith("_:")}
    before = ontology.roles
    builder = RolesBuilder(before)
    builder.read(Terms(rows), known)
    after = builder.freeze()
    for property in sorted(known & terms.index.keys()):
        if _said(after, property) != _said(before, property):
            yield property


def _said(roles: Roles, property: str) -> tuple[object, ...]:
    return (
        roles.inverses.get(property),
        roles.chains.get(property),
        property in roles.symmetric,
        property in roles.transitive,
        roles.notes.get(property),
        roles.above(property),
    )


def _own_classes(terms: Terms, ontology: Ontology) -> set[str]:
    return {
        iri for iri in terms.typed(vocab.OWL + "Class") if _free(iri) and not ontology.is_class(iri)
    }


def _own_properties(terms: Terms, ontology: Ontology) -> set[str]:
    known = {*ontology.object_properties, *ontology.data_properties}
    declared = {iri for kind in _KINDS[1:] for iri in terms.typed(kind)} | _implied(terms)
    return {iri for iri in declared if _free(iri)} - known


def _implied(terms: Terms) -> set[str]:
    """Properties that are not declared, but stand where only an object property can."""
    data = set(terms.typed(vocab.OWL + "DatatypeProperty"))
    notes = set(terms.typed(vocab.OWL + "AnnotationProperty"))
    found = {s for predicate in _OF_PROPERTIES for s, _ in terms.pairs(predicate)}
    return {iri for iri in found if _free(iri)} - data - notes


def _free(iri: str) -> bool:
    return not iri.startswith(("_:", vocab.CORE, vocab.OWL, vocab.RDFS, vocab.RDF))


def _weighted(terms: Terms) -> Iterator[tuple[object, ...]]:
    """Class axioms that an owl:Axiom node with a weight annotates."""
    for node in terms.typed(vocab.OWL + "Axiom"):
        if any(terms.objects(node, vocab.CORE + name) for name in ("weight", "hard")):
            yield from (
                _key(terms, source, predicate, target)
                for source in terms.nodes(node, vocab.OWL + "annotatedSource")
                for predicate in terms.nodes(node, vocab.OWL + "annotatedProperty")
                for target in terms.objects(node, vocab.OWL + "annotatedTarget")
            )


def _unweighted(
    terms: Terms, subject: str, row: dict[str, list[Term]], weighted: set[tuple[object, ...]]
) -> dict[str, list[Term]]:
    kept = dict(row)
    for predicate in (owl.SUBCLASS, owl.EQUIVALENT, owl.DISJOINT):
        if predicate in row:
            kept[predicate] = [
                o for o in row[predicate] if _key(terms, subject, predicate, o) not in weighted
            ]
    return kept


def _key(terms: Terms, source: str, predicate: str, target: Term) -> tuple[object, ...]:
    try:
        return source, predicate, key(owl.expression(terms, target))
    except owl.UnreadableError:
        return source, predicate, target
