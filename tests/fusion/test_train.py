"""What learning from cells that name their largest class only believes, and networks that answer together."""

from dataclasses import replace

import numpy as np
import pytest

from fusion.settings import SegmentSettings
from fusion.train import Pool, predict, predict_together, train

FAST = SegmentSettings(steps=150, batch=2_000, hidden=16, cell_pixels=20)


def cells(false: float) -> tuple[Pool, np.ndarray]:
    """Cells of 20 pixels of a large and a small kind; one feature tells them apart, one how common both are near."""
    rng = np.random.default_rng(0)
    share = rng.beta(1, 4, 600)
    kind = rng.random((600, 20)) < share[:, None]
    near = np.repeat(share + 0.1 * rng.normal(size=600), 20)
    look = 2.0 * kind.ravel() - 1 + 0.6 * rng.normal(size=kind.size)
    features = np.stack([look, 4 * (near - 0.3)], axis=1).astype(np.float16)
    named = (kind.mean(axis=1) > 0.5).astype(int)
    lies = rng.random(600) < false
    named[lies] = rng.permutation(named)[lies]
    shares, weight = np.eye(2, dtype=np.float32)[named], np.ones(600, np.float32)
    start, pixel = np.arange(601) * 20, np.arange(12_000)
    return Pool(features, start, shares, weight, pixel, np.arange(600), True), kind.ravel()


def error(pool: Pool, kind: np.ndarray, settings: SegmentSettings) -> float:
    """Mean absolute error of the probability of the small kind."""
    found = predict(train(pool, settings), pool.features)
    return float(np.abs(found[:, 1] - kind).mean())


def test_small_shares_are_not_given_up():
    """As if a cell held nothing but what it names, pixels of the small kind are pressed down."""
    pool, kind = cells(false=0.0)
    asked, pressed = (
        predict(train(one, FAST), pool.features)[:, 1]
        for one in (pool, replace(pool, majority=False))
    )
    assert pressed.mean() < 0.6 * kind.mean() < asked.mean() < kind.mean()
    assert np.abs(asked - kind).mean() < 0.75 * np.abs(pressed - kind).mean()


def test_false_cells_are_borne():
    pool, kind = cells(false=0.2)
    clean, _ = cells(false=0.0)
    assert error(pool, kind, FAST) < 1.35 * error(clean, kind, FAST)
    assert error(replace(pool, majority=False), kind, FAST) > 1.5 * error(pool, kind, FAST)


def test_networks_answer_together_by_the_mean_of_their_logarithms():
    pool, _ = cells(false=0.0)
    models = [train(pool, SegmentSettings(steps=5, hidden=16, seed=s)) for s in (0, 1)]
    each = [predict(model, pool.features) for model in models]
    mean = np.sqrt(each[0] * each[1])
    wanted = mean / mean.sum(axis=1, keepdims=True)
    assert predict_together(models, pool.features) == pytest.approx(wanted, abs=1e-5)
    assert not np.allclose(each[0], each[1])
