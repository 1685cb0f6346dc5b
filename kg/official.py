"""Class indices come in, official pixel values with a value for "no prediction" go out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.legend import Legend


def code_table(legend: Legend) -> NDArray[Any]:
    """Official pixel value of each class index, and last (index -1) the value that means "no prediction".

    The latter is the legend's own unless that is the code of a class or negative, then the largest value that is no
    code.

    Args:
        legend: Gives the codes.

    Returns:
        (class + 1,) uint8, or uint16 where a code needs it.
    """
    known = set(legend.codes)
    small = max(known) <= 255
    top = 255 if small else 65_535
    free = [value for value in legend.nodata if value not in known and 0 <= value <= top]
    nodata = free[0] if free else next(v for v in range(top, -1, -1) if v not in known)
    return np.array([*legend.codes, nodata]).astype(np.uint8 if small else np.uint16)


def official_codes(labels: NDArray[np.int16], legend: Legend) -> tuple[NDArray[Any], int]:
    """Class indices as official pixel values, and the value that means "no prediction".

    Args:
        labels: (y, x) index into the legend, -1 where there is no prediction.
        legend: Gives the codes.

    Returns:
        (y, x) array of the type of `code_table`, and its last value.
    """
    table = code_table(legend)
    return table[labels], int(table[-1])
