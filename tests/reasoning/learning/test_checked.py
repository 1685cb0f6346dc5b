"""The choice of rules: useful ones are kept, useless ones are not, and calibration is the least that comes out."""

from dataclasses import replace

import pytest

from kg.errors import InputError
from reasoning.learning.checked import CALIBRATION, SMOOTHNESS, choose, fit_rules, learn_checked
from reasoning.learning.staged import Stages
from reasoning.settings import CorrectSettings

QUICK = CorrectSettings(tolerance=1e-2)


@pytest.fixture(scope="module")
def checked(drawn_tiles, rules):
    sets = {"planted": rules, "lone": [a for a in rules if a.label == "lone"]}
    stages = Stages(rounds=1, balance=0.0, polished=False)
    return learn_checked(drawn_tiles[:2], sets, QUICK, stages=stages)


def test_the_winner_has_the_best_held_out_score(checked):
    assert set(checked.scores) == {CALIBRATION, SMOOTHNESS, "planted", "lone"}
    assert checked.chosen == choose(checked.scores)
    assert checked.fit == checked.fits[checked.chosen]
    assert checked.scores[checked.chosen] >= checked.scores[CALIBRATION]


def test_calibration_alone_has_no_rule_and_no_smoothness(checked):
    alone = checked.fits[CALIBRATION]
    assert alone.axioms == ()
    assert alone.smoothness == 0
    assert checked.fits[SMOOTHNESS].smoothness > 0


def test_one_set_of_rules_is_fitted_without_a_choice(drawn_tiles, rules):
    stages = Stages(rounds=1, balance=0.0, hold=0.0, polished=False)
    fit = fit_rules(drawn_tiles[:2], rules, QUICK, stages)
    weights = {axiom.label: axiom.weight for axiom in fit.axioms}
    assert weights["field-wide"] > 1.2 > 0.9 > weights["lone"]


def test_rules_must_win_clearly():
    scores = {CALIBRATION: 0.40, SMOOTHNESS: 0.42, "rules": 0.4205}
    assert choose(scores) == SMOOTHNESS
    assert choose({**scores, "rules": 0.43}) == "rules"
    assert choose({**scores, SMOOTHNESS: 0.39, "rules": 0.38}) == CALIBRATION


def test_one_scene_cannot_decide(drawn_tiles, rules):
    tiles = [replace(tile, scene="one") for tile in drawn_tiles[:2]]
    with pytest.raises(InputError, match="one scene"):
        learn_checked(tiles, {"planted": rules}, QUICK)
