"""Coarse views: what a rule asks of the ground around is the network's own answer, averaged over a distance."""

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import Prediction
from kg import vocab
from kg.errors import RuleError
from kg.expressions import without_tolerance
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import load_ontology
from kg.rule_writer import rules_turtle
from kg.rules import load_rules, schema_of
from kg.schema import ontology_of
from kg.terms import TYPE, Terms
from reasoning.correct import CorrectSettings, correct, terms_of
from reasoning.evidence.views import coarse_view, views_for
from reasoning.learning.candidates import view_rules, with_view

LEGEND = load_legend("s2korea")
FOREST, FIELD = 3, 2
SIDE = 60


def prediction(p):
    """Probabilities (class, y, x) on a 10 m grid."""
    grid = Grid("EPSG:32652", Affine(10, 0, 500000, 0, -10, 4000000), *p.shape[1:])
    return Prediction(p.astype(np.float32), LEGEND, grid, "made")


@pytest.fixture
def halves():
    """Forest on the left, fields on the right, and one doubtful speck of field in the forest."""
    p = np.full((len(LEGEND), SIDE, SIDE), 0.02)
    p[FOREST, :, : SIDE // 2] = p[FIELD, :, SIDE // 2 :] = 0.92
    p[[FIELD, FOREST], 30:32, 10:12] = [[[0.5]], [[0.44]]]
    return prediction(p)


def test_shares_are_averages_of_the_probabilities(halves):
    view = coarse_view(halves, "urn:view", 40.0)
    assert view.shares.sum(axis=1) == pytest.approx(1, abs=1e-5)
    far_left, middle = view.shares[view.cell[30, 1]], view.shares[view.cell[30, SIDE // 2]]
    assert far_left[FOREST] == pytest.approx(0.92, abs=0.03)
    assert middle[FOREST] == pytest.approx(0.48, abs=0.1)
    assert view.classes[FOREST] == vocab.CORE + "TreeCover"


def test_unseen_pixels_count_for_nothing(halves):
    halves.probabilities[:, :, SIDE // 2 :] = 0
    view = coarse_view(halves, "urn:view", 80.0)
    assert view.shares[view.cell[10, SIDE // 2 - 1]][FOREST] == pytest.approx(0.92, abs=0.01)


def test_a_rule_about_a_view_is_local_and_corrects_a_speck(halves):
    view, tree = with_view(load_ontology(), 60.0)
    rules = [r for r in view_rules(LEGEND, tree, view) if r.iri.endswith("field-forest")]
    (rule,) = [type(r)(**{**vars(r), "weight": 1.0}) for r in rules]
    terms, _, idle = terms_of(halves, axioms=[rule])
    assert not idle and terms.compiled[0].local
    settings = CorrectSettings(smoothness=0.0)
    done = correct(halves, axioms=[rule], settings=settings)
    assert done.before.labels[30, 10] == FIELD
    assert (done.after.labels[:, :20] == FOREST).all()
    assert (done.after.labels[:, 40:] == FIELD).all()
    (one,) = done.corrections
    assert sum(part.value for part in one.contributions) == pytest.approx(one.log_odds, abs=1e-9)


def test_views_travel_with_the_rules_that_ask_for_them(tmp_path, halves):
    view, tree = with_view(load_ontology(), 60.0)
    rules = view_rules(LEGEND, tree, view)
    path = tmp_path / "views.ttl"
    path.write_text(rules_turtle(rules, tree, title="Views"))
    again = load_rules([path])
    assert {r.iri: without_tolerance(r.right) for r in again} == {r.iri: r.right for r in rules}
    schema = schema_of(again)
    assert schema.class_notes[view] == {vocab.DISTANCE: 60.0}
    (layer,) = views_for(again, halves, schema)
    assert np.array_equal(layer.shares, coarse_view(halves, view, 60.0).shares)
    assert views_for((), halves, schema) == ()


def test_a_view_without_distance_is_refused(halves):
    view, known = with_view(load_ontology(), 60.0)
    said = {TYPE: [vocab.OWL + "Class"], vocab.RDFS + "subClassOf": [vocab.COARSE_VIEW]}
    tree = ontology_of([Terms({view: said})], "bare", extending=load_ontology())
    with pytest.raises(RuleError, match="expected metres"):
        views_for(view_rules(LEGEND, known, view), halves, tree)
