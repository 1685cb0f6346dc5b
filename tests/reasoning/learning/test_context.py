"""Candidate rules about what lies around: one per pair, and "background" is what the other classes leave."""

from kg import vocab
from kg.legend import load_legend
from kg.manchester import manchester
from kg.ontology import Named, load_ontology
from kg.rule_writer import rules_turtle
from kg.rules import load_rules
from reasoning.learning.context import AMID, context_rules, expression_of, rule_iri

LEGEND, TREE = load_legend("s2korea"), load_ontology()


def test_one_rule_per_ordered_pair():
    rules = context_rules(LEGEND, TREE)
    assert len(rules) == len({rule.iri for rule in rules}) == len(LEGEND) ** 2
    assert {rule.weight for rule in rules} == {0.0}
    says = {rule.iri.removeprefix(vocab.RULE): rule for rule in rules}
    assert manchester(says["context-road-road"].right, TREE) == "amid some Road"
    assert manchester(says["context-road-forest"].right, TREE) == "not (amid some TreeCover)"


def test_a_class_above_others_stands_for_the_rest():
    assert expression_of(LEGEND, 3, TREE) == Named(vocab.CORE + "TreeCover")
    rest = manchester(expression_of(LEGEND, 4, TREE), TREE)
    assert rest == "LandCover and (not (Building or Cropland or Road or TreeCover))"


def test_role_and_weight_can_be_given():
    rules = context_rules(LEGEND, TREE, role=AMID + "x", weight=0.5)
    assert all(rule.weight == 0.5 for rule in rules)
    assert AMID + "x" in repr(rules[0])


def test_rules_with_weights_are_read_back_from_a_file(tmp_path):
    rules = context_rules(load_legend("dubai6"), TREE, weight=0.25)
    path = tmp_path / "context.ttl"
    path.write_text(rules_turtle(rules, TREE, title="Context"))
    again = {rule.iri: (rule.left, rule.right, rule.weight) for rule in load_rules([path])}
    assert again == {rule.iri: (rule.left, rule.right, rule.weight) for rule in rules}
    assert rule_iri(load_legend("dubai6"), 0, 1).endswith("#context-land-unpaved-area-water")
