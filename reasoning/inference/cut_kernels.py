"""Compiled passes over relations: which regions look at some, which they look at, and what is left among a few.

Import this module inside functions only: it loads numba through `kg.compiled`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

Mask = NDArray[np.bool_]
Ints = NDArray[Any]


@compiled
def lookers(starts: Ints, columns: Ints, seen: Mask, out: Mask) -> None:
    """Mark in `out` the rows that have an entry in a column that is seen."""
    for r in range(len(starts) - 1):
        for e in range(starts[r], starts[r + 1]):
            if seen[columns[e]]:
                out[r] = True
                break


@compiled
def looked_at(starts: Ints, columns: Ints, lookers: Mask, out: Mask) -> None:
    """Mark in `out` the columns in which a looking row has an entry."""
    for r in range(len(starts) - 1):
        if lookers[r]:
            for e in range(starts[r], starts[r + 1]):
                out[columns[e]] = True


@compiled
def cut_entries(
    starts: Ints, columns: Ints, values: NDArray[np.float64], rows: Ints, name: Ints
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """CSR of some rows and columns in a new order; `name` is -1 for columns that are left out."""
    new = np.zeros(len(rows) + 1, np.int64)
    for i in range(len(rows)):
        new[i + 1] = new[i]
        for e in range(starts[rows[i]], starts[rows[i] + 1]):
            new[i + 1] += name[columns[e]] >= 0
    kept, amounts = np.empty(new[-1], np.int32), np.empty(new[-1])
    k = 0
    for i in range(len(rows)):
        for e in range(starts[rows[i]], starts[rows[i] + 1]):
            if name[columns[e]] >= 0:
                kept[k], amounts[k] = name[columns[e]], values[e]
                k += 1
    return new, kept, amounts


@compiled
def greedy_colours(starts: Ints, columns: Ints, out: Ints) -> None:
    """Fill `out`, -1 before, with the smallest colour that no neighbour of a lower row has."""
    used = np.full(len(out) + 1, -1, np.int64)
    for i in range(len(out)):
        for e in range(starts[i], starts[i + 1]):
            if columns[e] != i and out[columns[e]] >= 0:
                used[out[columns[e]]] = i
        colour = 0
        while used[colour] == i:
            colour += 1
        out[i] = colour
