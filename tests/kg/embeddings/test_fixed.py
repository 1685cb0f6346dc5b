import numpy as np

from kg import vocab
from kg.embeddings.fixed import graded_vectors, likeness_scores
from kg.embeddings.indexed import index_triples
from kg.embeddings.nearest import unit_rows
from kg.triples import Triple

UP = vocab.RDFS + "subClassOf"
GRAPH = index_triples(
    [
        Triple("lake", "cover", "water", 0.9), Triple("pond", "cover", "water", 0.7), Triple("mud", "cover", "sand", 1),
        Triple("dune", "cover", "sand", 0.9), Triple("wood", "cover", "tree", 0.9),
        Triple("water", UP, "wet", 1.0), Triple("fen", "cover", "wet", 1.0),
    ]
)  # fmt: skip


def like(one, other, vectors):
    rows = [GRAPH.entities.index(name) for name in (one, other)]
    unit = unit_rows(vectors)
    return float(unit[rows[0]] @ unit[rows[1]])


def test_shared_values_and_values_one_level_up_count():
    vectors = graded_vectors(GRAPH, 8)
    assert vectors.shape == (10, 8)
    assert like("lake", "pond", vectors) > 0.95
    assert 0.2 < like("lake", "fen", vectors) < like("lake", "pond", vectors)
    assert abs(like("lake", "dune", vectors)) < 0.05


def test_more_numbers_than_entities_are_zeros():
    assert not graded_vectors(GRAPH, 40)[:, 10:].any()


def test_what_holds_of_the_like_holds_of_this_one():
    vectors = np.eye(10, dtype=np.float32)
    lake, pond, water, cover = *(GRAPH.entities.index(n) for n in ("lake", "pond", "water")), 0
    vectors[pond] = vectors[lake]
    known = GRAPH.only(np.flatnonzero(GRAPH.ids[:, 0] != pond))
    _, tails = likeness_scores(vectors, known)(np.array([[pond, cover, 0]], np.int64))
    assert GRAPH.entities[int(tails[0].argmax())] == "water"
    assert tails[0][water] > 0.8
