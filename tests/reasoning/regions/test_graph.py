"""Regions of drawn arrays: numbers that can be checked by hand."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label as scipy_label

from fusion.prediction import Prediction, prediction_from_labels
from kg.errors import GridError, RasterError
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster
from reasoning.kernels import least
from reasoning.regions.graph import build_regions, components, region_means

LEGEND = load_legend("town")


def grid(height, width, dx=10.0, dy=10.0):
    return Grid("EPSG:32633", Affine(dx, 0, 500000, 0, -dy, 5300000), height, width)


def regions(rows, *, dx=10.0, dy=10.0, image=None, connectivity=4):
    """Regions of a drawing: one character per pixel, "." for no prediction."""
    labels = np.array([[-1 if c == "." else int(c) for c in row] for row in rows], np.int16)
    where = grid(*labels.shape, dx, dy)
    prediction = prediction_from_labels(labels, LEGEND, where)
    raster = None if image is None else Raster(np.asarray(image), where, None, ("red",))
    return build_regions(prediction, raster, connectivity=connectivity)


def test_numbers_follow_the_scan_and_areas_are_exact():
    graph = regions(["0012", "0012", "3312"])
    assert graph.label.tolist() == [[0, 0, 1, 2], [0, 0, 1, 2], [3, 3, 1, 2]]
    assert graph.cls.tolist() == [0, 1, 2, 3]
    assert graph.count.tolist() == [4, 3, 3, 2]
    assert graph.area.tolist() == [400, 300, 300, 200]
    assert graph.bbox.tolist() == [[0, 0, 2, 2], [0, 2, 3, 3], [0, 3, 3, 4], [2, 0, 3, 2]]


def test_perimeter_and_adjacency_are_metres_of_pixel_edges():
    graph = regions(["001", "001"], dx=10.0, dy=20.0)
    assert graph.area.tolist() == [800, 400]
    assert graph.perimeter.tolist() == [2 * 20 + 2 * 40, 2 * 10 + 2 * 40]
    assert graph.adjacency.toarray().tolist() == [[0, 40], [40, 0]]
    assert graph.mean_width == pytest.approx([2 * 800 / 120, 2 * 400 / 100])


def test_a_boundary_with_bends_is_added_up():
    graph = regions(["0001", "0011", "0111"])
    assert graph.adjacency[0, 1] == 3 * 10 + 2 * 10


def test_nodata_belongs_to_no_region_and_counts_as_outline():
    graph = regions(["0.1", "0.1"])
    assert graph.label.tolist() == [[0, -1, 1], [0, -1, 1]]
    assert graph.perimeter.tolist() == [60, 60]
    assert graph.adjacency.nnz == 0


def test_corners_join_with_connectivity_8_only():
    drawing = ["01", "10"]
    assert len(regions(drawing)) == 4
    assert len(regions(drawing, connectivity=8)) == 2


@pytest.mark.parametrize(("across", "expected"), [(1, 10), (2, 20), (3, 30), (4, 40), (5, 50)])
def test_min_width_of_strips_is_exact(across, expected):
    rows = ["0" * 20] * 6 + ["1" * 20] * across + ["0" * 20] * 6
    assert regions(rows).min_width[1] == expected


def test_min_width_uses_the_widest_place_and_each_axis_in_metres():
    rows = ["00000000", "01110000", "01111110", "01110000", "00000000"]
    assert regions(rows).min_width[1] == 30
    assert regions(["0" * 9, "0" * 9, "0000100" + "00", "0" * 9], dx=5.0).min_width[1] == 5


def test_min_width_does_not_shrink_at_the_image_edge():
    assert regions(["1" * 9, "0" * 9, "0" * 9, "0" * 9]).min_width[0] == 20
    assert regions(["11", "11"]).min_width[0] == pytest.approx(np.hypot(20, 20))


def test_min_width_of_a_disc_is_near_its_diameter():
    y, x = np.mgrid[:61, :61]
    rows = ["".join(str(int(v)) for v in row) for row in (y - 30) ** 2 + (x - 30) ** 2 <= 20**2]
    assert regions(rows).min_width[1] == pytest.approx(400, abs=15)


def test_elongation_is_the_ratio_of_the_axes():
    graph = regions(["00000", "01111", "00000"])
    assert graph.elongation[1] == pytest.approx(4.0)
    assert regions(["000", "010", "000"]).elongation[1] == pytest.approx(1.0)
    assert regions(["0000", "0110", "0000"], dx=10.0, dy=40.0).elongation[1] == pytest.approx(2.0)


def test_band_means_leave_out_what_is_not_observed():
    image = np.array([[[1, 3, np.nan], [5, 7, np.nan]]], np.float32)
    graph = regions(["001", "001"], image=image)
    assert graph.means[0, 0] == 4
    assert np.isnan(graph.means[1, 0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 12), st.sampled_from([4, 8]))
def test_components_agree_with_scipy_class_by_class(seed, height, width, connectivity):
    labels = np.random.default_rng(seed).integers(-1, 3, (height, width)).astype(np.int16)
    if (labels < 0).all():
        return
    prediction = prediction_from_labels(labels, LEGEND, grid(height, width))
    graph = build_regions(prediction, connectivity=connectivity)
    structure = np.ones((3, 3)) if connectivity == 8 else None
    expected = sum(scipy_label(labels == k, structure)[1] for k in range(3))
    assert len(graph) == expected
    assert (graph.count == np.bincount(graph.label[graph.label >= 0])).all()
    first = [int(np.argmax(graph.label == r)) for r in range(len(graph))]
    assert first == sorted(first)
    both = graph.perimeter - np.asarray(graph.adjacency.sum(axis=1)).ravel()
    assert both.min() >= 0  # what is left of the outline lies on the image edge or on nodata
    assert abs(graph.adjacency - graph.adjacency.T).nnz == 0


def test_no_prediction_at_all_is_an_error():
    with pytest.raises(RasterError, match="no pixel of 1 x 2"):
        regions([".."])


def test_image_on_another_grid_is_an_error():
    labels = np.zeros((2, 2), np.int16)
    prediction = prediction_from_labels(labels, LEGEND, grid(2, 2))
    image = Raster(np.zeros((1, 2, 3), np.uint8), grid(2, 3), None, ("red",))
    with pytest.raises(GridError, match="2 x 3"):
        build_regions(prediction, image)


def test_one_pixel_is_one_region():
    p = np.zeros((8, 1, 1), np.float32)
    p[3] = 1
    graph = build_regions(Prediction(p, LEGEND, grid(1, 1), "drawn"))
    assert graph.cls.tolist() == [3]
    assert graph.perimeter.tolist() == [40]
    assert graph.adjacency.shape == (1, 1)


def test_neighbours_as_a_networkx_graph():
    found = regions(["0011", "0011"])
    graph = found.to_networkx()
    assert sorted(graph.nodes) == [0, 1]
    assert graph.nodes[1] == {"cls": 1, "area": 400.0}
    assert graph.edges[0, 1]["boundary"] == 20.0


def test_components_of_values_beyond_32_bits():
    label, n = components(np.array([[2**40, 2**41, 2**40 + 2**32], [-5, 2**41, 0]]))
    assert n == 4
    assert label.tolist() == [[0, 1, 2], [-1, 1, 3]]


@pytest.mark.parametrize("edge", [4, 40])
def test_means_and_least_values_of_small_and_large_regions(edge):
    rng = np.random.default_rng(2)
    label = np.kron(np.arange(4).reshape(2, 2), np.ones((edge, edge))).astype(np.int32)
    label[0, :3], label[5, 2] = -1, 3
    band = rng.random(label.shape).astype(np.float32)
    band[1, 1], band[2, 2] = np.nan, 7.0
    nearest = np.full(4, np.inf)
    least(label, np.nan_to_num(band, nan=9.0), nearest)
    kept = [band[(label == r) & (band != 7.0) & ~np.isnan(band)] for r in range(4)]
    assert nearest == pytest.approx([values.min() for values in kept])
    means = region_means(label, 4, band, 7.0)
    assert means == pytest.approx([values.astype(float).mean() for values in kept], abs=1e-12)
