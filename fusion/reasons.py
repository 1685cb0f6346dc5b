"""A scene answer comes in; for one image, additive reasons why this class and not the next best go out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fusion.aligned import Aligned
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
    """Why an image got its class and not the next best one.

    Args:
        answer: What `classify` gave.
        item: Row of the image.
        knowledge: The scene concepts that the class vectors were made from.
        pair: Class to speak for and class to speak against; default the best and the next best.

    Returns:
        Parts that sum to log p(answer) / p(rival): one per (relation, value) that either class states, one per
        other block, image-text similarity, and what the other images added in transduction. The parts of triples
        and blocks say what this image has beyond an average image of the seen classes; how the two classes score on
        that average image, and by what all classes share, is the part "prior".
    """
    scores = answer.scores.scores[item].astype(np.float64)
    logits = answer.logs[item]
    order = np.argsort(-logits, kind="stable")
    best, second = pair or (int(order[0]), int(order[min(1, len(order) - 1)]))
    log_odds = float(logits[best] - logits[second])
    parts = _ridge_parts(answer, item, (best, second), knowledge)
    text = float(answer.text_logits[item, best] - answer.text_logits[item, second])
    if np.any(answer.text_logits):
        parts.append(ScenePart("image-text", "", "", 0.0, 0.0, text))
    if answer.settings.transductive:
        rest = log_odds - sum(p.contribution for p in parts)
        parts.append(ScenePart("other images", "", "", 0.0, 0.0, rest))
    parts.sort(key=lambda p: (-abs(p.contribution), p.relation, p.value))
    names, iris = answer.vectors.names, answer.vectors.iris
    near = _near(answer.classifier, answer.images.vectors[item])
    return SceneReason(
        answer.images.items[item], names[best], names[second], iris[best], iris[second], float(scores[best]),
        log_odds, tuple(parts), near, answer.outside is not None and bool(answer.outside[item]),
    )  # fmt: skip


def _ridge_parts(
    answer: SceneAnswer, item: int, pair: tuple[int, int], knowledge: SceneKnowledge
) -> list[ScenePart]:
    classifier = answer.classifier
    if classifier is None:
        return []
    learned, temperature = classifier.prototypes, classifier.rehearsal.temperature
    if isinstance(
        learned, Aligned
    ):  # not linear in the statements, so all that they say is one part
        logits = answer.ridge_logits[item]
        return [ScenePart("aligned", "", "", 0.0, 0.0, float(logits[pair[0]] - logits[pair[1]]))]
    predicted, rows = learned.predict(answer.vectors), learned.rows(answer.vectors)
    per_class = temperature / np.maximum(np.linalg.norm(predicted, axis=1), 1e-12)
    vector = learned.view(answer.images.vectors[item : item + 1])[0]
    average = learned.means.mean(axis=0)
    pull = learned.dual @ (vector - average)  # (seen,): what this image says beyond an average one
    shared = learned.shared * float(pull.sum())  # what it says of every class alike
    usual = [float(per_class[c] * (predicted[c] @ average + shared)) for c in pair]
    parts = [ScenePart("prior", "", "", 0.0, 0.0, usual[0] - usual[1])]
    kept = [
        float(per_class[c] * learned.own * pull[rows[c]]) if rows[c] >= 0 else 0.0 for c in pair
    ]
    if learned.own and max(rows[list(pair)]) >= 0:
        parts.append(ScenePart("own images", "", "", 0.0, 0.0, kept[0] - kept[1]))
    penalty = temperature * classifier.penalties(answer.vectors)
    if penalty[pair[0]] != penalty[pair[1]]:
        parts.append(
            ScenePart("seen", "", "", 0.0, 0.0, float(penalty[pair[1]] - penalty[pair[0]]))
        )
    for name, block in answer.vectors.blocks.items():
        scale = answer.vectors.scales[name] ** 2
        gain = scale * (learned.seen.blocks[name].T @ pull)  # (dimension of the block,)
        if name == "graded":
            parts += _statement_parts(answer, pair, gain, per_class, knowledge)
        else:
            own, rival = (float(per_class[c] * (block[c] @ gain)) for c in pair)
            parts.append(ScenePart(name, "", "", 0.0, 0.0, own - rival))
    return parts


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


def _near(
    classifier: SceneClassifier | None, vector: NDArray[np.float32], count: int = 3
) -> tuple[str, ...]:
    if classifier is None:
        return ()
    learned = classifier.prototypes
    order = np.argsort(-(learned.means @ learned.view(vector[None])[0]), kind="stable")
    return tuple(classifier.prototypes.seen.names[i] for i in order[:count])
