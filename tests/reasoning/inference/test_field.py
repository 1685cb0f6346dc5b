"""Parts of a field: what is solved for itself is what the whole would do; nothing depends on the number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix, csr_matrix

from kg.ontology import load_ontology
from reasoning.inference.infer import Problem, infer, region_problem
from reasoning.inference.layout import lay_out
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
    part, held, chosen = layout.field.part(state, moving)
    small = part.resume(state.q[:, chosen], held)
    n = len(chosen)
    assert small.goal[:, :n] == pytest.approx(state.goal[:, chosen], abs=1e-12)
    assert small.change == pytest.approx(state.change[chosen], abs=1e-12)
    # a step of the part changes F by what the same step changes the whole's
    ahead = part.step(small, 0.7)
    q = state.q.copy()
    q[:, chosen] = ahead.q[:, :n]
    again = layout.field.resume(q[:, : len(state.change)], q[:, len(state.change) :])
    assert ahead.energy - small.energy == pytest.approx(again.energy - state.energy, abs=1e-8)
    moved = layout.field.moved(state, chosen, ahead.q[:, :n], ahead.energy - small.energy)
    assert moved.change == pytest.approx(again.change, abs=1e-12)
    assert moved.goal == pytest.approx(again.goal, abs=1e-12)
    assert moved.energy == pytest.approx(again.energy)


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
