"""Evidence of another date than the image: by rate and years; without dates nothing is said."""

import math
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import Prediction
from kg import vocab
from kg.errors import InputError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import load_legend
from reasoning.correct import CorrectSettings, correct
from reasoning.evidence.ageing import CHANGE, USUAL, aged, year_of

GRID = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), 4, 4)
LAYER = EvidenceLayer(
    "osm", vocab.OSM_FEATURE, vocab.GRAPH + "osm", GRID, np.zeros((4, 4), np.int32),
    np.ones((1, 1), np.float32), (vocab.CORE + "Water",), ("a",), date="2011",
)  # fmt: skip


def test_the_chance_of_no_change_falls_with_the_years_either_way():
    assert aged(LAYER, "2021").fresh == pytest.approx(math.exp(-10 * CHANGE[vocab.OSM_FEATURE]))
    assert aged(LAYER, "2001").fresh == aged(LAYER, "2021").fresh
    assert aged(LAYER, "2011").fresh == 1
    assert aged(replace(LAYER, change=0.1), "2012").fresh == pytest.approx(math.exp(-0.1))
    assert aged(replace(LAYER, kind="other"), "2012").fresh == pytest.approx(math.exp(-USUAL))
    assert -60 * CHANGE[vocab.PRODUCT_CELL] == pytest.approx(math.log(0.68), abs=0.003)


@pytest.mark.parametrize(
    "layer, taken", [(LAYER, None), (LAYER, ""), (replace(LAYER, date=None), "2021")]
)
def test_without_a_date_nothing_is_said(layer, taken):
    assert aged(layer, taken) is layer


def test_dates_are_years_months_or_days():
    assert year_of("2021", "x") == 2021.5
    assert year_of("2021-01", "x") == pytest.approx(2021 + 0.5 / 12)
    assert year_of("2021-07-02", "x") == pytest.approx(2021.5, abs=0.01)
    assert year_of("2021-07-02T10:00:00", "x") == year_of("2021-07-02", "x")


@pytest.mark.parametrize("text", ["soon", "2021-13", "2021-02-30", "-5", "20210630x"])
def test_what_is_no_date_is_an_error(text):
    with pytest.raises(InputError, match="the image has the date"):
        aged(LAYER, text)
    with pytest.raises(InputError, match="layer osm changes by -1"):
        aged(replace(LAYER, change=-1.0), "2021")


def test_the_settings_of_a_correction_reach_the_evidence_and_the_sum_stays_exact():
    legend = load_legend("town")
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(len(legend)), 16).T.reshape(-1, 4, 4).astype(np.float32)
    prediction, found = Prediction(table, legend, GRID, "toy"), []
    for knobs in (
        CorrectSettings(),
        CorrectSettings(date="2031"),
        CorrectSettings(reliabilities={"osm": 0.3}),
        CorrectSettings(date="2021", reliabilities={"osm": 0.0}),
    ):
        run = correct(prediction, layers=[LAYER], axioms=[], settings=knobs)
        for one in run.corrections:
            assert sum(part.value for part in one.contributions) == pytest.approx(
                one.log_odds, abs=1e-6
            )
        found.append(float(run.after.probabilities[0].mean()))
    assert found[0] > found[1] > found[2] > found[3]
    with pytest.raises(InputError, match="reliabilities"):
        CorrectSettings(reliabilities={"osm": 2.0})
