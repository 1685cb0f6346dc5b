from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from fusion.matching import match_groups


def cost(order, means, predicted, covariance):
    apart = means[list(order)] - predicted
    return float(np.trace(np.linalg.inv(covariance) @ apart @ apart.T))


def related(rng, classes=5, width=12):
    """Prototypes whose errors go together in classes 0 and 1, and the groups that they are predictions of."""
    predicted = rng.normal(size=(classes, width))
    covariance = np.eye(classes) * 0.5
    covariance[0, 1] = covariance[1, 0] = 0.45
    error = np.linalg.cholesky(covariance) @ rng.normal(size=(classes, width))
    return predicted + error, predicted, covariance


@pytest.mark.parametrize("seed", range(8))
def test_the_cost_falls_to_what_trying_all_namings_finds(seed):
    means, predicted, covariance = related(np.random.default_rng(seed))
    shuffled = means[np.random.default_rng(seed + 100).permutation(5)]
    found = match_groups(shuffled, predicted, covariance)
    assert sorted(found) == list(range(5))
    every = [cost(p, shuffled, predicted, covariance) for p in permutations(range(5))]
    assert cost(found, shuffled, predicted, covariance) == pytest.approx(min(every), rel=0.05)


def test_each_change_of_cost_is_what_a_swap_does():
    from fusion.matching import _gains

    means, predicted, covariance = related(np.random.default_rng(3))
    gains = _gains(np.linalg.inv(covariance), means, predicted)
    for a, b in ((0, 1), (1, 4), (2, 2)):
        order = np.arange(5)
        order[[a, b]] = order[[b, a]]
        change = cost(order, means, predicted, covariance) - cost(
            range(5), means, predicted, covariance
        )
        assert gains[a, b] == pytest.approx(change, abs=1e-9)


def test_errors_that_go_together_name_groups_that_lie_nearer_to_the_other_class():
    """Both groups are moved the same way: each by itself is nearer to the wrong class, together they are not."""
    predicted = np.array([[0.0, 0.0], [1.0, 0.0]])
    means = predicted + [0.9, 0.0]
    alike = np.array([[1.0, 0.99], [0.99, 1.0]])
    assert match_groups(means, predicted, alike).tolist() == [0, 1]
    assert match_groups(means[::-1], predicted, alike).tolist() == [1, 0]
    apart = np.linalg.norm(means[:, None] - predicted, axis=2)
    assert apart[0].argmin() == 1  # class 0's group is nearer to class 1


def test_a_right_naming_stays():
    means, _, covariance = related(np.random.default_rng(1))
    assert match_groups(means, means, covariance).tolist() == list(range(5))
