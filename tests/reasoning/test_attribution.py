"""Whose doing a correction is: what chose the class after among the others, or that nothing did."""

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.axiom import Axiom
from kg.expressions import Facet, Named
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import load_ontology
from reasoning.correct import CorrectSettings, solve
from reasoning.explanation.explain import explain

TOWN = load_legend("town")
WATER, GRASS = (TOWN.codes.index(code) for code in (10, 40))
GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 30, 40)
WIDE = Axiom(
    vocab.RULE + "wide", "water is wide", "", Named(vocab.CORE + "Water"),
    Facet(vocab.CORE + "minWidth", ">=", 6.0), 3.0, False, "a test", "mine.ttl",
)  # fmt: skip


@pytest.fixture(scope="module")
def ditch():
    labels = np.full(GRID.shape, GRASS)
    labels[15, 10:20] = WATER
    return prediction_from_labels(labels, TOWN, GRID, confidence=0.6)


def told(prediction, **knobs):
    done = solve(prediction, axioms=[WIDE], settings=CorrectSettings(**knobs)).corrected
    explanation = explain(done, load_ontology(), run="one")
    return (
        done,
        explanation.sentences_en[0],
        explanation.sentences_zh[0],
        "".join(explanation.trig()),
    )


@pytest.mark.parametrize("mode", ["marginals", "map"])
def test_where_a_rule_only_takes_a_class_away_the_others_that_were_as_likely_are_named(ditch, mode):
    done, english, chinese, trig = told(ditch, nodes="regions", mode=mode)
    (correction,) = done.corrections
    assert correction.before == TOWN.classes[WATER].iri
    others = {one.iri for one in TOWN.classes} - {correction.before, correction.after}
    assert set(correction.alike) == others
    assert "but not for “Beach” in particular: “Tree cover” and 5 more were as likely" in english
    assert "同样可能" in chinese and trig.count("run:alike") == 1


@pytest.mark.parametrize("mode", ["marginals", "map"])
def test_where_neighbours_chose_nothing_was_as_likely(ditch, mode):
    done, english, _, trig = told(ditch, mode=mode)
    (correction,) = done.corrections
    assert correction.after == TOWN.classes[GRASS].iri and correction.alike == ()
    assert "as likely." not in english and "run:alike" not in trig


def test_what_is_as_likely_is_what_the_marginals_say(ditch):
    p = ditch.probabilities.copy()
    p[:, 15, 10:20] = np.array([0.508, 0.1, 0.1, 0.02, 0.09, 0.02, 0.142, 0.02])[:, None]
    done, *_ = told(type(ditch)(p, TOWN, GRID, "made"), nodes="regions")
    (correction,) = done.corrections
    q = done.after.probabilities[:, 15, 12].astype(float)
    best = TOWN.index(correction.after)
    assert best == 6 and correction.alike == ()
    p[6, 15, 10:20], p[0, 15, 10:20] = 0.103, 0.547
    done, *_ = told(type(ditch)(p, TOWN, GRID, "made"), nodes="regions")
    q = done.after.probabilities[:, 15, 12].astype(float)
    near = [k for k in range(8) if np.log(q[6] / q[k]) < 0.05 and k not in (0, 6)]
    assert list(done.corrections[0].alike) == [TOWN.classes[k].iri for k in near] and len(near) == 2


def test_a_best_labelling_tells_of_costs_not_of_chances(ditch):
    _, english, chinese, _ = told(ditch, mode="map")
    assert "so much would going back to “Water” cost." in english
    assert "probability" not in english and "代价" in chinese
    _, english, *_ = told(ditch)
    assert "probability" in english and "cost" not in english
