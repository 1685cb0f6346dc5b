"""Compiled passes over nodes (pixels, or whole regions) that mean-field inference is made of.

Arrays are (label, node): a loop over the nodes of one label is one that the processor vectorises. Each pass works on
nodes first ... last - 1 and writes only these. Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoning.kernels import compiled

Floats = NDArray[np.float64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int32], Floats]
"""CSR of the smoothness term: where each node's neighbours start, who they are, and their weights."""


@compiled
def smooth(q: Floats, size: Floats, pairs: Pairs, felt: Floats, span: tuple[int, int]) -> float:
    """Take the smoothness gradient of some nodes from `felt` (label, last - first); return their pairs' roughness.

    A pair of two nodes that move is counted by half, once from each end.
    """
    starts, others, weights = pairs
    first, last = span
    n, rough = len(size), 0.0
    for j in range(len(q)):
        for i in range(first, last):
            here, slope = q[j, i], 0.0
            for e in range(starts[i], starts[i + 1]):
                away = here - q[j, others[e]]
                slope += weights[e] * away
                rough += weights[e] * away * away * (0.25 if others[e] < n else 0.5)
            felt[j, i - first] -= slope / size[i]
    return rough


@compiled
def region_sums(q: Floats, size: Floats, row: NDArray[np.int32], out: Floats) -> None:
    """Add size * q of each node to its row of `out` (label, row)."""
    for j in range(len(q)):
        for i in range(len(row)):
            out[j, row[i]] += size[i] * q[j, i]


@compiled
def moved(q: Floats, goal: Floats, old: Floats, first: int, last: int) -> tuple[float, float]:
    """(goal - q) . (q - old) and |q - old|^2."""
    dot, norm = 0.0, 0.0
    for j in range(len(q)):
        for i in range(first, last):
            move = q[j, i] - old[j, i]
            dot += move * (goal[j, i] - q[j, i])
            norm += move * move
    return dot, norm


@compiled
def grid_pairs(right: Floats, down: Floats, node: NDArray[np.int32], n: int, pairs: Pairs) -> None:
    """Fill the neighbours (up, left, right, down; weight above 0) of each pixel whose node is below n."""
    starts, others, weights = pairs
    height, width = node.shape
    e = 0
    for y in range(height):
        for x in range(width):
            i = node[y, x]
            if i < 0 or i >= n:
                continue
            if y > 0 and down[y - 1, x] > 0:
                others[e], weights[e] = node[y - 1, x], down[y - 1, x]
                e += 1
            if x > 0 and right[y, x - 1] > 0:
                others[e], weights[e] = node[y, x - 1], right[y, x - 1]
                e += 1
            if x + 1 < width and right[y, x] > 0:
                others[e], weights[e] = node[y, x + 1], right[y, x]
                e += 1
            if y + 1 < height and down[y, x] > 0:
                others[e], weights[e] = node[y + 1, x], down[y, x]
                e += 1
            starts[i + 1] = e
