"""Rule files that say nothing, and classes that are defined in a circle, are told by the check of rules."""

import shutil

import pytest

from reasoning.logic.check import check_rules

PREFIXES = """
@prefix : <http://x#> . @prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix dct: <http://purl.org/dc/terms/> .
"""
RULE = """
ll:Water rdfs:subClassOf ll:Grassland .
[] a owl:Axiom ; owl:annotatedSource ll:Water ; owl:annotatedProperty rdfs:subClassOf ;
  owl:annotatedTarget ll:Grassland ; dct:identifier "one" ; rdfs:label "one"@en ; ll:weight 1.0 ; dct:source "a test" .
"""


def touching(name, other):
    """A class of ground that touches another class."""
    return f""":{name} a owl:Class ; owl:equivalentClass [ owl:intersectionOf ( ll:Water
      [ a owl:Restriction ; owl:onProperty ll:touches ; owl:someValuesFrom :{other} ] ) ] .\n"""


@pytest.fixture
def checked(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)

    def _checked(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.ttl").write_text(PREFIXES + text)
        return check_rules([tmp_path / f"{name}.ttl" for name in texts])

    return _checked


def test_a_file_without_rules_is_a_fault_unless_it_declares_names_for_others(checked):
    found = checked(rules=RULE, nothing="", words=":Pool a owl:Class ; rdfs:subClassOf ll:Water .")
    assert [(fault.file[-11:], fault.cause) for fault in found.faults] == [
        ("nothing.ttl", "holds no rule")
    ]
    assert len(found.axioms) == 1 and not found.is_fine


def test_words_alone_hold_no_rule(checked):
    (fault,) = checked(words=":A a owl:Class .").faults
    assert fault.cause == "holds no rule"


def test_a_circle_of_definitions_is_named_though_no_rule_uses_it(checked):
    found = checked(mine=RULE + touching("A", "B") + touching("B", "C") + touching("C", "A"))
    (fault,) = found.faults
    assert fault.axiom == "http://x#A -> http://x#B -> http://x#C -> http://x#A"
    assert "is defined through itself" in fault.cause and fault.file.endswith("mine.ttl")


def test_a_class_defined_by_itself_and_none_that_is_not(checked):
    found = checked(mine=RULE + touching("A", "A") + touching("B", "A"))
    assert [fault.axiom for fault in found.faults] == ["http://x#A -> http://x#A"]


def test_classes_below_each_other_are_one_class(checked):
    found = checked(
        mine=RULE
        + ":C a owl:Class ; rdfs:subClassOf :D . :D a owl:Class ; rdfs:subClassOf :C ."
        + ":E a owl:Class ; rdfs:subClassOf :D ."
    )
    assert found.same == (("http://x#C", "http://x#D"),) and found.is_fine
