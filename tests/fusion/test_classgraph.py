from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from fusion.classgraph import SCALES, class_vectors, propagate
from kg.embedding import KGEmbedding
from kg.errors import InputError
from kg.scenes import load_scenes

vision = pytest.mark.skipif(
    find_spec("sentence_transformers") is None, reason="needs the vision extra"
)

ALL = ("text", "graded", "kge")


@pytest.fixture(scope="module")
def knowledge():
    return load_scenes()


@pytest.fixture(scope="module")
def embedding(knowledge):
    iris = tuple(c.iri for c in knowledge.concepts)
    vectors = np.random.default_rng(0).normal(size=(len(iris), 16)).astype(np.float32)
    return KGEmbedding(iris, (), vectors, np.zeros((0, 16), np.float32), {}, "x", "TransE", 0)


def test_graded_vectors_put_like_places_together(knowledge):
    vectors = class_vectors(["bridge", "viaduct", "forest"], knowledge, blocks=["graded"])
    likeness = vectors.stacked @ vectors.stacked.T
    np.testing.assert_allclose(np.diag(likeness), 1)
    assert likeness[0, 1] > likeness[0, 2] + 0.2
    assert vectors.iris[1].endswith("#Viaduct")


@vision
def test_blocks_are_scaled_and_can_be_switched_off(knowledge, embedding):
    full = class_vectors(["airport", "lake"], knowledge, blocks=ALL, embedding=embedding)
    assert list(full.blocks) == ["text", "graded", "kge"]
    for name, block in full.blocks.items():
        np.testing.assert_allclose(np.linalg.norm(block, axis=1), 1, atol=1e-6)
        assert full.scales[name] == SCALES[name]
    assert full.stacked.shape[1] == sum(b.shape[1] for b in full.blocks.values())
    assert list(class_vectors(["airport", "lake"], knowledge, blocks=["text"]).blocks) == ["text"]


@vision
def test_unknown_name_borrows_from_the_nearest_concepts(knowledge, embedding):
    vectors = class_vectors(
        ["airport", "salt lake shore with crusts of salt"],
        knowledge,
        blocks=ALL,
        embedding=embedding,
    )
    assert vectors.concepts[1] is None
    assert vectors.iris[1] == ""
    own, lenders = vectors.lenders
    assert own == ()
    assert len(lenders) == 3
    assert set(lenders) == {t.head for t, _ in vectors.statements[1]}
    assert any(head.endswith(("#SaltPan", "#Lake")) for head in lenders)
    np.testing.assert_allclose(np.linalg.norm(vectors.blocks["kge"], axis=1), 1, atol=1e-6)
    alone = class_vectors(
        ["airport", "xyzzy"], knowledge, blocks=ALL, embedding=embedding, borrow=0
    )
    assert not alone.blocks["graded"][1].any()
    assert not alone.blocks["kge"][1].any()
    assert alone.blocks["text"][1].any()


@vision
def test_message_passing_is_the_weighted_sum_of_neighbours():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 3))
    weights = np.where(rng.random((4, 5)) > 0.5, rng.random((4, 5)), 0.0)
    np.testing.assert_allclose(propagate(values, weights), weights @ values, atol=1e-12)


@pytest.mark.parametrize(
    ("names", "blocks", "message"),
    [
        ([], ["graded"], "empty"),
        (["lake", " "], ["graded"], "empty"),
        (["lake", "lake"], ["graded"], "twice"),
        (["lake"], ["shape"], "unknown block"),
        (["lake"], [], "unknown block"),
        (["lake"], ["kge"], "needs a graph embedding"),
    ],
)
def test_bad_class_lists_and_blocks_are_refused(knowledge, names, blocks, message):
    with pytest.raises(InputError, match=message):
        class_vectors(names, knowledge, blocks=blocks)


def test_embedding_of_another_graph_is_refused(knowledge, embedding):
    other = replace(embedding, entities=tuple(f"urn:{i}" for i in range(len(embedding.entities))))
    with pytest.raises(InputError, match="no vector for"):
        class_vectors(["lake"], knowledge, blocks=["kge"], embedding=other)
