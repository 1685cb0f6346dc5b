"""What rules mean for a legend: reasons for staying out, unknown names, definitions."""

import numpy as np
import pytest
from by_hand import (
    ADJACENT,
    AREA,
    BEACH,
    BUILDING,
    LEGEND,
    LL,
    TREES,
    WATER,
    WIDTH,
    axiom,
    compiled,
    facts,
    legend,
    one_hot,
    uniform,
)
from scipy.sparse import csr_matrix

from kg import vocab
from kg.errors import LegendError, RuleError
from kg.expressions import inverse
from kg.ontology import And, Facet, Named, Some, load_ontology
from reasoning.facts import Facts
from reasoning.logic.axioms import compile_axioms
from reasoning.logic.meaning import wanted


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (WATER, Facet(LL + "meanSlope", "<=", 8.0), "this run has no meanSlope"),
        (WATER, Facet(WIDTH, ">=", 8.0), "minWidth is unknown for every region"),
        (
            Named(LL + "SnowIce"),
            Facet(AREA, ">=", 8.0),
            "no label of the legend test can be SnowIce",
        ),
        (BEACH, Some(ADJACENT, WATER), "this run has no relation adjacentTo"),
        (
            Some(vocab.COVERED_BY, And((Named(vocab.OSM_FEATURE), BUILDING))),
            BUILDING,
            "this run has no OsmFeature",
        ),
        (Facet(AREA, ">=", 1.0), Named(LL + "SnowIce"), "says the same about every label"),
        (
            BEACH,
            Some(LL + "near", Named(LL + "Glacier")),
            "no label of the legend test can be Glacier",
        ),
    ],
)
def test_rules_that_cannot_act_say_why(left, right, reason):
    near = {LL + "near": csr_matrix((2, 2))}
    known = Facts({AREA: np.array([1.0, 2.0]), WIDTH: np.full(2, np.nan)}, {}, near)
    rule = compiled(left, right, known)
    assert not rule.active
    assert reason in rule.reason
    assert rule.local
    assert not rule.penalty(uniform(2)).any()
    assert not rule.gradient(uniform(2), np.ones(2)).any()


def test_classes_of_a_legend_can_be_named():
    rule = compiled(Named(LEGEND.classes[0].iri), Facet(AREA, ">=", 5.0), facts())
    assert rule.penalty(one_hot(0, 1, 0)).tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("left", "found", "near"),
    [
        (Named(LL + "Watr"), "unknown class ll:Watr", "ll:Water"),
        (Facet(LL + "minWidht", ">=", 5.0), "unknown data property ll:minWidht", "ll:minWidth"),
        (Some(LL + "adjacent", WATER), "unknown object property ll:adjacent", "ll:adjacentTo"),
    ],
)
def test_unknown_names_are_errors_with_the_nearest_known(left, found, near):
    with pytest.raises(RuleError) as caught:
        compiled(left, WATER, facts())
    assert "test.ttl: rule rule:test" in caught.value.message
    assert found in caught.value.message
    assert caught.value.message.endswith(f"the nearest known is {near}")


def test_evidence_with_a_restriction_inside_is_refused():
    left = Some(vocab.COVERED_BY, And((Named(vocab.OSM_FEATURE), Facet(AREA, ">=", 5.0))))
    known = facts(shares={(vocab.OSM_FEATURE, LL + "Lake"): [0, 0, 1]})
    with pytest.raises(RuleError, match="restriction inside"):
        compiled(left, WATER, known)


DEFINED = """
@prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
ll:Water a owl:Class . ll:BeachSand a owl:Class . ll:TreeCover a owl:Class . ll:Building a owl:Class .
ll:Grassland a owl:Class . ll:area a owl:DatatypeProperty . ll:adjacentTo a owl:ObjectProperty .
ll:Lake a owl:Class ; owl:equivalentClass [ a owl:Class ; owl:intersectionOf ( ll:Water ll:Big ) ] .
ll:Big a owl:Class ; owl:equivalentClass [ a owl:Restriction ; owl:onProperty ll:area ; owl:someValuesFrom
  [ a rdfs:Datatype ; owl:onDatatype xsd:decimal ; owl:withRestrictions ( [ xsd:minInclusive 5.0 ] ) ] ] .
ll:Egg a owl:Class ; owl:equivalentClass [ a owl:Class ; owl:complementOf ll:Hen ] .
ll:Hen a owl:Class ; owl:equivalentClass [ a owl:Class ; owl:complementOf ll:Egg ] .
ll:Odd a owl:Class ; owl:equivalentClass [ a owl:Restriction ; owl:onProperty ll:adjacentTo ; owl:hasSelf true ] .
"""


@pytest.fixture
def defined(tmp_path):
    path = tmp_path / "defined.ttl"
    path.write_text(DEFINED)
    return load_ontology([path])


def test_definitions_are_expanded(defined):
    known = facts(3, {AREA: [1.0, 9.0, 9.0]}, links={ADJACENT: [(0, 1, 1.0), (2, 0, 1.0)]})
    lake = axiom(Named(LL + "Lake"), TREES)
    beach = axiom(BEACH, Some(ADJACENT, Named(LL + "Lake")))
    water = axiom(WATER, TREES)
    rules = compile_axioms([lake, beach, water], LEGEND, defined, known)
    assert rules[0].penalty(one_hot(0, 0, 1)).tolist() == [0, 1, 0]
    assert rules[1].penalty(one_hot(1, 0, 1)).tolist() == [0, 0, 1]
    assert rules[2].penalty(one_hot(0, 0, 1)).tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("Egg", "ll:Egg is defined through itself"),
        ("Odd", "the definition of ll:Odd cannot be used"),
    ],
)
def test_definitions_that_cannot_be_used_are_errors(defined, name, cause):
    with pytest.raises(RuleError, match=cause):
        compile_axioms([axiom(Named(LL + name), WATER)], LEGEND, defined, facts())


def test_a_legend_class_in_no_ontology_is_an_error_with_the_nearest_known():
    with pytest.raises(LegendError) as caught:
        compiled(WATER, Facet(AREA, ">=", 5.0), facts(), legend("Water", "Laek"))
    assert caught.value.message == (
        "legend test: class 'Laek' is ll:Laek, which no ontology declares; the nearest known is ll:Lake"
    )


def test_names_that_rules_want_reach_through_definitions_and_chains(defined):
    core = load_ontology()
    asked = axiom(BEACH, Some(LL + "nextButOneTo", Facet(WIDTH, ">=", 5.0)))
    found = wanted([asked], core)
    assert {LL + "nextButOneTo", LL + "touches", LL + "adjacentTo", WIDTH} <= found
    assert LL + "near" not in found
    assert wanted([axiom(TREES, Named(LL + "Lake"))], defined) == {AREA}
    backwards = axiom(TREES, Some(inverse(LL + "northOf"), WATER))
    assert {LL + "northOf", LL + "southOf"} <= wanted([backwards], core)
