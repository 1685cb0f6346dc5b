from __future__ import annotations

import numpy as np
import pytest

from fusion.transduce import affinity, softmax
from fusion.transduce_kernels import nearest, settle


def points(count: int = 40, width: int = 6):
    rows = np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)
    rows[7] = rows[3]  # equals, so that which comes first counts
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("block", [1, 7, 40])
def test_neighbours_are_those_of_a_full_sort_for_every_block_size(block):
    x = points()
    weights = np.full((len(x), 3), -np.inf, np.float32)
    columns = np.zeros((len(x), 3), np.int32)
    similar = x @ x.T
    for start in range(0, len(x), block):
        nearest(similar[start : start + block, start:].copy(), start, weights, columns)
    np.fill_diagonal(similar, -np.inf)
    np.testing.assert_array_equal(columns, np.argsort(-similar, axis=1, kind="stable")[:, :3])
    np.testing.assert_array_equal(weights, np.take_along_axis(similar, columns.astype(int), 1))


def settled(z, alone, near, times):
    """The same update of all images at once, in plain numpy."""
    logs = alone
    for _ in range(times):
        logs = alone + near @ z
        z = softmax(logs)
    return z, logs


@pytest.mark.parametrize("times", [1, 2, 5, 40])
def test_looking_only_where_a_neighbour_moved_changes_nothing(times):
    rng, near = np.random.default_rng(1), affinity(points(), 3)
    alone = rng.normal(scale=3, size=(40, 4)).astype(np.float32)
    start = softmax(rng.normal(size=(40, 4)).astype(np.float32))
    z, logs = start.copy(), alone.copy()
    assert settle(z, logs, (near.indptr, near.indices, near.data), times, np.log(1e-30), 1e-6)
    expected, expected_logs = settled(start, alone, near, times)
    np.testing.assert_allclose(z, expected, atol=1e-5)
    np.testing.assert_allclose(logs, expected_logs, atol=1e-4)


def test_what_has_settled_says_that_nothing_moved():
    near = affinity(points(), 3)
    alone = np.random.default_rng(1).normal(scale=3, size=(40, 4)).astype(np.float32)
    z, _ = settled(softmax(alone), alone, near, 60)
    graph = (near.indptr, near.indices, near.data)
    assert not settle(z.copy(), alone.copy(), graph, 5, np.log(1e-30), 1e-6)
    assert settle(z[::-1].copy(), alone.copy(), graph, 5, np.log(1e-30), 1e-6)


def test_probabilities_far_below_the_largest_are_zero():
    near = affinity(points(), 3)
    alone = np.tile(np.array([0, -100], np.float32), (40, 1))
    z, logs = np.full((40, 2), 0.5, np.float32), alone.copy()
    settle(z, logs, (near.indptr, near.indices, near.data), 3, np.log(1e-30), 1e-6)
    np.testing.assert_array_equal(z, np.tile([1, 0], (40, 1)))
    assert (logs[:, 1] < -95).all()
