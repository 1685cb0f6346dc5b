"""What-if: a window that is solved again agrees with the whole map solved again, and says what flips."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from scipy.ndimage import gaussian_filter

from fusion.prediction import Prediction, prediction_from_labels
from kg import vocab
from kg.errors import GridError, RuleError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import And, Axiom, Facet, Named, Some
from reasoning.correct import CorrectSettings, solve
from reasoning.explanation.answers import told_what_if
from reasoning.explanation.sentences import names_of
from reasoning.explanation.whatif import pixel_at, term_named, what_if, window_around
from reasoning.solved import solve_terms
from reasoning.terms import Change

LEGEND = load_legend("town")
K = len(LEGEND.classes)
WATER, BEACH, TREES, GRASS, CROPS, BUILDING, ROAD, SOIL = range(8)
LL = vocab.CORE
OSM = vocab.GRAPH + "osm"
SIZE = 128
GRID = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), SIZE, SIZE)


def axiom(name, left, right, weight, hard=False):
    return Axiom(vocab.RULE + name, name, name, left, right, weight, hard, "a test", "test.ttl")


NARROW = axiom("water-min-width", Named(LL + "Water"), Facet(LL + "minWidth", ">=", 60), 2.0)
MAPPED = axiom(
    "mapped-building",
    Some(LL + "coveredBy", And((Named(vocab.OSM_FEATURE), Named(LL + "Building")))),
    Named(LL + "Building"),
    1.5,
)
BESIDE = axiom(
    "beach-by-water", Named(LL + "BeachSand"), Some(LL + "adjacentTo", Named(LL + "Water")), 1.0
)


def noisy(seed):
    rng = np.random.default_rng(seed)
    fields = np.stack([gaussian_filter(rng.normal(size=GRID.shape), 3) for _ in range(K)])
    scores = 3 * fields / fields.std() + rng.normal(0, 1, fields.shape)
    p = np.exp(scores - scores.max(axis=0))
    p /= p.sum(axis=0)
    p[:, :3, :3] = 0
    return Prediction(p.astype(np.float32), LEGEND, GRID, "drawn")


def houses(seed):
    rng = np.random.default_rng(seed)
    cell = np.full(GRID.shape, -1, np.int32)
    for i in range(40):
        y, x = rng.integers(0, SIZE - 6, 2)
        cell[y : y + 5, x : x + 4] = i
    entities = tuple(f"https://www.openstreetmap.org/way/{i}" for i in range(40))
    return EvidenceLayer("osm", vocab.OSM_FEATURE, OSM, GRID, cell, np.ones((40, 1), np.float32),
                         (LL + "Building",), entities, tolerance=10.0)  # fmt: skip


@pytest.fixture(scope="module")
def solved():
    return solve(
        noisy(1), layers=[houses(1)], axioms=[NARROW, MAPPED, BESIDE],
        settings=CorrectSettings(max_steps=200),
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [Change({OSM: 0.0}), Change({NARROW.iri: 0.0}), Change({MAPPED.iri: 3.0, vocab.SMOOTHNESS: 0.6})],
)  # fmt: skip
def test_a_window_solved_again_is_the_whole_map_solved_again(solved, change):
    """Within 2e-3 of a probability 24 pixels inside of the window, and with the same classes there."""
    window = (slice(40, 120), slice(30, 110))
    local = what_if(solved, change, window=window)
    _, whole = solve_terms(solved.terms, change)
    inner = np.s_[24:-24, 24:-24]
    moved = np.abs(whole.q[window][inner] - solved.solution.q[window][inner]).max()
    assert moved > 0.05, "the change must do something here"
    assert np.abs(local.q[inner] - whole.q[window][inner]).max() < 2e-3
    assert (local.q[0] == solved.solution.q[window][0]).all(), "the margin is held"


def test_nothing_changed_is_nothing_flipped(solved):
    window = (slice(0, 64), slice(50, 120))
    same = what_if(solved, Change(), window=window)
    assert same.flips == () and same.pixels == 0
    assert same.q == pytest.approx(solved.solution.q[window], abs=1e-6)


def test_flips_add_up_and_point_at_pixels_that_flip(solved):
    found = what_if(solved, Change({OSM: 0.0}))
    assert found.flips and found.pixels == int(
        (found.labels != solved.corrected.after.labels).sum()
    )
    assert [f.pixels for f in found.flips] == sorted((f.pixels for f in found.flips), reverse=True)
    for flip in found.flips[:20]:
        row, col = pixel_at(solved.terms, flip.lon, flip.lat)
        now, then = solved.corrected.after.labels[row, col], found.labels[row, col]
        assert (LEGEND.classes[now].iri, LEGEND.classes[then].iri) == (flip.now, flip.then)
        assert solved.terms.regions.label[row, col] == flip.region and flip.log_odds > 0
        assert flip.area == flip.pixels * 100.0


def test_dropping_what_made_a_correction_undoes_it():
    labels = np.full((7, 9), GRASS, np.int16)
    labels[3, 2:7] = WATER
    grid = replace(GRID, height=7, width=9)
    rule = replace(NARROW, weight=4.0)
    run = solve(prediction_from_labels(labels, LEGEND, grid), axioms=[rule])
    found = what_if(run, Change({rule.iri: 0.0}))
    (flip,) = found.flips
    assert (flip.now, flip.then) == (LEGEND.classes[GRASS].iri, LEGEND.classes[WATER].iri)
    assert flip.pixels == 5
    assert what_if(run, Change({rule.iri: 3.9})).flips == ()


def test_a_hard_rule_can_be_dropped_but_not_weighed():
    labels = np.full((7, 9), GRASS, np.int16)
    labels[3, 2:7] = WATER
    rule = replace(NARROW, weight=0.0, hard=True)
    grid = replace(GRID, height=7, width=9)
    run = solve(prediction_from_labels(labels, LEGEND, grid), axioms=[rule])
    assert run.corrected.corrections[0].excluded_by == (rule.iri,)
    assert what_if(run, Change({rule.iri: 0.0})).pixels == 5
    with pytest.raises(RuleError, match="a hard rule has no weight"):
        what_if(run, Change({rule.iri: 1.0}))


def test_regions_as_nodes_are_asked_the_same_way():
    settings = CorrectSettings(nodes="regions")
    run = solve(noisy(2), layers=[houses(2)], axioms=[MAPPED], settings=settings)
    whole = what_if(run, Change({OSM: 0.0}))
    part = what_if(run, Change({OSM: 0.0}), window=(slice(20, 90), slice(10, 70)))
    assert whole.flips and np.array_equal(part.labels, whole.labels[20:90, 10:70])


def test_a_best_labelling_is_solved_whole_and_certain():
    labels = np.full((7, 9), GRASS, np.int16)
    labels[3, 2:7] = WATER
    rule, grid = replace(NARROW, weight=4.0), replace(GRID, height=7, width=9)
    settings = CorrectSettings(mode="map")
    run = solve(prediction_from_labels(labels, LEGEND, grid), axioms=[rule], settings=settings)
    found = what_if(run, Change({rule.iri: 0.0}), window=(slice(1, 6), slice(1, 8)))
    (flip,) = found.flips
    assert flip.pixels == 5 and np.isinf(flip.log_odds)
    text = told_what_if(found, names_of(run.corrected), run.corrected.before, run.terms.values())
    assert "(for certain)" in text[1]


def test_bad_changes_and_places_are_two_lines(solved):
    with pytest.raises(RuleError, match="expected 0 or more"):
        what_if(solved, Change({OSM: -1.0}))
    with pytest.raises(RuleError, match="no term of this run"):
        what_if(solved, Change({vocab.RULE + "nothing": 0.0}))
    with pytest.raises(RuleError, match="'water-width': no rule") as wrong:
        term_named(solved.terms, "water-width")
    assert wrong.value.hint == "did you mean 'water-min-width'?"
    assert term_named(solved.terms, "water-min-width") == NARROW.iri
    assert term_named(solved.terms, "osm") == OSM == term_named(solved.terms, OSM)
    assert term_named(solved.terms, "smoothness") == vocab.SMOOTHNESS
    with pytest.raises(GridError, match="outside of the map"):
        pixel_at(solved.terms, 0.0, 0.0)
    lon, lat = GRID.lonlat(1.5, 1.5)
    with pytest.raises(GridError, match="no prediction there"):
        pixel_at(solved.terms, float(lon), float(lat))


def test_windows_stay_inside_the_map():
    pixels = np.zeros((50, 60), bool)
    pixels[2:4, 55] = True
    assert window_around(pixels, 10) == (slice(0, 14), slice(45, 60))
