"""Axioms and their schema come in; the Turtle that declares the names that they use goes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kg import turtle, vocab
from kg.axiom import Axiom
from kg.expressions import Count, Expression, Facet, Named, Only, Some, property_of, walk
from kg.schema import Ontology

_SHARED = (vocab.CORE, vocab.LEGEND, vocab.OWL, vocab.GEO)


def declarations(axioms: Sequence[Axiom], ontology: Ontology) -> Iterator[str]:
    """Declare every name, so that an editor that cannot reach the core ontology knows what it is.

    Names that are neither of the core ontology nor of a legend are the rule file's own: what the schema says about
    them (parents, definitions, sub-properties, inverses, chains, distances) is written too.

    Args:
        axioms: What uses the names.
        ontology: The schema that they are written in.

    Yields:
        Blocks of Turtle (prefixes as in `kg.turtle`): classes, object properties, data properties.
    """
    sides = [side for axiom in axioms for side in (axiom.left, axiom.right)]
    classes, roles, columns = _names(sides, ontology)
    own_classes = sorted(iri for iri in classes if _is_own(iri))
    own_roles = sorted(iri for iri in ontology.roles.needed(roles) if _is_own(iri))
    every = {
        "Class": classes,
        "ObjectProperty": roles | set(own_roles),
        "DatatypeProperty": columns,
    }
    for kind, names in every.items():
        if names:
            yield "".join(f"{turtle.name(iri)} a owl:{kind} .\n" for iri in sorted(names))
    said = [*_about_classes(own_classes, ontology), *_about_roles(own_roles, ontology)]
    said += [line for iri in (*own_classes, *own_roles) for line in _labels(iri, ontology)]
    if said:
        yield "".join(said)


def _is_own(iri: str) -> bool:
    return not iri.startswith(_SHARED)


def _names(sides: Iterable[Expression], ontology: Ontology) -> tuple[set[str], set[str], set[str]]:
    """Classes, object and data properties of expressions, and of the definitions of own classes among them."""
    classes: set[str] = set()
    roles: set[str] = set()
    columns: set[str] = set()
    waiting = list(sides)
    while waiting:
        for part in walk(waiting.pop()):
            if isinstance(part, Some | Only | Count):
                roles.add(property_of(part.role))
            elif isinstance(part, Facet):
                columns.add(part.property)
            elif isinstance(part, Named) and not part.iri.startswith(vocab.OWL):
                if part.iri not in classes and _is_own(part.iri):
                    waiting += ontology.definitions.get(part.iri, ())
                    waiting += [Named(iri) for iri in ontology.parents.get(part.iri, ())]
                classes.add(part.iri)
    return classes, roles, columns


def _about_classes(classes: Iterable[str], ontology: Ontology) -> Iterator[str]:
    for iri in classes:
        for parent in ontology.parents.get(iri, ()):
            yield f"{turtle.name(iri)} rdfs:subClassOf {turtle.name(parent)} .\n"
        for other in ontology.definitions.get(iri, ()):
            yield f"{turtle.name(iri)} owl:equivalentClass {turtle.expression(other)} .\n"
        for note, value in ontology.class_notes.get(iri, {}).items():
            yield f"{turtle.name(iri)} {turtle.name(note)} {turtle.literal(value)} .\n"


def _about_roles(own: Sequence[str], ontology: Ontology) -> Iterator[str]:
    roles = ontology.roles
    for whole, parts in roles.parts.items():
        for part in parts:
            if property_of(part) in own or whole in own:
                yield f"{turtle.role(part)} rdfs:subPropertyOf {turtle.name(whole)} .\n"
    for iri in own:
        for other in roles.inverses.get(iri, ()):
            yield f"{turtle.name(iri)} owl:inverseOf {turtle.name(other)} .\n"
        for chain in roles.chains.get(iri, ()):
            members = " ".join(map(turtle.role, chain))
            yield f"{turtle.name(iri)} owl:propertyChainAxiom ( {members} ) .\n"
        for kind, which in (("Symmetric", roles.symmetric), ("Transitive", roles.transitive)):
            if iri in which:
                yield f"{turtle.name(iri)} a owl:{kind}Property .\n"
        for note, value in roles.notes.get(iri, {}).items():
            yield f"{turtle.name(iri)} {turtle.name(note)} {turtle.literal(value)} .\n"


def _labels(iri: str, ontology: Ontology) -> Iterator[str]:
    for lang in ("en", "zh"):
        if (iri, lang) in ontology.labels:
            label = turtle.literal(ontology.labels[iri, lang], lang)
            yield f"{turtle.name(iri)} rdfs:label {label} .\n"
