"""Scores of scenes, what was found in the images and OWL axioms come in; corrected scores and their reasons go out.

The axioms are those of regions with an image as the individual: `Airport SubClassOf hasPart some Runway` costs its
weight, in nats, times the probability that the image, were it an airport, breaks it. Images do not depend on each
other, so the free energy has its minimum at log q(k) = log p(k) - sum over axioms of weight * violation(k), up to a
constant; the parts of a log-odds add up exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import SceneScores
from kg import vocab
from kg.axiom import Axiom
from kg.errors import InputError, RuleError
from kg.expressions import And, Count, Named, Not, Only, Some, walk
from kg.legend import LandClass, Legend
from kg.names import check_names
from kg.owl import THING
from kg.reasons import ScenePart
from kg.rules import schema_of
from kg.schema import Ontology
from reasoning.logic.ground import Ground
from reasoning.logic.meaning import Labels, UnusableError
from reasoning.logic.truth import Form
from reasoning.scenes.scene_parts import SceneEvidence, allow, scene_facts

Floats = NDArray[np.float64]

FLOOR = 1e-12
"""Smallest probability of the scores that is told from 0."""
_LIKELY = 0.5


@dataclass(frozen=True, eq=False)
class SceneCorrection:
    """Scores of scenes before and after axioms.

    Attributes:
        before, after: Probabilities.
        axioms: Axioms that could act on some image.
        costs: (axiom, item, class) float64 nats that each soft axiom takes from each class; 0 for hard ones.
        removed: (axiom, item, class) bool: what hard axioms removed.
        inactive: (axiom IRI, reason) of the others.
    """

    before: SceneScores
    after: SceneScores
    axioms: tuple[Axiom, ...]
    costs: Floats
    removed: NDArray[np.bool_]
    inactive: tuple[tuple[str, str], ...]

    def best(self, item: int) -> tuple[int, int]:
        """The most probable class of an image and the next one, first on ties."""
        order = np.argsort(-self.after.scores[item], kind="stable")
        return int(order[0]), int(order[min(1, len(order) - 1)])

    def parts(self, item: int, pair: tuple[int, int]) -> tuple[ScenePart, ...]:
        """What each axiom adds to the log-odds of one class against another; what is 0 is left out.

        Hard axioms that removed the class that was best before stand beside it, with a contribution of 0.
        """
        answer, rival = pair
        first = int(self.before.scores[item].argmax())
        out = []
        for axiom, cost, gone in zip(self.axioms, self.costs, self.removed, strict=True):
            value = float(cost[item, rival] - cost[item, answer])
            if gone[item, first] or value:
                kind = "excluded" if axiom.hard and gone[item, first] else "axiom"
                out.append(ScenePart(kind, "", axiom.iri, 0.0, 0.0, value))
        return tuple(out)


def correct_scenes(
    scores: SceneScores,
    evidence: Mapping[str, SceneEvidence],
    axioms: Sequence[Axiom],
    ontology: Ontology,
) -> SceneCorrection:
    """Let axioms about scenes act on scores.

    Args:
        scores: Probabilities; classes without an IRI are not touched by any axiom.
        evidence: Item -> what was found in the image; items that are not named are unknown throughout.
        axioms: Rules about scene classes, `hasPart` and `hasCover`.
        ontology: What they are written in, unless they declare names of their own.

    Returns:
        Probabilities after, and what each axiom did. Without evidence nothing changes.

    Raises:
        RuleError: An axiom has no meaning here, or hard axioms leave an image without a class.
        InputError: Scores that are no probabilities.
    """
    if not (np.isfinite(scores.scores).all() and (scores.scores >= 0).all()):
        raise InputError(
            "scene scores with NaN or below 0", "give probabilities, rows that sum to 1"
        )
    known = [evidence.get(item, SceneEvidence()) for item in scores.items]
    run = _Run(known, scores, schema_of(axioms, ontology))
    done = [run.violations(axiom) for axiom in axioms]
    active = [i for i, (why, _) in enumerate(done) if not why]
    used = tuple(axioms[i] for i in active)
    broken: Floats = np.array([done[i][1] for i in active], np.float64)
    broken = broken.reshape(len(active), *scores.scores.shape)
    hard = np.array([one.hard for one in used], bool)[:, None, None]
    weights = np.array([one.weight for one in used])[:, None, None]
    costs: Floats = np.where(hard, 0.0, weights * broken)
    removed = hard & (broken > _LIKELY)
    after = _after(scores, costs, removed, used)
    idle = tuple((axioms[i].iri, why) for i, (why, _) in enumerate(done) if why)
    return SceneCorrection(scores, after, used, costs, removed, idle)


def _after(
    scores: SceneScores, costs: Floats, removed: NDArray[np.bool_], axioms: Sequence[Axiom]
) -> SceneScores:
    logs = np.log(np.maximum(scores.scores.astype(np.float64), FLOOR)) - costs.sum(axis=0)
    gone: NDArray[np.bool_] = np.any(removed, axis=0)
    empty = np.flatnonzero(gone.all(axis=1))
    if len(empty):
        names = [
            f"{axiom.label} ({axiom.file})"
            for axiom, mine in zip(axioms, removed, strict=True)
            if mine[empty[0]].any()
        ]
        raise RuleError(
            f"hard rules contradict each other: {', '.join(names)} leave no class for {scores.items[empty[0]]}",
            "give one of them a weight instead of ll:hard true",
        )
    logs[gone] = -np.inf
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    after = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
    untouched = ~(np.any(costs, axis=(0, 2)) | np.any(gone, axis=1))
    after[untouched] = scores.scores[untouched]
    return replace(scores, scores=after)


class _Run:
    """Images, things in them and scene classes, as rows and labels of the compiler."""

    def __init__(
        self, evidence: Sequence[SceneEvidence], scores: SceneScores, ontology: Ontology
    ) -> None:
        self.evidence, self.ontology = evidence, ontology
        facts, classes = scene_facts(evidence)
        kinds = sorted(set(classes))
        names = [
            *(iri or f"{vocab.ID}scene/{i}" for i, iri in enumerate(scores.iris)),
            *kinds,
        ]
        legend = Legend(
            iri=vocab.SCENE, name="of scenes",
            classes=tuple(LandClass(iri=iri, label=iri, kind=iri) for iri in names),
            codes=tuple(range(len(names))), colours=((0, 0, 0),) * len(names),
        )  # fmt: skip
        self.images, self.labels = len(evidence), len(scores.iris)
        self.q = np.zeros((self.images + len(classes), len(names)))
        self.q[: self.images, : self.labels] = 1 / max(self.labels, 1)
        for row, cls in enumerate(classes, self.images):
            self.q[row, self.labels + kinds.index(cls)] = 1
        self.ground = Ground(Labels(legend, ontology), facts)

    def violations(self, axiom: Axiom) -> tuple[str, Floats]:
        """Why an axiom cannot act, or ""; and (item, class) how far each image breaks it, were it of each class."""
        out = np.zeros((self.images, self.labels))
        where = f"{axiom.file}: rule {vocab.curie(axiom.iri)}"
        wrong = check_names(axiom.left, self.ontology) or check_names(axiom.right, self.ontology)
        if wrong:
            raise RuleError(f"{where}: {wrong}", "correct the name, or declare it in the file")
        asked = [
            p for p in walk(And((axiom.left, axiom.right))) if isinstance(p, Some | Only | Count)
        ]
        patterns = self._patterns(asked)
        reasons = []
        try:
            for pattern, rows in patterns.items():
                known = {id(part): answer for part, answer in zip(asked, pattern, strict=True)}
                why, truth = self._violation(axiom, known)
                reasons.append(why)
                out[rows] = truth[rows]
        except UnusableError as error:
            raise RuleError(f"{where}: {error}", "rewrite the rule") from error
        if out.any():
            return "", out
        return next(filter(None, reasons), "no image breaks it, whatever its class"), out

    def _patterns(self, asked: Sequence[Some | Only | Count]) -> dict[tuple[bool, ...], list[int]]:
        """Which relations are known -> images of which that is so."""
        out: dict[tuple[bool, ...], list[int]] = {}
        for row, one in enumerate(self.evidence):
            pattern = tuple(
                not isinstance(part, Only) and one.answers(part.role, part.filler, self.ontology)
                for part in asked
            )
            out.setdefault(pattern, []).append(row)
        return out

    def _violation(self, axiom: Axiom, known: Mapping[int, bool]) -> tuple[str, Floats]:
        labels = self.ground.labels
        nothing = np.zeros((self.images, self.labels))
        left = labels.expand(allow(axiom.left, False, known))
        right = labels.expand(allow(axiom.right, True, known))
        if right == Named(THING):
            return "no image says whether the parts it asks for are there", nothing
        if not labels.bounds(left)[1][: self.labels].any():
            return "none of the scene classes is meant", nothing
        why = self.ground.missing(And((left, right)))
        if why:
            return why, nothing
        form: Form = self.ground.form(And((left, Not(right))))
        return "", form.matrix(self.q)[: self.images, : self.labels]
