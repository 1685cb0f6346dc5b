"""Corrections are made when one is looked at, never before, and are the same however they are asked for."""

import pickle

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import prediction_from_labels
from kg.grid import Grid
from kg.legend import load_legend
from reasoning import attribution
from reasoning.correct import CorrectSettings, correct

TOWN = load_legend("town")
GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 24, 32)


@pytest.fixture(params=["marginals", "map"])
def done(request, monkeypatch):
    """A salted map, corrected; how often columns were computed is counted in `asked`."""
    rng, asked, plain = np.random.default_rng(5), [], attribution._columns
    monkeypatch.setattr(attribution, "_columns", lambda *a: asked.append(1) or plain(*a))
    labels = np.where(rng.random(GRID.shape) < 0.1, rng.integers(0, len(TOWN), GRID.shape), 4)
    made = prediction_from_labels(labels, TOWN, GRID, confidence=0.6)
    return correct(made, settings=CorrectSettings(smoothness=1.0, mode=request.param)), asked


def test_reasons_wait_until_one_is_looked_at(done):
    corrected, asked = done
    assert len(corrected.corrections) == corrected.index.max() + 1 > 10
    assert corrected.changed_pixels == corrected.changed.sum() > 0
    assert not asked
    first = corrected.corrections[0]
    assert asked == [1] and first.contributions
    assert len(list(corrected.corrections)) == len(corrected.corrections) and asked == [1]


def test_one_by_one_in_parts_and_together_they_are_the_same(done):
    corrections = done[0].corrections
    every = tuple(corrections)
    assert corrections == every and every == tuple(corrections[i] for i in range(len(every)))
    assert corrections[3:9] == every[3:9] and corrections[::-7] == every[::-7]
    assert corrections[-1] == every[-1] and list(reversed(corrections)) == list(reversed(every))
    with pytest.raises(IndexError):
        corrections[len(every)]


def test_they_are_those_of_the_index_and_their_parts_add_up(done):
    corrected, _ = done
    pixels = np.bincount(corrected.index[corrected.index >= 0])
    assert [one.pixels for one in corrected.corrections] == pixels.tolist()
    assert sorted(pixels, reverse=True) == pixels.tolist()
    for i, one in enumerate(corrected.corrections):
        values = [part.value for part in one.contributions]
        assert abs(sum(values) - one.log_odds) < 1e-6
        assert sorted(map(abs, values), reverse=True) == list(map(abs, values)) and all(values)
        row, col = np.argwhere(corrected.index == i)[0]
        assert one.region == corrected.regions.label[row, col]
        classes = [
            TOWN.classes[m.labels[row, col]].iri for m in (corrected.before, corrected.after)
        ]
        assert [one.before, one.after] == classes


def test_a_copy_for_another_process_is_a_plain_tuple(done):
    corrections = done[0].corrections
    copy = pickle.loads(pickle.dumps(corrections))
    assert type(copy) is tuple and copy == corrections and copy != corrections[1:]
    assert repr(copy) == repr(corrections)
