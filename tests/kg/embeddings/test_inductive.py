import numpy as np

from kg import vocab
from kg.embeddings.indexed import index_triples
from kg.embeddings.inductive import arrange, fit_map, map_vectors
from kg.triples import Triple

UP = vocab.RDFS + "subClassOf"
CLASSES = [Triple(f"kind{i}", UP, f"group{i % 3}", 1.0) for i in range(24)]
GRAPH = index_triples(CLASSES)
NOTHING = np.zeros((len(GRAPH.entities), 2), np.float32)


def vectors():
    """Members lie beside their group, moved by the same step."""
    groups = np.eye(3, 5, dtype=np.float32) * 4
    rows = [
        groups[int(name[5:])] if name[0] == "g" else groups[int(name[4:]) % 3] + [0, 0, 0, 1, 0]
        for name in GRAPH.entities
    ]
    return np.array(rows, np.float32)


def place(relation, tail, texts=(0.0, 0.0)):
    new = index_triples([Triple("new", relation, tail, 1.0)], fewest=1)
    known = vectors()
    graph = arrange((GRAPH.entities, GRAPH.relations), new)
    parts = fit_map(known, GRAPH, NOTHING)
    return map_vectors(parts, known, graph, np.array([texts], np.float32))[0]


def test_a_new_member_lies_with_the_members_of_its_group():
    np.testing.assert_allclose(place(UP, "group1"), [0, 4, 0, 1, 0], atol=0.1)


def test_the_type_of_a_feature_counts_as_a_superclass():
    np.testing.assert_array_equal(place(vocab.RDF + "type", "group1"), place(UP, "group1"))


def test_words_alone_place_what_has_no_known_neighbour():
    known, rng = vectors(), np.random.default_rng(0)
    texts = known[:, :3] + rng.normal(scale=0.05, size=(len(known), 3)).astype(np.float32)
    parts = fit_map(known, GRAPH, texts)
    new = index_triples(
        [Triple("new", "unheard of", "group0", 1.0), Triple("new", UP, "new too", 1.0)], fewest=1
    )
    graph = arrange((GRAPH.entities, GRAPH.relations), new)
    assert graph.entities[-2:] == ("new", "new too")
    found = map_vectors(parts, known, graph, np.array([[0, 0, 4], [4, 0, 0]], np.float32))
    assert found[0, :3].argmax() == 2
    assert found[1, :3].argmax() == 0


def test_statements_about_known_entities_alone_are_left_aside():
    graph = arrange(
        (GRAPH.entities, GRAPH.relations), index_triples([*CLASSES, Triple("x", UP, "kind0", 0.5)])
    )
    assert len(graph.ids) == 1
    assert graph.weights.tolist() == [0.5]
    assert graph.entities[: len(GRAPH.entities)] == GRAPH.entities
