"""One pass over a form of one `some` link: the figures of the general way, which another layout in memory takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from reasoning.logic.blocks import Block
from reasoning.logic.single import coefficients
from reasoning.logic.truth import Form, Link

LABELS = 3


def form(rng, n):
    matrix = rng.choice([0.0, 0.0, 0.3, 1.0], (n, n))
    np.fill_diagonal(matrix, 0)
    filler = Form((), (((), Block(np.array([1.0, 0.5, 0.0]), np.ones(1))),))
    blocks = (
        ((1,), Block(rng.random(LABELS) * [1, 0, 1], rng.random(n))),
        ((0,), Block(np.full(1, 0.7), rng.random(n))),
        ((1,), Block(rng.random(LABELS), np.full(1, 0.4))),
    )
    return Form((Link(csr_matrix(matrix), filler),), blocks)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12))
def test_one_pass_gives_what_the_general_way_gives(seed, n):
    rng = np.random.default_rng(seed)
    one = form(rng, n)
    q = rng.dirichlet(np.ones(LABELS), n)
    q[rng.random(n) < 0.3] = (1, 0, 0)  # sure neighbours: factors of exactly 0
    b = rng.random(n)
    general, quick = np.zeros((n, LABELS)), np.zeros((LABELS, n))
    values = one.assess(q, b, general)
    beside = np.ascontiguousarray(q.T)
    assert one.assess(beside.T, b, quick.T) == pytest.approx(values, abs=1e-12)
    np.testing.assert_allclose(quick.T, general, atol=1e-12)
    assert one.value(q) == pytest.approx(values, abs=1e-12)


def test_coefficients_per_region_and_label_take_the_general_way():
    blocks = (((1,), Block(np.ones(1), np.ones(1), np.ones((4, LABELS)))),)
    assert coefficients(blocks, LABELS) is None
