"""The rules that ship: cited, named in two languages, rendered as they say, compilable, reachable, consistent."""

import shutil
from collections import Counter

import by_hand
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from kg import vocab
from kg.expressions import Some, walk
from kg.files import shipped
from kg.legend import legend_names, load_legend
from kg.ontology import Facet, Named, check_consistent, load_ontology, manchester
from kg.rules import load_rules
from reasoning.facts import Facts
from reasoning.logic.axioms import compile_axioms

RULES = load_rules()
ONTOLOGY = load_ontology()
FILES = sorted(shipped("ontologies/rules").glob("*.ttl"))


@pytest.fixture(params=RULES, ids=lambda rule: rule.iri.removeprefix(vocab.RULE))
def rule(request):
    return request.param


def test_there_are_enough_rules_in_several_files():
    assert len(RULES) >= 14
    assert {rule.file for rule in RULES} == {path.name for path in FILES}
    assert {"water.ttl", "built.ttl", "vegetation.ttl", "coast.ttl", "terrain.ttl"} <= {
        path.name for path in FILES
    }


def test_labels_are_unique():
    for names in ([r.label for r in RULES], [r.label_zh for r in RULES]):
        assert [name for name, n in Counter(names).items() if n > 1] == []


def test_each_rule_is_named_cited_and_weighted(rule):
    assert rule.label
    assert rule.label_zh
    assert any("\u4e00" <= letter <= "\u9fff" for letter in rule.label_zh)
    assert len(rule.citation) > 40
    assert 0.3 <= rule.weight <= 1.5 or rule.hard


def test_expert_judgement_gives_its_reason(rule):
    said, _, reason = rule.citation.partition("Expert judgement of the Landlore authors:")
    assert said or len(reason) > 40


def test_the_comment_is_the_axiom_in_manchester_syntax(rule):
    assert rule.comment == manchester(rule, ONTOLOGY)


def test_bounds_are_on_properties_with_a_unit(rule):
    for side in (rule.left, rule.right):
        for part in walk(side):
            if isinstance(part, Facet):
                assert ONTOLOGY.data_properties[part.property]


def everything():
    """Facts of every kind that the rules ask for, with values far on both sides of each bound."""
    parts = [p for r in RULES for s in (r.left, r.right) for p in walk(s)]
    facets = [p for p in parts if isinstance(p, Facet)]
    n = 2 * max(Counter(p.property for p in facets).values())
    data = {p.property: np.zeros(n) for p in facets}
    for name, column in data.items():
        bounds = [p.value for p in facets if p.property == name]
        column[: 2 * len(bounds)] = [v * f for v in bounds for f in (0.01, 10)]
    some = [p for p in parts if isinstance(p, Some)]
    covered = [p for s in some if s.role == vocab.COVERED_BY for p in walk(s.filler)]
    names = {p.iri for p in covered if isinstance(p, Named)} - {vocab.OSM_FEATURE}
    shares = {(vocab.OSM_FEATURE, cls): np.full(n, 0.9) for cls in names}
    everywhere = csr_matrix(np.ones((n, n)) - np.eye(n))
    return Facts(data, shares, {s.role: everywhere for s in some if s.role != vocab.COVERED_BY})


def test_each_rule_can_act_on_a_legend_that_ships(rule):
    facts, reasons = everything(), []
    n = len(facts.data[vocab.CORE + "area"])
    for name in legend_names():
        compiled = compile_axioms([rule], load_legend(name), ONTOLOGY, facts)[0]
        reasons.append(compiled.reason)
        k = len(load_legend(name).classes)
        if compiled.active and compiled.penalty(np.full((n, k), 1 / k)).max() > 0:
            return
    pytest.fail(f"{rule.iri} acts on no legend: {sorted(set(reasons))}")


def test_rules_need_only_facts_that_runs_have():
    known = {
        *("area", "perimeter", "meanWidth", "minWidth", "elongation", "compactness"),
        *("meanNdvi", "meanNdwi", "meanNdbi", "meanNdsi", "meanBrightness"),
        *("meanElevation", "meanSlope", "distanceToWater", "distanceToSea", "distanceToRoad"),
        *("distanceToBuilding", "distanceToTreeCover"),
    }
    used = {
        p.property
        for r in RULES
        for s in (r.left, r.right)
        for p in walk(s)
        if isinstance(p, Facet)
    }
    assert used <= {vocab.CORE + name for name in known}


@pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs Java")
def test_the_rules_contradict_neither_each_other_nor_the_ontology():
    assert check_consistent(rule_files=FILES) == ()


@pytest.mark.parametrize(
    ("name", "labels", "property_", "value", "against"),
    [
        ("water-min-width", "Water Stream Ditch SwimmingPool Lake", "minWidth", 0.5, "Water Lake"),
        ("water-min-area", "Water IntermittentStream SwimmingPool", "area", 20.0, "Water"),
        ("cropland-slope", "Cropland Paddy TerracedField Orchard", "meanSlope", 40.0, "Cropland"),
        ("ice-min-area", "SnowIce SeasonalSnow LakeIce Glacier", "area", 100.0, "SnowIce Glacier"),
        ("tidal-flat-near-water", "TidalFlat Saltmarsh", "distanceToWater", 2000.0, ""),
    ],
)
def test_rules_spare_what_they_do_not_mean(name, labels, property_, value, against):
    """Water that is one pixel wide is no water, unless it is a stream."""
    names = labels.split()
    k = len(names)
    facts = Facts({vocab.CORE + property_: np.full(k, value)}, {}, {})
    rule = next(r for r in RULES if r.iri == vocab.RULE + name)
    compiled = compile_axioms([rule], by_hand.legend(*names), ONTOLOGY, facts)[0]
    own = np.asarray(compiled.penalty(np.eye(k))).ravel() if compiled.active else np.zeros(k)
    found = {label for label, cost in zip(names, own, strict=True) if cost > 0.1}
    assert found == set(against.split())
