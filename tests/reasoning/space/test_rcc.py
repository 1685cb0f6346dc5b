"""RCC-8 between regions and features, against slow definitions by distances of every pixel to every other."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import load_legend
from reasoning.regions.graph import build_regions
from reasoning.space import rcc
from reasoning.space.rcc import meetings, topology

LEGEND = load_legend("town")
PARK = vocab.CORE + "Park"
NAMES = tuple(role.removeprefix(vocab.CORE + "rcc8") for role in vocab.RCC8)


def made(labels, cell, size=(10.0, 10.0), shares=None):
    labels, cell = np.array(labels, np.int16), np.array(cell, np.int32)
    grid = Grid("EPSG:32633", Affine(size[0], 0, 500000, 0, -size[1], 5300000), *labels.shape)
    regions = build_regions(prediction_from_labels(labels, LEGEND, grid))
    n = int(cell.max()) + 1
    table = np.ones((n, 1), np.float32) if shares is None else np.array(shares, np.float32)
    layer = EvidenceLayer(
        "osm", vocab.OSM_FEATURE, "g", grid, cell, table, (PARK,), tuple(map(str, range(n)))
    )
    return regions, layer


def between(regions, layer, tolerance=None):
    """(region, feature) names of relations."""
    found = meetings(regions, layer, tolerance)
    out = np.full((len(regions), len(layer.shares)), "dc", "U5")
    out[found.region, found.feature] = np.array(NAMES)[found.relation]
    return out


def slow(regions, layer, tolerance, size):
    """The table at the head of the module, one pair at a time."""
    known = regions.label >= 0
    out = np.full((len(regions), len(layer.shares)), "dc", "U5")

    def near(places, others):
        """For each place, whether one of the others is within the tolerance."""
        step = (places[:, None] - others[None, :]) * size[::-1]
        return (np.hypot(step[..., 0], step[..., 1]) <= tolerance * (1 + 1e-9)).any(axis=1)

    for r in range(len(regions)):
        for c in range(len(layer.shares)):
            mask_a, mask_b = regions.label == r, (layer.cell == c) & known
            a, b, both = map(np.argwhere, (mask_a, mask_b, mask_a & mask_b))
            not_a, not_b = np.argwhere(known & ~mask_a), np.argwhere(known & ~mask_b)
            if not len(b):
                continue
            into_b, into_a = near(a, b).all(), near(b, a).all()
            if len(both) and into_b and into_a:
                out[r, c] = "eq"
            elif into_b and 2 * len(both) >= len(a):
                out[r, c] = "tpp" if near(a, not_b).any() else "ntpp"
            elif into_a and 2 * len(both) >= len(b):
                out[r, c] = "tppi" if near(b, not_a).any() else "ntppi"
            elif not (near(both, not_a) & near(both, not_b)).all():
                out[r, c] = "po"
            elif near(a, b).any():
                out[r, c] = "ec"
    return out


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(0, 10**6)),
    st.sampled_from([(10.0, 10.0), (10.0, 4.0), (3.0, 10.0)]),
    st.sampled_from([0.0, 4.0, 10.0, 15.0, 20.0]),
)
def test_each_pair_has_the_relation_of_the_definition(case, size, tolerance):
    rng = np.random.default_rng(case[2])
    labels = np.where(rng.random(case[:2]) < 0.1, -1, rng.integers(0, 2, case[:2]))
    labels[0, 0] = 0
    cell = rng.integers(-1, 3, case[:2])
    cell[rng.integers(0, case[0]) :, rng.integers(0, case[1]) :] = 2
    regions, layer = made(labels, cell, size)
    assert (between(regions, layer, tolerance) == slow(regions, layer, tolerance, size)).all()


def test_strips_change_nothing(monkeypatch):
    rng = np.random.default_rng(4)
    regions, layer = made(rng.integers(0, 2, (20, 9)), rng.integers(-1, 4, (20, 9)))
    whole = between(regions, layer)
    monkeypatch.setattr(rcc, "EVENTS", 150)
    assert (between(regions, layer) == whole).all()


def scene(draw):
    """A region of class 1, drawn by rows and columns, in a field of 14 x 14 with one park."""
    labels, cell = np.zeros((14, 14), int), np.full((14, 14), -1)
    (top, bottom, left, right), (a, b, c, d) = draw
    labels[top:bottom, left:right] = 1
    cell[a:b, c:d] = 0
    regions, layer = made(labels, cell)
    return between(regions, layer)[regions.label[top, left], 0]


@pytest.mark.parametrize(
    "region, park, name",
    [
        ((3, 9, 3, 9), (3, 9, 3, 9), "eq"),
        ((3, 9, 3, 9), (4, 10, 3, 9), "eq"),  # a pixel out of place
        ((5, 8, 5, 8), (2, 11, 2, 11), "ntpp"),
        ((5, 8, 2, 6), (2, 11, 2, 11), "tpp"),
        ((5, 8, 1, 6), (2, 11, 2, 11), "tpp"),  # a pixel beyond the outline
        ((2, 11, 2, 11), (5, 8, 5, 8), "ntppi"),
        ((2, 11, 2, 11), (5, 8, 2, 6), "tppi"),
        ((2, 8, 2, 8), (5, 12, 5, 12), "po"),
        ((2, 8, 2, 8), (8, 12, 2, 8), "ec"),
        ((2, 8, 2, 8), (7, 12, 2, 8), "ec"),  # a row of overlap is within the tolerance
        ((2, 6, 2, 6), (7, 12, 2, 8), "dc"),
        ((0, 5, 0, 5), (0, 9, 0, 9), "ntpp"),  # the image edge is no outline
    ],
)
def test_the_eight_relations(region, park, name):
    assert scene((region, park)) == name


def test_exchanging_region_and_feature_gives_the_converse():
    converse = dict(
        zip(NAMES, ("eq", "dc", "ec", "po", "tppi", "tpp", "ntppi", "ntpp"), strict=True)
    )
    rng, seen = np.random.default_rng(1), set()
    for _ in range(150):
        corners = np.sort(rng.integers(0, 15, (4, 2)), axis=1) + (0, 1)
        one, other = tuple(corners[:2].ravel()), tuple(corners[2:].ravel())
        try:
            there, back = scene((one, other)), scene((other, one))
        except IndexError:  # a region that fills the field, or a park outside it
            continue
        seen.add(there)
        assert back == converse[there]
    assert len(seen) >= 6


def test_truth_is_the_largest_share_and_the_eight_cover_everything():
    rng = np.random.default_rng(2)
    regions, layer = made(rng.integers(0, 3, (12, 12)), rng.integers(-1, 5, (12, 12)))
    share = np.array([1.0, 0.5, 0.25, 0.0, 0.75])
    truth = topology(regions, layer, {PARK: share})
    names = between(regions, layer)
    for name, role in zip(NAMES, vocab.RCC8, strict=True):
        expected = np.where(names == name, share, 0).max(axis=1)
        assert truth[role, vocab.OSM_FEATURE, PARK] == pytest.approx(expected)
    assert max(t.max() for t in truth.values()) == 1


def test_a_layer_without_features_says_nothing():
    regions, layer = made([[0, 1]], [[-1, -1]], shares=np.empty((0, 1)))
    assert between(regions, layer).shape == (2, 0)
    assert not any(truth.any() for truth in topology(regions, layer, {PARK: np.empty(0)}).values())
