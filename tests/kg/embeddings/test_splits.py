import numpy as np
import pytest

from kg.embeddings.indexed import index_triples
from kg.embeddings.splits import split_rows
from kg.triples import Triple


def leaky(count=60):
    """Every link three times: as it is, inverse under another name, and doubled; and a symmetric relation."""
    rng, triples = np.random.default_rng(0), []
    for _ in range(count):
        one, other = (f"e{i}" for i in rng.choice(20, 2, replace=False))
        triples += [
            Triple(one, "contains", other, 1.0), Triple(other, "within", one, 1.0),
            Triple(one, "covers", other, 1.0), Triple(one, "touches", other, 1.0), Triple(other, "touches", one, 1.0),
        ]  # fmt: skip
    return index_triples(triples)


@pytest.mark.parametrize("seed", range(5))
def test_inverse_symmetric_and_duplicate_links_stay_on_one_side(seed):
    graph = leaky()
    train, test = split_rows(graph, 0.2, seed)
    sides = [
        {frozenset(pair) for pair in graph.ids[rows][:, [0, 2]].tolist()} for rows in (train, test)
    ]
    assert not sides[0] & sides[1]
    assert sorted([*train, *test]) == list(range(len(graph.ids)))
    assert 0.15 * len(graph.ids) <= len(test) <= 0.2 * len(graph.ids)


def test_a_plain_random_split_would_leak():
    graph = leaky()
    rows = np.random.default_rng(0).permutation(len(graph.ids))
    sides = [
        {frozenset(p) for p in graph.ids[r][:, [0, 2]].tolist()} for r in (rows[60:], rows[:60])
    ]
    assert len(sides[0] & sides[1]) > 0.9 * len(sides[1])


def test_every_entity_and_relation_keeps_something_to_learn_from():
    graph = index_triples(
        [
            *(Triple("hub", "has", f"leaf{i}", 1.0) for i in range(10)),
            Triple("leaf1", "rare", "leaf2", 1.0),
        ]
    )
    train, test = split_rows(graph, 0.9, 0)
    assert set(graph.ids[train][:, [0, 2]].ravel()) == set(range(len(graph.entities)))
    assert set(graph.ids[train][:, 1]) == set(range(len(graph.relations)))
    assert len(test) <= 2


def test_nothing_is_held_out_when_nothing_is_asked_for():
    graph = leaky(5)
    train, test = split_rows(graph, 0.0, 0)
    assert len(train) == len(graph.ids)
    assert len(test) == 0
