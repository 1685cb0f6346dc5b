from __future__ import annotations

import numpy as np
import pytest

from fusion.transduce import TransduceSettings, transduce
from kg.errors import InputError


def clouds(count: int = 60, classes: int = 4, noise: float = 0.25):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(classes, 32))
    labels = np.repeat(np.arange(classes), count)
    points = (
        centres[labels]
        + noise * rng.normal(size=(len(labels), 32)) * np.linalg.norm(centres[0]) / 4
    )
    return (
        (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32),
        labels,
        centres,
    )


def guesses(points, centres, temperature=8.0, tilt=0.35):
    """First guesses from prototypes that are badly off, all in one direction."""
    wrong = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    wrong = wrong + tilt * np.roll(wrong, 1, axis=0)
    values = np.exp(temperature * points @ wrong.T.astype(np.float32))
    return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


def test_looking_at_all_images_together_mends_bad_guesses():
    points, labels, centres = clouds(noise=0.9)
    first = guesses(points, centres, tilt=0.8)
    found = transduce(points, first)
    before, after = (first.argmax(1) == labels).mean(), (found.argmax(1) == labels).mean()
    assert before < 0.97
    assert after > before
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_same_input_gives_the_same_output_and_order_does_not_matter():
    points, _, centres = clouds()
    first = guesses(points, centres)
    found = transduce(points, first)
    assert transduce(points, first).tobytes() == found.tobytes()
    order = np.random.default_rng(1).permutation(len(points))
    np.testing.assert_allclose(transduce(points[order], first[order]), found[order], atol=1e-3)


def test_too_few_images_keep_their_first_guess():
    points, _, centres = clouds()
    first = guesses(points[:3], centres)
    np.testing.assert_allclose(transduce(points[:3], first), first, rtol=1e-5)


def test_a_class_without_images_does_no_harm():
    points, labels, centres = clouds()
    first = guesses(points, centres, tilt=0.0)
    empty = np.hstack([first, np.full((len(first), 1), 1e-9, np.float32)])
    found = transduce(points, empty, TransduceSettings(rounds=3))
    assert np.isfinite(found).all()
    assert (found.argmax(1) == labels).mean() == 1


def test_shapes_that_do_not_fit_are_refused():
    points, _, _ = clouds()
    with pytest.raises(InputError, match="one row per image"):
        transduce(points, np.ones((3, 4), np.float32))
