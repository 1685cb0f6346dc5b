"""Relations between regions against slow definitions: every pixel with every pixel, and floods from outside."""

from itertools import product

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label as flood

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.errors import RuleError
from kg.grid import Grid
from kg.legend import load_legend
from kg.rules import load_rules, schema_of
from reasoning.facts import gather_facts
from reasoning.logic.axioms import compile_axioms
from reasoning.logic.meaning import wanted
from reasoning.regions.graph import build_regions
from reasoning.space import gaps as gaps_module
from reasoning.space.directions import EAST_OF, NORTH_OF, SOUTH_OF, WEST_OF, centroids
from reasoning.space.gaps import within_distance
from reasoning.space.relations import (
    ADJACENT_TO,
    AMID,
    BASE,
    CONNECTED_TO,
    CONTAINS,
    DOWNHILL_OF,
    NEAR,
    SURROUNDED_BY,
    UPHILL_OF,
    WITHIN,
    Measurer,
    Role,
    roles_of,
)

LEGEND = load_legend("town")
LL = vocab.CORE
NOTES = {LL + "distance": 45.0, LL + "tolerance": 10.0, LL + "rise": 4.0}


def grid(shape, dx=10.0, dy=10.0):
    return Grid("EPSG:32633", Affine(dx, 0, 500000, 0, -dy, 5300000), *shape)


def measured(labels, base, *, notes=NOTES, size=(10.0, 10.0), elevation=None):
    labels = np.array(labels, np.int16)
    place = grid(labels.shape, *size)
    regions = build_regions(prediction_from_labels(labels, LEGEND, place))
    found = Measurer(regions, place, (Role(base, base, notes),), elevation).relations()
    return regions, found[base].toarray()


rasters = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10**6)).map(
    lambda given: np.where(
        np.random.default_rng(given[2]).random(given[:2]) < 0.15,
        -1,
        np.random.default_rng(given[2] + 1).integers(0, 3, given[:2]),
    ).astype(np.int16)
)
somewhere = rasters.filter(lambda labels: (labels >= 0).any())
sizes = st.sampled_from([(10.0, 10.0), (10.0, 4.0), (3.0, 10.0)])


def slow_gaps(label, n, dx, dy):
    """Every pixel with every other: the gap of two rectangles."""
    places = [np.argwhere(label == r) for r in range(n)]
    out = np.zeros((n, n))
    for r, s in product(range(n), repeat=2):
        step = np.abs(places[r][:, None] - places[s][None, :])
        apart = np.maximum(step - 1, 0) * (dy, dx)
        out[r, s] = np.hypot(apart[..., 0], apart[..., 1]).min()
    return out


@settings(max_examples=30, deadline=None)
@given(somewhere, sizes, st.sampled_from([0.0, 5.0, 20.0, 45.0, 200.0]))
def test_near_is_the_gap_of_the_nearest_pixels(labels, size, distance):
    notes = {LL + "distance": distance, LL + "tolerance": 3.0}
    regions, near = measured(labels, NEAR, notes=notes, size=size)
    expected = within_distance(slow_gaps(regions.label, len(regions), *size), distance, 3.0)
    np.fill_diagonal(expected, 0)
    assert near == pytest.approx(expected, abs=1e-9)


def test_pieces_of_large_regions_change_nothing(monkeypatch):
    labels = np.random.default_rng(3).integers(0, 2, (40, 37)).astype(np.int16)
    labels[10:30, 5:25] = 2
    whole = measured(labels, NEAR)[1]
    monkeypatch.setattr(gaps_module, "BLOCK", 4)
    assert (measured(labels, NEAR)[1] == whole).all()


def test_near_has_the_stated_soft_edge():
    near = measured([[0, 1, 1, 1, 1, 2]], NEAR)[1]  # 40 m apart, distance 45 ± 10
    assert near[0, 2] == pytest.approx((45 + 10 - 40) / 20)
    assert near[0, 1] == 1


def test_near_looks_across_nodata():
    assert measured([[0, -1, 1]], NEAR)[1][0, 1] == 1


@settings(max_examples=25, deadline=None)
@given(somewhere, sizes)
def test_connected_regions_are_near_and_of_one_class(labels, size):
    regions, connected = measured(labels, CONNECTED_TO, size=size)
    near = measured(labels, NEAR, size=size)[1]
    assert (connected == near * (regions.cls[:, None] == regions.cls[None, :])).all()


@settings(max_examples=25, deadline=None)
@given(somewhere, sizes)
def test_amid_is_the_share_of_the_ground_around(labels, size):
    regions, around = measured(labels, AMID, notes={LL + "distance": 12.0}, size=size)
    label, n = regions.label, len(regions)
    for r in range(n):
        mine, count = np.argwhere(label == r), np.zeros(n)
        for y, x in np.argwhere((label >= 0) & (label != r)):
            apart = np.maximum(np.abs(mine - (y, x)) - 1, 0) * size[::-1]
            count[label[y, x]] += np.hypot(apart[:, 0], apart[:, 1]).min() <= 12.0
        assert around[r] == pytest.approx(count / max(count.sum(), 1))


@settings(max_examples=40, deadline=None)
@given(somewhere)
def test_within_is_what_a_flood_from_outside_cannot_reach(labels):
    regions, inside = measured(labels, WITHIN)
    label, n = np.pad(regions.label, 1, constant_values=-1), len(regions)
    for s in range(n):
        pools, _ = flood(label != s, structure=np.ones((3, 3)))
        dry = {pools[y, x] for y, x in np.argwhere(label < 0)}
        for r in range(n):
            enclosed = r != s and pools[tuple(np.argwhere(label == r)[0])] not in dry
            assert inside[r, s] == enclosed
    assert (measured(labels, CONTAINS)[1] == inside.T).all()


def test_a_pond_on_an_island_is_within_island_and_lake():
    labels = np.zeros((9, 9), int)
    labels[1:8, 1:8], labels[2:7, 2:7], labels[4, 4] = 1, 2, 1
    inside = measured(labels, WITHIN)[1]
    assert inside.sum(axis=1).tolist() == [0, 1, 2, 3]
    labels[1, 0] = labels[0, 0] = 2  # the lake reaches the edge only by a corner of another class
    assert measured(labels, WITHIN)[1].sum() > 0


def test_the_four_directions_share_a_pair():
    labels = [[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 2, 0]]
    roles = {base: measured(labels, base)[1] for base in (NORTH_OF, SOUTH_OF, EAST_OF, WEST_OF)}
    near = measured(labels, NEAR)[1]
    assert sum(roles.values()) == pytest.approx(near)
    assert roles[NORTH_OF][1, 3] == 1  # 1 lies straight north of 3
    assert roles[EAST_OF][2, 1] == pytest.approx(0.8)  # one column east, half a row south
    assert (roles[NORTH_OF] == roles[SOUTH_OF].T).all()
    assert (roles[EAST_OF] == roles[WEST_OF].T).all()


def test_north_is_up_where_rows_run_north_as_well():
    labels = np.array([[0], [1]], np.int16)
    place = Grid("EPSG:32633", Affine(10, 0, 500000, 0, 10, 5300000), 2, 1)
    regions = build_regions(prediction_from_labels(labels, LEGEND, place))
    role = Role(NORTH_OF, NORTH_OF, NOTES)
    north = Measurer(regions, place, (role,)).relations()[NORTH_OF].toarray()
    assert north.tolist() == [[0, 0], [1, 0]]


def test_uphill_is_graded_by_the_rise_and_needs_elevation():
    elevation = np.array([10.0, 13.0, 30.0, np.nan])
    labels = [[0, 1, 2, 3]]
    higher = measured(labels, UPHILL_OF, elevation=elevation)[1]
    assert higher[1, 0] == pytest.approx(3 / 4)
    assert higher[2, 0] == higher[2, 1] == 1
    assert not higher[3].any() and not higher[:, 3].any() and not higher[0].any()
    assert (measured(labels, DOWNHILL_OF, elevation=elevation)[1] == higher.T).all()
    with pytest.raises(KeyError):
        measured(labels, UPHILL_OF)


@settings(max_examples=10, deadline=None)
@given(somewhere, sizes)
def test_every_relation_is_graded_without_diagonal_and_repeats(labels, size):
    elevation = np.arange(99.0)
    for base in sorted(BASE):
        regions, one = measured(labels, base, size=size, elevation=elevation)
        again = measured(labels, base, size=size, elevation=elevation)[1]
        assert one.tobytes() == again.tobytes()
        assert (one >= 0).all() and (one <= 1 + 1e-12).all() and not np.diag(one).any()
        assert one.shape == (len(regions), len(regions))


def test_boundary_shares_are_in_metres_on_rectangular_pixels():
    shares = measured([[0, 1], [0, 2]], SURROUNDED_BY, size=(10.0, 4.0))[1]
    assert shares[0] == pytest.approx([0, 4 / 36, 4 / 36])
    assert shares[1] == pytest.approx([4 / 28, 0, 10 / 28])
    assert (measured([[0, 1], [0, 2]], ADJACENT_TO, size=(10.0, 4.0))[1] == shares).all()


@pytest.mark.parametrize(
    "notes, found",
    [({}, "None"), ({LL + "distance": -5.0}, "-5.0"), ({LL + "distance": "far"}, "far")],
)
def test_a_role_without_distance_is_an_error_that_names_it(notes, found):
    with pytest.raises(RuleError, match=rf"ll:near has ll:distance {found}, expected metres"):
        measured([[0, 1]], NEAR, notes=notes)


def test_an_absurd_distance_is_an_error_that_names_the_role(monkeypatch):
    labels = np.random.default_rng(0).integers(0, 3, (30, 30))
    notes = {LL + "distance": 250.0}
    for name, most in (("MOST_PAIRS", 1000), ("MOST_PIXELS", 1000)):
        with monkeypatch.context() as patched:
            patched.setattr(gaps_module, name, most)
            with pytest.raises(RuleError, match="ll:near: 255 m is too far for this raster"):
                measured(labels, NEAR, notes=notes)


def test_a_role_below_near_has_its_own_distance_and_what_it_leaves_out_is_nears():
    own = "https://example.org/beside"
    notes = {NEAR: {LL + "distance": 100.0, LL + "tolerance": 1.0}, own: {LL + "distance": 9.0}}
    above = {own: {own, NEAR}}
    wanted = frozenset((own, NEAR, LL + "area", "https://example.org/other"))
    roles = roles_of(wanted, lambda iri: above.get(iri, {iri}), notes)
    assert [(role.iri, role.base) for role in roles] == [(own, NEAR), (NEAR, NEAR)]
    assert [role.metres("distance") for role in roles] == [9.0, 100.0]
    assert [role.metres("tolerance") for role in roles] == [1.0, 1.0]
    assert {role.iri for role in roles_of(None, frozenset, {})} == {ADJACENT_TO, SURROUNDED_BY}


RULES = """
@prefix : <https://example.org/my#> . @prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix dct: <http://purl.org/dc/terms/> .
:near25 a owl:ObjectProperty ; rdfs:subPropertyOf ll:near ; ll:distance 25.0 ; ll:tolerance 0.0 .
ll:Building rdfs:subClassOf _:r .
_:r a owl:Restriction ; owl:onProperty :near25 ; owl:someValuesFrom ll:Pavement .
[] a owl:Axiom ; owl:annotatedSource ll:Building ; owl:annotatedProperty rdfs:subClassOf ; owl:annotatedTarget _:r ;
    dct:identifier "b" ; ll:weight 1.0 .
"""


def test_a_rule_file_brings_its_own_distance_all_the_way_to_the_penalty(tmp_path):
    path = tmp_path / "mine.ttl"
    path.write_text(RULES)
    rules = load_rules([path])
    schema = schema_of(rules)
    names = [one.kind.removeprefix(LL) for one in LEGEND.classes]
    grass, pavement, building = (names.index(n) for n in ("Grassland", "Pavement", "Building"))
    labels = np.full((3, 12), grass, np.int16)
    labels[1, 1], labels[1, 3], labels[1, 8] = pavement, building, building
    place = grid(labels.shape)
    prediction = prediction_from_labels(labels, LEGEND, place)
    regions = build_regions(prediction)
    facts = gather_facts(regions, prediction, (), schema, wanted=wanted(rules, schema))
    assert set(facts.relations) == {"https://example.org/my#near25"}
    rule = compile_axioms(rules, LEGEND, schema, facts)[0]
    penalty = rule.penalty(np.eye(len(LEGEND))[regions.cls])
    assert penalty.tolist() == [0, 0, 0, 1]  # 10 m from pavement, and 60 m


def test_centroids_of_a_map_that_is_stored_turned():
    labels = np.array([[0, 0, 1], [0, 0, 1]], np.int16)
    upright = grid(labels.shape)
    lying = Grid(upright.crs, upright.transform @ Affine(0, -1, 3, 1, 0, 0), 3, 2)
    steps = []
    for codes, place in ((labels, upright), (np.rot90(labels), lying)):
        middle = centroids(build_regions(prediction_from_labels(codes, LEGEND, place)), place)
        steps.append(np.sort(middle, axis=0)[-1] - np.sort(middle, axis=0)[0])
    assert steps[0] == pytest.approx([15, 0])
    assert steps[1] == pytest.approx(steps[0])
