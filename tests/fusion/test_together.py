from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fusion.backbone import FeatureSet
from fusion.classgraph import ClassVectors
from fusion.metric import unit
from fusion.prototypes import fit_prototypes, take
from fusion.scene import SceneSettings, classify, fit_scenes
from fusion.together import MOST_OFFSET, look_together, look_twice
from fusion.transduce import TransduceSettings, log_transduce, transduce

SEEN, UNSEEN = 10, 4


@pytest.fixture(scope="module")
def world():
    """Classes whose images follow from their attributes; images of a class lie close together."""
    rng = np.random.default_rng(4)
    names = tuple(f"class{i}" for i in range(SEEN + UNSEEN))
    table = rng.normal(size=(len(names), 9))
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    vectors = ClassVectors(
        names, (None,) * len(names), ((),) * len(names), {"all": table}, {"all": 1.0}, np.ones(len(names))
    )  # fmt: skip
    labels = np.repeat(np.arange(len(names)), 24)
    centres = table @ rng.normal(size=(9, 40))
    points = centres[labels] + 0.35 * rng.normal(size=(len(labels), 40))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    items = tuple(map(str, range(len(labels))))
    return FeatureSet(items, points.astype(np.float32), "toy", labels, names), vectors


def test_groups_with_each_others_names_are_named_anew(world):
    images, vectors = world
    known, candidates = take(vectors, range(SEEN)), take(vectors, range(SEEN, SEEN + UNSEEN))
    taught, asked = images.only(known.names), images.only(candidates.names)
    learned = fit_prototypes(known, taught.vectors, taught.labels, "toy", ridge=0.3)
    right = np.eye(UNSEEN)[asked.labels]
    wrong = right.copy()
    wrong[:, [0, 1]] = right[:, [1, 0]]  # two groups carry each other's name
    guesses = (0.9 * wrong + 0.1 / UNSEEN).astype(np.float32)
    alone = transduce(asked.vectors, guesses).argmax(axis=1)
    assert (alone == asked.labels).mean() == 0.5
    found = look_together(
        learned.view(asked.vectors), guesses, candidates, learned, 20.0, TransduceSettings()
    )
    assert (found.argmax(axis=1) == asked.labels).mean() > 0.95


def test_images_of_another_world_keep_the_names_of_their_groups(world):
    """Where all lie off together, how groups lie to each other named them wrongly though first guesses were right."""
    images, vectors = world
    known, candidates = take(vectors, range(SEEN)), take(vectors, range(SEEN, SEEN + UNSEEN))
    taught, asked = images.only(known.names), images.only(candidates.names)
    learned = fit_prototypes(known, taught.vectors, taught.labels, "toy", ridge=0.01)
    rng, right = np.random.default_rng(1), np.eye(UNSEEN, dtype=np.float32)[asked.labels]
    elsewhere = asked.vectors + 6.0 * unit(rng.normal(size=(1, 40)))
    elsewhere += 4.0 * unit(rng.normal(size=(UNSEEN, 40)))[asked.labels]
    guesses = 0.6 * right + 0.4 / UNSEEN
    for points, like in ((asked.vectors, True), (elsewhere, False)):
        viewed = learned.view(points)
        found = look_together(viewed, guesses, candidates, learned, 20.0, TransduceSettings())
        assert (found.argmax(axis=1) == asked.labels).mean() > 0.95
        means = unit(right.T @ viewed)
        assert (learned.offset(means, candidates) < MOST_OFFSET) == like


def test_classes_with_images_keep_their_groups(world):
    images, vectors = world
    learned = fit_prototypes(vectors, images.vectors, images.labels, "toy", ridge=0.3)
    swapped = images.labels ^ 1  # 0 and 1, 2 and 3 ... the wrong way round
    guesses = (0.99 * np.eye(len(vectors.names))[swapped] + 0.01 / 14).astype(np.float32)
    found = look_together(
        learned.view(images.vectors), guesses, vectors, learned, 20.0, TransduceSettings()
    )
    assert (found.argmax(axis=1) == swapped).all()


def test_probabilities_after_looking_at_all_images_are_held_back_by_rehearsal(world):
    images, vectors = world
    known, candidates = take(vectors, range(SEEN)), take(vectors, range(SEEN, SEEN + UNSEEN))
    taught, asked = images.only(known.names), images.only(candidates.names)
    both = SceneSettings(transductive=True)
    muddled = replace(known, blocks={"all": np.roll(known.blocks["all"], 3, axis=0)})
    trust = fit_scenes(taught, known, both).rehearsal.trust
    assert fit_scenes(taught, muddled, both).rehearsal.trust < trust
    assert fit_scenes(taught, known).rehearsal.trust == 1.0  # not rehearsed unless asked for
    answer = classify(asked, candidates, classifier=fit_scenes(taught, known, both), settings=both)
    third = np.sort(answer.logs, axis=1)[:, :2]
    assert (np.diff(third, axis=1) > 0).all()  # classes that lost can still be told apart


def loud(count: int):
    """Three classes apart in two directions; within each, a third direction varies most. First guesses half right."""
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(3), count)
    centres = np.array([[1.0, 0], [-0.5, 0.9], [-0.5, -0.9]])
    points = np.hstack([centres[labels], np.zeros((len(labels), 18))])
    points += rng.normal(0, 0.45, points.shape)
    points[:, 2] += rng.normal(0, 3.0, len(labels))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    guesses = 0.4 * np.eye(3)[labels] + 0.6 * rng.dirichlet(np.ones(3), len(labels))
    return points.astype(np.float32), labels, guesses.astype(np.float32)


def test_the_second_look_leaves_out_what_varies_within_groups():
    points, labels, guesses = loud(60)
    once = log_transduce(points, guesses).argmax(axis=1)
    twice = look_twice(points, guesses, TransduceSettings()).argmax(axis=1)
    assert (twice == labels).mean() > (once == labels).mean() + 0.02


def test_few_images_get_one_look():
    points, _, guesses = loud(7)
    np.testing.assert_array_equal(
        look_twice(points, guesses, TransduceSettings()), log_transduce(points, guesses)
    )
