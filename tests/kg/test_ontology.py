"""The schema, OWL files in several syntaxes, Manchester syntax, consistency."""

import shutil
import time

import pytest
from rule_text import NOTE, PREFIXES, WIDE, writer

from kg import vocab
from kg.errors import OntologyError, RuleError, SourceError
from kg.expressions import inverse
from kg.ontology import (
    And,
    Axiom,
    Count,
    Facet,
    Named,
    Not,
    Only,
    Or,
    Some,
    check_consistent,
    load_ontology,
    manchester,
    read_owl,
)
from kg.owl import schema_ntriples
from kg.rules import load_rules

LL = vocab.CORE


@pytest.fixture
def write(tmp_path):
    return writer(tmp_path)


@pytest.fixture(scope="module")
def core():
    return load_ontology()


# --- the schema


def test_core_has_its_classes_in_both_languages(core):
    assert len(core.classes) >= 60
    assert core.label(LL + "Water") == "water"
    assert core.label(LL + "Water", "zh") == "水体"
    assert core.label(LL + "Nowhere") == "ll:Nowhere"


def test_below_and_above_are_reflexive_and_transitive(core):
    assert {LL + "Water", LL + "Lake", LL + "InlandWater"} <= core.below(LL + "Water")
    assert LL + "TreeCover" not in core.below(LL + "Water")
    assert {LL + "Lake", LL + "InlandWater", LL + "Water", LL + "LandCover"} <= core.above(
        LL + "Lake"
    )
    assert core.below(LL + "Nowhere") == {LL + "Nowhere"}


def test_a_union_that_defines_a_class_puts_its_parts_below_it(write):
    path = write("""
        ll:A a owl:Class . ll:B a owl:Class . ll:D a owl:Class .
        ll:C a owl:Class ; owl:equivalentClass [ a owl:Class ; owl:unionOf ( ll:A ll:B ) ] .
        ll:E a owl:Class ; owl:equivalentClass ll:D .
        ll:F a owl:Class ; owl:equivalentClass [ a owl:Class ; owl:intersectionOf ( ll:A
          [ a owl:Restriction ; owl:onProperty ll:p ; owl:someValuesFrom ll:B ] ) ] .
        ll:p a owl:ObjectProperty .
    """)
    tree = load_ontology([path])
    assert tree.below(LL + "C") == {LL + "A", LL + "B", LL + "C", LL + "F"}
    assert tree.below(LL + "D") == tree.below(LL + "E") == {LL + "D", LL + "E"}
    assert tree.definitions[LL + "F"] == (And((Named(LL + "A"), Some(LL + "p", Named(LL + "B")))),)


def test_forests_are_mixed_by_leaf_not_by_season(core):
    assert core.are_disjoint(LL + "MixedForest", LL + "NeedleleavedForest")
    assert not core.are_disjoint(LL + "MixedForest", LL + "EvergreenForest")
    assert core.are_disjoint(LL + "DeciduousForest", LL + "EvergreenForest")


def test_what_nature_or_people_may_bring_about_is_neither(core):
    for event in ("Wildfire", "DamFailure"):
        assert not {LL + "NaturalEvent", LL + "HumanEvent"} & core.above(LL + event)


def test_disjointness_is_inherited(core):
    assert core.are_disjoint(LL + "Lake", LL + "Bare")
    assert not core.are_disjoint(LL + "Lake", LL + "InlandWater")


def test_properties_have_units(core):
    assert core.data_properties[LL + "area"] == "m2"
    assert core.data_properties[LL + "meanSlope"] == "degree"
    assert vocab.COVERED_BY in core.object_properties


def test_the_same_contents_are_read_once_and_fast(write):
    path = write("ll:A a owl:Class .")
    first = load_ontology([path])
    assert load_ontology([path]) is first
    path.write_text(PREFIXES + "ll:B a owl:Class .")
    assert load_ontology([path]).classes == (LL + "B",)
    load_ontology()
    start = time.process_time()
    load_ontology()
    assert time.process_time() - start < 0.2


def test_rdf_xml_says_the_same_as_turtle(write, tmp_path, core):
    import rdflib

    turtle = write(
        f"ll:Water rdfs:subClassOf {WIDE} . {NOTE} ; owl:annotatedSource ll:Water ;"
        f" owl:annotatedTarget {WIDE} ."
    )
    graph = rdflib.Graph().parse(turtle)
    xml, nt = tmp_path / "rules.owl", tmp_path / "rules.nt"
    xml.write_bytes(graph.serialize(format="xml", encoding="utf-8"))
    nt.write_bytes(graph.serialize(format="nt", encoding="utf-8"))
    expected = load_rules([turtle], core)[0]
    for path in (xml, nt):
        found = load_rules([path], core)[0]
        assert (found.left, found.right, found.label_zh) == (expected.left, expected.right, "宽")
        assert found.weight == 1.5


@pytest.mark.parametrize("text", ["<rdf:RDF", "nonsense here", '{"a": 1}'])
def test_files_that_are_no_owl_are_named(tmp_path, text):
    path = tmp_path / "broken.owl"
    path.write_text(text)
    with pytest.raises(OntologyError, match=r"broken\.owl: not readable OWL"):
        load_ontology([path])


def test_missing_and_broken_files(tmp_path, write):
    with pytest.raises(OntologyError, match=r"nowhere\.ttl: cannot be read"):
        load_ontology([tmp_path / "nowhere.ttl"])
    with pytest.raises(RuleError, match=r"nowhere\.ttl: cannot be read"):
        load_rules([tmp_path / "nowhere.ttl"])
    with pytest.raises(SourceError, match=r"rules\.ttl:\d+"):
        load_rules([write("ll:Water rdfs:subClassOf \n;;; broken")])


def test_imports_are_never_fetched(write):
    path = write(
        "<http://x/> a owl:Ontology ; owl:imports <http://nowhere.invalid/core> . ll:A a owl:Class ."
    )
    assert load_ontology([path]).classes == (LL + "A",)


def test_text_survives_the_reading(write):
    terms = read_owl(write('ll:A rdfs:label "a \\"q\\" \\\\ \\n水"@zh ; ll:weight 0.25, 7 .'))
    assert terms.text(LL + "A", vocab.RDFS + "label", "zh") == 'a "q" \\ \n水'
    assert sorted(literal.value for literal in terms.objects(LL + "A", vocab.WEIGHT)) == [0.25, 7]


# --- Manchester syntax

WATER, LAKE = Named(LL + "Water"), Named(LL + "Lake")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (WATER, "Water"),
        (Named(vocab.OWL + "Thing"), "owl:Thing"),
        (Named(vocab.LEGEND + "esri/1"), vocab.LEGEND + "esri/1"),
        (Facet(LL + "minWidth", ">=", 5.0, 2.0), "minWidth some xsd:decimal[>= 5]"),
        (Facet(LL + "area", "<", 2.5e6), "area some xsd:decimal[< 2500000]"),
        (And((WATER, Not(LAKE))), "Water and (not Lake)"),
        (Or((WATER, And((LAKE, WATER)))), "Water or (Lake and Water)"),
        (Only(LL + "near", Or((WATER, LAKE))), "near only (Water or Lake)"),
        (
            Some(vocab.COVERED_BY, And((Named(vocab.OSM_FEATURE), WATER))),
            "coveredBy some (OsmFeature and Water)",
        ),
        (Count(LL + "near", 2, None, WATER), "near min 2 Water"),
        (Count(LL + "near", 0, 1, Not(WATER)), "near max 1 (not Water)"),
        (Count(inverse(LL + "within"), 3, 3, WATER), "inverse within exactly 3 Water"),
    ],
)
def test_manchester(core, expression, text):
    assert manchester(expression, core) == text


def test_manchester_of_an_axiom(core):
    axiom = Axiom("", "", "", LAKE, WATER, 1.0, False, "", "")
    assert manchester(axiom, core) == "Lake SubClassOf Water"


# --- consistency


def test_without_java_the_message_is_clear(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(OntologyError, match="needs Java"):
        check_consistent()


@pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs Java")
def test_unsatisfiable_classes_are_found(write):
    path = write("""
        ll:A a owl:Class ; owl:disjointWith ll:B . ll:B a owl:Class .
        ll:C a owl:Class ; rdfs:subClassOf ll:A, ll:B .
        ll:D a owl:Class ; rdfs:subClassOf ll:C .
    """)
    assert check_consistent([path]) == (LL + "C", LL + "D")


def test_what_a_reasoner_is_given_keeps_numbers_truth_values_and_text(write):
    path = write("""
        ll:A a owl:Class ; rdfs:subClassOf [ a owl:Restriction ; owl:onProperty ll:p ; owl:hasSelf true ] ,
            [ a owl:Restriction ; owl:onProperty ll:q ; owl:hasValue "a \\"word\\"" ] , [ owl:minCardinality 2 ] .
    """)
    text = schema_ntriples([read_owl(path)])
    assert '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>' in text
    assert '"a \\"word\\""^^<http://www.w3.org/2001/XMLSchema#string>' in text
    assert '"2"^^<http://www.w3.org/2001/XMLSchema#integer>' in text
