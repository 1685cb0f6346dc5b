from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fusion.backbone import FeatureSet, read_features
from fusion.classgraph import class_vectors
from fusion.prototypes import take
from fusion.scene import SceneSettings, classify, fit_scenes
from fusion.splits import draw_splits, read_splits, write_splits
from fusion.transduce import transduce
from kg.errors import InputError
from kg.files import shipped
from kg.scenes import load_scenes

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NAMES = (
    "airport",
    "beach",
    "bridge",
    "desert",
    "forest",
    "industrial",
    "lake",
    "meadow",
    "mountain",
    "parking",
)
UNSEEN = ("river", "residential", "farmland", "viaduct")


@pytest.fixture(scope="module")
def knowledge():
    return load_scenes()


@pytest.fixture(scope="module")
def world(knowledge):
    """Images whose vectors are a hidden linear view of their class's graded attributes, plus noise."""
    rng = np.random.default_rng(0)
    names = NAMES + UNSEEN
    graded = class_vectors(names, knowledge, blocks=["graded"])
    view = rng.normal(size=(graded.stacked.shape[1], 48))
    labels = np.repeat(np.arange(len(names)), 12)
    noise = rng.normal(size=(len(labels), 48))
    points = graded.stacked[labels] @ view + 0.5 * noise
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    items = tuple(f"image{i}" for i in range(len(labels)))
    return FeatureSet(items, points.astype(np.float32), "toy", labels, names), graded


def split(world):
    features, graded = world
    rows = [features.names.index(n) for n in UNSEEN]
    return (
        features.only(NAMES),
        features.only(UNSEEN),
        take(graded, range(len(NAMES))),
        take(graded, rows),
    )


def accuracy(answer, images):
    return (answer.scores.scores.argmax(axis=1) == images.labels).mean()


def test_unseen_classes_are_told_apart_by_their_attributes_and_not_by_shuffled_ones(world):
    seen, images, known, candidates = split(world)
    answer = classify(images, candidates, classifier=fit_scenes(seen, known))
    assert accuracy(answer, images) > 0.9
    assert answer.scores.unseen.all()
    assert answer.scores.classes == UNSEEN
    np.testing.assert_allclose(answer.scores.scores.sum(axis=1), 1, atol=1e-5)
    wrong = replace(candidates, blocks={"graded": np.roll(candidates.blocks["graded"], 1, axis=0)})
    assert accuracy(classify(images, wrong, classifier=fit_scenes(seen, known)), images) < 0.3


def test_without_noise_prototypes_of_unseen_classes_are_kernel_ridge(world):
    seen, _, known, candidates = split(world)
    means = np.stack([seen.vectors[seen.labels == c].mean(axis=0) for c in range(len(NAMES))])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    alike = replace(seen, vectors=means[seen.labels].astype(np.float32))
    fitted = fit_scenes(alike, known, SceneSettings(ridge=0.7)).prototypes
    assert fitted.metric.axes is None  # nothing varies within a class
    a, b = (np.hstack([v.stacked, np.ones((len(v.names), 1))]) for v in (known, candidates))
    weights = np.linalg.solve(a.T @ a + 0.7 * np.eye(a.shape[1]), a.T @ means)  # primal form
    np.testing.assert_allclose(fitted.predict(candidates), b @ weights, atol=1e-5)
    np.testing.assert_allclose(
        fitted.predict(known), means, atol=1e-5
    )  # seen: what their images say


def test_few_images_of_a_class_and_its_statements_are_weighed(world):
    """The fewer images, the more a class looks like what its statements say; spread is estimated."""
    candidates = split(world)[3]
    every = take(world[1], range(len(world[0].names)))
    shares = []
    for shots in (1, 3, 12):
        kept = np.ones(len(world[0].labels), bool)
        for c in range(len(NAMES), len(world[0].names)):
            kept[np.flatnonzero(world[0].labels == c)[shots:]] = False
        fitted = fit_scenes(world[0].subset(kept), every).prototypes
        others = np.array([n for n in every.names if n != UNSEEN[0]])
        rest = take(every, [every.names.index(n) for n in others])
        alone = fit_scenes(world[0].subset(kept).only(rest.names), rest).prototypes
        told, found = alone.predict(candidates)[0], fitted.predict(candidates)[0]
        mean = fitted.means[every.names.index(UNSEEN[0])]
        shares.append(float((found - told) @ (mean - told) / ((mean - told) @ (mean - told))))
    assert 0.2 < shares[0] < shares[1] < shares[2] < 1.05
    assert shares[2] > 0.9


def test_temperature_is_chosen_on_seen_classes_left_out(world):
    seen, _, known, _ = split(world)
    clear = fit_scenes(seen, known).rehearsal.temperature
    muddled = replace(known, blocks={"graded": np.roll(known.blocks["graded"], 3, axis=0)})
    assert clear > fit_scenes(seen, muddled).rehearsal.temperature


def harmonic(answer, features):
    hit = answer.scores.scores.argmax(axis=1) == features.labels
    with_images, without = (
        hit[np.isin(features.labels, np.flatnonzero(answer.scores.unseen == kind))].mean()
        for kind in (False, True)
    )
    return 2 * with_images * without / (with_images + without)


def test_the_penalty_gives_unseen_classes_a_chance(world):
    features, graded = world
    seen, _, known, _ = split(world)
    first = np.arange(len(seen.items)) % 2 == 0
    fitted = fit_scenes(seen.subset(first), known)
    asked = features.subset(
        ~np.isin(features.items, [seen.items[i] for i in np.flatnonzero(first)])
    )
    assert fitted.rehearsal.penalty > 0
    answer = classify(asked, graded, classifier=fitted)
    free = replace(fitted, rehearsal=replace(fitted.rehearsal, penalty=0.0))
    assert harmonic(answer, asked) > harmonic(classify(asked, graded, classifier=free), asked)
    alone = take(graded, range(len(NAMES)))
    assert not fitted.penalties(alone).any()  # seen classes alone need none


def test_margins_tell_images_of_other_seen_classes_from_those_asked_about(world):
    seen, images, known, candidates = split(world)
    fitted = fit_scenes(seen, known)
    least = fitted.rehearsal.least_margin(0.05)
    right = classify(images, candidates, classifier=fitted).scores.scores.argmax(1) == images.labels
    assert (
        fitted.margins(fitted.prototypes.view(images.vectors), candidates)[right] >= least
    ).mean() > 0.8
    assert (fitted.margins(fitted.prototypes.view(seen.vectors), candidates) >= least).mean() < 0.2


def test_seen_candidates_are_marked_and_recognised(world):
    seen, _, known, _ = split(world)
    answer = classify(seen, known, classifier=fit_scenes(seen, known))
    assert not answer.scores.unseen.any()
    assert accuracy(answer, seen) > 0.95


def test_transduction_helps_and_is_named(world):
    seen, images, known, candidates = split(world)
    fitted = fit_scenes(seen, known)
    plain = classify(images, candidates, classifier=fitted)
    both = classify(
        images, candidates, classifier=fitted, settings=SceneSettings(transductive=True)
    )
    assert accuracy(both, images) >= accuracy(plain, images)
    assert "transduction" in both.scores.model
    assert "transduction" not in plain.scores.model


def test_text_vectors_alone_and_added(world):
    seen, images, known, candidates = split(world)
    means = np.stack([images.vectors[images.labels == c].mean(axis=0) for c in range(len(UNSEEN))])
    texts = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
    alone = classify(images, candidates, texts=texts)
    assert accuracy(alone, images) == 1
    assert not alone.ridge_logits.any()
    added = classify(images, candidates, classifier=fit_scenes(seen, known), texts=texts)
    np.testing.assert_allclose(added.text_logits, alone.text_logits)
    assert added.ridge_logits.any()


def test_graph_prior_mends_a_prompt_that_misleads(world):
    features, graded = world
    means = np.stack(
        [features.vectors[features.labels == c].mean(axis=0) for c in range(len(features.names))]
    )
    texts = means + 0.6 * np.random.default_rng(3).normal(size=means.shape) * means.std()
    texts = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)
    settings = SceneSettings(text_temperature=10.0, transductive=True)
    answer = classify(features, graded, texts=texts, settings=settings)
    assert answer.classifier is not None
    assert accuracy(answer, features) > 0.95


def test_bad_input_is_refused(world):
    seen, images, known, candidates = split(world)
    fitted = fit_scenes(seen, known)
    with pytest.raises(InputError, match="nothing to compare"):
        classify(images, candidates)
    with pytest.raises(InputError, match="image vectors have 4 numbers"):
        classify(replace(images, vectors=images.vectors[:, :4]), candidates, classifier=fitted)
    with pytest.raises(InputError, match="text vectors of shape"):
        classify(images, candidates, texts=np.ones((2, 48), np.float32))
    with pytest.raises(InputError, match="other names"):
        fit_scenes(seen, candidates)
    with pytest.raises(InputError, match="no labels"):
        fit_scenes(replace(seen, labels=None), known)
    with pytest.raises(InputError, match="without an image: parking"):
        fit_scenes(seen.subset(seen.labels != NAMES.index("parking")), known)
    renamed = replace(
        candidates, blocks={"text": candidates.blocks["graded"]}, scales={"text": 1.0}
    )
    with pytest.raises(InputError, match="have blocks text, the classifier graded"):
        classify(images, renamed, classifier=fitted)


def test_checked_in_splits_are_those_the_seed_gives(tmp_path):
    splits = read_splits(shipped("data/splits/whu_rs19_14_5.json"))
    assert draw_splits(splits.name, splits.classes, unseen=5, draws=60, seed=splits.seed) == splits
    assert len(splits.unseen) == 60
    assert all(len(u) == 5 and len(splits.seen(d)) == 14 for d, u in enumerate(splits.unseen))
    write_splits(splits, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == shipped(
        "data/splits/whu_rs19_14_5.json"
    ).read_bytes()


def test_bad_splits_are_refused(tmp_path):
    with pytest.raises(InputError, match="at least two classes"):
        draw_splits("x", NAMES, unseen=9, draws=3)
    with pytest.raises(InputError, match="different draws"):
        draw_splits("x", NAMES[:4], unseen=2, draws=50)
    path = tmp_path / "s.json"
    path.write_text(
        '{"name": "x", "seed": 0, "classes": ["a", "b"], "unseen": [["c"]]}', encoding="utf-8"
    )
    with pytest.raises(InputError, match="not listed: c"):
        read_splits(path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="not a split file"):
        read_splits(path)


def test_graded_knowledge_beats_shuffled_knowledge_on_real_embeddings(knowledge):
    path = DATA / "features" / "whu_rs19_vlm_b32_fp16.npz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    splits, features = (
        read_splits(shipped("data/splits/whu_rs19_14_5.json")),
        read_features(path, model="GeoRSCLIP_ViT-B-32"),
    )
    vectors = class_vectors(splits.classes, knowledge, blocks=["graded"])
    row = {n: i for i, n in enumerate(splits.classes)}
    right, wrong, together = [], [], []
    for draw in range(8):
        seen, unseen = splits.seen(draw), splits.unseen[draw]
        fitted = fit_scenes(features.only(seen), take(vectors, [row[n] for n in seen]))
        images, candidates = features.only(unseen), take(vectors, [row[n] for n in unseen])
        shuffled = replace(
            candidates, blocks={"graded": np.roll(candidates.blocks["graded"], 2, axis=0)}
        )
        answer = classify(images, candidates, classifier=fitted)
        right.append(accuracy(answer, images))
        wrong.append(accuracy(classify(images, shuffled, classifier=fitted), images))
        together.append(
            (transduce(images.vectors, answer.scores.scores).argmax(1) == images.labels).mean()
        )
    assert np.mean(right) > 0.7
    assert np.mean(wrong) < 0.25
    assert np.mean(together) > np.mean(right)
