import numpy as np
import pytest
import shapely

from kg.relations import both_ways, region_connection, simple_features

SQUARE = shapely.box(0, 0, 4, 4)
LINE = shapely.LineString([(0, 0), (4, 0)])
PAIRS = {
    "equal areas": (SQUARE, shapely.box(0, 0, 4, 4)),
    "area in area": (shapely.box(1, 1, 2, 2), SQUARE),
    "area over area": (shapely.box(2, 2, 6, 6), SQUARE),
    "edge": (shapely.box(4, 0, 6, 4), SQUARE),
    "corner": (shapely.box(4, 4, 6, 6), SQUARE),
    "line over line": (shapely.LineString([(2, 0), (6, 0)]), LINE),
    "crossing lines": (shapely.LineString([(2, -1), (2, 1)]), LINE),
    "line through area": (shapely.LineString([(-1, 2), (5, 2)]), SQUARE),
    "point in area": (shapely.Point(1, 1), SQUARE),
    "point on edge": (shapely.Point(0, 1), SQUARE),
}
NAMES = {
    "sfWithin": "within",
    "sfContains": "contains",
    "sfTouches": "touches",
    "sfOverlaps": "overlaps",
}


@pytest.mark.parametrize("case", PAIRS)
def test_agrees_with_geos_in_both_directions(case):
    one, other = PAIRS[case]
    found = simple_features(
        np.array([shapely.relate(one, other)]),
        np.array([shapely.get_dimensions(one)]),
        np.array([shapely.get_dimensions(other)]),
    )
    for name, there, back in found:
        if name in NAMES:
            ask = getattr(shapely, NAMES[name])
            assert (there[0], back[0]) == (ask(one, other), ask(other, one)), name


RCC8 = {  # (relation from the first to the second, and back)
    "equal": (shapely.box(0, 0, 4, 4), ("eq", "eq")),
    "edge": (shapely.box(4, 0, 6, 4), ("ec", "ec")),
    "corner": (shapely.box(4, 4, 6, 6), ("ec", "ec")),
    "across": (shapely.box(2, 2, 6, 6), ("po", "po")),
    "inside at the edge": (shapely.box(0, 1, 2, 2), ("tpp", "tppi")),
    "around, sharing an edge": (shapely.box(0, -1, 5, 5), ("tppi", "tpp")),
    "inside": (shapely.box(1, 1, 2, 2), ("ntpp", "ntppi")),
    "around": (shapely.box(-1, -1, 5, 5), ("ntppi", "ntpp")),
    "line": (shapely.LineString([(1, 1), (2, 2)]), ()),
}


@pytest.mark.parametrize("case", RCC8)
def test_areas_that_meet_stand_in_one_relation_of_rcc8(case):
    one, expected = RCC8[case]
    found = region_connection(
        np.array([shapely.relate(one, SQUARE)]),
        np.array([shapely.get_dimensions(one)]),
        np.array([2]),
    )
    held = [(name.removeprefix("rcc8"), there[0], back[0]) for name, there, back in found]
    ways = [[name for name, *ways in held if ways[way]] for way in (0, 1)]
    assert ways == ([[name] for name in expected] or [[], []])


def test_both_ways_are_sorted():
    one, other = np.array([0, 1, 2]), np.array([5, 4, 3])
    there, back = np.array([True, False, True]), np.array([False, True, True])
    heads, tails = both_ways(one, other, there, back)
    assert list(zip(heads.tolist(), tails.tolist(), strict=True)) == [
        (0, 5),
        (2, 3),
        (3, 2),
        (4, 1),
    ]
