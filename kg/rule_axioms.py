"""A stated axiom and its annotations come in, weighted `Axiom`s go out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from kg import vocab
from kg.annotations import Annotations
from kg.axiom import Axiom
from kg.expressions import HARD_WEIGHT, Expression, Facet, Not, key, soften, walk
from kg.manchester import manchester
from kg.schema import Ontology

WEIGH = "annotate the axiom with ll:weight (nats per pixel, for example 1.0) or ll:hard true"


@dataclass(frozen=True)
class Statement:
    """One axiom of a file, before its annotations are known.

    Attributes:
        word: "SubClassOf", "EquivalentTo" or "DisjointWith".
        left: One side.
        right: The other.
    """

    word: str
    left: Expression
    right: Expression

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for two statements that say the same (the sides of all but SubClassOf are a set)."""
        sides = key(self.left), key(self.right)
        ordered = sides if self.word == "SubClassOf" else tuple(sorted(sides, key=repr))
        return (self.word, *ordered)

    def shown(self, ontology: Ontology) -> str:
        """In Manchester syntax, in backticks."""
        left, right = (manchester(side, ontology) for side in (self.left, self.right))
        return f"`{left} {self.word} {right}`"


def weigh(stated: Statement, said: Annotations, ontology: Ontology) -> list[Axiom]:
    """Put a statement and its annotations together.

    Args:
        stated: The axiom.
        said: What is said about it.
        ontology: Names for messages and labels.

    Returns:
        One axiom; two for EquivalentTo.

    Raises:
        AxiomError: No weight, one that is no number, or a tolerance that fits no bound.
    """
    if said.weight is None and not said.hard:
        raise said.fault("", f"no weight on rule {said.called}, {stated.shown(ontology)}", WEIGH)
    left, right = _softened(stated, said, ontology)
    if stated.word == "DisjointWith":
        right = Not(right)
    axioms = [_axiom(left, right, said, said.identifier, ontology)]
    if stated.word == "EquivalentTo":
        name = said.identifier and said.identifier + "-converse"
        axioms.append(_axiom(right, left, said, name, ontology))
    return axioms


def _softened(
    stated: Statement, said: Annotations, ontology: Ontology
) -> tuple[Expression, Expression]:
    """Put the tolerance on the bounds of the right side's one property, else of the left side's."""
    left, right, tolerance = stated.left, stated.right, said.tolerance
    if tolerance is None:
        return left, right
    found = _bounded(right) or _bounded(left)
    if len(found) != 1:
        names = ", ".join(sorted(map(ontology.short, found))) or "none"
        raise said.fault(
            stated.shown(ontology),
            f"rule {said.called} has a tolerance, which needs bounds on one property on the right "
            f"(or, if it has none, on the left); found {names}",
            "remove ll:tolerance, or split the rule",
        )
    (name,) = found
    return soften(left, name, tolerance), soften(right, name, tolerance)


def _axiom(
    left: Expression, right: Expression, said: Annotations, name: str, ontology: Ontology
) -> Axiom:
    content = hashlib.sha256(f"{key(left)} {key(right)}".encode()).hexdigest()
    plain = Statement("SubClassOf", left, right).shown(ontology).strip("`")
    return Axiom(
        iri=vocab.RULE + (name or f"axiom-{content[:10]}"),
        label=said.text(vocab.RDFS + "label", "en") or plain,
        label_zh=said.text(vocab.RDFS + "label", "zh", exact=True),
        left=left,
        right=right,
        weight=HARD_WEIGHT if said.weight is None else said.weight,
        hard=said.hard,
        citation=said.citation,
        file=said.path.name,
        comment=said.text(vocab.RDFS + "comment"),
    )


def _bounded(expression: Expression) -> set[str]:
    """Data properties that have a bound in an expression."""
    return {part.property for part in walk(expression) if isinstance(part, Facet)}
