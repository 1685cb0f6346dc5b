"""Parts of a field: what is solved for itself is what the whole would do; nothing depends on the number of threads."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix, csr_matrix

from kg.ontology import load_ontology
from reasoning.inference.infer import Held, Problem, infer, region_problem
from reasoning.inference.layout import lay_out
from reasoning.inference.pairs import GridPairs, Listed
from reasoning.inference.random_graphs import GraphKind, random_graph
from reasoning.inference.smooth import neighbour_weights

ONTOLOGY = load_ontology()


def pixels(seed, side=40, gaps=True):
    """A grid of square regions, with or without pixels that have none."""
    rng = np.random.default_rng(seed)
    region = (np.arange(side)[:, None] // 5 * (side // 5) + np.arange(side) // 5).astype(np.int32)
    if gaps:
        region[rng.random(region.shape) < 0.05] = -1
    scores = rng.normal(0, 2, (side, side, 3))
    unary = scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))
    right, down = neighbour_weights(region, 0.6)
    graph = random_graph(seed, GraphKind(regions=(side // 5) ** 2, weight=2.0), ONTOLOGY)
    return Problem(
        unary, right, down, region, np.ones(region.shape), graph.axioms, np.empty((0, 3))
    )


@pytest.mark.parametrize("kind", ["pixels", "pixels without gaps", "regions", "regions alone"])
def test_a_part_feels_what_the_whole_feels(kind):
    smoothness = 0.0 if kind == "regions alone" else 1.0
    graph = GraphKind(regions=60, weight=2.0, smoothness=smoothness)
    tile = pixels(1, gaps=kind == "pixels")
    problem = random_graph(1, graph, ONTOLOGY) if kind.startswith("regions") else tile
    layout = lay_out(problem, None)
    state = layout.start()
    moving = np.random.default_rng(0).random(len(state.change)) < 0.2
    part, small, chosen = layout.field.part(state, moving)
    n = len(chosen)
    assert all(one.flags.c_contiguous for one in (part.nodes.unary, small.score, small.q))
    goal, change = layout.field.goal(state)
    part_goal, part_change = part.goal(small)
    assert part_goal[:, :n] == pytest.approx(goal[:, chosen], abs=1e-12)
    assert part_change == pytest.approx(change[chosen], abs=1e-12)
    # a step of the part changes F by what the same step changes the whole's
    ahead = part.step(small, 0.7)
    energy, scores = state.energy, state.score.copy()
    scores[:, chosen] = ahead.score
    again = layout.field.state(scores, state.q[:, len(state.change) :])
    assert ahead.energy - small.energy == pytest.approx(again.energy - energy, abs=1e-8)
    moved = layout.field.joined(state, chosen, ahead, ahead.energy - small.energy)
    assert layout.field.goal(moved)[1] == pytest.approx(layout.field.goal(again)[1], abs=1e-12)
    assert moved.energy == pytest.approx(again.energy)


class _Unwritten:
    """numpy whose new arrays are no numbers until they are written."""

    empty = staticmethod(lambda *shape: np.full(*shape, np.nan))
    empty_like = staticmethod(lambda like: np.full_like(like, np.nan))

    def __getattr__(self, name):
        return getattr(np, name)


@pytest.mark.parametrize("gaps", [True, False])
def test_no_step_depends_on_what_memory_held(gaps, monkeypatch):
    monkeypatch.setattr("reasoning.inference.field.np", _Unwritten())
    field = lay_out(pixels(1, gaps=gaps), None).field
    state = field.start(np.zeros((3, 0)))
    part, small, _ = field.part(state, np.random.default_rng(0).random(len(state.change)) < 0.2)
    for whole, before in ((field, state), (part, small)):
        ahead = whole.step(before, 0.7)
        assert np.isfinite(ahead.energy)
        assert np.isfinite(ahead.q).all() and np.isfinite(ahead.score).all()
        assert np.isfinite(whole.goal(before)[0]).all()


@pytest.mark.parametrize("gaps", [True, False])
def test_a_part_of_a_part_feels_what_the_whole_feels(gaps):
    field = lay_out(pixels(2, gaps=gaps), None).field
    state, rng = field.start(np.empty((3, 0))), np.random.default_rng(1)
    part, small, chosen = field.part(state, rng.random(len(state.change)) < 0.5)
    inner, least, some = part.part(small, rng.random(len(chosen)) < 0.5)
    goal, change = inner.goal(least)
    assert goal[:, : len(some)] == pytest.approx(field.goal(state)[0][:, chosen[some]], abs=1e-12)
    assert change == pytest.approx(field.goal(state)[1][chosen[some]], abs=1e-12)
    assert inner.nodes.pairs.tie == pytest.approx(field.nodes.pairs.tie[chosen[some]])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1), (5, 7), (4, 6), (5, 6), (7, 5)])
def test_a_chequered_grid_feels_what_a_list_of_neighbours_feels(shape):
    """Every side of every pixel, dark and bright, of grids with odd and even sides."""
    rng = np.random.default_rng(sum(shape))
    scores = np.log(rng.dirichlet(np.ones(3), shape))
    right, down = rng.random((2, *shape))
    right[:, -1], down[-1] = 0.0, 0.0
    region = np.zeros(shape, np.int32)
    problem = Problem(scores, right, down, region, np.ones(shape), (), np.empty((0, 3)))
    grid = lay_out(problem, None).field
    if max(shape) == 1:
        assert not grid.nodes.pairs.count
        return
    assert isinstance(grid.nodes.pairs, GridPairs)
    pairs = Listed(*starts_of(grid.nodes.pairs.edges(np.arange(scores[..., 0].size))))
    listed = replace(grid, nodes=replace(grid.nodes, pairs=pairs))
    one, other = grid.start(np.empty((3, 0))), listed.start(np.empty((3, 0)))
    assert one.energy == pytest.approx(other.energy)
    assert grid.nodes.pairs.tie == pytest.approx(pairs.tie)
    assert grid.goal(one)[0] == pytest.approx(listed.goal(other)[0], abs=1e-12)
    assert grid.step(one, 1.0).q == pytest.approx(listed.step(other, 1.0).q, abs=1e-12)
    # ... and what the definition says
    q = np.exp(scores)
    ties = (right[:, :-1, None] * (q[:, 1:] - q[:, :-1]) ** 2).sum()
    ties += (down[:-1, :, None] * (q[1:] - q[:-1]) ** 2).sum()
    assert one.energy == pytest.approx(0.5 * ties)


def starts_of(edges):
    counts, others, weights = edges
    return np.concatenate([[0], np.cumsum(counts)]), others, weights


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 50), st.integers(2, 6))
def test_a_node_among_held_ones_reaches_its_minimum_in_few_steps(seed, weight, labels):
    """However strongly neighbours hold it back; the condition of the minimum is written out."""
    rng = np.random.default_rng(seed)
    scores = np.log(rng.dirichlet(np.ones(labels), (1, 2)))
    right = np.array([[weight, 0.0]])
    problem = Problem(
        scores, right, np.zeros((1, 2)), np.zeros((1, 2), np.int32), np.ones((1, 2)), (),
        np.empty((0, labels)),
    )  # fmt: skip
    q = rng.dirichlet(np.ones(labels))
    held = Held(
        np.stack([np.exp(scores[0, 0]), q])[None], np.array([[True, False]]), np.zeros((1, labels)),
        np.zeros(1),
    )  # fmt: skip
    found = infer(problem, held=held)
    assert found.trace.stopped == "converged"
    mine = found.q[0, 0]
    slope = np.log(mine) - scores[0, 0] + weight * (mine - q)
    assert slope == pytest.approx(np.full(labels, slope.mean()), abs=1e-6)
    assert found.trace.steps <= 12


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.5, 3.0, 20.0]))
def test_free_energy_never_rises_with_compiled_axioms(seed, weight):
    """Axioms of every form, counts included, on regions; the end is checked over all of them."""
    smoothness = weight / 2 * (seed % 2)
    kind = GraphKind(regions=400, weight=weight, axioms=7, smoothness=smoothness)
    problem = random_graph(seed, kind, ONTOLOGY)
    solution = infer(problem, max_steps=40)
    assert (np.diff(solution.trace.energy) <= 0).all()
    assert solution.trace.residual == pytest.approx(np.abs(solution.q - solution.at).max())
    assert solution.trace.stopped != "converged" or solution.trace.residual <= 1e-8
    q = solution.at[0]
    direct = (q * (np.log(np.maximum(q, 1e-300)) - problem.unary[0])).sum()
    direct += sum(w * axiom.penalty(q).sum() for w, axiom in problem.axioms)
    ties = coo_matrix(problem.pairs if smoothness else (400, 400))
    direct += 0.25 * (ties.data * ((q[ties.row] - q[ties.col]) ** 2).sum(axis=1)).sum()
    assert solution.trace.energy[-1] == pytest.approx(direct, rel=1e-9)


def test_parts_and_whole_end_at_the_same_place(monkeypatch):
    problem = pixels(2)
    divided = infer(problem, max_steps=200)
    monkeypatch.setattr("reasoning.inference.descent.LEAST", 10**9)
    whole = infer(problem, max_steps=200)
    assert divided.trace.stopped == whole.trace.stopped == "converged"
    assert divided.q == pytest.approx(whole.q, abs=1e-7)


def test_one_region_and_no_neighbours():
    unary = np.log(np.array([[0.7, 0.3]]))
    alone = infer(region_problem(unary, np.array([5.0]), ()))
    assert alone.q[0] == pytest.approx(np.array([[0.7, 0.3]]))
    assert alone.trace.stopped == "converged" and alone.trace.steps == 0
    kind = GraphKind(regions=3, degree=0.0, forms=("some", "only", "count"))
    lonely = random_graph(0, kind, ONTOLOGY)
    assert infer(lonely).trace.stopped == "converged"


def test_cuts_between_regions_are_those_of_their_pixels():
    """Two regions of two pixels each that share two edges: as nodes they cost what the pixels cost."""
    scores = np.log(np.array([[0.8, 0.2], [0.3, 0.7]]))
    region = np.array([[0, 1], [0, 1]], np.int32)
    right, down = np.array([[0.4, 0.0], [0.4, 0.0]]), np.zeros((2, 2))
    full = infer(
        Problem(scores[region], right, down, region, np.ones((2, 2)), (), np.empty((0, 2)))
    )
    cuts = csr_matrix(np.array([[0.0, 0.8], [0.8, 0.0]]))
    nodes = infer(region_problem(scores, np.array([2.0, 2.0]), (), cuts=cuts))
    assert nodes.q[0] == pytest.approx(full.q[0], abs=1e-7)
    assert nodes.trace.energy[-1] == pytest.approx(full.trace.energy[-1])


def test_the_same_bytes_from_one_thread_and_from_two(monkeypatch):
    from kg import compiled

    problem, found = pixels(3, side=100), []
    for threads in (1, 2, 3):
        monkeypatch.setattr(compiled, "THREADS", threads)
        found.append(infer(problem, max_steps=20))
    assert len({one.q.tobytes() for one in found}) == 1
    assert len({one.trace for one in found}) == 1
