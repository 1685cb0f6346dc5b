"""Compiled axioms: truth tables, gradients, unknown facts, reasons for staying out."""

import itertools
import time

import numpy as np
import pytest
from by_hand import (
    ADJACENT,
    AREA,
    BEACH,
    BUILDING,
    GRASS,
    LEGEND,
    LL,
    TREES,
    WATER,
    WIDTH,
    axiom,
    compiled,
    facts,
    one_hot,
    uniform,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_sparse

from kg import vocab
from kg.ontology import (
    And,
    Facet,
    Named,
    Not,
    Only,
    Or,
    Some,
    load_ontology,
)
from reasoning.facts import Facts
from reasoning.logic.axioms import compile_axioms


def slope(rule, q, b):
    """Central differences of sum_r b_r penalty_r, entry by entry."""
    out = np.zeros_like(q)
    for r, k in itertools.product(*map(range, q.shape)):
        up, down = q.copy(), q.copy()
        up[r, k] += 1e-6
        down[r, k] -= 1e-6
        out[r, k] = (b @ rule.penalty(up) - b @ rule.penalty(down)) / 2e-6
    return out


def test_named_classes_are_true_or_false_of_the_label():
    rule = compiled(WATER, Not(BUILDING), facts())
    assert not rule.active
    assert "holds for every label" in rule.reason


def test_being_unsure_is_no_violation_of_disjointness():
    rule = compiled(Named(LL + "Vegetation"), Not(BEACH), facts())
    assert rule.penalty(uniform(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("width", "expected"), [(2.0, 1.0), (3.0, 1.0), (5.0, 0.5), (6.0, 0.25), (7.0, 0.0), (9.0, 0.0)]
)
def test_tolerance_softens_a_bound_linearly(width, expected):
    known = facts(1, {WIDTH: [width]})
    rule = compiled(WATER, Facet(WIDTH, ">=", 5.0, 2.0), known)
    assert rule.penalty(one_hot(0)) == pytest.approx([expected])
    assert rule.penalty(one_hot(2)) == pytest.approx([0.0])
    assert rule.penalty(uniform(1)) == pytest.approx([expected / 5])


@pytest.mark.parametrize(
    ("op", "expected"), [("<", [0, 1, 1]), ("<=", [0, 0, 1]), (">", [1, 1, 0]), (">=", [1, 0, 0])]
)
def test_hard_bounds_at_below_and_above(op, expected):
    rule = compiled(WATER, Facet(AREA, op, 5.0), facts(3, {AREA: [4.0, 5.0, 6.0]}))
    assert rule.penalty(one_hot(0, 0, 0)).tolist() == expected


def test_an_unknown_value_never_punishes_on_either_side():
    known = facts(2, {AREA: [np.nan, 1.0], WIDTH: [1.0, np.nan]})
    wide, big = Facet(WIDTH, ">=", 5.0), Facet(AREA, ">=", 5.0)
    q = one_hot(0, 0)
    assert compiled(WATER, big, known).penalty(q).tolist() == [0, 1]
    assert compiled(And((WATER, Not(big))), TREES, known).penalty(q).tolist() == [0, 1]
    assert compiled(And((WATER, Not(big))), wide, known).penalty(q).tolist() == [0, 0]
    assert compiled(WATER, Or((wide, big)), known).penalty(q).tolist() == [0, 0]
    assert compiled(WATER, And((wide, big)), known).penalty(q).tolist() == [1, 1]


def test_an_unknown_value_of_a_neighbour_never_punishes():
    known = facts(2, {AREA: [1.0, np.nan]}, links={ADJACENT: [(0, 1, 1.0), (1, 0, 1.0)]})
    lake = And((WATER, Facet(AREA, ">=", 5.0)))
    q = one_hot(1, 0)
    assert compiled(BEACH, Some(ADJACENT, lake), known).penalty(q).tolist() == [0, 0]
    assert compiled(Some(ADJACENT, lake), TREES, known).penalty(q).tolist() == [0, 0]


def test_evidence_is_the_covered_share_of_classes_below():
    kind = vocab.OSM_FEATURE
    known = facts(
        2,
        shares={
            (kind, LL + "House"): [0.4, 0.0],
            (kind, LL + "Building"): [0.3, 0.9],
            (kind, LL + "Lake"): [0.1, 0.0],
            (vocab.PRODUCT_CELL, LL + "Building"): [0.2, 0.5],
        },
    )
    left = Some(vocab.COVERED_BY, And((Named(kind), BUILDING)))
    rule = compiled(left, BUILDING, known)
    assert rule.penalty(one_hot(0, 4)) == pytest.approx([0.7, 0.0])
    assert rule.penalty(uniform(2)) == pytest.approx([0.7 * 0.8, 0.9 * 0.8])
    any_kind = compiled(Some(vocab.COVERED_BY, BUILDING), BUILDING, known)
    assert any_kind.penalty(one_hot(0, 0)) == pytest.approx([0.9, 1.0])
    no_lake = Some(vocab.COVERED_BY, And((Named(kind), Not(BUILDING))))
    assert compiled(no_lake, WATER, known).penalty(one_hot(2, 2)) == pytest.approx([0.1, 0.0])


def test_some_and_only_over_neighbours():
    links = {ADJACENT: [(0, 1, 1.0), (0, 2, 0.5)]}
    known = facts(3, links=links)
    q = np.array([[0, 1, 0, 0, 0], [0.5, 0, 0.5, 0, 0], [0.2, 0, 0.8, 0, 0]])
    some = compiled(BEACH, Some(ADJACENT, WATER), known)
    only = compiled(BEACH, Only(ADJACENT, WATER), known)
    assert some.penalty(q)[0] == pytest.approx((1 - 0.5) * (1 - 0.5 * 0.2))
    assert only.penalty(q)[0] == pytest.approx(1 - (1 - 0.5) * (1 - 0.5 * 0.8))
    alone = one_hot(1, 1, 1)
    assert some.penalty(alone)[1] == 1
    assert only.penalty(alone)[1] == 0


def test_a_relation_on_both_sides_is_one_event():
    known = facts(2, links={ADJACENT: [(0, 1, 1.0), (1, 0, 1.0)]})
    near_water = Some(ADJACENT, WATER)
    rule = compiled(And((BEACH, near_water)), And((near_water, Named(LL + "Bare"))), known)
    assert rule.reason == "no region of this run can break it, whatever its label"
    q = np.array([[0, 0.5, 0.5, 0, 0], [0.5, 0, 0.5, 0, 0]])
    rule = compiled(near_water, And((near_water, BEACH)), known)
    assert rule.penalty(q)[0] == pytest.approx(0.5 * 0.5)


def test_a_soft_fact_on_both_sides_is_one_event():
    known = facts(1, {AREA: [5.0]})
    big = Facet(AREA, ">=", 5.0, 2.0)
    assert compiled(And((WATER, big)), Or((big, TREES)), known).penalty(one_hot(0)) == [0.0]
    small = Facet(AREA, "<", 5.0, 2.0)
    assert compiled(And((WATER, big)), Not(small), known).penalty(one_hot(0)) == [0.0]


def test_the_penalty_is_the_expected_number_of_violations():
    """Against enumeration of all worlds of independent labels."""
    rng = np.random.default_rng(3)
    known = facts(4, links={ADJACENT: [(0, 1, 1.0), (0, 2, 1.0), (1, 0, 1.0), (2, 3, 1.0)]})
    left, right = And((Or((BEACH, GRASS)), Some(ADJACENT, TREES))), Only(ADJACENT, Not(BUILDING))
    rule = compiled(left, right, known)
    single = compiled(BEACH, Some(ADJACENT, WATER), known)
    q = rng.dirichlet(np.ones(5), size=4)
    expected = np.zeros(4)
    for world in itertools.product(range(5), repeat=4):
        chance = np.prod([q[r, k] for r, k in enumerate(world)])
        expected += chance * single.penalty(one_hot(*world))
    assert single.penalty(q) == pytest.approx(expected, abs=1e-12)
    assert single.note == ""
    assert "several relations" in rule.note


LEAVES = st.sampled_from(
    [WATER, BEACH, Named(LL + "Vegetation"), Facet(AREA, ">=", 5.0, 3.0), Facet(WIDTH, "<", 4.0)]
    + [Some(vocab.COVERED_BY, And((Named(vocab.OSM_FEATURE), BUILDING)))]
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(And),
        st.tuples(inner, inner).map(Or),
        inner.map(Not),
        inner.map(lambda e: Some(ADJACENT, e)),
        inner.map(lambda e: Only(LL + "near", e)),
    ),
    max_leaves=5,
)


def random_facts(rng, n):
    area, width = rng.uniform(0, 10, n), rng.uniform(0, 10, n)
    area[rng.random(n) < 0.2] = np.nan
    relations = {}
    for role in (ADJACENT, LL + "near"):
        matrix = random_sparse(n, n, density=0.5, random_state=rng).toarray()
        matrix[rng.random((n, n)) < 0.3] = 1.0
        np.fill_diagonal(matrix, 0)
        relations[role] = csr_matrix(matrix)
    shares = {(vocab.OSM_FEATURE, LL + "House"): rng.random(n)}
    return Facts({AREA: area, WIDTH: width}, shares, relations)


@settings(max_examples=40, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS, st.integers(0, 10_000))
def test_gradients_agree_with_finite_differences(left, right, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    rule = compiled(left, right, random_facts(rng, n))
    q, b = rng.dirichlet(np.full(5, 0.7), size=n), rng.uniform(0, 20, n)
    assert (rule.penalty(q) >= -1e-12).all()
    assert (rule.penalty(q) <= 1 + 1e-12).all()
    q = q * 0.95 + 0.002  # off the edge, where a factor 1 - R t is cut at 0
    assert rule.gradient(q, b) == pytest.approx(slope(rule, q, b), abs=1e-6)
    if rule.local:
        assert rule.gradient(q, b) == pytest.approx(rule.gradient(uniform(n), b))


def test_gradient_where_a_factor_is_zero():
    known = facts(3, links={ADJACENT: [(0, 1, 1.0), (0, 2, 1.0)]})
    rule = compiled(BEACH, Some(ADJACENT, WATER), known)
    b = np.ones(3)
    near_one = one_hot(1, 0, 2)
    assert rule.gradient(near_one, b)[1, 0] == pytest.approx(-1)
    assert rule.gradient(near_one, b)[2, 0] == pytest.approx(0)
    near_two = one_hot(1, 0, 0)
    assert rule.gradient(near_two, b)[1:, 0] == pytest.approx([0, 0])
    assert np.isfinite(rule.gradient(near_two, b)).all()


def test_truth_of_both_sides():
    known = facts(2, {WIDTH: [5.0, 9.0]})
    rule = compiled(WATER, Facet(WIDTH, ">=", 5.0, 2.0), known)
    left, right = rule.truth(uniform(2))
    assert left.tolist() == [[1, 0, 0, 0, 0]] * 2
    assert right.tolist() == [[0.5] * 5, [1.0] * 5]


def test_twelve_rules_on_a_hundred_thousand_regions_are_fast():
    n, rng = 100_000, np.random.default_rng(0)
    rows = np.repeat(np.arange(n), 6)
    edges = csr_matrix(
        (np.ones(6 * n), (rows, (rows + rng.integers(1, n, 6 * n)) % n)), shape=(n, n)
    )
    edges.data[:] = 1.0
    known = Facts(
        {AREA: rng.uniform(0, 10, n), WIDTH: rng.uniform(0, 10, n)}, {}, {ADJACENT: edges}
    )
    kinds = (WATER, BEACH, TREES, GRASS, BUILDING)
    local = [axiom(k, Facet(p, ">=", 5.0, 1.0)) for k in kinds for p in (AREA, WIDTH)]
    linked = [axiom(BEACH, Some(ADJACENT, WATER)), axiom(BUILDING, Only(ADJACENT, Not(WATER)))]
    q, b = rng.dirichlet(np.ones(5), size=n), np.ones(n)
    start = time.process_time()
    rules = compile_axioms(local + linked, LEGEND, load_ontology(), known)
    total = sum(rule.penalty(q) + rule.gradient(q, b)[:, 0] for rule in rules)
    assert time.process_time() - start < 5  # about 0.3 s on a quiet core
    assert np.isfinite(total).all()
