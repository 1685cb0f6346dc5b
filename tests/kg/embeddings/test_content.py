import numpy as np
import pytest

from kg import vocab
from kg.embeddings.content import content_of, name_of, shipped_graph
from kg.store import KnowledgeGraph


@pytest.fixture(scope="module")
def shipped():
    return content_of(shipped_graph())


def test_the_whole_of_what_ships_is_there(shipped):
    heads = {t.head for t in shipped.triples}
    assert sum(h.startswith(vocab.SCENE) for h in heads) >= 215
    assert sum(h.startswith(vocab.CORE) for h in heads) >= 600
    assert any(h.startswith(vocab.LEGEND) for h in heads)
    relations = {vocab.curie(t.relation) for t in shipped.triples}
    assert {"ll:hasCover", "ll:crosswalk", "rdfs:subClassOf", "skos:exactMatch"} <= relations
    assert not relations & {"rdf:type", "dct:license", "skos:inScheme", "owl:imports"}
    assert sum(t.weight < 1 for t in shipped.triples) > 5000


def test_words_are_labels_and_definitions(shipped):
    (lake,) = shipped.sentences([vocab.SCENE + "Lake"])
    assert lake.startswith("lake: ")
    assert shipped.sentences(["http://www.wikidata.org/entity/Q23397"]) == [""]


def test_matches_weigh_what_their_author_was_sure_of(shipped):
    outside = {t.weight for t in shipped.triples if t.tail.startswith("http://www.wikidata.org")}
    assert outside <= {0.95, 0.85, 0.8}


def test_features_speak_by_type_tag_and_neighbour():
    graph = KnowledgeGraph()
    graph.load_text(
        "<ex:pond> a geo:Feature , ll:OsmFeature , ll:Pond ; ll:tag 'water=pond' ; ll:width 3.0 ;"
        " geo:sfWithin <ex:park> ; geo:hasGeometry <ex:g> . <ex:bank> ll:width 5.0 ; geo:sfTouches <ex:pond> .",
        graph="ex:osm",
    )
    found = content_of(graph)
    assert {(vocab.curie(t.relation), vocab.curie(t.tail)) for t in found.triples} == {
        ("rdf:type", "ll:Pond"), ("geo:sfWithin", "ex:park"), ("geo:sfTouches", "ex:pond"),
    }  # fmt: skip
    assert found.sentences(["ex:pond"]) == ["water=pond"]
    np.testing.assert_allclose(found.columns(["ex:pond", "ex:bank", "ex:park"]), [[-1], [1], [0]])
    assert found.columns(["ex:park"]).shape == (1, 0)


def test_the_end_of_an_iri_is_words_unless_it_is_a_number():
    assert name_of(vocab.CORE + "SaltPan") == "salt pan"
    assert name_of("https://w3id.org/landlore/classes/ucm/golf_course") == "golf course"
    assert name_of("http://purl.obolibrary.org/obo/ENVO_00000563") == ""
