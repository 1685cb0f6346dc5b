"""The learner: useful rules are kept, useless ones are not, nothing comes out that held-out tiles do not prefer."""

import weakref
from dataclasses import replace

import numpy as np
import pytest

from kg.errors import InputError, LegendError, RuleError
from kg.legend import load_legend
from reasoning.learning import school
from reasoning.learning.checked import Checks, choose, fit_rules, learn_checked
from reasoning.learning.on_demand import OnDemand
from reasoning.learning.school import CALIBRATION, EXPERT, NETWORK, SMOOTHNESS
from reasoning.learning.staged import Stages
from reasoning.learning.tiles import LabelledTile
from reasoning.settings import CorrectSettings

QUICK = CorrectSettings(tolerance=1e-2)
ONCE = Stages(rounds=1, shrinkage=1e-3, hold=1.0, balance=0.0, polished=False)


@pytest.fixture(scope="module")
def checked(drawn_tiles, rules):
    sets = {"planted": rules, "lone": [a for a in rules if a.label == "lone"]}
    return learn_checked(drawn_tiles[:2], sets, QUICK, stages=ONCE)


def test_the_winner_has_the_best_held_out_score(checked):
    assert checked.ways == (NETWORK, EXPERT, CALIBRATION, SMOOTHNESS, "planted", "lone")
    assert checked.chosen == choose(checked.scores)
    assert checked.fit == checked.fits[checked.chosen]
    assert checked.scores[checked.chosen] >= checked.scores[CALIBRATION]


def test_calibration_alone_has_no_rule_and_no_smoothness(checked):
    alone = checked.fits[CALIBRATION]
    assert alone.axioms == ()
    assert alone.smoothness == 0
    assert checked.fits[SMOOTHNESS].smoothness > 0


def test_one_set_of_rules_is_fitted_without_a_choice(drawn_tiles, rules):
    fit = fit_rules(drawn_tiles[:2], rules, QUICK, replace(ONCE, hold=0.0))
    weights = {axiom.label: axiom.weight for axiom in fit.axioms}
    assert weights["field-wide"] > 1.2 > 0.9 > weights["lone"]


def test_rules_must_win_clearly():
    scores = {CALIBRATION: 0.40, SMOOTHNESS: 0.42, "rules": 0.4205}
    assert choose(scores) == SMOOTHNESS
    assert choose({**scores, "rules": 0.43}) == "rules"
    assert choose({**scores, SMOOTHNESS: 0.39, "rules": 0.38}) == CALIBRATION


def test_planted_weights_are_found_within_their_error(learned, true_weights):
    assert learned.chosen == "rules"
    for one in learned.weights:
        true = true_weights[one.iri.rpartition("#")[2]]
        assert one.expert == 1.0
        if true == 0:
            assert one.learned < 2.5 * max(one.error, 0.05)
        else:
            assert one.error < 0.35
            assert abs(one.learned - true) < 2.5 * one.error
        assert one.tiles == 4
        assert one.regions > 20
    assert learned.calibration.temperature == pytest.approx(1.5, abs=0.15)
    assert learned.calibration.bias == pytest.approx((0.3, -0.1, 0.1, -0.5, 0.2), abs=0.15)
    assert 0.3 < learned.fit.smoothness < 1  # drawn with 0.5, at the marginals of other numbers


def test_held_out_scores_come_from_the_other_tiles(learned, drawn_tiles):
    assert [one.tile for one in learned.held_out] == [0, 1, 2, 3]
    assert sorted(t for held, _ in learned.fold_fits for t in held) == [0, 1, 2, 3]
    for one, tile in zip(learned.held_out, drawn_tiles, strict=True):
        for found in one.ways.values():
            assert found.counts.sum() == tile.known.sum()
    found = {way: learned.mapped(way) for way in learned.ways}
    assert found["rules"].accuracy > found[NETWORK].accuracy + 0.02
    assert found["rules"].accuracy >= found[EXPERT].accuracy
    assert len({fit.axioms[0].weight for _, fit in learned.fold_fits}) == 2


def test_pixels_put_right_and_wrong_are_the_difference_of_the_maps(learned):
    before = learned.mapped(NETWORK)
    assert (before.fixed, before.broken) == (0, 0)
    for way in learned.ways[1:]:
        now = learned.mapped(way)
        gained = np.trace(now.counts) - np.trace(before.counts)
        assert now.fixed - now.broken == gained
        assert now.broken > 0


def test_the_same_tiles_give_the_same_numbers(drawn_tiles, rules):
    first, again = (learn_checked(drawn_tiles[:2], {"rules": rules}, QUICK) for _ in range(2))
    assert first.fits == again.fits
    assert first.weights == again.weights
    assert first.scores == again.scores


def test_strong_shrinkage_leaves_the_experts_weights(drawn_tiles, rules):
    fit = fit_rules(drawn_tiles[:2], rules, QUICK, replace(ONCE, shrinkage=1e6))
    assert [axiom.weight for axiom in fit.axioms] == pytest.approx([1.0] * 3, abs=1e-5)
    assert fit.smoothness == pytest.approx(0.5, abs=1e-5)


def test_a_rule_that_never_speaks_keeps_its_weight(drawn_tiles, rules):
    iri = rules[0].iri + "-silent"
    silent = replace(rules[0], iri=iri, right=replace(rules[0].right, value=0.5), weight=0.7)
    learned = learn_checked(drawn_tiles[:2], {"rules": (silent,)}, QUICK, stages=ONCE)
    (one,) = learned.weights
    assert (one.learned, one.regions, one.tiles) == (0.7, 0, 0)
    assert np.isnan(one.error)
    assert learned.silent == (iri,)


def test_rules_that_are_not_kept_stand_there_without_weight(drawn_tiles, rules):
    harmful = replace(rules[0], left=replace(rules[0].left, iri=rules[1].left.iri), weight=5.0)
    learned = learn_checked(drawn_tiles[:2], {"harmful": [harmful]}, QUICK, stages=ONCE)
    assert learned.chosen in (CALIBRATION, SMOOTHNESS)
    assert [(a.iri, a.weight) for a in learned.axioms] == [(harmful.iri, 0.0)]
    assert learned.fit.axioms == ()


def test_hard_rules_act_in_every_way_and_are_kept(drawn_tiles, rules):
    hard = replace(rules[0], iri=rules[0].iri + "-hard", hard=True)
    learned = learn_checked(drawn_tiles[:2], {"rules": [hard]}, QUICK, stages=ONCE)
    assert learned.weights == ()
    assert [a.iri for a in learned.fits[CALIBRATION].axioms] == [hard.iri]
    assert learned.scores[CALIBRATION] != learned.scores[NETWORK]


def corner(tile, row, col, side=24):
    """A part of a tile, read anew each time."""
    p = tile.prediction.probabilities[:, row : row + side, col : col + side]
    grid = tile.prediction.grid.window(row, col, side, side)
    prediction = replace(tile.prediction, probabilities=p.copy(), grid=grid)
    return LabelledTile(prediction, tile.truth[row : row + side, col : col + side].copy())


def test_few_tiles_are_in_memory_at_a_time(drawn_tiles, monkeypatch):
    monkeypatch.setattr(school, "ROOM", 0.0)
    alive, most = weakref.WeakSet(), []

    def read(i):
        tile = corner(drawn_tiles[i % 4], 0, 30 * (i // 4))
        alive.add(tile)
        most.append(len(alive))
        return tile

    learned = learn_checked(OnDemand(read, 8), {}, QUICK, stages=ONCE, checks=Checks(most_folds=2))
    assert max(most) <= 3
    assert len(most) > 8 * 4
    kept = learn_checked(
        [read(i) for i in range(8)], {}, QUICK, stages=ONCE, checks=Checks(most_folds=2)
    )
    assert max(most) == 8
    assert learned.fits == kept.fits


def test_one_scene_is_shrunk_most_and_claims_nothing(drawn_tiles, rules):
    learned = learn_checked(drawn_tiles[:1], {"rules": rules}, QUICK)
    free = fit_rules(drawn_tiles[:1], rules, QUICK)
    assert (learned.chosen, learned.held_out, learned.ways) == ("rules", (), ())
    for one, other in zip(learned.axioms, free.axioms, strict=True):
        assert abs(one.weight - 1) < 0.7 * abs(other.weight - 1)


def test_a_class_that_is_never_true_is_named(drawn_tiles, rules):
    tiles = [replace(t, truth=np.where(t.truth == 0, -1, t.truth)) for t in drawn_tiles[:2]]
    learned = learn_checked(tiles, {}, QUICK, stages=ONCE)
    assert learned.absent == (drawn_tiles[0].prediction.legend.classes[0].label,)


def test_bad_tiles_and_names_are_refused(drawn_tiles, rules):
    with pytest.raises(InputError, match="no labelled tile"):
        learn_checked([], {"rules": rules}, QUICK)
    tile, town = drawn_tiles[0], load_legend("town")
    p = np.full((len(town), *tile.truth.shape), 1 / len(town), np.float32)
    other = LabelledTile(
        replace(tile.prediction, probabilities=p, legend=town), np.zeros_like(tile.truth)
    )
    with pytest.raises(LegendError, match="expected one\nlearn from the tiles of one legend"):
        learn_checked([tile, other], {"rules": rules}, QUICK)
    with pytest.raises(RuleError, match="that name is taken"):
        learn_checked(drawn_tiles[:2], {CALIBRATION: rules}, QUICK)
    with pytest.raises(RuleError, match="two rules of one name"):
        learn_checked(drawn_tiles[:2], {"a": rules, "b": [replace(rules[0], weight=2.0)]}, QUICK)
