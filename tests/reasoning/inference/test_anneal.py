"""Mode map: the least energy of small graphs is found, the same seed gives the same labels, nothing gets worse."""

import numpy as np
import pytest

from kg.ontology import load_ontology
from reasoning.inference.anneal import colours, solve_map
from reasoning.inference.exact import enumerate_labels
from reasoning.inference.infer import EXCLUDED, Problem, infer
from reasoning.inference.layout import lay_out
from reasoning.inference.random_graphs import GraphKind, random_graph
from reasoning.inference.smooth import neighbour_weights

ONTOLOGY = load_ontology()


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_small_graphs_reach_the_least_energy(weight):
    kind = GraphKind(regions=6, weight=weight, smoothness=weight)
    problems = [random_graph(seed, kind, ONTOLOGY) for seed in range(8)]
    found = [solve_map(problem) for problem in problems]
    least = [enumerate_labels(problem).energy for problem in problems]
    reached = [f.energy <= e + 1e-9 for f, e in zip(found, least, strict=True)]
    assert sum(reached) >= 7
    assert all(f.energy >= e - 1e-9 for f, e in zip(found, least, strict=True))
    assert all(f.energy <= f.start and f.energy == min(f.restarts) for f in found)


def test_the_same_seed_gives_the_same_labels():
    problem = random_graph(1, GraphKind(regions=30, weight=3.0), ONTOLOGY)
    one, two = (solve_map(problem, seed=5, restarts=3) for _ in range(2))
    assert one.labels.tobytes() == two.labels.tobytes()
    assert one.energy == two.energy


def test_nodes_of_one_colour_share_no_axiom():
    """Two regions that look at a third are told apart, although they do not touch."""
    problem = random_graph(2, GraphKind(regions=12, degree=2.0, forms=("some",)), ONTOLOGY)
    colour = colours(lay_out(problem, None).field)
    relation = problem.axioms[0][1].violation.links[0].matrix.toarray() > 0
    for row in relation | np.eye(12, dtype=bool):
        looked = colour[row]
        assert len(set(looked)) == len(looked)


def test_excluded_labels_are_never_chosen():
    problem = random_graph(3, GraphKind(regions=8, weight=6.0), ONTOLOGY)
    problem.unary[0, :, 1] = EXCLUDED
    assert not (solve_map(problem, restarts=2).labels == 1).any()


def test_pixels_may_be_nodes_and_gaps_stay_empty():
    rng = np.random.default_rng(0)
    region = np.repeat(np.arange(3, dtype=np.int32), 12).reshape(6, 6)
    region[2, 2] = -1
    unary = rng.normal(size=(6, 6, 2))
    right, down = neighbour_weights(region, 0.8)
    problem = Problem(unary, right, down, region, np.ones((6, 6)), (), np.empty((0, 2)))
    found = solve_map(problem, restarts=4)
    assert found.labels[2, 2] == -1
    assert found.energy <= found.start

    def energy(labels):
        own = -np.take_along_axis(unary, labels[..., None], 2)[..., 0][region >= 0].sum()
        beside = (right[:, :-1] * (labels[:, 1:] != labels[:, :-1])).sum()
        return own + beside + (down[:-1] * (labels[1:] != labels[:-1])).sum()

    assert found.energy == pytest.approx(energy(np.maximum(found.labels, 0)))
    assert found.start == pytest.approx(energy(infer(problem).q.argmax(axis=2)))
