"""Counting links: the chances are those of all worlds written out, the pull is their derivative."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from reasoning.logic.blocks import Block
from reasoning.logic.truth import Form, Link

LABELS = 3


def named(*truths):
    """A filler that looks at the label only."""
    return Form((), (((), Block(np.array(truths, float), np.ones(1))),))


def written_out(matrix, t, at_least, row):
    """Chance of each state, from every way in which neighbours can count or not."""
    neighbours = np.flatnonzero(matrix[row])
    p = matrix[row, neighbours] * t[neighbours]
    out = np.zeros(len(at_least) + 1)
    for world in itertools.product((0, 1), repeat=len(neighbours)):
        chance = np.prod([x if hit else 1 - x for hit, x in zip(world, p, strict=True)])
        out[sum(sum(world) >= n for n in at_least)] += chance
    return out


def drawn(seed, n=6):
    rng = np.random.default_rng(seed)
    matrix = rng.choice([0.0, 0.3, 0.8, 1.0], (n, n))
    np.fill_diagonal(matrix, 0)
    q = rng.dirichlet(np.ones(LABELS), n)
    q[rng.random(n) < 0.3] = (0, 0, 1)
    return matrix, q


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.sets(st.integers(1, 8), min_size=1, max_size=3))
def test_chances_of_counts_are_exact(seed, counts):
    matrix, q = drawn(seed)
    filler, at_least = named(1, 0.5, 0), tuple(sorted(counts))
    link = Link(csr_matrix(matrix), filler, at_least)
    found = link.chances(q)
    for row in range(len(q)):
        wanted = written_out(matrix, filler.value(q), at_least, row)
        assert found[:, row] == pytest.approx(wanted, abs=1e-12)
    assert link.value(q) == pytest.approx(1 - found[0], abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([(1,), (2,), (3, 4), (1, 2, 5)]))
def test_pull_is_the_derivative(seed, at_least):
    matrix, q = drawn(seed)
    link = Link(csr_matrix(matrix), named(0.9, 0.2, 0), at_least)
    b = np.random.default_rng(seed).normal(size=(len(at_least) + 1, len(q)))
    out = np.zeros_like(q)
    link.pull(q, b, out)
    for r, k in itertools.product(range(len(q)), range(LABELS)):
        step = np.zeros_like(q)
        step[r, k] = 1e-3
        slope = (b * (link.chances(q + step) - link.chances(q - step))).sum() / 2e-3
        assert out[r, k] == pytest.approx(slope, abs=1e-9)  # linear in each neighbour


def test_rows_that_repeat_a_region_count_once():
    """Region 1 is asked twice (row 2 repeats it): as one neighbour of chance 1 - (1 - .5)(1 - .4)."""
    matrix = np.zeros((4, 4))
    matrix[0, 1:] = (0.5, 0.6, 0.4)
    origin = np.array([0, 1, 2, 1])
    q = np.tile([1.0, 0, 0], (4, 1))
    link = Link(csr_matrix(matrix), named(1, 0, 0), (2,), origin)
    assert link.value(q)[0] == pytest.approx(0.7 * 0.6)
    assert Link(csr_matrix(matrix), named(1, 0, 0), (2,)).value(q)[0] == pytest.approx(0.5)
    out = np.zeros_like(q)
    link.pull(q, np.array([np.zeros(4), np.ones(4)]), out)
    assert out[:, 0] == pytest.approx([0, 0.5 * 0.6 * 0.6, 0.7 * 0.6, 0.4 * 0.5 * 0.6])


def test_nobody_around_and_counts_out_of_reach():
    q = np.tile([1.0, 0, 0], (2, 1))
    link = Link(csr_matrix((2, 2)), named(1, 1, 1), (1, 1000))
    assert link.chances(q).tolist() == [[1, 1], [0, 0], [0, 0]]
    out = np.zeros_like(q)
    link.pull(q, np.ones((3, 2)), out)
    assert not out.any()


def test_only_and_exactly_are_states():
    matrix = csr_matrix(np.array([[0, 1.0, 1.0], [0, 0, 0], [0, 0, 0]]))
    q = np.array([[1.0, 0, 0], [0.5, 0.5, 0], [0.25, 0.75, 0]])
    exactly = Link(matrix, named(1, 0, 0), (1, 2))
    assert exactly.chances(q)[1, 0] == pytest.approx(0.5 * 0.75 + 0.5 * 0.25)
    only = Link(matrix, named(0, 1, 1))
    assert only.chances(q)[0, 0] == pytest.approx(0.5 * 0.25)
