"""Evidence as noisy observations: reliability, gaps, tolerance, coarse cells, trust."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import Prediction, prediction_from_labels
from kg import vocab
from kg.errors import GridError, SourceError
from kg.evidence import Confusion, EvidenceLayer
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import load_ontology
from reasoning.evidence.observe import check_grid, observation

LEGEND, TREE = load_legend("town"), load_ontology()
K, BUILDING, WATER = len(LEGEND.classes), 5, 0


def grid(height, width):
    return Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), height, width)


def layer(
    cell,
    classes=("Building",),
    shares=None,
    *,
    kind=vocab.OSM_FEATURE,
    tolerance=0.0,
    reliability=0.85,
):
    cell = np.array(cell, np.int32)
    table = (
        np.eye(len(classes), dtype=np.float32) if shares is None else np.array(shares, np.float32)
    )
    return EvidenceLayer(
        "source", kind, vocab.GRAPH + "source", grid(*cell.shape), cell, table,
        tuple(vocab.CORE + name for name in classes), tuple(f"cell/{i}" for i in range(len(table))),
        tolerance, reliability,
    )  # fmt: skip


def test_a_feature_speaks_for_its_class_by_its_reliability():
    potential = observation(layer([[0, -1]]), LEGEND, TREE).potential
    ratio = potential[BUILDING, 0, 0] - potential[WATER, 0, 0]
    assert ratio == pytest.approx(np.log((0.85 + 0.15 / K) / (0.15 / K)), abs=1e-4)
    assert not potential[:, 0, 1].any()  # no feature, nothing said
    assert potential.dtype == np.float32


def test_evidence_is_a_likelihood_ratio_that_averages_to_one():
    potential = observation(layer([[0]]), LEGEND, TREE).potential
    assert np.exp(potential.astype(float)).mean() == pytest.approx(1, abs=1e-5)


def test_features_of_a_rare_class_say_more_than_those_of_a_usual_one():
    labels = np.full((10, 10), WATER, np.int16)
    labels[0, 0] = BUILDING
    network = prediction_from_labels(labels, LEGEND, grid(10, 10), confidence=0.99)
    cell = np.zeros((10, 10))

    def lead(name, own, other):
        potential = observation(
            layer(cell, classes=(name,)), LEGEND, TREE, network=network
        ).potential
        return potential[own, 5, 5] - potential[other, 5, 5]

    assert lead("Building", BUILDING, WATER) > lead("Water", WATER, BUILDING) + 2


def test_strength_scales_and_zero_switches_off():
    full = observation(layer([[0]]), LEGEND, TREE).potential
    half = observation(layer([[0]]), LEGEND, TREE, strength=0.5).potential
    assert half == pytest.approx(full / 2)
    assert not observation(layer([[0]]), LEGEND, TREE, strength=0.0).potential.any()


def test_a_class_without_meaning_in_the_legend_is_silent():
    potential = observation(layer([[0]], classes=("SnowIce",)), LEGEND, TREE).potential
    assert potential == pytest.approx(0)


def test_tolerance_reaches_beyond_the_feature_and_weakens_its_rim():
    cell = np.full((1, 15), -1)
    cell[0, 5:10] = 0
    sharp = observation(layer(cell), LEGEND, TREE).potential[BUILDING, 0]
    soft = observation(layer(cell, tolerance=20.0), LEGEND, TREE).potential[BUILDING, 0]
    assert soft[7] == pytest.approx(sharp[7], abs=0.1)
    assert 0 < soft[3] < soft[4] < soft[5] < soft[6] < sharp[6]
    assert soft[2] == pytest.approx(0, abs=1e-6)


def test_shares_of_a_cell_are_a_mixture():
    cell = layer([[0]], ("Building", "Water"), [[0.75, 0.25]], reliability=1.0)
    potential = observation(cell, LEGEND, TREE).potential[:, 0, 0]
    assert potential[BUILDING] - potential[WATER] == pytest.approx(np.log(3), abs=1e-4)


def test_pixels_of_a_coarse_product_cell_hear_less():
    one = observation(layer([[0]], kind=vocab.PRODUCT_CELL), LEGEND, TREE).potential
    coarse = layer(np.zeros((10, 10)), kind=vocab.PRODUCT_CELL)
    assert observation(coarse, LEGEND, TREE).potential[:, 3, 3] == pytest.approx(one[:, 0, 0] / 2)


def test_cells_that_contradict_the_image_are_trusted_less():
    truth = np.kron(np.random.default_rng(1).integers(0, 2, (10, 10)), np.ones((4, 4))).astype(
        np.int16
    )
    cell = np.kron(np.arange(100).reshape(10, 10), np.ones((4, 4), int))
    said = truth[::4, ::4].ravel().copy()
    said[:10] = 1 - said[:10]
    network = prediction_from_labels(truth * BUILDING, LEGEND, grid(40, 40))
    shares = np.eye(2)[said]
    product = layer(cell, ("Water", "Building"), shares, kind=vocab.PRODUCT_CELL)
    trust = observation(product, LEGEND, TREE, network=network).trust
    assert trust[:10].max() < 0.6 < 0.9 < trust[10:].min()


def test_small_cells_and_features_are_not_judged_by_the_network():
    network = prediction_from_labels(np.zeros((1, 2), np.int16), LEGEND, grid(1, 2))
    for kind in (vocab.PRODUCT_CELL, vocab.OSM_FEATURE):
        assert (
            observation(layer([[0, 0]], kind=kind), LEGEND, TREE, network=network).trust == 1
        ).all()


def test_another_grid_is_an_error():
    network = Prediction(np.full((K, 1, 2), 1 / K, np.float32), LEGEND, grid(1, 2), "flat")
    with pytest.raises(GridError, match="evidence source is 1 x 3"):
        observation(layer([[0, 0, 0]]), LEGEND, TREE, network=network)


@pytest.mark.parametrize(
    "broken",
    [{"shares": np.full((1, 1), np.nan, np.float32)}, {"shares": -np.ones((1, 1), np.float32)},
     {"reliability": 1.2}, {"fresh": np.nan}, {"tolerance": -1.0}, {"cell": np.ones((1, 1), np.int32)}],
)  # fmt: skip
def test_numbers_that_cannot_be_are_an_error_that_names_the_layer(broken):
    with pytest.raises(SourceError, match="evidence source has shares below 0"):
        check_grid(replace(layer([[0]]), **broken), grid(1, 1))


def test_an_empty_layer_is_silent():
    empty = layer(np.full((2, 3), -1), shares=np.empty((0, 1)))
    check_grid(empty, grid(2, 3))
    assert not observation(empty, LEGEND, TREE).potential.any()


def test_evidence_of_another_date_speaks_less_and_none_at_all_after_long():
    full = observation(layer([[0, -1]]), LEGEND, TREE).potential
    values = [full[BUILDING, 0, 0]]
    for fresh in (0.9, 0.5, 0.1, 0.0):
        potential = observation(replace(layer([[0, -1]]), fresh=fresh), LEGEND, TREE).potential
        assert not potential[:, 0, 1].any()
        assert np.exp(potential[:, 0, 0].astype(float)).mean() == pytest.approx(1, abs=1e-5)
        values.append(potential[BUILDING, 0, 0])
    assert values == sorted(values, reverse=True)
    assert values[-1] == 0


def test_a_learned_confusion_takes_the_place_of_reliability_and_crosswalk():
    labels = tuple(one.iri for one in LEGEND.classes)
    table = np.full((2, K), 0.5)
    table[:, BUILDING], table[:, WATER] = (0.9, 0.1), (0.2, 0.8)
    confusion = Confusion(table, np.array([0.5, 0.5]), labels)
    cell = replace(layer([[0, 1, -1]], ("Building", "Water")), confusion=confusion)
    for reliability in (0.3, 0.9):
        potential = observation(replace(cell, reliability=reliability), LEGEND, TREE).potential
        assert potential[BUILDING, 0, :2] == pytest.approx(np.log([1.8, 0.2]), abs=1e-5)
        assert potential[WATER, 0, :2] == pytest.approx(np.log([0.4, 1.6]), abs=1e-5)
        other = [k for k in range(K) if k not in (BUILDING, WATER)]
        assert potential[other] == pytest.approx(0, abs=1e-6)  # nothing is known of them
        assert not potential[:, 0, 2].any()
