"""Learning in stages: planted weights are found beside a calibration, and the calibration stays near what it was."""

import numpy as np
import pytest

from reasoning.learning.calibration import fit_calibration
from reasoning.learning.fit import Parameters, expert_fit
from reasoning.learning.prepared import prepare
from reasoning.learning.staged import Stages, learn_staged
from reasoning.settings import CorrectSettings


@pytest.fixture(scope="module")
def course(drawn_tiles, rules):
    settings = CorrectSettings(tolerance=1e-3)
    expert = expert_fit(rules, (), settings)
    tiles = [prepare(tile, expert.axioms, settings) for tile in drawn_tiles[:2]]
    parameters = Parameters.of(drawn_tiles[0].prediction.legend, expert, tiles[0].rules)
    return tiles, parameters, fit_calibration(drawn_tiles[:2], balance=0.0)


def weights(fit):
    return {axiom.label: axiom.weight for axiom in fit.axioms}


def fitted(course, stages):
    return learn_staged(*course, stages).fit


def test_weights_are_learned_beside_the_calibration(course):
    free = Stages(rounds=1, shrinkage=1e-3, hold=0.0, balance=0.0, polished=False)
    fit = fitted(course, free)
    found = weights(fit)
    assert found["field-wide"] > 1.3
    assert found["forest-large"] < 0.9
    assert found["lone"] < 0.5
    assert fit == fitted(course, free)


def test_a_strong_hold_keeps_calibration_and_weights(course):
    fit = fitted(course, Stages(hold=1e6, shrinkage=1e6, polished=False))
    assert fit.calibration.bias == pytest.approx(course[2].bias, abs=1e-3)
    assert fit.calibration.temperature == pytest.approx(course[2].temperature, abs=1e-3)
    assert list(weights(fit).values()) == pytest.approx([1.0] * 3, abs=1e-3)


def test_polish_moves_biases_only(course):
    plain = fitted(course, Stages(rounds=1, polished=False))
    done = fitted(course, Stages(rounds=1, polished=True))
    assert weights(done) == weights(plain)
    assert done.smoothness == plain.smoothness
    assert np.isclose(sum(done.calibration.bias), 0, atol=1e-5)
