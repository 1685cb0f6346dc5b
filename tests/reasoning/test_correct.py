"""Correction from end to end on drawn scenes: what changes, why, and that the sums are exact."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import Prediction, prediction_from_labels
from kg import vocab
from kg.errors import GridError, InputError, RasterError, RuleError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import And, Axiom, Facet, Named, Not, Some
from kg.raster import Raster
from reasoning.correct import CorrectSettings, correct
from reasoning.learning.calibration import Calibration

LEGEND = load_legend("town")
K = len(LEGEND.classes)
WATER, BEACH, TREES, GRASS, CROPS, BUILDING, ROAD, SOIL = range(8)
LL = vocab.CORE


def grid(height, width):
    return Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), height, width)


def axiom(name, left, right, *, weight=1.0, hard=False):
    return Axiom(vocab.RULE + name, name, "", left, right, weight, hard, "a test", "test.ttl")


NARROW = axiom("water-min-width", Named(LL + "Water"), Facet(LL + "minWidth", ">=", 20), weight=4.0)
LONE = axiom(
    "building-in-water",
    Named(LL + "Building"),
    Not(Some(LL + "surroundedBy", Named(LL + "Water"))),
    weight=3.0,
)
MAPPED = axiom(
    "mapped-building",
    Some(LL + "coveredBy", And((Named(vocab.OSM_FEATURE), Named(LL + "Building")))),
    Named(LL + "Building"),
    weight=3.0,
)


def osm(cell, name="Building", **more):
    cell = np.array(cell, np.int32)
    entities = tuple(f"https://www.openstreetmap.org/way/{i}" for i in range(cell.max() + 1))
    shares = np.ones((len(entities), 1), np.float32)
    return EvidenceLayer(
        "osm", vocab.OSM_FEATURE, vocab.GRAPH + "osm", grid(*cell.shape), cell, shares, (LL + name,), entities,
        **more,
    )  # fmt: skip


def noisy(seed, size=48):
    """A prediction with structure and noise, and some nodata."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    fields = np.stack([gaussian_filter(rng.normal(size=(size, size)), 3) for _ in range(K)])
    scores = 3 * fields / fields.std() + rng.normal(0, 1, fields.shape)
    p = np.exp(scores - scores.max(axis=0))
    p /= p.sum(axis=0)
    p[:, :3, :3] = 0
    return Prediction(p.astype(np.float32), LEGEND, grid(size, size), "drawn")


def evidence_for(seed, size=48):
    rng = np.random.default_rng(seed + 1)
    cell = np.full((size, size), -1)
    for i in range(12):
        y, x = rng.integers(0, size - 6, 2)
        cell[y : y + 5, x : x + 4] = i
    return osm(cell, tolerance=10.0)


def check_sums(run):
    for one in run.corrections:
        assert sum(part.value for part in one.contributions) == pytest.approx(
            one.log_odds, abs=1e-6
        )
    expected = np.bincount(run.index[run.index >= 0], minlength=len(run.corrections))
    assert [one.pixels for one in run.corrections] == expected.tolist()
    assert ((run.before.labels != run.after.labels) == run.changed).all()


def test_a_narrow_water_region_is_corrected_with_its_reason():
    labels = np.full((7, 9), GRASS, np.int16)
    labels[3, 2:7] = WATER
    prediction = prediction_from_labels(labels, LEGEND, grid(7, 9))
    run = correct(prediction, axioms=[NARROW], settings=CorrectSettings(smoothness=0.2))
    assert run.trace.stopped == "converged"
    (one,) = run.corrections
    assert (one.before, one.after) == (LEGEND.classes[WATER].iri, LEGEND.classes[GRASS].iri)
    assert (one.pixels, one.area) == (5, 500)
    assert one.contributions[0].term == NARROW.iri
    assert one.contributions[0].value == pytest.approx(4.0)
    network = next(part for part in one.contributions if part.kind == "network")
    assert network.value == pytest.approx(np.log((0.2 / 7) / 0.8), abs=1e-5)
    assert {part.kind for part in one.contributions} == {"network", "smoothness", "axiom"}
    lon, lat = run.before.grid.lonlat(3.5, 4.5)
    assert (one.lon, one.lat) == pytest.approx((float(lon), float(lat)))
    check_sums(run)


def test_evidence_corrects_and_is_named():
    labels = np.full((8, 8), GRASS, np.int16)
    cell = np.full((8, 8), -1)
    cell[2:5, 2:6] = 1
    cell[2, 2] = 0
    run = correct(
        prediction_from_labels(labels, LEGEND, grid(8, 8), confidence=0.6),
        layers=[osm(cell)],
        axioms=[MAPPED],
        settings=CorrectSettings(smoothness=0.0),
    )
    (one,) = run.corrections
    assert one.after == LEGEND.classes[BUILDING].iri
    assert one.pixels == 12
    assert one.evidence == (
        "https://www.openstreetmap.org/way/1",
        "https://www.openstreetmap.org/way/0",
    )
    kinds = {part.kind: part for part in one.contributions}
    assert kinds["evidence"].term == vocab.GRAPH + "osm"
    assert kinds["evidence"].value > 3
    assert kinds["axiom"].value > 0
    check_sums(run)


def test_a_feature_out_of_place_is_still_named():
    labels = np.full((9, 9), GRASS, np.int16)
    cell = np.full((9, 9), -1)
    cell[3:6, 3:6] = 0
    prediction = prediction_from_labels(labels, LEGEND, grid(9, 9), confidence=0.2)
    settings = CorrectSettings(smoothness=0)
    run = correct(prediction, layers=[osm(cell, tolerance=10.0)], axioms=[], settings=settings)
    (one,) = run.corrections
    assert one.pixels > 9
    assert one.evidence == ("https://www.openstreetmap.org/way/0",)


def test_smoothness_alone_says_so():
    p = np.full((K, 5, 5), 0.001, np.float32)
    p[GRASS] = 0.993
    p[:, 2, 2] = 0.001
    p[GRASS, 2, 2], p[SOIL, 2, 2] = 0.3, 0.694
    run = correct(Prediction(p, LEGEND, grid(5, 5), "drawn"), axioms=[])
    (one,) = run.corrections
    assert [part.kind for part in one.contributions] == ["smoothness", "network"]
    assert one.contributions[0].value > 0 > one.contributions[1].value
    check_sums(run)


def test_contrast_holds_smoothing_back():
    p = np.full((K, 5, 5), 0.001, np.float32)
    p[GRASS] = 0.993
    p[GRASS, 2, 2], p[SOIL, 2, 2] = 0.3, 0.694
    prediction = Prediction(p, LEGEND, grid(5, 5), "drawn")
    values = np.zeros((1, 5, 5), np.uint8)
    values[0, 2, 2] = 200
    image = Raster(values, grid(5, 5), None, ("red",))
    assert correct(prediction, axioms=[]).corrections
    assert not correct(prediction, axioms=[], image=image).corrections


@pytest.mark.parametrize("seed", range(4))
def test_contributions_sum_exactly_on_noisy_scenes(seed):
    run = correct(noisy(seed), layers=[evidence_for(seed)], axioms=[NARROW, LONE, MAPPED])
    assert len(run.corrections) > 20
    assert (np.diff(run.trace.energy) <= 0).all()
    check_sums(run)
    areas = [one.area for one in run.corrections]
    assert areas == sorted(areas, reverse=True)
    assert not run.after.probabilities[:, :3, :3].any()
    assert run.after.probabilities[:, run.before.valid].sum(axis=0) == pytest.approx(1, abs=1e-5)


def test_same_input_same_bytes():
    first, second = (
        correct(noisy(2), layers=[evidence_for(2)], axioms=[LONE, MAPPED]) for _ in range(2)
    )
    assert first.after.probabilities.tobytes() == second.after.probabilities.tobytes()
    assert repr(first.corrections) == repr(second.corrections)


def test_without_knowledge_nothing_changes():
    prediction = noisy(1)
    run = correct(prediction, axioms=[], settings=CorrectSettings(smoothness=0.0))
    assert run.corrections == ()
    assert not run.changed.any()
    assert run.after.probabilities == pytest.approx(prediction.probabilities, abs=1e-3)


def test_hard_axiom_removes_a_label_and_is_listed():
    labels = np.full((7, 9), GRASS, np.int16)
    labels[3, 2:7] = WATER
    prediction = prediction_from_labels(labels, LEGEND, grid(7, 9), confidence=0.99)
    run = correct(prediction, axioms=[replace(NARROW, hard=True)])
    (one,) = run.corrections
    assert one.excluded_by == (NARROW.iri,)
    assert not run.after.probabilities[WATER, 3, 2:7].any()
    assert all(part.kind != "axiom" for part in one.contributions)
    check_sums(run)


def test_hard_axiom_about_neighbours_acts_as_a_large_weight():
    labels = np.full((7, 7), WATER, np.int16)
    labels[3, 3] = BUILDING
    prediction = prediction_from_labels(labels, LEGEND, grid(7, 7), confidence=0.95)
    run = correct(
        prediction, axioms=[replace(LONE, hard=True)], settings=CorrectSettings(smoothness=0)
    )
    (one,) = run.corrections
    assert one.excluded_by == ()
    assert {part.term for part in one.contributions} == {vocab.NETWORK, LONE.iri}
    check_sums(run)


def test_contradicting_hard_axioms_name_themselves_and_the_region():
    cell = np.full((5, 8), -1)
    cell[1:4, 3:7] = 0
    labels = np.where(cell < 0, GRASS, BUILDING).astype(np.int16)
    big = axiom("big-buildings", Named(LL + "Building"), Facet(LL + "area", ">=", 1e6), hard=True)
    dry = axiom("no-small-lake", Named(LL + "Water"), Facet(LL + "area", ">=", 1e6), hard=True)
    prediction = prediction_from_labels(labels, LEGEND, grid(5, 8))
    rules = [dry, replace(MAPPED, hard=True), big]
    with pytest.raises(RuleError) as caught:
        correct(prediction, layers=[osm(cell)], axioms=rules)
    message = str(caught.value)
    assert (
        "mapped-building (test.ttl), big-buildings (test.ttl) leave no class for region 1"
        in message
    )
    assert "no-small-lake" not in message


def test_rules_that_cannot_act_are_reported():
    steep = axiom("water-flat", Named(LL + "Water"), Facet(LL + "meanSlope", "<=", 5))
    run = correct(noisy(0), axioms=[NARROW, steep])
    assert run.axioms == (NARROW,)
    ((iri, why),) = run.inactive
    assert iri == steep.iri
    assert "meanSlope" in why


def test_one_pixel_and_one_region_run():
    labels = np.full((1, 1), WATER, np.int16)
    run = correct(prediction_from_labels(labels, LEGEND, grid(1, 1)), axioms=[NARROW, LONE])
    assert len(run.regions) == 1


def test_probabilities_slightly_off_are_scaled():
    prediction = noisy(3)
    off = replace(prediction, probabilities=(prediction.probabilities * 1.004).astype(np.float32))
    run = correct(off, axioms=[])
    assert run.before.probabilities.sum(axis=0)[10, 10] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("value", [3.0, np.nan, -0.5])
def test_probabilities_far_off_name_the_worst_pixel(value):
    prediction = noisy(3)
    prediction.probabilities[2, 20, 30] = value
    with pytest.raises(RasterError, match="row 20, column 30"):
        correct(prediction, axioms=[])


def test_no_prediction_other_grids_and_wild_settings_are_errors():
    empty = Prediction(np.zeros((K, 2, 2), np.float32), LEGEND, grid(2, 2), "drawn")
    with pytest.raises(RasterError, match="no pixel"):
        correct(empty, axioms=[])
    with pytest.raises(GridError, match="evidence osm"):
        correct(noisy(0), layers=[osm([[0, 0]])], axioms=[])
    with pytest.raises(InputError, match="settings"):
        CorrectSettings(smoothness=-1)


def test_calibration_is_a_term_of_its_own_and_sums_stay_exact():
    before = noisy(5)
    flat = Calibration(2.5, (0.0,) * K, tuple(c.iri for c in LEGEND.classes))
    plain = correct(before, axioms=[NARROW], settings=CorrectSettings())
    run = correct(before, axioms=[NARROW], settings=CorrectSettings(calibration=flat))
    check_sums(run)
    assert len(run.corrections) > len(plain.corrections)
    kinds = {part.kind for one in run.corrections for part in one.contributions}
    assert "calibration" in kinds
    one = next(c for c in run.corrections if c.contributions)
    value = {part.kind: part.value for part in one.contributions}
    if "calibration" in value:
        assert value["calibration"] == pytest.approx(-value["network"] * (1 - 1 / 2.5), rel=1e-6)


def test_regions_as_nodes_decide_whole_regions_and_sums_stay_exact():
    before = noisy(6)
    settings = CorrectSettings(nodes="regions")
    run = correct(before, layers=[evidence_for(6)], axioms=[NARROW, MAPPED], settings=settings)
    check_sums(run)
    assert run.corrections and run.trace.stopped == "converged"
    kinds = {part.kind for one in run.corrections for part in one.contributions}
    assert "smoothness" not in kinds and "axiom" in kinds
    for region in range(len(run.regions)):
        inside = run.regions.label == region
        assert len(np.unique(run.after.labels[inside])) == 1


def test_the_best_labelling_pays_for_each_change_and_sums_stay_exact():
    before = noisy(7)
    run = correct(
        before, layers=[evidence_for(7)], axioms=[NARROW, MAPPED], settings=CorrectSettings(mode="map")
    )  # fmt: skip
    check_sums(run)
    assert run.corrections and run.trace.stopped == "best of restarts"
    assert run.trace.energy[1] <= run.trace.energy[0]
    assert set(np.unique(run.after.probabilities)) == {0.0, 1.0}
    assert all(one.log_odds > -0.05 for one in run.corrections if one.pixels > 20)


def test_superpixels_are_regions_of_their_own():
    before = noisy(8)
    whole, cut = (
        correct(before, axioms=[NARROW], settings=CorrectSettings(superpixel=side))
        for side in (0.0, 80.0)
    )
    assert len(cut.regions) > len(whole.regions)
    assert (np.ptp(cut.regions.bbox[:, [0, 2]], axis=1) <= 8).all()
    check_sums(cut)


def test_settings_name_what_is_known():
    with pytest.raises(InputError, match=r"mode is 'best', expected one of marginals, map"):
        CorrectSettings(mode="best")
    with pytest.raises(InputError, match="nodes is"):
        CorrectSettings(nodes="cells")
