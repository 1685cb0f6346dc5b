"""Two sparse relations come in, their chain goes out, row by row: compiled loops for `reasoning.logic.roles`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

Sparse = tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]
"""Row starts, columns and values."""


@compiled
def count_ways(one: Sparse, other: Sparse, most: int) -> NDArray[np.int64]:
    """Row starts of the chain; stops early, with the last start above `most`, where it has more entries than that."""
    starts, columns, _ = one
    n = len(starts) - 1
    out = np.zeros(n + 1, np.int64)
    seen = np.full(n, -1, np.int64)
    for r in range(n):
        found = 0
        for e in range(starts[r], starts[r + 1]):
            middle = columns[e]
            for f in range(other[0][middle], other[0][middle + 1]):
                s = other[1][f]
                if s != r and seen[s] != r:
                    seen[s] = r
                    found += 1
        out[r + 1] = out[r] + found
        if out[r + 1] > most:
            out[n] = out[r + 1]
            break
    return out


@compiled
def chain_ways(
    one: Sparse,
    other: Sparse,
    out: NDArray[np.int64],
    ends: NDArray[np.int32],
    value: NDArray[np.float64],
) -> None:
    """Fill columns (ascending) and values 1 - prod over middles (1 - one * other) of the chain."""
    starts, columns, values = one
    n = len(starts) - 1
    missing = np.ones(n)
    seen = np.full(n, -1, np.int64)
    for r in range(n):
        k = out[r]
        for e in range(starts[r], starts[r + 1]):
            middle = columns[e]
            for f in range(other[0][middle], other[0][middle + 1]):
                s = other[1][f]
                if s != r:
                    if seen[s] != r:
                        seen[s] = r
                        ends[k] = s
                        k += 1
                    missing[s] *= 1.0 - values[e] * other[2][f]
        ends[out[r] : k] = np.sort(ends[out[r] : k])
        for i in range(out[r], k):
            value[i] = 1.0 - missing[ends[i]]
            missing[ends[i]] = 1.0
