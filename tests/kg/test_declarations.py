"""Rule files with classes and properties of their own."""

import re
from pathlib import Path

import pytest
from rule_text import PREFIXES, reader, weighted

from kg import vocab
from kg.errors import AxiomError, RuleError
from kg.expressions import Named, Not, Some
from kg.ontology import load_ontology
from kg.rules import load_rules, schema_of

LL, X = vocab.CORE, "http://x#"
WATER, LAKE = Named(LL + "Water"), Named(LL + "Lake")


@pytest.fixture
def rules(tmp_path):
    return reader(tmp_path)


OWN = ":near250 rdfs:subPropertyOf ll:near ; ll:distance 250.0 . "


def test_a_file_may_declare_a_relation_with_its_own_distance(rules):
    near = "[ a owl:Restriction ; owl:onProperty :near250 ; owl:someValuesFrom ll:Lake ]"
    (axiom,) = rules(OWN + weighted("ll:Water", near))
    assert axiom.right == Some(X + "near250", LAKE)
    schema = schema_of([axiom])
    assert schema.role_notes[X + "near250"] == {vocab.DISTANCE: 250.0}
    assert schema.roles.above(X + "near250") == {X + "near250", LL + "near"}
    assert schema_of([]) is load_ontology()
    assert X + "near250" not in load_ontology().object_properties


def test_a_file_may_declare_classes_and_define_them(rules):
    big = """[ a owl:Class ; owl:intersectionOf ( ll:Lake [ a owl:Restriction ; owl:onProperty ll:area ;
        owl:someValuesFrom [ a rdfs:Datatype ; owl:onDatatype xsd:decimal ;
        owl:withRestrictions ( [ xsd:minInclusive 1000000 ] ) ] ] ) ]"""
    (axiom,) = rules(
        f":BigLake a owl:Class ; owl:equivalentClass {big} . "
        ":Odd a owl:Class ; rdfs:subClassOf ll:Water . "
        + weighted("ll:Building", "[ a owl:Class ; owl:complementOf :BigLake ]")
    )
    assert axiom.right == Not(Named(X + "BigLake"))
    schema = schema_of([axiom])
    assert LAKE in schema.definitions[X + "BigLake"][0].parts
    assert LL + "Water" in schema.above(X + "Odd")


def test_a_weighted_axiom_about_a_class_of_ones_own_is_a_rule_not_schema(rules):
    (axiom,) = rules(":Odd a owl:Class . " + weighted(":Odd", "ll:Water"))
    assert (axiom.left, axiom.right) == (Named(X + "Odd"), WATER)
    assert LL + "Water" not in schema_of([axiom]).above(X + "Odd")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (":Odd a owl:Class ; rdfs:subClassOf [ a owl:Class ; owl:complementOf ll:Water ] .", "no weight on `Odd"),
        ("ll:near ll:distance 250.0 .", "says something new about ll:near, which the ontology declares"),
        ("ll:near rdfs:subPropertyOf ll:touches .", "says something new about ll:near"),
        ("ll:nextButOneTo owl:propertyChainAxiom ( ll:near ll:near ) .", "something new about ll:nextButOneTo"),
        ("ll:Watr a owl:Class . " + weighted("ll:Watr", "ll:Lake"), "unknown class ll:Watr"),
    ],
)  # fmt: skip
def test_what_a_file_may_not_say_about_names(rules, text, cause):
    with pytest.raises(AxiomError) as caught:
        rules(text)
    assert cause in caught.value.cause


def test_what_an_editor_copied_from_the_ontology_is_no_change(rules):
    copied = "ll:near a owl:ObjectProperty, owl:SymmetricProperty ; ll:distance 100.0 ; rdfs:label 'x'@en . "
    assert rules(copied + "ll:within owl:inverseOf ll:contains . ll:Water a owl:Class .") == ()


def test_names_of_one_file_serve_another(tmp_path):
    one, two = tmp_path / "one.ttl", tmp_path / "two.ttl"
    one.write_text(PREFIXES + OWN)
    near = "[ a owl:Restriction ; owl:onProperty :near250 ; owl:someValuesFrom ll:Lake ]"
    two.write_text(PREFIXES + weighted("ll:Water", near))
    (axiom,) = load_rules([two, one])
    assert axiom.file == "two.ttl"
    with pytest.raises(RuleError, match="unknown object property http://x#near250"):
        load_rules([two])


def test_rules_with_different_names_of_their_own_are_loaded_together(tmp_path):
    found = []
    for metres in (250, 300):
        path = tmp_path / f"{metres}.ttl"
        near = "[ a owl:Restriction ; owl:onProperty :mine ; owl:someValuesFrom ll:Lake ]"
        path.write_text(
            f"{PREFIXES} :mine rdfs:subPropertyOf ll:near ; ll:distance {metres} . "
            + weighted("ll:Water", near)
        )
        found += load_rules([path])
    with pytest.raises(RuleError, match="loaded apart"):
        schema_of(found)


def test_known_properties_may_be_put_below_ones_own(rules):
    touch = "[ a owl:Restriction ; owl:onProperty :bigTouch ; owl:someValuesFrom ll:Lake ]"
    (axiom,) = rules(
        ":bigTouch a owl:ObjectProperty ; ll:atLeast 0.2 . ll:adjacentTo rdfs:subPropertyOf :bigTouch . "
        + weighted("ll:Water", touch)
    )
    roles = schema_of([axiom]).roles
    assert roles.parts[X + "bigTouch"] == (LL + "adjacentTo",)
    assert roles.notes[X + "bigTouch"] == {vocab.AT_LEAST: 0.2}


def test_the_turtle_of_the_docs_is_read_as_it_stands(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    path = tmp_path / "docs.ttl"
    path.write_text("\n".join(re.findall(r"```turtle\n(.*?)```", page, re.S)), encoding="utf-8")
    found = load_rules([path])
    assert {axiom.iri.removeprefix(vocab.RULE) for axiom in found} == {"water-min-width", "shadow"}
    schema, mine = schema_of(found), "https://example.org/my-rules#"
    assert schema.roles.chains[mine + "upstreamOf"] == ((LL + "uphillOf", LL + "touches"),)
    assert LL + "Park" in schema.above(mine + "ShorePark")
