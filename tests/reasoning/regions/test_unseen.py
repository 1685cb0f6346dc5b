"""Regions that the image edge or nodata cuts: what is not certain about them is not punished."""

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.axiom import Axiom
from kg.expressions import And, Facet, Named, Not
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import load_ontology
from reasoning.facts import gather_facts
from reasoning.logic.axioms import compile_axioms
from reasoning.regions.graph import build_regions
from reasoning.regions.unseen import EDGE, edge_distances, fact_ranges

LEGEND, TREE, LL = load_legend("town"), load_ontology(), vocab.CORE
WATER, GRASS = 0, 2


def run(labels, size=(10.0, 5.0)):
    labels = np.array(labels, np.int16)
    grid = Grid("EPSG:32633", Affine(size[0], 0, 500000, 0, -size[1], 5300000), *labels.shape)
    prediction = prediction_from_labels(labels, LEGEND, grid)
    regions = build_regions(prediction)
    return regions, grid, gather_facts(regions, prediction, (), TREE)


def ponds():
    """One pond inside (region 1), one at the edge (2), one beside nodata (3); each of 2 pixels, 100 m2."""
    labels = np.full((9, 12), GRASS)
    labels[2, 2:4], labels[4, 10:12], labels[6, 5:7], labels[7, 6] = WATER, WATER, WATER, -1
    return labels


def test_distance_to_the_edge_is_between_pixel_edges():
    regions, grid, facts = run(ponds())
    edge = edge_distances(regions, grid)
    assert edge.tolist() == [0, 10, 0, 0]  # the field; two rows of 5 m; cut; beside nodata
    assert (facts.data[EDGE] == edge).all()


def test_distance_to_nodata_is_the_nearest_over_all_pixels():
    labels = np.full((21, 21), GRASS)
    labels[10, 10], labels[10, 14] = WATER, -1
    regions, grid, _ = run(labels, (10.0, 10.0))
    assert edge_distances(regions, grid)[1] == 30


@pytest.mark.parametrize(
    "bound, punished",
    [
        (Facet(LL + "area", ">=", 400), [True, False, False]),
        (Facet(LL + "area", "<", 50), [True, True, True]),  # as large as that it is in any case
        (Facet(LL + "area", "<", 400), [False, False, False]),
        (Facet(LL + "compactness", ">=", 0.9), [True, False, False]),
        (Facet(LL + "minWidth", ">=", 400), [True, True, True]),
    ],
)
def test_what_the_unseen_part_may_change_is_not_punished(bound, punished):
    regions, _, facts = run(ponds())
    axiom = Axiom("a", "a", "", Named(LL + "Water"), bound, 1.0, False, "", "test.ttl")
    penalty = compile_axioms([axiom], LEGEND, TREE, facts)[0].penalty(
        np.eye(len(LEGEND))[regions.cls]
    )
    assert (penalty[1:] > 0).tolist() == punished


def test_on_the_left_side_an_uncertain_bound_does_not_hold():
    regions, _, facts = run(ponds())
    small = And((Named(LL + "Water"), Facet(LL + "area", "<", 400)))
    axiom = Axiom("a", "a", "", small, Not(Named(LL + "Water")), 1.0, False, "", "test.ttl")
    penalty = compile_axioms([axiom], LEGEND, TREE, facts)[0].penalty(
        np.eye(len(LEGEND))[regions.cls]
    )
    assert penalty.tolist() == [0, 1, 0, 0]


def test_the_nearest_water_may_lie_just_outside():
    labels = np.full((9, 30), GRASS)
    labels[4, 2], labels[4, 15], labels[4, 27] = WATER, 3, 3
    facts = run(labels, (10.0, 10.0))[2]
    low, high = facts.ranges[LL + "distanceToWater"]
    assert (high == facts.data[LL + "distanceToWater"]).all()
    assert low.tolist() == [0, 0, 40, 20]
    assert high.tolist() == [10, 0, 130, 250]


def test_where_nothing_is_cut_everything_is_certain():
    regions, _, facts = run(ponds())
    far = np.full(len(regions), np.inf)
    assert fact_ranges(regions, facts.data, far) == {}
