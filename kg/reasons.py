"""Why one class of a scene was chosen over another, as values that RDF and sentences are written from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScenePart:
    """One additive part of a scene answer.

    Attributes:
        kind: "triple", "text" (names and definitions), "kge" (graph embedding), "image-text" (similarity of the
            image and a prompt, by the backbone), "prior" (how the two classes score on an average image), "own
            images" (what images of the two classes show that their statements do not say), "seen" (taken off classes
            with images where unseen ones are asked about too), "other images" (transduction), "aligned" (all
            statements, by a network), "map" (a statement that a map shows, or fails to show, under the image),
            "axiom", or "excluded" (a hard axiom removed the class that scored best).
        relation: Relation IRI of a triple or of what a map shows, else "".
        value: Value IRI of a triple or of what a map shows, IRI of an axiom, else "".
        answer_weight: Weight of the statement for the answer, 0 if it is not said.
        rival_weight: Weight of the statement for the rival, 0 if it is not said.
        contribution: Nats; positive speaks for the answer, negative for the rival.
    """

    kind: str
    relation: str
    value: str
    answer_weight: float
    rival_weight: float
    contribution: float


@dataclass(frozen=True)
class SceneReason:
    """Why an image got its class and not the next best one.

    Attributes:
        item: Image (path or row name).
        answer: Class name given.
        rival: Second best class name.
        answer_iri: Concept IRI of the answer, "" outside the ontology.
        rival_iri: Concept IRI of the rival, "" outside the ontology.
        probability: Probability of the answer.
        log_odds: log p(answer) / p(rival); the sum of the contributions to 1e-4.
        parts: Additive parts, largest magnitude first.
        near: Seen classes whose training images are most like this one, nearest first.
        outside: Whether it looks more like one of these than like any class that was asked about.
        answer_lenders: IRIs of the concepts whose statements stand in, where no concept is called like the answer.
        rival_lenders: The same of the rival.
    """

    item: str
    answer: str
    rival: str
    answer_iri: str
    rival_iri: str
    probability: float
    log_odds: float
    parts: tuple[ScenePart, ...]
    near: tuple[str, ...] = ()
    outside: bool = False
    answer_lenders: tuple[str, ...] = ()
    rival_lenders: tuple[str, ...] = ()

    def share(self, kind: str) -> float:
        """Share of all absolute contributions that parts of this kind have, 0..1."""
        total = sum(abs(p.contribution) for p in self.parts)
        return (
            sum(abs(p.contribution) for p in self.parts if p.kind == kind) / total if total else 0.0
        )
