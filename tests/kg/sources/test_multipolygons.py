import numpy as np

from kg.sources.assembly import assembled_rings
from kg.sources.multipolygons import Multipolygons
from kg.sources.shapes import UNIT, Shapes


def shapes(*lines: list[tuple[int, int]]) -> Shapes:
    xy = np.array([point for line in lines for point in line], np.int64) * UNIT
    return Shapes(xy, np.cumsum([0, *map(len, lines)]))


HALF, REST = [(0, 0), (4, 0), (4, 4)], [(4, 4), (0, 4), (0, 0)]
HOLE = [(1, 1), (2, 1), (2, 2), (1, 1)]
ISLAND = [(9, 9), (8, 9), (8, 8), (9, 9)]


def test_polygons_with_holes_islands_and_lost_members():
    lake = np.array([12, 10, 11, 14]), ["outer", "outer", "inner", ""]
    torn = np.array([10, 99]), ["outer", "outer"]
    open_ = np.array([10]), ["outer"]
    found = Multipolygons([lake, torn, open_])
    assert found.wanted(np.array([9, 10, 14, 99])).tolist() == [False, True, True, True]
    found.keep(np.array([10, 11]), shapes(HALF, HOLE))
    found.keep(np.array([12, 14]), shapes(REST, ISLAND))
    texts, boxes = zip(*found.polygons(), strict=True)
    assert texts == (
        "MULTIPOLYGON(((0 0,4 0,4 4,0 4,0 0),(1 1,2 2,2 1,1 1)),((8 8,9 9,8 9,8 8)))", "", "",
    )  # fmt: skip
    assert boxes[0].tolist() == [0, 0, 9, 9]


def test_no_multipolygons_want_nothing():
    found = Multipolygons([])
    assert not found.wanted(np.array([1, 2])).any()
    assert list(found.polygons()) == []


def test_rings_that_osmium_mends_or_refuses():
    spike = [(0, 0), (4, 0), (4, 4), (4, 5), (4, 4), (0, 0)]
    bow = [(0, 0), (2, 2), (2, 0), (0, 2), (0, 0)]
    assert assembled_rings(shapes(spike, bow)) == ["POLYGON((0 0,4 0,4 4,0 0))", ""]
    assert assembled_rings(shapes()) == []
