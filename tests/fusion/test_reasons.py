from __future__ import annotations

import numpy as np
import pytest

from fusion.backbone import FeatureSet
from fusion.classgraph import class_vectors
from fusion.reasons import SceneExplainer, explain_scene
from fusion.scene import SceneSettings, classify, fit_scenes
from kg.scenes import RELATIONS, load_scenes

NAMES = ("beach", "bridge", "forest", "industrial", "lake", "meadow", "parking", "port")
CANDIDATES = ("river", "desert", "residential")


@pytest.fixture(scope="module")
def knowledge():
    return load_scenes()


@pytest.fixture(scope="module")
def made(knowledge):
    rng = np.random.default_rng(1)
    everything = class_vectors(NAMES + CANDIDATES, knowledge, blocks=["graded"])
    view = rng.normal(size=(everything.stacked.shape[1], 40))

    def images(names):
        labels = np.repeat(np.arange(len(names)), 10)
        vectors = class_vectors(names, knowledge, blocks=["graded"])
        points = vectors.stacked[labels] @ view + 0.4 * rng.normal(size=(len(labels), 40))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        items = tuple(f"{names[i]} {n}" for n, i in enumerate(labels))
        return FeatureSet(items, points.astype(np.float32), "toy", labels, names), vectors

    seen, known = images(NAMES)
    return fit_scenes(seen, known), *images(CANDIDATES)


@pytest.mark.parametrize("transductive", [False, True])
def test_parts_sum_to_the_log_odds(made, knowledge, transductive):
    classifier, images, candidates = made
    answer = classify(
        images, candidates, classifier=classifier, settings=SceneSettings(transductive=transductive)
    )
    for item in range(len(images.items)):
        reason = explain_scene(answer, item, knowledge)
        assert sum(p.contribution for p in reason.parts) == pytest.approx(reason.log_odds, abs=1e-4)
        scores = answer.scores.scores[item]
        assert reason.probability == pytest.approx(float(scores.max()))
        assert reason.answer == CANDIDATES[int(scores.argmax())]
        assert reason.rival != reason.answer
        kinds = {p.kind for p in reason.parts}
        assert ("other images" in kinds) == transductive


def test_statement_parts_are_what_dropping_the_statement_changes(made, knowledge):
    """With the lengths held, removing a statement from the table removes exactly its part."""
    classifier, images, candidates = made
    answer = classify(images, candidates, classifier=classifier)
    reason = explain_scene(answer, 0, knowledge)
    part = next(
        p for p in reason.parts if p.kind == "triple" and p.answer_weight and not p.rival_weight
    )
    row = candidates.names.index(reason.answer)
    kept = [
        (t, a)
        for t, a in candidates.statements[row]
        if (t.relation, t.tail) != (part.relation, part.value)
    ]
    full = knowledge.attributes([candidates.statements[row]])[0]
    without = knowledge.attributes([kept])[0]
    learned, temperature = classifier.prototypes, classifier.rehearsal.temperature
    length = np.linalg.norm(learned.predict(candidates)[row])
    vector = learned.metric.view(images.vectors[:1])[0] - learned.means.mean(axis=0)
    gain = learned.seen.stacked.T @ (learned.dual @ vector)
    expected = temperature * ((full - without) / candidates.norms[row]) @ gain / length
    assert part.contribution == pytest.approx(expected, abs=1e-9)


def test_own_images_and_the_penalty_of_seen_classes_are_parts(made, knowledge):
    """A seen class against an unseen one: its own images speak for it, being seen against it."""
    classifier, images, candidates = made
    every = class_vectors((*NAMES, *candidates.names), knowledge, blocks=tuple(candidates.blocks))
    assert classifier.rehearsal.penalty > 0
    answer = classify(images, every, classifier=classifier)
    kinds = set()
    for item in range(len(images.items)):
        reason = explain_scene(answer, item, knowledge, (0, len(NAMES)))
        assert sum(p.contribution for p in reason.parts) == pytest.approx(reason.log_odds, abs=1e-6)
        kinds |= {p.kind for p in reason.parts}
        (seen,) = (p.contribution for p in reason.parts if p.kind == "seen")
        assert seen < 0
    assert "own images" in kinds


def test_reasons_of_many_images_are_those_of_each_by_itself(made, knowledge):
    classifier, images, candidates = made
    answer = classify(images, candidates, classifier=classifier)
    explainer = SceneExplainer(answer, knowledge, block=4)
    for item in (0, 1, 9, 29, 3):  # also back again
        one, same = explain_scene(answer, item, knowledge), explainer.explain(item)
        assert (one.item, one.answer, one.near) == (same.item, same.answer, same.near)
        for mine, theirs in zip(one.parts, same.parts, strict=True):
            assert mine.value == theirs.value
            assert mine.contribution == pytest.approx(theirs.contribution, abs=1e-9)


def test_reasons_name_statements_of_both_classes(made, knowledge):
    classifier, images, candidates = made
    reason = explain_scene(classify(images, candidates, classifier=classifier), 0, knowledge)
    stated = {(t.relation, t.tail): t.weight for t in knowledge.find(reason.answer).triples}
    for part in reason.parts:
        if part.kind == "triple":
            assert part.relation in RELATIONS
            assert part.answer_weight == stated.get((part.relation, part.value), 0.0)
            assert part.answer_weight or part.rival_weight
    assert reason.near[0] in NAMES
    assert 0 < reason.share("triple") <= 1
    magnitudes = [abs(p.contribution) for p in reason.parts]
    assert magnitudes == sorted(magnitudes, reverse=True)


def test_image_text_similarity_is_a_part_of_its_own(made, knowledge):
    classifier, images, candidates = made
    means = np.stack([images.vectors[images.labels == c].mean(axis=0) for c in range(3)])
    texts = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
    alone = explain_scene(classify(images, candidates, texts=texts), 3, knowledge)
    assert [p.kind for p in alone.parts] == ["image-text"]
    assert alone.near == ()
    both = explain_scene(
        classify(images, candidates, classifier=classifier, texts=texts), 3, knowledge
    )
    assert {"image-text", "triple"} <= {p.kind for p in both.parts}
    assert sum(p.contribution for p in both.parts) == pytest.approx(both.log_odds, abs=1e-4)
