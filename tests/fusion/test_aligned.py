from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fusion.aligned import AlignSettings, fit_aligned
from fusion.backbone import FeatureSet
from fusion.classgraph import ClassVectors
from fusion.prototypes import take
from fusion.reasons import explain_scene
from fusion.scene import SceneSettings, classify, fit_scenes
from kg.errors import InputError
from kg.scenes import load_scenes

SEEN, UNSEEN = 14, 3
FAST = AlignSettings(latent=16, hidden=64, steps=150, rate=3e-3)


@pytest.fixture(scope="module")
def world():
    """Classes whose images follow from a few attributes."""
    rng = np.random.default_rng(2)
    names = tuple(f"class{i}" for i in range(SEEN + UNSEEN))
    table = rng.normal(size=(len(names), 5))
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    nothing = ((),) * len(names)
    vectors = ClassVectors(
        names, (None,) * len(names), nothing, {"all": table}, {"all": 1.0}, np.ones(len(names))
    )
    labels = np.repeat(np.arange(len(names)), 30)
    points = (table @ rng.normal(size=(5, 24)))[labels] + 0.5 * rng.normal(size=(len(labels), 24))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    items = tuple(map(str, range(len(labels))))
    images = FeatureSet(items, points.astype(np.float32), "toy", labels, names)
    return images, vectors


def parts(world):
    images, vectors = world
    known, asked = take(vectors, range(SEEN)), take(vectors, range(SEEN, SEEN + UNSEEN))
    return images.only(known.names), known, images.only(asked.names), asked


def test_unseen_classes_lie_where_their_images_do_and_shuffled_ones_do_not(world):
    taught, known, images, asked = parts(world)
    learned = fit_aligned(known, taught.vectors, taught.labels, "toy", FAST)
    viewed = learned.view(images.vectors)
    right = (viewed @ learned.predict(asked).T).argmax(axis=1) == images.labels
    wrong = replace(asked, blocks={"all": np.roll(asked.blocks["all"], 1, axis=0)})
    lost = (viewed @ learned.predict(wrong).T).argmax(axis=1) == images.labels
    assert right.mean() > 0.7 > 0.3 > lost.mean()


def test_the_same_seed_gives_the_same_space_and_leaves_the_random_state_alone(world):
    import torch

    taught, known, images, _ = parts(world)
    few = replace(FAST, steps=5)
    state = torch.random.get_rng_state()
    one, two = (fit_aligned(known, taught.vectors, taught.labels, "toy", few) for _ in range(2))
    assert one.view(images.vectors).tobytes() == two.view(images.vectors).tobytes()
    assert torch.equal(state, torch.random.get_rng_state())


def test_it_is_a_method_of_the_classifier_with_one_part_of_its_own(world, monkeypatch):
    import fusion.scene as scene

    taught, known, images, asked = parts(world)
    quick = replace(FAST, steps=10)
    monkeypatch.setattr(scene, "fit_aligned", lambda *given: fit_aligned(*given, quick))
    settings = SceneSettings("vae", transductive=True)
    fitted = fit_scenes(taught, known, settings)
    answer = classify(images, asked, classifier=fitted, settings=settings)
    reason = explain_scene(answer, 0, load_scenes())
    assert {p.kind for p in reason.parts} == {"aligned", "other images"}
    assert sum(p.contribution for p in reason.parts) == pytest.approx(reason.log_odds, abs=1e-6)
    assert reason.near[0] in known.names
    with pytest.raises(InputError, match="unknown method 'gan'"):
        fit_scenes(taught, known, SceneSettings("gan"))
