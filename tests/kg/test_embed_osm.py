"""Features of a real extract are placed in an embedding of all that ships; words stand for sentence vectors."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kg import vocab
from kg.embed import Beside, EmbedSettings, embed_graph, extend_embedding
from kg.embedding import KGEmbedding
from kg.embeddings.content import Content, content_of, shipped_graph
from kg.embeddings.nearest import unit_rows
from kg.sources.osm import OsmSource
from kg.store import KnowledgeGraph

EXTRACT = Path(__file__).resolve().parents[2].parent / "shared/data/geo/osm/kotka_2019.osm.pbf"
pytestmark = pytest.mark.skipif(not EXTRACT.is_file(), reason=f"{EXTRACT} is absent")
PAGE = "https://www.openstreetmap.org/"


def words_of(content: Content):
    """Sentences as sums of random vectors, one a word."""

    def texts(entities: Sequence[str]):
        rows = np.zeros((len(entities), 32), np.float32)
        for i, told in enumerate(content.sentences(entities)):
            for word in told.replace("=", " ").split():
                rows[i] += np.random.default_rng(zlib.crc32(word.encode())).normal(size=32)
        return rows

    return texts


@pytest.fixture(scope="module")
def made() -> KGEmbedding:
    content = content_of(shipped_graph())
    settings = EmbedSettings("graded", held_out=0)
    return embed_graph(content.triples, settings, beside=Beside(words_of(content)))


@pytest.fixture(scope="module")
def town() -> Content:
    graph = KnowledgeGraph()
    graph.replace_graph(vocab.GRAPH + "osm", OsmSource(EXTRACT).ntriples())
    return content_of(graph)


def ranks(vectors: np.ndarray, made: KGEmbedding, wanted: Sequence[str]) -> np.ndarray:
    """Rank of each feature's class among the classes of the core ontology, by cosine.

    Classes of which little more is said than the class above them lie at one place; nearer by less than a thousandth
    is no nearer.
    """
    classes = [iri for iri in made.entities if iri.startswith(vocab.CORE)]
    like = unit_rows(vectors) @ unit_rows(made.lookup(classes)).T
    own = like[np.arange(len(like)), [classes.index(iri) for iri in wanted]]
    return 1 + (like > own[:, None] + 1e-3).sum(axis=1)


def test_features_of_an_extract_lie_at_their_classes(made, town):
    found = extend_embedding(made, town.triples, words_of(town))
    new = sorted(set(found.entities) - set(made.entities))
    assert len(new) > 2500
    assert all(iri.startswith(PAGE) for iri in new)
    np.testing.assert_array_equal(found.lookup(made.entities), made.vectors)
    vectors = found.lookup(new)
    assert np.isfinite(vectors).all()
    known = set(made.entities)
    types = {
        t.head: t.tail for t in town.triples if t.relation == vocab.RDF + "type" and t.tail in known
    }
    assert types.keys() == set(new)
    wanted = [types[iri] for iri in new]
    placed = ranks(vectors, made, wanted)
    assert np.mean(placed <= 10) > 0.95
    assert np.mean(placed == 1) > 0.7
    dealt = ranks(np.random.default_rng(0).permutation(vectors), made, wanted)
    assert np.mean(dealt <= 10) < 0.5
