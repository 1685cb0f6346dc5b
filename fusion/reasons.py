"""A scene answer comes in; for each image, additive reasons why this class and not the next best go out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.aligned import Aligned
from fusion.metric import Ints
from fusion.prototypes import Prototypes
from fusion.scene import SceneAnswer, SceneClassifier
from kg.reasons import ScenePart, SceneReason
from kg.scenes import SceneKnowledge

_F64 = NDArray[np.float64]
_Key = tuple[str, str]


def explain_scene(
    answer: SceneAnswer,
    item: int,
    knowledge: SceneKnowledge,
    pair: tuple[int, int] | None = None,
) -> SceneReason:
    """Why one image got its class and not the next best one; for many images see `SceneExplainer`."""
    return SceneExplainer(answer, knowledge, block=1).explain(item, pair)


class SceneExplainer:
    """Says why images got their classes; what all images share is computed once.

    Args:
        answer: What `classify` gave.
        knowledge: The scene concepts that the class vectors were made from.
        block: Images that are viewed together, the next ones in their order.
    """

    def __init__(self, answer: SceneAnswer, knowledge: SceneKnowledge, *, block: int = 64) -> None:
        self._answer, self._knowledge, self._block = answer, knowledge, block
        self._expected = None if answer.classifier is None else _expected(answer, answer.classifier)
        self._texts = bool(np.any(answer.text_logits))
        self._viewed: tuple[int, _F64] = (-1, np.empty((0, 0)))

    def explain(self, item: int, pair: tuple[int, int] | None = None) -> SceneReason:
        """Why an image got its class and not the next best one.

        Args:
            item: Row of the image.
            pair: Class to speak for and class to speak against; default the best and the next best.

        Returns:
            Parts that sum to log p(answer) / p(rival): one per (relation, value) that either class states, one per
            other block, image-text similarity, and what the other images added in transduction. The parts of triples
            and blocks say what this image has beyond an average image of the seen classes; how the two classes score
            on that average image, and by what all classes share, is the part "prior".
        """
        answer = self._answer
        scores = answer.scores.scores[item].astype(np.float64)
        logits = answer.logs[item]
        order = np.argsort(-logits, kind="stable")
        best, second = pair or (int(order[0]), int(order[min(1, len(order) - 1)]))
        log_odds = float(logits[best] - logits[second])
        parts = self._ridge_parts(item, (best, second))
        text = float(answer.text_logits[item, best] - answer.text_logits[item, second])
        if self._texts:
            parts.append(ScenePart("image-text", "", "", 0.0, 0.0, text))
        if answer.settings.transductive:
            rest = log_odds - sum(p.contribution for p in parts)
            parts.append(ScenePart("other images", "", "", 0.0, 0.0, rest))
        parts.sort(key=lambda p: (-abs(p.contribution), p.relation, p.value))
        names, iris, lenders = answer.vectors.names, answer.vectors.iris, answer.vectors.lenders
        return SceneReason(
            answer.images.items[item], names[best], names[second], iris[best], iris[second], float(scores[best]),
            log_odds, tuple(parts), self._near(item), answer.outside is not None and bool(answer.outside[item]),
            lenders[best], lenders[second],
        )  # fmt: skip

    def _view(self, learned: Prototypes | Aligned, item: int) -> _F64:
        """(dimension,) image vector as `learned` views it."""
        start = item - item % self._block
        if self._viewed[0] != start:
            rows = self._answer.images.vectors[start : start + self._block]
            self._viewed = (start, np.asarray(learned.view(rows), np.float64))
        row: _F64 = self._viewed[1][item - start]
        return row

    def _ridge_parts(self, item: int, pair: tuple[int, int]) -> list[ScenePart]:
        answer, known = self._answer, self._expected
        if known is None:
            return []
        learned = known.learned
        if isinstance(
            learned, Aligned
        ):  # not linear in the statements, so all that they say is one part
            logits = answer.ridge_logits[item]
            odds = float(logits[pair[0]] - logits[pair[1]])
            return [ScenePart("aligned", "", "", 0.0, 0.0, odds)]
        average = learned.means.mean(axis=0)
        pull = learned.dual @ (
            self._view(learned, item) - average
        )  # (seen,): what this image says beyond an average one
        parts = known.standing(learned, pair, pull, average)
        for name, block in answer.vectors.blocks.items():
            scale = answer.vectors.scales[name] ** 2
            gain = scale * (learned.seen.blocks[name].T @ pull)  # (dimension of the block,)
            if name == "graded":
                parts += _statement_parts(answer, pair, gain, known.per_class, self._knowledge)
            else:
                own, rival = (float(known.per_class[c] * (block[c] @ gain)) for c in pair)
                parts.append(ScenePart(name, "", "", 0.0, 0.0, own - rival))
        return parts

    def _near(self, item: int, count: int = 3) -> tuple[str, ...]:
        """Names of the seen classes that the image looks like."""
        if self._expected is None:
            return ()
        learned = self._expected.learned
        order = np.argsort(-(learned.means @ self._view(learned, item)), kind="stable")
        return tuple(learned.seen.names[i] for i in order[:count])


@dataclass(frozen=True)
class _Expected:
    """What the classifier expects of the candidates, whatever the image.

    Attributes:
        learned: The map from class vectors to image vectors.
        predicted: (class, dimension) prototypes.
        rows: (class,) row among the seen classes, -1 for others.
        per_class: (class,) what a product with a prototype counts in the log-odds.
        penalty: (class,) what is taken off the log-odds of seen classes.
    """

    learned: Prototypes | Aligned
    predicted: _F64
    rows: Ints
    per_class: _F64
    penalty: _F64

    def standing(
        self, learned: Prototypes, pair: tuple[int, int], pull: _F64, average: _F64
    ) -> list[ScenePart]:
        """Parts of the classes as such: on an average image, by images of their own, for being seen."""
        shared = learned.shared * float(pull.sum())  # what it says of every class alike
        usual = [float(self.per_class[c] * (self.predicted[c] @ average + shared)) for c in pair]
        parts = [ScenePart("prior", "", "", 0.0, 0.0, usual[0] - usual[1])]
        kept = [
            float(self.per_class[c] * learned.own * pull[self.rows[c]])
            if self.rows[c] >= 0
            else 0.0
            for c in pair
        ]
        if learned.own and max(self.rows[list(pair)]) >= 0:
            parts.append(ScenePart("own images", "", "", 0.0, 0.0, kept[0] - kept[1]))
        taken = self.penalty[list(pair)]
        if taken[0] != taken[1]:
            parts.append(ScenePart("seen", "", "", 0.0, 0.0, float(taken[1] - taken[0])))
        return parts


def _expected(answer: SceneAnswer, classifier: SceneClassifier) -> _Expected:
    learned, temperature = classifier.prototypes, classifier.rehearsal.temperature
    predicted = learned.predict(answer.vectors)
    per_class = temperature / np.maximum(np.linalg.norm(predicted, axis=1), 1e-12)
    penalty = temperature * classifier.penalties(answer.vectors)
    return _Expected(learned, predicted, learned.rows(answer.vectors), per_class, penalty)


def _statement_parts(
    answer: SceneAnswer,
    pair: tuple[int, int],
    gain: _F64,
    per_class: _F64,
    knowledge: SceneKnowledge,
) -> list[ScenePart]:
    found: dict[_Key, list[float]] = {}
    for side, row in enumerate(pair):
        factor = per_class[row] / max(answer.vectors.norms[row], 1e-12)
        for triple, amount in answer.vectors.statements[row]:
            columns, shares = knowledge.spread(triple.relation, triple.tail)
            value = float(factor * amount * (gain[columns] @ shares))
            entry = found.setdefault((triple.relation, triple.tail), [0.0, 0.0, 0.0])
            entry[side] = max(entry[side], triple.weight)
            entry[2] += -value if side else value
    return [
        ScenePart("triple", *key, own, rival, total)
        for key, (own, rival, total) in sorted(found.items())
    ]
