"""Pixel values to places on the class axis."""

import numpy as np
import pytest

from kg.codes import UNKNOWN, places, shown

KNOWN = {0.0: -1, 10.0: 0, 40.0: 1}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
def test_every_pixel_type_gives_the_same_places(dtype):
    found = places(np.array([[0, 10], [40, 7]], dtype=dtype), KNOWN)
    assert found.tolist() == [[-1, 0], [1, UNKNOWN]]
    assert found.dtype == np.int16


def test_nan_is_no_observation_and_a_fraction_is_unknown():
    assert places(np.array([np.nan, 10.5, 10.0]), KNOWN).tolist() == [-1, UNKNOWN, 0]


def test_an_empty_array_stays_empty():
    assert places(np.empty((0, 3), np.int16), KNOWN).shape == (0, 3)


def test_shown_lists_distinct_values_and_counts_the_rest():
    assert shown(np.array([7, 12, 7])) == "7, 12"
    assert shown(np.arange(30), most=2) == "0, 1 ... (30 values)"


def test_large_codes_are_shown_with_all_digits():
    assert shown(np.array([4_000_000_000, 70_000], np.uint32)) == "70000, 4000000000"
    assert shown(np.array([0.25, 1e300])) == "0.25, 1e+300"
