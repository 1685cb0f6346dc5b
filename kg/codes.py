"""Pixel values and the codes that a legend knows come in, places on its class axis go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -2

_LARGEST = 1e19


def places(values: NDArray[Any], known: Mapping[float, int]) -> NDArray[np.int16]:
    """Look each value up.

    Args:
        values: Pixel values, any shape.
        known: Value -> place; the value NaN is always -1.

    Returns:
        Places, same shape, int16; `UNKNOWN` for a value that is not known.
    """
    if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
        # One look-up table, negative values counted from its end: product tiles have 10**9 pixels.
        whole = range(2 ** (8 * values.dtype.itemsize))
        numbers = np.array(whole).astype(values.dtype).tolist()
        found = np.array([known.get(value, UNKNOWN) for value in numbers], dtype=np.int16)
        return np.asarray(found[values])
    found, inverse = np.unique(values, return_inverse=True)
    table = np.array([known.get(value, UNKNOWN) for value in found.tolist()], dtype=np.int16)
    table[np.isnan(found) if found.dtype.kind == "f" else np.zeros(found.shape, dtype=bool)] = -1
    return np.asarray(table[inverse].reshape(values.shape))


def shown(values: NDArray[Any], most: int = 8) -> str:
    """Distinct values as a short text: "7, 12 ... (30 values)"."""
    found = np.unique(values)
    text = ", ".join(map(_exact, found[:most].tolist()))
    return text if found.size <= most else f"{text} ... ({found.size} values)"


def _exact(value: float) -> str:
    """A whole number with all its digits, up to those of the largest integers."""
    is_whole = float(value).is_integer() and abs(value) < _LARGEST
    return f"{int(value)}" if is_whole else f"{value:g}"
