"""Learning of weights: planted weights are found again, few tiles leave the expert's, held-out scores are honest."""

from dataclasses import replace

import numpy as np
import pytest

from kg.errors import InputError, LegendError
from reasoning.learning.school import LearnSettings
from reasoning.learning.weights import learn_weights


def weights(found):
    return {one.iri.rpartition("#")[2]: one for one in found.weights}


def test_planted_weights_are_found_within_their_error(learned, true_weights):
    for name, one in weights(learned).items():
        assert one.expert == 1.0
        if true_weights[name] == 0:
            assert one.learned < 2.5 * max(one.error, 0.05)
        else:
            assert one.error < 0.35
            assert abs(one.learned - true_weights[name]) < 2.5 * one.error
        assert one.tiles == 4
        assert one.regions > 20
    assert learned.calibration.temperature == pytest.approx(1.5, abs=0.15)
    assert learned.calibration.bias == pytest.approx((0.3, -0.1, 0.1, -0.5, 0.2), abs=0.15)
    assert learned.fit.smoothness == pytest.approx(0.5, abs=0.15)


def test_held_out_scores_come_from_the_other_tiles(learned, drawn_tiles):
    assert [one.tile for one in learned.held_out] == [0, 1, 2, 3]
    assert sorted(t for held, _ in learned.fold_fits for t in held) == [0, 1, 2, 3]
    for one, tile in zip(learned.held_out, drawn_tiles, strict=True):
        for counts in one.counts.values():
            assert counts.sum() == tile.known.sum()
    assert learned.score("learned")[1] > learned.score("network")[1] + 0.02
    assert learned.score("learned")[1] >= learned.score("expert")[1]
    weights_of_folds = {fit.axioms[0].weight for _, fit in learned.fold_fits}
    assert len(weights_of_folds) == 4


def test_the_same_tiles_give_the_same_numbers(drawn_tiles, rules):
    settings = LearnSettings(shrinkages=(3e-4,), balances=(0.5,), polished=(True,))
    first, again = (learn_weights(drawn_tiles[:2], rules, settings=settings) for _ in range(2))
    assert first.fit == again.fit
    assert first.weights == again.weights


def test_strong_shrinkage_leaves_the_experts_weights(drawn_tiles, rules):
    found = learn_weights(
        drawn_tiles[:2],
        rules,
        settings=LearnSettings(shrinkages=(1e6,), balances=(0.0,), polished=(False,)),
    )
    assert [axiom.weight for axiom in found.axioms] == pytest.approx([1.0] * 3, abs=1e-5)
    assert found.fit.smoothness == pytest.approx(0.5, abs=1e-5)


def test_a_rule_that_never_speaks_keeps_its_weight(drawn_tiles, rules):
    iri = rules[0].iri + "-silent"
    silent = replace(rules[0], iri=iri, right=replace(rules[0].right, value=0.5), weight=0.7)
    learned = learn_weights(
        drawn_tiles[:2],
        (silent,),
        settings=LearnSettings(shrinkages=(3e-5,), balances=(0.0,), polished=(False,)),
    )
    (one,) = learned.weights
    assert (one.learned, one.regions, one.tiles) == (0.7, 0, 0)
    assert np.isnan(one.error)


def test_one_tile_is_shrunk_most_and_claims_nothing(drawn_tiles, rules):
    settings = LearnSettings(shrinkages=(1e6, 1e-6), balances=(0.0,), polished=(False,))
    found = learn_weights(drawn_tiles[:1], rules, settings=settings)
    assert found.choice.shrinkage == 1e6
    assert found.held_out == ()
    assert np.isnan(found.score("learned")[0])


def test_learning_without_held_out_tiles_finds_the_same(drawn_tiles, rules):
    settings = LearnSettings(shrinkages=(3e-4,), balances=(0.0,), polished=(False,))
    whole, quick = (
        learn_weights(drawn_tiles[:2], rules, settings=replace(settings, held_out=h))
        for h in (True, False)
    )
    assert whole.fit == quick.fit
    assert (len(whole.held_out), quick.held_out) == (2, ())


def test_bad_tiles_are_refused(drawn_tiles, rules):
    from kg.legend import load_legend
    from reasoning.learning.tiles import LabelledTile

    with pytest.raises(InputError, match="no labelled tile"):
        learn_weights([], rules)
    tile = drawn_tiles[0]
    town = load_legend("town")
    p = np.full((len(town), *tile.truth.shape), 1 / len(town), np.float32)
    other = LabelledTile(
        replace(tile.prediction, probabilities=p, legend=town), np.zeros_like(tile.truth)
    )
    with pytest.raises(LegendError, match="expected one\nlearn from the tiles of one legend"):
        learn_weights([tile, other], rules)
