"""Rule files checked without a run: every fault named, what no label reaches, what HermiT says."""

import shutil

import pytest

from kg import vocab
from kg.errors import AxiomError
from kg.files import shipped
from kg.legend import load_legend
from reasoning.logic import check
from reasoning.logic.check import NO_JAVA, check_rules

LL = vocab.CORE
PREFIXES = """
@prefix : <http://x#> .
@prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix dct: <http://purl.org/dc/terms/> .
"""


SWRL = """
@prefix swrl: <http://www.w3.org/2003/11/swrl#> .
:x a swrl:Variable . :y a swrl:Variable .
[] a swrl:Imp ; ll:weight 1.0 ; dct:identifier "two" ; swrl:body (
    [ a swrl:ClassAtom ; swrl:classPredicate ll:Lake ; swrl:argument1 :x ]
    [ a swrl:IndividualPropertyAtom ; swrl:propertyPredicate ll:near ; swrl:argument1 :x ; swrl:argument2 :y ]
    [ a swrl:ClassAtom ; swrl:classPredicate ll:Sea ; swrl:argument1 :y ]
  ) ; swrl:head ( [ a swrl:ClassAtom ; swrl:classPredicate ll:Building ; swrl:argument1 :x ] ) .
"""


def rule(name, left, right):
    return f"""{left} rdfs:subClassOf {right} . [] a owl:Axiom ; owl:annotatedProperty rdfs:subClassOf ;
        owl:annotatedSource {left} ; owl:annotatedTarget {right} ; ll:weight 1.0 ; dct:identifier "{name}" .\n"""


def some(role, filler, word="someValuesFrom"):
    return f"[ a owl:Restriction ; owl:onProperty {role} ; owl:{word} {filler} ]"


@pytest.fixture
def checked(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)

    def _checked(text, legend="worldcover", name="mine.ttl"):
        path = tmp_path / name
        path.write_text(PREFIXES + text, encoding="utf-8")
        return check_rules([path], load_legend(legend) if legend else None)

    return _checked


def test_every_fault_is_named_with_file_axiom_and_cause(checked):
    found = checked(
        rule("good", "ll:Water", some("ll:near", "ll:TreeCover"))
        + rule("typo", "ll:Watr", "ll:Lake")
        + rule("self", "ll:Water", some("ll:near", "true", "hasSelf"))
        + rule("circle", ":Egg", "ll:Water")
        + rule("counted", "ll:Water", "[ a owl:Restriction ; owl:onProperty ll:coveredBy ; owl:minCardinality 2 ]")
        + ":Egg a owl:Class ; owl:equivalentClass [ a owl:Class ; owl:complementOf :Hen ] ."
        + ":Hen a owl:Class ; owl:equivalentClass [ a owl:Class ; owl:complementOf :Egg ] ."
        + "ll:Lake rdfs:subClassOf ll:Building ."
    )  # fmt: skip
    assert [axiom.iri for axiom in found.axioms] == [vocab.RULE + "good"]
    causes = {fault.axiom: fault.cause for fault in found.faults}
    assert all(fault.file.endswith("mine.ttl") and fault.hint for fault in found.faults)
    assert (
        "unknown class ll:Watr; the nearest known is ll:Water"
        in causes["`ll:Watr SubClassOf Lake`"]
    )
    assert "no region is a neighbour of itself" in causes["a SubClassOf axiom about ll:Water"]
    assert "http://x#Egg is defined through itself" in causes["`Egg SubClassOf Water`"]
    assert "coveredBy with a count" in causes["`Water SubClassOf coveredBy min 2 owl:Thing`"]
    assert "no weight on" in causes["`Lake SubClassOf Building`"]
    circle = "http://x#Egg -> http://x#Hen -> http://x#Egg"
    assert f"is defined through itself ({circle})" in causes[circle]
    assert len(found.faults) == 6
    assert not found.is_fine


def test_what_no_label_can_be_and_what_nothing_measures(checked):
    text = rule("glacier", "ll:Glacier", some("ll:near", "ll:Water")) + rule(
        "part", "ll:Water", some("ll:hasPart", "ll:Lake")
    )
    found = checked(text, "dubai6")
    assert found.faults == ()
    assert LL + "Glacier" in found.unreachable
    assert LL + "Water" not in found.unreachable
    assert found.unmeasured == (LL + "hasPart",)
    (idle,) = [why for iri, why in found.idle if iri == vocab.RULE + "glacier"]
    assert idle == "no label of the legend dubai6 can be Glacier"


def test_without_a_legend_any_that_ships_will_do(checked):
    text = rule("snow", "ll:SnowIce", some("ll:near", "ll:Water"))
    assert checked(text, "dubai6").unreachable == (LL + "SnowIce",)
    assert checked(text, None).unreachable == ()
    assert checked(text, None).idle == ()


def test_evidence_need_not_be_a_label(checked):
    inside = "[ a owl:Class ; owl:intersectionOf ( ll:OsmFeature ll:Stadium ) ]"
    found = checked(
        rule(
            "stadium",
            "ll:Water",
            f"[ a owl:Class ; owl:complementOf {some('ll:coveredBy', inside)} ]",
        )
    )
    assert found.faults == found.unreachable == found.unmeasured == ()  # fmt: skip


def test_relations_that_are_made_of_measured_ones_are_measured(checked):
    text = ":by rdfs:subPropertyOf ll:touches . ll:near250 a owl:ObjectProperty . " + rule(
        "next", "ll:Water", some("ll:nextButOneTo", "ll:Water")
    )
    assert checked(text).unmeasured == ()


def test_a_file_that_is_no_owl_hides_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    broken, good = tmp_path / "broken.ttl", tmp_path / "good.ttl"
    broken.write_text("this is no Turtle")
    good.write_text(PREFIXES + rule("good", "ll:Water", some("ll:near", "ll:TreeCover")))
    found = check_rules([broken, tmp_path / "none.ttl", good])
    assert [(f.file, f.axiom) for f in found.faults] == [
        (str(broken), "the file"),
        (str(tmp_path / "none.ttl"), "the file"),
    ]
    assert [axiom.file for axiom in found.axioms] == ["good.ttl"]


def test_where_no_file_can_be_read_nothing_else_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "check_consistent", lambda *_: pytest.fail("HermiT was asked"))
    broken = tmp_path / "broken.ttl"
    broken.write_text("this is no Turtle")
    with pytest.raises(AxiomError, match=r"none\.ttl: cannot .*; nor can .*broken\.ttl be read"):
        check_rules([tmp_path / "none.ttl", broken])
    with pytest.raises(AxiomError, match=r"broken\.ttl: 1: not valid RDF: this [^;]*$"):
        check_rules([broken])


def test_without_java_the_rest_is_checked(checked):
    found = checked(rule("good", "ll:Water", some("ll:near", "ll:TreeCover")))
    assert found.reasoner == NO_JAVA
    assert found.is_fine


def test_what_hermit_cannot_read_is_said(checked, monkeypatch):
    def stopped(*_):
        raise check.OntologyError("HermiT stopped: no reason", "")

    monkeypatch.setattr(shutil, "which", lambda _: "java")
    monkeypatch.setattr(check, "check_consistent", stopped)
    found = checked(rule("good", "ll:Water", some("ll:near", "ll:TreeCover")))
    assert found.reasoner == "HermiT stopped: no reason"
    assert not found.is_fine


@pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs Java")
def test_rules_that_leave_a_class_without_instances_are_contradictory(tmp_path):
    """One as a class axiom, the other as a SWRL rule: lakes near the sea are buildings."""
    path = tmp_path / "rules.ttl"
    path.write_text(PREFIXES + rule("one", "ll:Lake", some("ll:near", "ll:Sea")) + SWRL)
    found = check_rules([path])
    assert (LL + "Lake") in found.unsatisfiable
    assert (LL + "Sea") not in found.unsatisfiable
    assert found.reasoner == "contradictory"
    assert found.faults and all("can have no instance: " in f.cause for f in found.faults)
    assert "weighs them" in found.faults[0].hint
    assert not found.is_fine


def test_the_rules_that_ship_have_no_fault(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    found = check_rules(sorted(shipped("ontologies/rules").glob("*.ttl")))
    assert found.is_fine
    assert (found.faults, found.idle, found.unmeasured) == ((), (), ())
