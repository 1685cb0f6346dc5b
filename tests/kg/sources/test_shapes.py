import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.geometry import are_simple
from kg.sources.shapes import UNIT, Shapes, joined


def shapes(*lines: list[tuple[float, float]]) -> Shapes:
    xy = np.array([point for line in lines for point in line], float).reshape(-1, 2)
    starts = np.cumsum([0, *map(len, lines)])
    return Shapes(np.rint(xy * UNIT).astype(np.int64), starts)


def plain(value: int) -> str:
    """A coordinate as osmium writes it: seven digits, without zeros at the end."""
    return f"{value / UNIT:.7f}".rstrip("0").removesuffix(".")


@given(
    st.lists(
        st.tuples(
            st.integers(-180 * UNIT, 180 * UNIT) | st.sampled_from([0, -1, 10, 10**4, -UNIT]),
            st.integers(-90 * UNIT, 90 * UNIT) | st.sampled_from([0, -1, 10, 10**4, -UNIT]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_texts_have_as_few_digits_as_say_the_same(points):
    line = Shapes(np.array(points), np.array([0, len(points)]))
    expected = ",".join(f"{plain(x)} {plain(y)}" for x, y in points)
    assert line.texts() == [expected]
    expected = ",".join(f"{x / UNIT:.7f} {y / UNIT:.7f}" for x, y in points)
    assert line.texts(all_digits=True) == [expected]


def test_texts_of_several_and_of_none():
    some = shapes([(0, 0), (1.5, -2)], [(7.41, 43.7)])
    assert some.texts() == ["0 0,1.5 -2", "7.41 43.7"]
    assert some.texts(",n1x", "y") == ["0y0,n1x1.5y-2", "7.41y43.7"]
    assert joined([]).texts() == []
    assert joined([some, some]).only(np.array([3, 0])).texts() == ["7.41 43.7", "0 0,1.5 -2"]


@pytest.mark.parametrize("sizes", [[2], [7], [3, 3, 5], [1, 9], [4, 4, 4, 2], [12, 1]])
@pytest.mark.parametrize("together", [1, 2, 3, 4, 5, 8])
def test_texts_written_some_at_a_time_are_those_of_all(sizes, together, monkeypatch):
    """Also where a part would begin inside of the last shape: once, there was a text too many."""
    xy = np.arange(2 * sum(sizes)).reshape(-1, 2) * 1_000_003
    shapes = Shapes(xy, np.concatenate([[0], np.cumsum(sizes)]))
    whole = shapes.texts()
    monkeypatch.setattr("kg.sources.shapes._TOGETHER", together)
    assert shapes.texts() == whole and len(whole) == len(sizes)


def test_points_that_repeat_are_dropped_within_a_shape_only():
    some = shapes([(0, 0), (0, 0), (1, 1), (0, 0)], [(0, 0), (0, 0)])
    assert some.without_repeats().texts() == ["0 0,1 1,0 0", "0 0"]


def test_rings_begin_in_the_west_and_run_counterclockwise():
    square = [(1, 0), (1, 1), (0, 1), (0, 0), (1, 0)]
    back = square[::-1]
    wanted = "0 0,1 0,1 1,0 1,0 0"
    assert shapes(square, back, square).counterclockwise().texts() == [wanted] * 3


def test_boxes_and_beginnings_know_what_is_lost():
    some = shapes([(0, 5), (1, 2), (3, 4)], [(8, 8), (9, 9)])
    known = np.array([False, True, True, False, False])
    boxes = some.boxes(known)
    assert boxes[0].tolist() == [1, 2, 3, 4]
    assert np.isnan(boxes[1]).all()
    rest, left = some.since(known)
    assert rest.texts() == ["1 2,3 4", "9 9"]
    assert left.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("ring", "simple"),
    [
        ([(0, 0), (1, 0), (1, 1), (0, 0)], True),
        ([(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)], False),  # a bow tie
        ([(0, 0), (2, 0), (2, 2), (1, 0), (0, 2), (0, 0)], False),  # touches its own side
        ([(0, 0), (1, 0), (2, 0), (0, 0)], False),  # no ground
        ([(0, 0), (2, 0), (2, 2), (2, 3), (2, 2), (0, 0)], False),  # a spike
    ],
)
def test_simple_rings(ring, simple):
    one = shapes(ring, ring)
    assert are_simple(one.xy, one.numbers).tolist() == [simple, simple]


def test_stars_are_found_and_what_goes_twice_around_is_none():
    turns = np.arange(6) * 2 * np.pi / 5
    pentagon = [(np.cos(a), np.sin(a)) for a in turns]
    twice = [(np.cos(2 * a), np.sin(2 * a)) for a in turns]  # to one side all the way
    flat = [(0, 0), (1, 0), (2, 0), (1, 1), (0, 0)]
    corner = [(0, 0), (3, 0), (3, 2), (2, 2), (2, 3), (0, 3), (0, 0)]
    horseshoe = [(0, 0), (3, 0), (3, 3), (2, 3), (2, 1), (1, 1), (1, 3), (0, 3), (0, 0)]
    bow = [(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)]
    some = shapes(pentagon, twice, pentagon[::-1], flat, corner, horseshoe, bow)
    assert some.are_stars().tolist() == [True, False, True, True, True, False, False]
    far = [(-179, 0), (-178, -10), (179, 0), (-178, 10), (-179, 0)]
    assert not shapes(pentagon, far).are_stars().any(), "beyond 64 bits"


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=9))
def test_what_is_a_star_is_simple(points):
    ring = Shapes(np.array([*points, points[0]]), np.array([0, len(points) + 1]))
    assert are_simple(ring.xy, ring.numbers)[0] or not ring.are_stars()[0]
