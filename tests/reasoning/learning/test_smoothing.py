"""Smoothness is doubled as long as held-out tiles gain from it; every way then has the factor."""

import numpy as np
import pytest

from reasoning.learning.learned import Mapped
from reasoning.learning.school import CALIBRATION, SMOOTHNESS, School
from reasoning.learning.smoothing import choose_smoothing
from reasoning.learning.staged import Stages
from reasoning.learning.steps import Steps
from reasoning.settings import CorrectSettings

ONCE = Stages(rounds=1, shrinkage=1e-3, hold=1.0, balance=0.75, polished=False)


@pytest.mark.parametrize(
    ("wrong", "factor"),
    [({1: 9, 2: 9}, 1), ({1: 9, 2: 5, 4: 6}, 2), ({1: 9, 2: 8, 4: 7, 8: 6}, 8), ({1: 5, 2: 9}, 1)],
)
def test_the_factor_is_doubled_until_held_out_tiles_gain_no_more(wrong, factor):
    asked = []

    def mapped(factor):
        asked.append(factor)
        return [Mapped(np.array([[50.0, wrong[factor]], [0.0, 50.0]]), 0, 0)]

    assert choose_smoothing(mapped, 0.001) == factor
    assert asked == list(wrong)


def test_every_way_with_smoothness_has_the_factor(drawn_tiles, rules):
    settings, steps = CorrectSettings(tolerance=1e-2), Steps()
    school = School(drawn_tiles[:2], {"rules": rules}, settings, ONCE, steps, [[0], [1]])
    school.survey()
    ways = (SMOOTHNESS, "rules", CALIBRATION)
    before = {way: school.fit(way, 0) for way in ways}
    plain = school.held_out(SMOOTHNESS)
    school.smoother = 4.0
    for way in ways:
        smoother = school.fit(way, 0)
        assert smoother.smoothness == pytest.approx(4 * before[way].smoothness, abs=1e-6)
        assert smoother.axioms == before[way].axioms
    changes = [one.fixed + one.broken for one in school.held_out(SMOOTHNESS)]
    assert changes != [one.fixed + one.broken for one in plain]
