"""A label changes only where enough speaks for it: held-out tiles keep the ratio asked for, or nothing changes."""

import numpy as np
import pytest

from kg import vocab
from reasoning.correct import correct
from reasoning.learning.calibration import Calibration
from reasoning.learning.caution import NATS, choose_caution
from reasoning.learning.checked import Checks, learn_checked
from reasoning.learning.learned import Mapped
from reasoning.learning.school import EXPERT, School
from reasoning.learning.staged import Stages
from reasoning.learning.steps import Steps
from reasoning.settings import CorrectSettings

QUICK = CorrectSettings(tolerance=1e-2)
ONCE = Stages(rounds=1, shrinkage=1e-3, hold=1.0, balance=0.75, polished=False)


def maps(fixed, broken):
    return [Mapped(np.eye(2), fixed, broken)]


def test_the_least_caution_that_keeps_the_ratio_is_taken():
    known = {0.0: (30, 20), 0.25: (25, 12), 0.5: (20, 8), 0.75: (9, 2)}
    asked = []

    def mapped(nats):
        asked.append(nats)
        return maps(*known[nats])

    nats, held = choose_caution(mapped, 2.0)
    assert (nats, held[0].fixed, held[0].broken) == (0.25, 25, 12)
    assert asked == [0.0, 0.25]
    assert choose_caution(mapped, 1.0)[0] == 0


def test_a_ratio_that_is_never_had_gives_nothing():
    assert choose_caution(lambda nats: maps(5, 9), 1.0) is None
    assert choose_caution(lambda nats: maps(0, 0), 1.0) is None


def test_held_out_tiles_keep_the_ratio(drawn_tiles, rules):
    free = learn_checked(drawn_tiles[:2], {"rules": rules}, QUICK, stages=ONCE)
    before = free.mapped(free.chosen)
    ratio = 1.2 * before.fixed / before.broken
    held = learn_checked(
        drawn_tiles[:2], {"rules": rules}, QUICK, stages=ONCE, checks=Checks(fixed_per_broken=ratio)
    )
    after = held.mapped(held.chosen)
    assert after.fixed >= ratio * after.broken
    assert after.broken < before.broken
    assert held.fit.calibration.caution in NATS[1:]
    assert held.fit.axioms == free.fit.axioms
    assert {fit.calibration.caution for _, fit in held.fold_fits} == {held.fit.calibration.caution}


def test_the_experts_weights_can_be_held_too(drawn_tiles, rules):
    """They are no way that is learned: every rule that was weighed by hand acts."""
    parts = [[0], [1]]
    school = School(drawn_tiles[:2], {"rules": rules}, QUICK, ONCE, Steps(), parts)
    _, expert = school.survey()
    free, held = school.held_out(EXPERT), school.held_out(EXPERT, 2.0)
    for one, again, cautious in zip(expert, free, held, strict=True):
        np.testing.assert_array_equal(one.array, again.array)
        assert 0 < cautious.fixed + cautious.broken < one.fixed + one.broken


@pytest.mark.parametrize("nats", [0.0, 0.7])
def test_caution_is_a_part_of_the_reasons(drawn_tiles, nats):
    tile = drawn_tiles[0]
    legend = tile.prediction.legend
    bias = np.linspace(1.0, -1.0, len(legend))
    iris = tuple(one.iri for one in legend.classes)
    calibration = Calibration(1.3, tuple(bias), iris, nats)
    settings = CorrectSettings(tolerance=1e-6, smoothness=0.0, calibration=calibration)
    done = correct(tile.prediction, axioms=(), settings=settings)
    p = np.log(np.maximum(tile.prediction.probabilities.astype(float), settings.floor))
    scores = p / 1.3 + bias[:, None, None]
    new, old = scores.argmax(axis=0), p.argmax(axis=0)
    gain = np.take_along_axis(scores, new[None], 0)[0] - np.take_along_axis(scores, old[None], 0)[0]
    assert (done.after.labels == np.where(gain > nats, new, old)).all()
    assert len(done.corrections) > 0
    for one in done.corrections:
        assert sum(part.value for part in one.contributions) == pytest.approx(
            one.log_odds, abs=1e-9
        )
        (said,) = [part for part in one.contributions if part.kind == "calibration"]
        assert said.term == vocab.CALIBRATION
