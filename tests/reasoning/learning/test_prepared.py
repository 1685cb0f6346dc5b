"""Samples: each pixel stands for those it was drawn from, and features add up to what inference computes."""

from dataclasses import replace

import numpy as np
import pytest

from kg.ontology import Facet, Named
from reasoning.learning.fit import Parameters, expert_fit
from reasoning.learning.prepared import choices_of, choose_pixels, prepare
from reasoning.learning.tiles import LabelledTile
from reasoning.settings import CorrectSettings


@pytest.fixture(scope="module")
def ready(drawn_tiles, rules):
    return prepare(drawn_tiles[0], rules, CorrectSettings())


def parameters_of(tile, rules):
    expert = expert_fit(rules, (), CorrectSettings())
    return expert, Parameters.of(tile.tile.prediction.legend, expert, tile.rules)


def test_small_regions_are_kept_whole_and_sums_are_estimated(ready):
    rows, cols, stands = choose_pixels(ready, per_tile=10**6)
    region = ready.terms.regions.label[rows, cols]
    count = ready.terms.regions.count
    drawn = np.bincount(region, minlength=len(count))
    assert (drawn == np.minimum(np.ceil(4 * np.sqrt(count)), count)).all()
    assert np.bincount(region, weights=stands, minlength=len(count)) == pytest.approx(count)
    few = choose_pixels(ready, per_tile=500)
    assert len(few[0]) == 500
    assert few[2].sum() == pytest.approx(ready.tile.known.sum(), rel=0.15)
    assert [a.tolist() for a in few] == [a.tolist() for a in choose_pixels(ready, per_tile=500)]


def test_scores_are_those_of_the_last_step_of_inference(ready, rules):
    expert, parameters = parameters_of(ready, rules)
    solution = ready.solve(expert)
    pixels = choose_pixels(ready)
    choices = choices_of(ready, solution, parameters, pixels)
    chances = choices.chances(parameters.vector(expert))
    assert np.abs(chances - solution.q[pixels[0], pixels[1]]).max() < 1e-6


def test_unknown_pixels_and_impossible_truth_are_left_out(drawn_tiles, rules):
    tile = drawn_tiles[0]
    truth = tile.truth.copy()
    truth[:32] = -1
    hard = replace(
        rules[0],
        hard=True,
        right=Facet(rules[0].right.property, ">=", 1e6),
        left=Named(rules[0].left.iri),
    )
    ready = prepare(LabelledTile(tile.prediction, truth), (hard,), CorrectSettings())
    rows, cols, _ = choose_pixels(ready)
    assert rows.min() >= 32
    assert (truth[rows, cols] != 2).all()
    assert (truth[32:] == 2).any()
