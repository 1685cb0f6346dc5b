"""Neighbours: runs of components come in, pairs of components with the pixel edges between them go out. Compiled.

Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled
from reasoning.streaming.runs import Runs
from reasoning.streaming.sums import LEVEL, OPEN

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: neighbouring keys land far apart


@compiled
def _slot(keys: NDArray[np.int64], a: int, b: int) -> int:
    """Where the pair (a, b) is, or is to be, in a hash table of 2^k places (open addressing)."""
    key = (np.int64(min(a, b)) << 32) | np.int64(max(a, b))
    mask = np.uint64(len(keys) - 1)
    mixed = np.uint64(key) * _SPREAD
    i = (mixed ^ (mixed >> np.uint64(32))) & mask
    while keys[i] >= 0 and keys[i] != key:
        i = (i + np.uint64(1)) & mask
    return int(i)


@compiled
def _add(
    keys: NDArray[np.int64], edges: NDArray[np.int64], a: int, b: int, column: int, length: int
) -> int:
    """Add edges to a pair; return 1 when it is a new one."""
    i = _slot(keys, a, b)
    edges[i, column] += length
    if keys[i] >= 0:
        return 0
    keys[i] = (np.int64(min(a, b)) << 32) | np.int64(max(a, b))
    return 1


@compiled
def _grown(
    keys: NDArray[np.int64], edges: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same table with 2^k places, at least twice `size`."""
    places = len(keys)
    while places < 2 * size:
        places *= 2
    more, lengths = np.full(places, -1, np.int64), np.zeros((places, 2), np.int64)
    for i in range(len(keys)):
        if keys[i] >= 0:
            j = _slot(more, keys[i] >> 32, keys[i] & 0xFFFFFFFF)
            more[j], lengths[j] = keys[i], edges[i]
    return more, lengths


@compiled
def _open(a: int, b: int, sums: NDArray[np.int64]) -> bool:
    """Whether one of two runs that touch has no class; the other's contacts with such runs are counted."""
    if a >= 0 and b >= 0:
        return False
    if max(a, b) >= 0:
        sums[max(a, b), OPEN] += 1
    return True


@compiled
def find_pairs(
    runs: Runs, part: NDArray[np.int32], sums: NDArray[np.int64], beside: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find which components border each other, and take inner edges from their outlines.

    Args:
        runs: Rows of runs.
        part: (run,) int32 component, -1 for none.
        sums: (component, 9) int64 of `reasoning.streaming.runs.add_shapes`: edges between two rows of one class are
            taken from its column of outlines, contacts with pixels without class are added.
        beside: Whether neighbours within a row count too; not at a seam, where each strip has counted its own.

    Returns:
        (pair,) int64 `smaller << 32 | larger` in no order, and (pair, 2) int64 edges between rows and between columns.
    """
    start, stop, kind, row = runs
    keys, edges = np.full(1024, -1, np.int64), np.zeros((1024, 2), np.int64)
    used = 0
    for y in range(len(row) - 1):
        most = used + 3 * (row[y + 1] - row[max(y - 1, 0)])
        if 2 * most > len(keys):
            keys, edges = _grown(keys, edges, most)
        for j in range(row[y] + 1, row[y + 1] if beside else 0):
            if not _open(part[j - 1], part[j], sums):
                used += _add(keys, edges, part[j - 1], part[j], 1, 1)
        i, j = row[max(y - 1, 0)], row[y]
        while i < row[y] and j < row[y + 1]:
            a, b = part[i], part[j]
            if not _open(a, b, sums):
                shared = min(stop[i], stop[j]) - max(start[i], start[j])
                if kind[i] == kind[j]:
                    sums[a, LEVEL] -= shared
                    sums[b, LEVEL] -= shared
                else:
                    used += _add(keys, edges, a, b, 0, shared)
            ends = stop[i] - stop[j]
            i += ends <= 0
            j += ends >= 0
            if ends == 0 and i < row[y] and j < row[y + 1]:
                _open(part[i - 1], part[j], sums)
                _open(part[i], part[j - 1], sums)
    held = keys >= 0
    return keys[held], edges[held]


@compiled
def _order(values: NDArray[np.int32], n: int, before: NDArray[np.int64]) -> NDArray[np.int64]:
    """`before` in stable order of `values`, whole numbers below `n` (counting sort)."""
    place = np.zeros(n + 1, np.int64)
    for i in before:
        place[values[i] + 1] += 1
    for k in range(n):
        place[k + 1] += place[k]
    out = np.empty(len(before), np.int64)
    for i in before:
        out[place[values[i]]] = i
        place[values[i]] += 1
    return out


@compiled
def merge_pairs(
    one: NDArray[np.int32], two: NDArray[np.int32], edges: NDArray[np.int64], n: int
) -> int:
    """Sort pairs (one < two) of `n` regions and add up those that stand more than once, in place; return how many."""
    order = _order(one, n, _order(two, n, np.arange(len(one))))
    a, b, e = one[order], two[order], edges[order]
    used = 0
    for i in range(len(a)):
        if used and one[used - 1] == a[i] and two[used - 1] == b[i]:
            edges[used - 1, 0] += e[i, 0]
            edges[used - 1, 1] += e[i, 1]
            continue
        one[used], two[used] = a[i], b[i]
        edges[used, 0], edges[used, 1] = e[i, 0], e[i, 1]
        used += 1
    return used


@compiled
def symmetric(
    one: NDArray[np.int32], two: NDArray[np.int32], lengths: NDArray[np.float64], n: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Row pointers, columns and values of the symmetric CSR matrix of sorted pairs (one < two), columns in order."""
    rows = np.zeros(n + 1, np.int32)
    for i in range(len(one)):
        rows[one[i] + 1] += 1
        rows[two[i] + 1] += 1
    for k in range(n):
        rows[k + 1] += rows[k]
    place = rows[:-1].copy()
    columns, values = np.empty(2 * len(one), np.int32), np.empty(2 * len(one))
    for i in range(len(one)):
        a, b = one[i], two[i]
        columns[place[a]], values[place[a]] = b, lengths[i]
        columns[place[b]], values[place[b]] = a, lengths[i]
        place[a] += 1
        place[b] += 1
    return rows, columns, values
