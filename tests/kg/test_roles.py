"""How object properties hang together: sub-properties, inverses, chains, annotations."""

import textwrap

import pytest

from kg import vocab
from kg.expressions import inverse
from kg.ontology import load_ontology
from kg.roles import Roles

LL = vocab.CORE
PREFIXES = """
@prefix : <http://x#> .
@prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
X = "http://x#"


@pytest.fixture
def roles(tmp_path):
    def _roles(text):
        path = tmp_path / "roles.ttl"
        names = [":a", ":b", ":c", ":d", ":e"]
        declared = "".join(f"{name} a owl:ObjectProperty . " for name in names)
        path.write_text(PREFIXES + declared + textwrap.dedent(text), encoding="utf-8")
        return load_ontology([path]).roles

    return _roles


def test_parts_are_sub_and_equivalent_properties(roles):
    found = roles(":a rdfs:subPropertyOf :b . :c owl:equivalentProperty :d .")
    assert found.parts == {X + "b": (X + "a",), X + "c": (X + "d",), X + "d": (X + "c",)}
    assert found.above(X + "a") == {X + "a", X + "b"}


def test_anonymous_inverses_stand_anywhere(roles):
    found = roles("""
        [ owl:inverseOf :a ] rdfs:subPropertyOf :b .
        :c rdfs:subPropertyOf [ owl:inverseOf :d ] .
        :e owl:propertyChainAxiom ( :a [ owl:inverseOf :b ] ) , ( :c :c :c ) .
    """)
    assert found.parts == {X + "b": (inverse(X + "a"),), X + "d": (inverse(X + "c"),)}
    assert found.chains == {
        X + "e": ((X + "a", inverse(X + "b")), (X + "c", X + "c", X + "c")),
    }


def test_inverses_hold_both_ways_and_characteristics_are_read(roles):
    found = roles(
        ":a owl:inverseOf :b . :c a owl:SymmetricProperty . :d a owl:TransitiveProperty ."
    )
    assert found.inverses == {X + "a": (X + "b",), X + "b": (X + "a",)}
    assert (found.symmetric, found.transitive) == ({X + "c"}, {X + "d"})


def test_what_a_role_is_made_of(roles):
    found = roles("""
        :a rdfs:subPropertyOf :b . :b owl:inverseOf :c .
        :d owl:propertyChainAxiom ( :b [ owl:inverseOf :e ] ) . :e rdfs:subPropertyOf :d .
    """)
    assert found.needed([X + "a"]) == {X + "a"}
    assert found.needed([inverse(X + "c")]) == {X + name for name in "abc"}
    assert found.needed([X + "d"]) == {X + name for name in "abcde"}


def test_annotations_of_the_nearest_property_above(roles):
    found = roles("""
        :a rdfs:subPropertyOf :b ; rdfs:label "a"@en . :b rdfs:subPropertyOf :c ; ll:distance 250.0 .
        :c ll:distance 100 ; ll:unit "m" ; rdfs:comment "no note" .
    """)
    assert found.notes == {
        X + "b": {vocab.DISTANCE: 250.0},
        X + "c": {vocab.DISTANCE: 100, LL + "unit": "m"},
    }
    assert found.note(X + "a", vocab.DISTANCE) == 250.0
    assert found.note(X + "a", LL + "unit") == "m"
    assert found.note(X + "d", vocab.DISTANCE) is None


def test_properties_that_are_below_each_other_end(roles):
    found = roles(":a rdfs:subPropertyOf :b . :b rdfs:subPropertyOf :a .")
    assert found.above(X + "a") == found.needed([X + "b"]) == {X + "a", X + "b"}
    assert found.note(X + "a", vocab.DISTANCE) is None


def test_the_core_relations():
    core = load_ontology()
    assert core.role_notes[LL + "near"][vocab.DISTANCE] == 100.0
    assert core.roles.inverses[LL + "uphillOf"] == (LL + "downhillOf",)
    assert core.roles.needed([LL + "nextButOneTo"]) >= {LL + "touches", LL + "adjacentTo"}
    assert core.roles.chains[LL + "nextButOneTo"] == ((LL + "touches", LL + "touches"),)


def test_no_roles_at_all():
    assert Roles().needed(["http://x#a"]) == Roles().above("http://x#a") == {"http://x#a"}
