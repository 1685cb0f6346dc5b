"""Enumeration: the energies are those written out from the axioms' own penalties, the marginals sum up."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from kg.errors import InputError
from kg.ontology import load_ontology
from reasoning.inference.copies import copies
from reasoning.inference.exact import enumerate_labels
from reasoning.inference.layout import lay_out
from reasoning.inference.random_graphs import FORMS, GraphKind, random_graph

ONTOLOGY = load_ontology()


def written_out(problem, labels):
    """Energy of one labelling, term by term."""
    q = np.eye(problem.unary.shape[2])[list(labels)]
    total = -sum(problem.unary[0, i, k] for i, k in enumerate(labels))
    if problem.pairs is not None:
        ties = problem.pairs.toarray()
        total += sum(
            ties[i, j]
            for i, j in itertools.combinations(range(len(labels)), 2)
            if labels[i] != labels[j]
        )
    return total + sum(w * axiom.penalty(q).sum() for w, axiom in problem.axioms)


@pytest.mark.parametrize("seed", range(3))
def test_enumeration_is_every_labelling_written_out(seed):
    problem = random_graph(seed, GraphKind(regions=4, weight=3.0, smoothness=1.0), ONTOLOGY)
    worlds = list(itertools.product(range(3), repeat=4))
    energy = np.array([written_out(problem, world) for world in worlds])
    exact = enumerate_labels(problem)
    assert exact.energy == pytest.approx(energy.min())
    assert tuple(exact.labels) == worlds[int(energy.argmin())]
    chance = np.exp(-energy) / np.exp(-energy).sum()
    for i, k in itertools.product(range(4), range(3)):
        own = sum(c for c, world in zip(chance, worlds, strict=True) if world[i] == k)
        assert exact.marginals[i, k] == pytest.approx(own, abs=1e-9)


def test_costs_are_what_flips_change():
    kind = GraphKind(regions=6, weight=2.0, smoothness=1.0, forms=("some", "only", "count", "not"))
    problem = random_graph(4, kind, ONTOLOGY)
    many, rng = copies(lay_out(problem, None).field, 3), np.random.default_rng(0)
    labels = rng.integers(0, 3, (3, 6))
    energy, costs = many.energies(labels)
    costs = costs.reshape(3, 3, 6)
    for copy, node, label in itertools.product(range(3), range(6), range(3)):
        flipped = labels.copy()
        flipped[copy, node] = label
        change = many.energies(flipped)[0] - energy
        step = costs[label, copy, node] - costs[labels[copy, node], copy, node]
        assert change[copy] == pytest.approx(step, abs=1e-9)
        assert not np.delete(change, copy).any()


def test_too_many_labellings_are_refused():
    problem = random_graph(0, GraphKind(regions=20), ONTOLOGY)
    with pytest.raises(InputError, match="at most 1000000"):
        enumerate_labels(problem)


def test_axioms_that_are_not_compiled_are_refused():
    class Opaque:
        local = False

    problem = random_graph(0, GraphKind(regions=3), ONTOLOGY)
    field = lay_out(replace(problem, axioms=((1.0, Opaque()),)), None).field
    with pytest.raises(TypeError, match="compiled"):
        copies(field, 2)


def test_a_seed_is_a_graph_and_every_form_occurs():
    one, two = (random_graph(9, GraphKind(axioms=14), ONTOLOGY) for _ in range(2))
    assert one.unary.tobytes() == two.unary.tobytes()
    assert [w for w, _ in one.axioms] == [w for w, _ in two.axioms]
    seen = {
        axiom.axiom.label
        for seed in range(5)
        for _, axiom in random_graph(seed, GraphKind(axioms=14), ONTOLOGY).axioms
    }
    assert seen == set(FORMS)
