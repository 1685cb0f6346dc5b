"""One pass over a form of one `some` link: the figures of the general way, which another layout in memory takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from reasoning.logic import single
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


def test_parts_tell_what_the_whole_tells(monkeypatch):
    rng = np.random.default_rng(5)
    n = 23
    matrix = csr_matrix(
        np.triu(form(rng, n).links[0].matrix.toarray(), 1)
    )  # the last region tells none
    filler = Form((), (((), Block(np.array([1.0, 0.5, 0.0]), np.ones(1))),))
    q = np.ascontiguousarray(rng.dirichlet(np.ones(LABELS), n).T)
    found = []
    for least in (n, 1):
        monkeypatch.setattr(single, "LEAST", least)
        one = Form((Link(matrix, filler),), (((1,), Block(np.array([0.2, 0.9, 0.5]), np.ones(1))),))
        slopes, pulled = np.zeros((LABELS, n)), np.zeros((n, LABELS))
        values = one.assess(q.T, np.ones(n), slopes.T)
        one.links[0].pull(q.T, np.stack([np.zeros(n), np.ones(n)]), pulled)
        found.append((len(one.links[0].told_spans), values, slopes, pulled))
    (few, *whole), (many, *parts) = found
    assert (few, many) == (1, single.PARTS)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-14)
