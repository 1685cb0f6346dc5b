"""Facts of regions: indices, terrain, shares of evidence, relations."""

import numpy as np
import pytest
from affine import Affine
from scipy.sparse import csr_matrix

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.axiom import Axiom
from kg.evidence import EvidenceLayer
from kg.expressions import And, Named, Some
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import load_ontology
from kg.raster import Raster
from reasoning.facts import (
    ADJACENT_TO,
    SURROUNDED_BY,
    Beside,
    Facts,
    core_classes,
    gather_facts,
    limit_messages,
)
from reasoning.logic.axioms import compile_axioms
from reasoning.logic.meaning import wanted as wanted_names
from reasoning.regions.graph import build_regions
from reasoning.regions.measures import slope

LEGEND, TREE = load_legend("town"), load_ontology()
LL = vocab.CORE


def grid(height, width):
    return Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), height, width)


def facts_of(labels, *, layers=(), image=None, dem=None, wanted=None):
    labels = np.array(labels, np.int16)
    prediction = prediction_from_labels(labels, LEGEND, grid(*labels.shape))
    regions = build_regions(prediction, image)
    return gather_facts(regions, prediction, layers, TREE, beside=Beside(image, dem), wanted=wanted)


def layer(cell, shares, classes, kind=vocab.OSM_FEATURE):
    cell = np.array(cell, np.int32)
    shares = np.array(shares, np.float32)
    names = tuple(f"{vocab.ID}cell/{i}" for i in range(len(shares)))
    return EvidenceLayer(
        "osm", kind, vocab.GRAPH + "osm", grid(*cell.shape), cell, shares, classes, names
    )


def test_geometry_has_the_ontologys_names_and_units():
    facts = facts_of([[0, 0, 1], [0, 0, 1]])
    assert facts.data[LL + "area"].tolist() == [400, 200]
    assert facts.data[LL + "perimeter"].tolist() == [80, 60]
    assert facts.data[LL + "compactness"] == pytest.approx(
        [4 * np.pi * 400 / 6400, 4 * np.pi * 200 / 3600]
    )
    assert all(name in TREE.data_properties for name in facts.data)


def test_adjacency_is_the_share_of_the_boundary():
    facts = facts_of([[0, 0, 1], [0, 0, 1]])
    assert facts.relations[ADJACENT_TO].toarray() == pytest.approx(
        np.array([[0, 0.25], [1 / 3, 0]])
    )
    assert (facts.relations[SURROUNDED_BY] != facts.relations[ADJACENT_TO]).nnz == 0


def test_an_enclosed_region_is_wholly_surrounded():
    facts = facts_of([[0, 0, 0], [0, 5, 0], [0, 0, 0]])
    assert facts.relations[SURROUNDED_BY][1, 0] == 1.0


def test_indices_come_from_band_names():
    values = np.array([[[50, 10]], [[150, 30]], [[100, 10]], [[50, 10]]], np.uint8)
    image = Raster(values, grid(1, 2), None, ("Red", "nir08", "green", "blue"))
    facts = facts_of([[2, 0]], image=image)
    assert facts.data[LL + "meanNdvi"] == pytest.approx([0.5, 0.5])
    assert facts.data[LL + "meanNdwi"] == pytest.approx([-0.2, -0.5])
    assert facts.data[LL + "meanBrightness"] == pytest.approx([200 / 3 / 255, 10 / 255])
    assert LL + "meanNdbi" not in facts.data


def test_brightness_of_an_unknown_scale_is_not_a_fact():
    values = np.full((3, 1, 2), 900, np.uint16)
    facts = facts_of([[2, 0]], image=Raster(values, grid(1, 2), None, ("red", "green", "blue")))
    assert LL + "meanBrightness" not in facts.data


def test_slope_of_a_plane_is_its_angle():
    y, x = np.mgrid[:5, :6]
    height = 10.0 * x + 0.0 * y
    assert slope(height, 10, 10)[1:-1, 1:-1] == pytest.approx(45)
    assert slope(height, 10, 10)[2, 0] == pytest.approx(np.degrees(np.arctan(0.5)))
    height[2, 2] = np.nan
    assert np.isnan(slope(height, 10, 10)[1, 1])


def test_terrain_is_averaged_over_regions_without_nodata():
    dem = Raster(np.array([[[100, 200, -9999, 300]]], np.int16), grid(1, 4), -9999, ("elevation",))
    facts = facts_of([[2, 2, 2, 0]], dem=dem)
    assert facts.data[LL + "meanElevation"] == pytest.approx([150, 300])


def test_distance_is_between_pixel_centres():
    facts = facts_of([[0, 2, 3, 3], [0, 2, 3, 3], [4, 2, 3, 5]])
    water = facts.data[LL + "distanceToWater"]
    assert water == pytest.approx([0, 10, 20, 10, 10 * np.hypot(3, 1)])
    assert LL + "distanceToSea" not in facts.data


def test_shares_add_up_features_and_leave_gaps():
    osm = layer([[0, 0, -1], [1, -1, -1]], [[1, 0], [0, 1]], (LL + "Building", LL + "Water"))
    facts = facts_of([[0, 0, 0], [1, 1, 1]], layers=[osm])
    assert facts.shares[vocab.OSM_FEATURE, LL + "Building"] == pytest.approx([2 / 3, 0])
    assert facts.shares[vocab.OSM_FEATURE, LL + "Water"] == pytest.approx([0, 1 / 3])


def test_product_classes_become_core_classes_by_their_graded_crosswalk():
    cover = load_legend("worldcover")
    classes = tuple(one.iri for one in cover.classes)
    shares = np.zeros((1, len(classes)), np.float32)
    shares[0, 0] = 1
    product = layer([[0, 0]], shares, classes, vocab.PRODUCT_CELL)
    facts = facts_of([[0, 1]], layers=[product])
    expected = dict(core_classes(classes[0], LEGEND))
    assert sum(expected.values()) == pytest.approx(1)
    for core, share in expected.items():
        assert facts.shares[vocab.PRODUCT_CELL, core] == pytest.approx([share, share])


def test_the_larger_of_two_layers_of_one_kind_counts():
    one = layer([[0, -1]], [[1.0]], (LL + "Water",))
    two = layer([[0, 0]], [[0.5]], (LL + "Water",))
    facts = facts_of([[0, 0]], layers=[one, two])
    assert facts.shares[vocab.OSM_FEATURE, LL + "Water"] == pytest.approx([0.5])


def test_messages_to_small_neighbours_are_split_at_the_cap():
    relation = csr_matrix(np.array([[0.0, 0.5], [1.0, 0.0]]))
    facts = Facts({LL + "area": np.array([100.0, 1.0])}, {}, {ADJACENT_TO: relation})
    limited, rows = limit_messages(facts, np.array([100, 1]), 2.0)
    matrix = limited.relations[ADJACENT_TO].toarray()
    assert rows.tolist() == [1]
    assert matrix[0, 1] == pytest.approx(2 * 1 / 100)
    assert (1 - matrix[0, 1]) * (1 - matrix[0, 2]) == pytest.approx(
        0.5
    )  # truth is as before the split
    assert matrix[1].tolist() == [1, 0, 0]
    assert not matrix[2].any()
    assert limited.data[LL + "area"].tolist() == [100, 1, 1]


def test_nothing_is_split_among_equals():
    relation = csr_matrix(np.array([[0.0, 0.5], [0.5, 0.0]]))
    facts = Facts({}, {}, {ADJACENT_TO: relation})
    limited, rows = limit_messages(facts, np.array([10, 10]), 2.0)
    assert limited is facts
    assert len(rows) == 0


def test_textures_are_measured_inside_regions_and_only_where_wanted():
    values = np.zeros((3, 2, 3), np.uint8)
    values[:] = [[0, 255, 51], [0, 255, 102]]
    image = Raster(values, grid(2, 3), None, ("red", "green", "blue"))
    wanted = frozenset((LL + "brightnessContrast",))
    facts = facts_of([[0, 0, 1], [0, 0, 1]], image=image, wanted=wanted)
    assert facts.data[LL + "brightnessDeviation"] == pytest.approx([0.5, 0.1])
    assert facts.data[LL + "brightnessContrast"] == pytest.approx([0.5, 0.2])
    assert LL + "ndviDeviation" not in facts.data
    assert LL + "brightnessContrast" not in facts_of([[0]], image=None, wanted=wanted).data
    assert LL + "brightnessContrast" not in facts_of([[0, 0, 1], [0, 0, 1]], image=image).data


def test_neighbours_are_counted():
    assert facts_of([[0, 0, 1], [2, 2, 2]]).data[LL + "neighbourCount"].tolist() == [2, 2, 2]


def test_relations_and_rcc_are_gathered_where_wanted():
    osm = layer([[0, 0, -1, -1, -1]], [[1]], (LL + "Park",))
    wanted = frozenset((LL + "near", LL + "rcc8dc", LL + "uphillOf"))
    facts = facts_of([[0, 0, 1, 1, 1]], layers=[osm], wanted=wanted)
    assert set(facts.relations) == {LL + "near"}
    assert "elevation" in facts.absent[LL + "uphillOf"]
    truth = {role: t.tolist() for (role, *_), t in facts.topology.items()}
    assert truth[LL + "rcc8eq"] == [1, 0]
    assert truth[LL + "rcc8ec"] == [0, 1]
    assert truth[LL + "rcc8dc"] == [0, 0]
    assert not facts_of([[0, 1]], layers=[layer([[0, 0]], [[1]], (LL + "Park",))]).topology


def test_limited_facts_keep_topology_and_ranges():
    relation = csr_matrix(np.array([[0.0, 0.5], [1.0, 0.0]]))
    key, area = (vocab.RCC8[0], vocab.OSM_FEATURE, LL + "Park"), np.array([100.0, 1.0])
    facts = Facts(
        {LL + "area": area}, {}, {ADJACENT_TO: relation},
        topology={key: np.array([0.0, 1.0])}, ranges={LL + "area": (area, 2 * area)},
    )  # fmt: skip
    limited, _ = limit_messages(facts, np.array([100, 1]), 2.0)
    assert limited.topology[key].tolist() == [0, 1, 1]
    assert limited.ranges[LL + "area"][1].tolist() == [200, 2, 2]


def test_a_rule_on_features_is_compiled_as_a_fact():
    osm = layer([[0, 0, -1, -1]], [[1]], (LL + "Park",))
    park = And((Named(vocab.OSM_FEATURE), Named(LL + "Park")))
    rule = Axiom("a", "a", "", Some(LL + "rcc8eq", park), Named(LL + "Water"), 1.0, False, "", "f")
    facts = facts_of([[5, 5, 0, 0]], layers=[osm], wanted=wanted_names([rule], TREE))
    compiled = compile_axioms([rule], LEGEND, TREE, facts)[0]
    assert compiled.local
    penalty = compiled.penalty(np.eye(len(LEGEND))[[5, 0]])
    assert penalty.tolist() == [1, 0]
    bare = compile_axioms([rule], LEGEND, TREE, facts_of([[5, 0]]))[0]
    assert bare.reason.startswith("this run has no OsmFeature: ") and "(--osm)" in bare.reason
    higher = Axiom(
        "b",
        "b",
        "",
        Named(LL + "Water"),
        Some(LL + "uphillOf", Named(LL + "Water")),
        1.0,
        False,
        "",
        "f",
    )
    reason = compile_axioms([higher], LEGEND, TREE, facts)[0].reason
    assert reason == "this run has no relation uphillOf: no elevation model was given (--dem)"
