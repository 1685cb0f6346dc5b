"""Forms that look along the same links are added up: same values, same slopes, fewer links."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from reasoning.logic.blocks import Block
from reasoning.logic.sums import merged
from reasoning.logic.truth import Form, Link

N, LABELS = 7, 3


def form(rng, matrix, kind):
    """A truth about neighbours, with facts of the region or of each label where asked."""
    filler = Form((), (((), Block(np.eye(LABELS)[rng.integers(LABELS)], np.ones(1))),))
    link = Link(matrix, filler, ((1,), (2,))[rng.integers(2)])
    row, column, full = rng.random(LABELS), np.ones(1), None
    if kind == "facts":
        column = rng.random(N)
    elif kind == "full":
        full = rng.random((N, LABELS))
    return Form(
        (link,), tuple(((state,), Block(row * (state + 1), column, full)) for state in (0, 1))
    )


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**31),
    st.lists(st.sampled_from(["plain", "facts", "full"]), min_size=1, max_size=9),
)
def test_sums_are_the_same(seed, kinds):
    rng = np.random.default_rng(seed)
    matrix = rng.random((N, N)) * (1 - np.eye(N))
    shared = csr_matrix(matrix)
    weighted = [(rng.random(), form(rng, shared, kind)) for kind in kinds]
    q, b = rng.dirichlet(np.ones(LABELS), N), rng.random(N)
    few = merged(weighted)
    value, slopes = np.zeros((2, N)), np.zeros((2, N, LABELS))
    for i, forms in enumerate((weighted, few)):
        for weight, one in forms:
            value[i] += weight * one.assess(q, weight * b, slopes[i]) if weight else 0
    assert value[1] == pytest.approx(value[0], abs=1e-12)
    assert slopes[1] == pytest.approx(slopes[0], abs=1e-12)
    assert len(few) <= 2 * LABELS  # so many different links there can be


def test_rules_of_one_neighbour_become_one_form():
    matrix, rng = csr_matrix(np.array([[0, 0.5], [0.5, 0]])), np.random.default_rng(0)
    filler = Form((), (((), Block(np.array([0.0, 1, 0]), np.ones(1))),))
    rules = [
        Form((Link(matrix, filler),), (((1,), Block(rng.random(LABELS), np.ones(1))),))
        for _ in range(5)
    ]
    ((weight, one),) = merged([(float(i), rule) for i, rule in enumerate(rules)])
    assert weight == 1.0 and len(one.blocks) == 1
    wanted = sum(i * rule.blocks[0][1].row for i, rule in enumerate(rules))
    assert one.blocks[0][1].row == pytest.approx(wanted)
    other = Form((Link(csr_matrix(matrix.toarray()), filler),), rules[0].blocks)
    assert len(merged([(1.0, rules[0]), (1.0, other)])) == 2
