"""What may lie around what: a legend comes in, one candidate rule for every pair of its classes goes out.

Every rule starts at weight 0, as a question and not as knowledge: only labelled tiles give it a weight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg import vocab
from kg.errors import InputError
from kg.legend import Legend
from kg.ontology import And, Axiom, Expression, Named, Not, Ontology, Or, Some
from kg.schema import ontology_of
from kg.terms import TYPE, Literal, Term, Terms

AMID = vocab.CORE + "amid"
CITATION = "Candidate made for every pair of classes of the legend; its weight is learned from labelled tiles."


def context_rules(
    legend: Legend, ontology: Ontology, *, role: str = AMID, weight: float = 0.0
) -> tuple[Axiom, ...]:
    """`X SubClassOf role some X` for every class and `X SubClassOf not (role some Y)` for every pair.

    Args:
        legend: Its classes. One that covers others (as "background" does) stands for what the others leave of it.
        ontology: Knows which class is below which.
        role: IRI of the role: what counts as around.
        weight: Nats per pixel that every rule starts with.

    Returns:
        One rule per ordered pair, sorted by IRI.
    """
    alone = [expression_of(legend, i, ontology) for i in range(len(legend))]
    rules = list(_rules(legend, alone, (role, ontology), weight))
    return tuple(sorted(rules, key=lambda rule: rule.iri))


def around(ontology: Ontology, reach: float) -> tuple[str, Ontology]:
    """A role for what lies around within a distance of its own.

    Args:
        ontology: What rules are written in so far.
        reach: Metres.

    Returns:
        IRI of the role, a narrower `ll:amid`, and the ontology with it.

    Raises:
        InputError: A distance that is not above 0.
    """
    if not 0 < reach < float("inf"):
        raise InputError(
            f"--context {reach:g}: expected a distance in metres, above 0",
            "--context 120: what lies within 120 m, about 12 pixels of a 10 m map",
        )
    iri = vocab.RULE + f"amid-{reach:g}".replace(".", "-")
    said: dict[str, list[Term]] = {
        TYPE: [vocab.OWL + "ObjectProperty"],
        vocab.RDFS + "subPropertyOf": [AMID],
        vocab.RDFS + "label": [Literal(f"amid within {reach:g} m", "en")],
        vocab.CORE + "distance": [Literal(float(reach))],
    }
    digest = f"{ontology.digest}, {iri}"
    return iri, ontology_of([Terms({iri: said})], digest, extending=ontology)


def expression_of(legend: Legend, label: int, ontology: Ontology) -> Expression:
    """The class expression that holds for one label of a legend and for no other."""
    kind = legend.classes[label].kind
    below = sorted({one.kind for one in legend.classes if one.kind != kind} & ontology.below(kind))
    if not below:
        return Named(kind)
    inner: Expression = Named(below[0]) if len(below) == 1 else Or(tuple(map(Named, below)))
    return And((Named(kind), Not(inner)))


def _rules(
    legend: Legend, alone: list[Expression], said: tuple[str, Ontology], weight: float
) -> Iterator[Axiom]:
    role, ontology = said
    for i, one in enumerate(legend.classes):
        for j, other in enumerate(legend.classes):
            around = Some(role, alone[j])
            right = around if i == j else Not(around)
            says = "lies amid its like" if i == j else f"does not lie amid {other.label.lower()}"
            yield Axiom(
                iri=rule_iri(legend, i, j),
                label=f"{one.label} {says}",
                label_zh="",
                left=alone[i],
                right=right,
                weight=weight,
                hard=False,
                citation=CITATION,
                file="",
                comment="",
                ontology=ontology if role != AMID else None,
            )


def rule_iri(legend: Legend, label: int, around: int) -> str:
    """IRI of the rule about one class and another around it."""
    return vocab.RULE + f"context-{label_name(legend, label)}-{label_name(legend, around)}"


def label_name(legend: Legend, label: int) -> str:
    """The label of a class in letters that an identifier may have, or its number."""
    words = re.sub("[^a-z0-9]+", "-", legend.classes[label].label.lower()).strip("-")
    return words or f"class-{label}"
