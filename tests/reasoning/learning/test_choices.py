"""The convex fit: gradient and curvature by finite differences, convexity, bounds, standard errors."""

import numpy as np
import pytest

from reasoning.learning.choices import (
    Choices,
    Prior,
    class_weights,
    curvature,
    maximise,
    objective,
    quieted,
    standard_errors,
)

THETA = np.array([0.5, -1.0, 0.8, 0.3])


def drawn(seed, pixels=400, classes=3, theta=THETA):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(pixels, classes, len(theta)))
    offset = rng.normal(0, 0.5, (pixels, classes))
    scores = offset + features @ theta
    truth = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    weight = rng.uniform(0.5, 2, pixels)
    return Choices(features, offset, truth, weight, weight, np.arange(pixels))


def prior(precision=0.01, lower=-np.inf):
    return Prior(np.zeros(4), np.full(4, precision), np.full(4, lower))


def test_gradient_and_curvature_by_finite_differences():
    choices, at, step = drawn(0), np.array([0.2, 0.1, -0.4, 1.0]), 1e-5
    gradient = objective(at, choices, prior())[1]
    bent = curvature(at, choices) + 0.01 * np.eye(4)
    for j, unit in enumerate(np.eye(4)):
        up, down = (objective(at + s * step * unit, choices, prior()) for s in (1, -1))
        assert gradient[j] == pytest.approx((up[0] - down[0]) / (2 * step), abs=1e-8)
        assert bent[j] == pytest.approx((up[1] - down[1]) / (2 * step), abs=1e-7)


def test_it_is_convex():
    choices, rng = drawn(1), np.random.default_rng(2)
    for _ in range(50):
        a, b = rng.normal(0, 3, (2, 4))
        ends = [objective(x, choices, prior())[0] for x in (a, b)]
        assert objective((a + b) / 2, choices, prior())[0] <= np.mean(ends) + 1e-12
        assert np.linalg.eigvalsh(curvature(a, choices)).min() > -1e-12


def test_the_answer_does_not_depend_on_the_start():
    choices = drawn(3)
    first, other = (maximise(choices, prior(), np.array(s, float)) for s in ([0] * 4, [3] * 4))
    assert first == pytest.approx(other, abs=1e-6)
    assert np.abs(objective(first, choices, prior())[1]).max() < 1e-7


def test_bounds_hold_and_silent_parameters_stay():
    choices = drawn(4)
    choices.features[:, :, 3] = 1.0  # the same for every class: says nothing
    center = Prior(np.array([0, 0, 0, 0.7]), np.zeros(4), np.zeros(4))
    found = maximise(choices, center)
    assert found[1] == 0
    assert found[3] == 0.7
    errors = standard_errors(found, choices, center)
    assert np.isnan(errors).tolist() == [False, False, False, True]


def test_without_pixels_the_prior_decides():
    none = Choices(*(a[:0] for a in vars(drawn(0)).values()))
    center = Prior(np.arange(4.0), np.ones(4), np.zeros(4))
    assert maximise(none, center) == pytest.approx(np.arange(4.0))


def test_standard_errors_cover_the_truth_and_see_clusters():
    weak = prior(1e-9)
    inside = []
    for seed in range(30):
        choices = drawn(seed + 10)
        theta = maximise(choices, weak)
        errors = standard_errors(theta, choices, weak)
        inside.append(np.abs(theta - THETA) < 1.96 * errors)
    assert 0.85 <= np.mean(inside) <= 1.0
    again = Choices.joined([choices, choices])
    doubled = Choices(**{**vars(again), "cluster": again.cluster % 400})
    assert standard_errors(theta, doubled, weak) == pytest.approx(errors, rel=1e-6)
    assert standard_errors(theta, again, weak) == pytest.approx(errors / np.sqrt(2), rel=1e-6)


def test_class_weights():
    assert class_weights(np.array([90, 10, 0]), 0.0) == pytest.approx([1, 1, 1])
    assert class_weights(np.array([90, 10, 0]), 1.0) == pytest.approx([1 / 0.9, 10, 1])


def test_a_class_that_is_never_true_wins_only_where_the_network_says_so():
    """At a temperature that drowns the network, rules against the other classes would hand it every pixel."""
    logs = np.log([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.1, 0.8]])
    against = np.array([[-2.0, -1.0, 0.0]] * 3)
    features = np.concatenate(
        [logs[:, :, None], np.broadcast_to(np.eye(3), (3, 3, 3)), against[:, :, None]], axis=2
    )
    one = np.ones(3)
    choices = Choices(features, np.zeros((3, 3)), np.array([0, 1, 1]), one, one, np.arange(3))
    theta = np.array([0.05, 0.3, 0.1, 0.2, 1.0])
    assert choices.scores(theta).argmax(axis=1).tolist() == [2, 2, 2]
    found = quieted(theta, choices, np.array([False, False, True]))
    scores = choices.scores(found)
    assert (scores[:2, :2].max(axis=1) >= scores[:2, 2] - 1e-12).all()
    assert scores[2].argmax() == 2
    np.testing.assert_array_equal(np.delete(found, 3), np.delete(theta, 3))
    np.testing.assert_array_equal(quieted(theta, choices, np.zeros(3, bool)), theta)
