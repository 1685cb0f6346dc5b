"""Strips of any height give the regions of the whole raster, to the bit."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fusion.prediction import prediction_from_labels
from kg.errors import RasterError
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster
from reasoning.regions.graph import build_regions, region_graph
from reasoning.streaming.scan import check_size, scan
from reasoning.streaming.strip import Source, fixed_point

LEGEND = load_legend("town")
COLUMNS = (
    "cls",
    "count",
    "area",
    "perimeter",
    "mean_width",
    "min_width",
    "elongation",
    "bbox",
    "means",
    "cut",
)


def drawing(seed, height, width):
    """Patches of up to five classes and of nothing, some large, some of one pixel."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(-1, 4, (height // 5 + 1, width // 5 + 1))
    labels = np.kron(coarse, np.ones((5, 5), int))[:height, :width].astype(np.int16)
    noise = rng.random((height, width)) < rng.choice([0, 0.1, 0.6])
    return np.where(noise, rng.integers(-1, 3, (height, width)), labels).astype(np.int16)


def bands_of(seed, height, width):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(3, height, width)).astype(np.float32) * np.float32(
        [[[1e-6]], [[1]], [[1e9]]]
    )
    values[1][rng.random((height, width)) < 0.2] = np.nan
    values[2][rng.random((height, width)) < 0.2] = -9999
    return values


def by_strips(labels, values, where, rows, connectivity):
    """The region graph by strips, nothing kept of a strip but its sums."""
    scales = [1.0] * len(values)
    for i, band in enumerate(values):
        top = float(np.abs(band[np.isfinite(band) & (band != -9999)]).max(initial=0))
        scales[i] = fixed_point(top, band.dtype, band.size)
    source = Source(
        *labels.shape, lambda a, b: labels[a:b].copy(), lambda a, b: (values[:, a:b].copy(), 0),
        tuple(scales), -9999.0, where.pixel_size, connectivity == 8,
    )  # fmt: skip
    table = scan(source, rows)
    return region_graph(table, np.empty((0, 0), np.int32), where, ("a", "b", "c"), tuple(scales))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40), st.integers(1, 41),
    st.sampled_from([4, 8]),
)  # fmt: skip
@example(0, 30, 17, 29, 4)  # a last strip of one row
def test_every_strip_height_gives_the_same_bits(seed, height, width, rows, connectivity):
    assert_same(drawing(seed, height, width), bands_of(seed, height, width), rows, connectivity)


def assert_same(labels, values, rows, connectivity):
    if (labels < 0).all():
        return
    where = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -7.3, 5300000), *labels.shape)
    image = Raster(values, where, -9999.0, ("a", "b", "c"))
    whole = build_regions(
        prediction_from_labels(labels, LEGEND, where), image, connectivity=connectivity
    )
    parts = by_strips(labels, values, where, rows, connectivity)
    for name in COLUMNS:
        one, two = getattr(whole, name), getattr(parts, name)
        assert one.dtype == two.dtype and one.tobytes() == two.tobytes(), name
    for name in ("indptr", "indices", "data"):
        assert getattr(whole.adjacency, name).tobytes() == getattr(parts.adjacency, name).tobytes()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(500, 900), st.integers(1, 4), st.integers(50, 700))
def test_circles_reach_over_many_strips_as_far_as_they_are_told_to(seed, height, width, rows):
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.int16)
    for y in rng.integers(0, height, 2):
        labels[y] = rng.integers(-1, 3)
    assert_same(labels, np.empty((0, height, width), np.float32), rows, 4)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_sums_are_those_of_plain_counting(connectivity):
    labels, values = drawing(5, 30, 33), bands_of(5, 30, 33)
    where = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -7.3, 5300000), 30, 33)
    image = Raster(values, where, -9999.0, ("a", "b", "c"))
    graph = build_regions(
        prediction_from_labels(labels, LEGEND, where), image, connectivity=connectivity
    )
    padded = np.pad(graph.label, 1, constant_values=-1)
    for r in range(len(graph)):
        inside = padded == r
        level = sum((inside & (np.roll(padded, step, 0) != r)).sum() for step in (1, -1))
        upright = sum((inside & (np.roll(padded, step, 1) != r)).sum() for step in (1, -1))
        assert graph.perimeter[r] == pytest.approx(level * 10 + upright * 7.3)
        rows, cols = np.nonzero(graph.label == r)
        assert graph.bbox[r].tolist() == [rows.min(), cols.min(), rows.max() + 1, cols.max() + 1]
        spread = np.cov(rows * 7.3, cols * 10.0, bias=True) if len(rows) > 1 else np.zeros((2, 2))
        low, high = np.linalg.eigvalsh(spread + np.diag([7.3**2, 100.0]) / 12)
        assert graph.elongation[r] == pytest.approx(np.sqrt(high / low))
        beside = [
            np.roll(padded, (y, x), (0, 1))[padded == r] for y in (-1, 0, 1) for x in (-1, 0, 1)
        ]
        assert graph.cut[r] == (np.stack(beside) < 0).any()
        for i in range(3):
            seen = values[i][rows, cols]
            seen = seen[np.isfinite(seen) & (seen != -9999)].astype(np.float64)
            expected = seen.mean() if len(seen) else np.nan
            assert graph.means[r, i] == pytest.approx(
                expected, rel=1e-6, abs=1e-7 * 10 ** (9 * i - 9), nan_ok=True
            )


def test_integer_bands_are_added_up_exactly_and_small_units_are_kept():
    assert fixed_point(2.0**16, np.dtype(np.uint16), 2**31) == 1.0
    assert fixed_point(2.0**64, np.dtype(np.uint64), 2**31) < 1.0
    assert fixed_point(1e-9, np.dtype(np.float32), 2**24) * 1e-9 > 2**30
    assert fixed_point(0.0, np.dtype(np.float32), 1) > 0


def test_without_widths_all_else_is_the_same_and_no_margin_is_read():
    labels, asked = drawing(2, 60, 40), []

    def classes(low, high):
        asked.append((low, high))
        return labels[low:high]

    with_widths = Source(
        60, 40, lambda a, b: labels[a:b], lambda a, b: ((), 0), (), np.nan, (10.0, 10.0)
    )
    one, two = scan(with_widths, 25), scan(replace(with_widths, classes=classes, widths=False), 25)
    assert sorted(asked) == [(0, 25), (25, 50), (50, 60)]
    assert (one.min_width > 0).all() and np.isnan(two.min_width).all()
    for name in ("sums", "box", "kind", "pairs", "edges"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


def test_a_raster_without_classes_has_no_regions():
    nothing = np.full((5, 7), -1, np.int16)
    table = scan(
        Source(5, 7, lambda a, b: nothing[a:b], lambda a, b: ((), 0), (), np.nan, (1.0, 1.0)), 2
    )
    assert len(table.sums) == len(table.pairs) == 0


def test_a_checkerboard_is_refused_in_words_when_it_has_too_many_regions():
    board = np.indices((20, 20)).sum(axis=0).astype(np.int16) % 2
    source = Source(20, 20, lambda a, b: board[a:b], lambda a, b: ((), 0), (), np.nan, (1.0, 1.0))
    told = []
    assert len(scan(source, 8, progress=told.append).sums) == 400
    assert told == [f"regions: strip {i} of 3" for i in (1, 2, 3)]
    with pytest.raises(RasterError, match="more than 300 regions in the first 16 of 20 rows"):
        scan(source, 8, most=300)


def test_huge_rasters_are_refused_and_thin_ones_are_not():
    check_size(36_000, 36_000)
    check_size(1, 2_000_000)
    with pytest.raises(RasterError, match="cut the raster"):
        check_size(3, 10_000_000)


def test_a_thin_raster_of_a_million_columns():
    labels = np.tile(np.repeat(np.int16([0, 1]), 250_000), 2)[None]
    where = Grid("EPSG:32633", Affine(0.1, 0, 500000, 0, -0.1, 5300000), 1, labels.size)
    source = Source(
        1, labels.size, lambda a, b: labels[a:b], lambda a, b: ((), 0), (), np.nan, (0.1, 0.1)
    )
    graph = region_graph(scan(source, 1), np.empty((0, 0), np.int32), where)
    assert graph.count.tolist() == [250_000] * 4
    assert graph.elongation == pytest.approx([250_000.0] * 4)


@pytest.mark.parametrize("side", [501, pytest.param(3163, marks=pytest.mark.slow)])
def test_many_regions_of_one_pixel(side):
    board = (np.indices((side, side)).sum(axis=0) % 2).astype(np.int16)
    source = Source(
        side, side, lambda a, b: board[a:b], lambda a, b: ((), 0), (), np.nan, (1.0, 1.0)
    )
    table = scan(source, 512, most=11_000_000)
    assert len(table.sums) == side * side
    assert len(table.pairs) == 2 * side * (side - 1)
