"""Compiled passes over pairs of nodes that smoothness ties: marginals and weights come in, pulls and roughness go out.

Arrays are (label, node): a loop over the nodes of one label is one that the processor vectorises. Import this module
inside functions only: it loads numba.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

Floats = NDArray[np.float64]
ListedPairs = tuple[NDArray[np.int64], NDArray[np.int32], Floats]
"""CSR of the smoothness term: where each node's neighbours start, who they are, and their weights."""
Places = tuple[Floats, Floats]
"""Marginals of the nodes that feel, and those that their neighbours have."""


@compiled
def feel_listed(
    places: Places,
    size: Floats,
    pairs: ListedPairs,
    felt: Floats,
    span: tuple[int, int],
) -> None:
    """Take the smoothness gradient of some nodes from `felt` (label, last - first).

    `places` are the marginals of these nodes, and those that their neighbours have.
    """
    mine, others = places
    starts, ends, weights = pairs
    first, last = span
    for j in range(len(mine)):
        for i in range(first, last):
            here, slope = mine[j, i], 0.0
            for e in range(starts[i], starts[i + 1]):
                slope += weights[e] * (here - others[j, ends[e]])
            felt[j, i - first] -= slope / size[i]


@compiled
def rough_listed(q: Floats, n: int, pairs: ListedPairs, span: tuple[int, int]) -> float:
    """1/2 sum of w |q_i - q_j|^2 over the pairs of some nodes; one of two nodes that move is half at each end."""
    starts, ends, weights = pairs
    first, last = span
    rough = 0.0
    for j in range(len(q)):
        for i in range(first, last):
            for e in range(starts[i], starts[i + 1]):
                away = q[j, i] - q[j, ends[e]]
                rough += weights[e] * away * away * (0.25 if ends[e] < n else 0.5)
    return rough


@compiled
def feel_sided(
    places: Places, ends: NDArray[np.int32], weights: Floats, felt: Floats, first: int
) -> None:
    """Take the smoothness gradient of some nodes with four sides from `felt` (label, some nodes)."""
    mine, others = places
    start = np.uint64(first)
    above, left, right, below = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
    for j in range(np.uint64(len(felt))):
        for i in range(np.uint64(felt.shape[1])):
            at = start + i
            here = mine[j, at]
            slope = 0.0 + weights[above, at] * (here - others[j, np.uint64(ends[above, at])])
            slope += weights[left, at] * (here - others[j, np.uint64(ends[left, at])])
            slope += weights[right, at] * (here - others[j, np.uint64(ends[right, at])])
            slope += weights[below, at] * (here - others[j, np.uint64(ends[below, at])])
            felt[j, i] -= slope


@compiled
def rough_sided(
    q: Floats, ends: NDArray[np.int32], weights: Floats, span: tuple[int, int]
) -> float:
    """1/2 sum of w |q_i - q_j|^2 over the pairs of some nodes with four sides; half of a pair of two that move."""
    first, count, n = np.uint64(span[0]), np.uint64(span[1] - span[0]), ends.shape[1]
    rough = np.zeros(span[1] - span[0])
    for j in range(np.uint64(len(q))):
        for s in range(np.uint64(4)):
            for i in range(count):
                end = ends[s, first + i]
                away = q[j, first + i] - q[j, np.uint64(end)]
                part = 0.25 if end < n else 0.5
                rough[i] += weights[s, first + i] * away * away * part
    return float(rough.sum())


@compiled
def grid_pairs(
    right: Floats,
    down: Floats,
    node: NDArray[np.int32],
    pixels: NDArray[np.int64],
    pairs: ListedPairs,
) -> None:
    """Fill the neighbours (above, left, right, below; weight above 0) of some pixels, which are the nodes from 0 on."""
    starts, others, weights = pairs
    height, width = node.shape
    e = 0
    for i in range(len(pixels)):
        y, x = pixels[i] // width, pixels[i] % width
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
