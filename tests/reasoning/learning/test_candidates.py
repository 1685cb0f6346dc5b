"""Candidate rules about one region: their form, their bounds, and that steps together make a curve."""

from dataclasses import replace

import numpy as np
import pytest

from kg import vocab
from kg.errors import InputError
from kg.legend import load_legend
from kg.manchester import manchester
from kg.ontology import Named, load_ontology
from kg.rule_writer import rules_turtle
from kg.rules import load_rules
from reasoning.learning.candidates import (
    bound_rules,
    candidates,
    expression_of,
    knots_of,
    view_rules,
    with_view,
)

LEGEND, TREE = load_legend("s2korea"), load_ontology()
WIDTH = vocab.CORE + "minWidth"


def test_one_rule_per_ordered_pair_about_a_view():
    view, tree = with_view(TREE, 80.0)
    rules = view_rules(LEGEND, tree, view)
    assert len({rule.iri for rule in rules}) == len(LEGEND) ** 2
    says = {rule.iri.removeprefix(vocab.RULE): manchester(rule.right, tree) for rule in rules}
    assert says["view-80-road-road"] == "coveredBy some (view-80 and Road)"
    assert says["view-80-road-forest"] == "not (coveredBy some (view-80 and TreeCover))"
    assert view not in TREE.classes


@pytest.mark.parametrize("distance", [0.0, -1.0, float("inf"), float("nan")])
def test_a_view_needs_a_distance(distance):
    with pytest.raises(InputError, match="metres"):
        with_view(TREE, distance)


def test_steps_up_and_down_between_neighbouring_knots():
    rules = bound_rules(LEGEND, TREE, {WIDTH: (10.0, 20.0, 60.0)})
    assert len(rules) == len(LEGEND) * 2 * 2
    road = [rule.right for rule in rules if rule.iri.startswith(vocab.RULE + "road-")]
    bounds = {(one.op, one.value - one.tolerance, one.value + one.tolerance) for one in road}
    assert bounds == {(">=", 10, 20), ("<=", 10, 20), (">=", 20, 60), ("<=", 20, 60)}


def test_rules_are_read_back_from_a_file(tmp_path):
    rules = bound_rules(LEGEND, TREE, {WIDTH: (10.0, 25.0, 64.0)})
    path = tmp_path / "bounds.ttl"
    path.write_text(rules_turtle(rules, TREE, title="Bounds"))
    again = {rule.iri: (rule.left, rule.right) for rule in load_rules([path])}
    assert again == {rule.iri: (rule.left, rule.right) for rule in rules}


def test_knots_cut_pixels_into_equal_parts():
    values, pixels = np.array([1.0, 2.0, 3.0, np.nan, 50.0]), np.array([25, 25, 25, 99, 25])
    assert knots_of([(values, pixels)]) == (1.0, 2.0, 3.0, 50.0)
    assert knots_of([(np.array([np.nan]), np.array([4]))]) == ()
    assert knots_of([(np.array([7.0]), np.array([4]))]) == (7.0,)


def test_a_class_above_others_stands_for_the_rest():
    assert expression_of(LEGEND, 3, TREE) == Named(vocab.CORE + "TreeCover")
    rest = manchester(expression_of(LEGEND, 4, TREE), TREE)
    assert rest == "LandCover and (not (Building or Cropland or Road or TreeCover))"


def test_candidates_speak_of_classes_that_are_there(drawn_tiles):
    tiles = [replace(t, truth=np.where(t.truth == 1, -1, t.truth)) for t in drawn_tiles[:2]]
    found = candidates(tiles, TREE, 40.0)
    rules = [*found["shapes"], *found["views"]]
    assert {rule.weight for rule in rules} == {0.0}
    assert len(found["views"]) == 2 * 4 * 4
    assert {rule.left for rule in rules} == {expression_of(LEGEND, i, TREE) for i in (0, 2, 3, 4)}
    names = {rule.iri.removeprefix(vocab.RULE)[:8] for rule in found["views"]}
    assert names == {"view-40-", "view-120"}
    with pytest.raises(InputError, match="--context -5"):
        candidates(tiles, TREE, -5.0)
