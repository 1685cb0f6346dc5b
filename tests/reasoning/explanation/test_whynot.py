"""Why-not: the least change of each knob gives the class when solved again, and less does not."""

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.errors import InputError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import And, Axiom, Facet, Named, Some
from reasoning.correct import CorrectSettings, solve
from reasoning.explanation.whatif import what_if
from reasoning.explanation.whynot import least_factor, why_not
from reasoning.terms import Change, Nudge

LEGEND = load_legend("town")
WATER, BEACH, TREES, GRASS, CROPS, BUILDING, ROAD, SOIL = range(8)
LL, OSM = vocab.CORE, vocab.GRAPH + "osm"
GRID = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), 24, 30)
IRIS = [c.iri for c in LEGEND.classes]


def axiom(name, left, right, weight, hard=False):
    return Axiom(vocab.RULE + name, name, name, left, right, weight, hard, "a test", "test.ttl")


NARROW = axiom("water-min-width", Named(LL + "Water"), Facet(LL + "minWidth", ">=", 60), 3.0)
MAPPED = axiom(
    "mapped-building",
    Some(LL + "coveredBy", And((Named(vocab.OSM_FEATURE), Named(LL + "Building")))),
    Named(LL + "Building"),
    2.0,
)


@pytest.fixture(scope="module")
def solved():
    """A ditch that a rule dried up, and a mapped house on grass."""
    labels = np.full(GRID.shape, GRASS)
    labels[4:6, 4:12] = WATER
    cell = np.full(GRID.shape, -1, np.int32)
    cell[12:17, 18:24] = 0
    layer = EvidenceLayer("osm", vocab.OSM_FEATURE, OSM, GRID, cell, np.ones((1, 1), np.float32),
                          (LL + "Building",), ("https://www.openstreetmap.org/way/1",))  # fmt: skip
    return solve(
        prediction_from_labels(labels, LEGEND, GRID, confidence=0.5), layers=[layer],
        axioms=[NARROW, MAPPED], settings=CorrectSettings(smoothness=0.3, max_steps=200),
    )  # fmt: skip


def label_at(solved, change, row, col):
    return IRIS[what_if(solved, change).labels[row, col]]


def test_each_answer_gives_the_class_and_a_little_less_does_not(solved):
    found = why_not(solved, 5, 8, IRIS[WATER])
    assert found.now == IRIS[GRASS]
    assert {knob.term for knob in found.possible} >= {NARROW.iri, vocab.NETWORK}
    for knob in found.possible:
        if knob.kind == "network":
            pixels = solved.corrected.index == solved.corrected.index[5, 8]
            near = [Change(nudge=Nudge(pixels, WATER, knob.needed * f)) for f in (1.0, 0.9)]
        else:
            step = knob.needed - knob.value
            near = [Change({knob.term: knob.value + step * f}) for f in (1.0, 0.9)]
        assert label_at(solved, near[0], 5, 8) == IRIS[WATER], knob
        assert label_at(solved, near[1], 5, 8) != IRIS[WATER], knob
    sizes = [knob.size for knob in found.possible]
    assert sizes == sorted(sizes)


def test_the_parts_sum_to_the_log_odds(solved):
    found = why_not(solved, 14, 20, IRIS[GRASS])
    q = solved.solution.q[14, 20]
    assert found.log_odds == pytest.approx(np.log(q[BUILDING] / q[GRASS]), abs=1e-6)
    assert sum(value for _, _, value in found.parts) == pytest.approx(found.log_odds, abs=1e-9)


def test_where_no_single_change_does_it_none_is_given(solved):
    found = why_not(solved, 20, 2, IRIS[ROAD])
    (network,) = found.possible
    assert network.term == vocab.NETWORK and network.needed > 0.5
    rest = [knob for knob in found.knobs if knob.needed is None]
    assert {knob.term for knob in rest} >= {OSM, vocab.SMOOTHNESS}


def test_a_hard_rule_is_the_only_reason_that_counts():
    labels = np.full(GRID.shape, GRASS)
    labels[4:6, 4:12] = WATER
    rule = axiom("no-ditch", NARROW.left, NARROW.right, 0.0, hard=True)
    run = solve(prediction_from_labels(labels, LEGEND, GRID, confidence=0.6), axioms=[rule])
    found = why_not(run, 5, 8, IRIS[WATER])
    assert found.excluded_by == (rule.iri,) and found.log_odds == np.inf
    (knob,) = found.knobs
    assert knob.term == rule.iri and knob.needed == 0.0


def test_questions_that_make_no_sense(solved):
    with pytest.raises(InputError, match="is Grass already"):
        why_not(solved, 5, 8, IRIS[GRASS])
    with pytest.raises(InputError, match="no class of legend town") as wrong:
        why_not(solved, 5, 8, LL + "Glacier")
    assert "Water" in wrong.value.hint


@pytest.mark.parametrize(
    ("scores", "part", "label", "factor"),
    [
        ([2.0, 1.0], [3.0, 0.0], 1, 2 / 3),  # 1 nat behind, the part gives 3: keep two thirds
        ([2.0, 1.0], [0.0, 0.5], 1, 3.0),
        ([2.0, 1.0], [0.5, 0.0], 1, None),  # even without the part it stays behind
        ([2.0, 1.0], [1.0, 1.0], 1, None),  # says nothing between them
        ([1.0, 2.0], [0.0, 0.5], 1, 1.0),  # leads already
        ([2.0, 1.0, 1.9], [3.0, 0.0, 0.0], 1, None),  # a third class would win
    ],
)
def test_the_closed_form(scores, part, label, factor):
    found = least_factor(np.array(scores), np.array(part), label)
    assert found is None if factor is None else found == pytest.approx(factor)
