from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from kg import vocab
from kg.errors import OntologyError, SourceError
from kg.files import core_files
from kg.rdf import read_turtle
from kg.scenes import RELATIONS, SceneKnowledge, load_scenes, strength

WHU = (
    "airport,beach,bridge,commercial,desert,farmland,football field,forest,industrial,meadow,mountain,park,parking,"
    "pond,port,railway station,residential,river,viaduct,footballfield,railwaystation"
)
EUROSAT = "AnnualCrop,Forest,HerbaceousVegetation,Highway,Industrial,Pasture,PermanentCrop,Residential,River,SeaLake"
NWPU = "beach,commercial_area,desert,farmland,forest,industrial_area,island,lake,mountain,residential,river,wetland"


@pytest.fixture(scope="module")
def knowledge() -> SceneKnowledge:
    return load_scenes()


def test_there_are_at_least_180_concepts_with_ten_statements_over_all_relations(knowledge):
    assert len(knowledge.concepts) >= 180
    for concept in knowledge.concepts:
        assert len(concept.triples) >= 10, concept.iri
        assert {t.relation for t in concept.triples} == set(RELATIONS), concept.iri
        assert concept.label and concept.label_zh, concept.iri
        assert concept.definition.endswith(".") and concept.definition.count(". ") == 0, concept.iri
        assert 0.5 <= concept.confidence <= 0.95, concept.iri


def test_patterns_are_one_list_that_all_scenes_share(knowledge):
    uses = Counter(t.tail for t in knowledge.triples if t.relation == RELATIONS[2])
    assert len(uses) == 33
    assert min(uses.values()) >= 5, uses.most_common()[-5:]


def test_matches_are_to_concepts_or_core_classes(knowledge):
    core = {s.value for path in core_files() for s, _, _ in read_turtle(path)}
    concepts = {c.iri for c in knowledge.concepts}
    matched = {to for c in knowledge.concepts for _, to in c.matches}
    assert len(matched & concepts) >= 40 and len(matched & core) >= 80
    assert matched <= core | concepts
    meadow = dict((to, kind) for kind, to in knowledge.find("meadow").matches)
    assert meadow[vocab.SCENE + "Grassland"] == vocab.SKOS + "broadMatch"


@pytest.mark.parametrize("name", [*WHU.split(","), *EUROSAT.split(","), *NWPU.split(",")])
def test_every_class_of_the_archives_is_found(knowledge, name):
    assert knowledge.find(name) is not None


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("机场", "airport"),
        ("sc:Airport", "airport"),
        (vocab.SCENE + "Airport", "airport"),
        ("AIRPORTS", "airport"),
        ("parking-lot", "parking"),
        ("红树林", "mangroves"),
        ("rice field", "rice paddy"),
        ("hirst", "sandbar"),
        ("eForest", "forest"),
        ("stream", "creek"),
        ("wind_turbine", "wind turbine"),
        (" Railway_Station ", "railway station"),
    ],
)
def test_names_are_found_in_any_form(knowledge, name, label):
    assert knowledge.find(name).label == label


def test_unknown_names_are_not_guessed(knowledge):
    assert knowledge.find("quantum computer") is None
    assert knowledge.find("") is None


def test_no_name_belongs_to_two_concepts(knowledge):
    owner = {}
    for concept in knowledge.concepts:
        for name in concept.names:
            key = re.sub(r"[\W_]+", "", name.casefold())
            assert owner.setdefault(key, concept.iri) == concept.iri, name


def test_cover_shares_of_a_scene_do_not_exceed_its_area(knowledge):
    for concept in knowledge.concepts:
        shares = [t.weight for t in concept.triples if t.relation == RELATIONS[0]]
        assert 0.3 <= sum(shares) <= 1.001, concept.iri


def test_every_value_is_a_class_with_labels_in_both_languages(knowledge):
    core = {s.value for path in core_files() for s, _, _ in read_turtle(path)}
    for value in {t.tail for t in knowledge.triples}:
        assert knowledge.parents.get(value), value
        assert value in core or value.startswith(vocab.SCENE), value
        assert all(knowledge.labels[value]), value


def test_cover_shares_add_up_along_the_class_tree(knowledge):
    shares = knowledge.shares(RELATIONS[0], vocab.CORE + "Orchard")
    assert shares[vocab.CORE + "Cropland"] == 1.0
    assert vocab.CORE + "LandCover" not in shares
    assert knowledge.shares(RELATIONS[1], vocab.SCENE + "SmallBoat")[vocab.CORE + "Ship"] == 0.5


def test_attribute_table_is_the_sum_of_the_statements(knowledge):
    airport = knowledge.find("airport")
    pairs = [(t, strength(t)) for t in airport.triples]
    table = knowledge.attributes([pairs, [], pairs[:3]])
    assert table.shape == (3, len(knowledge.columns))
    assert not table[1].any()
    rest = knowledge.attributes([pairs[3:]])
    np.testing.assert_allclose(table[2] + rest[0], table[0])
    runway = knowledge.columns.index((RELATIONS[0], vocab.CORE + "Runway"))
    assert table[0, runway] == pytest.approx(0.7 * 0.25**0.425)


def test_graph_holds_statements_and_the_tree_above_them(knowledge):
    triples = {t[:3] for t in knowledge.graph}
    assert (vocab.SCENE + "Airport", RELATIONS[0], vocab.CORE + "Runway") in triples
    assert (
        vocab.CORE + "Orchard",
        vocab.RDFS + "subClassOf",
        vocab.CORE + "PermanentCrop",
    ) in triples
    assert list(knowledge.graph) == sorted(knowledge.graph)


def test_own_concepts_join_the_shipped_ones(tmp_path):
    own = tmp_path / "own.ttl"
    own.write_text(
        "@prefix ll: <https://w3id.org/landlore/core#> . @prefix sc: <https://w3id.org/landlore/scene#> .\n"
        "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"
        'sc:Moor a ll:SceneClass ; skos:prefLabel "moor"@en ; ll:hasCover [ ll:value ll:Bog ; ll:weight 0.7 ] .\n',
        encoding="utf-8",
    )
    knowledge = load_scenes([own])
    assert knowledge.find("moor").triples[0].weight == 0.7
    assert knowledge.find("airport")
    assert [c.label for c in load_scenes([own], alone=True).concepts] == ["moor"]


@pytest.mark.parametrize("weight", ["1.4", "0", "-0.1", '"much"'])
def test_weights_out_of_range_are_refused(tmp_path, weight):
    own = tmp_path / "own.ttl"
    own.write_text(
        "@prefix ll: <https://w3id.org/landlore/core#> .\n"
        f"<urn:x> a ll:SceneClass ; ll:hasCover [ ll:value ll:Bog ; ll:weight {weight} ] .\n",
        encoding="utf-8",
    )
    with pytest.raises(OntologyError, match="not above 0 and at most 1"):
        load_scenes([own])


def test_statement_without_weight_and_broken_turtle_are_refused(tmp_path):
    own = tmp_path / "own.ttl"
    own.write_text(
        "@prefix ll: <https://w3id.org/landlore/core#> .\n<urn:x> a ll:SceneClass ; ll:hasCover ll:Bog .\n",
        encoding="utf-8",
    )
    with pytest.raises(OntologyError, match="found 0 values and 0 weights"):
        load_scenes([own])
    own.write_text("<urn:x> a", encoding="utf-8")
    with pytest.raises(SourceError):
        load_scenes([own])
