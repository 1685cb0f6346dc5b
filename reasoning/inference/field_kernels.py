"""Compiled passes over nodes (pixels, or whole regions) that mean-field inference is made of.

Arrays are (label, node): a loop over the nodes of one label is one that the processor vectorises. Each pass works on
nodes first ... last - 1 and writes only these. Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

Floats = NDArray[np.float64]
ListedPairs = tuple[NDArray[np.int64], NDArray[np.int32], Floats]
"""CSR of the smoothness term: where each node's neighbours start, who they are, and their weights."""


@compiled
def feel_listed(
    q: Floats, size: Floats, pairs: ListedPairs, felt: Floats, span: tuple[int, int]
) -> float:
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
def feel_grid(
    q: Floats, right: Floats, down: Floats, width: int, felt: Floats, span: tuple[int, int]
) -> float:
    """The same on a full grid; each pair counts at its right or lower end."""
    first, last = span
    n, rough = len(right), np.zeros(last - first)
    for j in range(len(q)):
        values, out = q[j], felt[j]
        for weights, step in ((right, 1), (down, width)):
            low = min(max(first, step), last)
            _pull(
                values[low:last],
                values[low - step : last - step],
                weights[low - step : last - step],
                out[low - first :],
            )
            _roughen(
                values[low:last],
                values[low - step : last - step],
                weights[low - step : last - step],
                rough[low - first :],
            )
            high = max(min(last, n - step), first)
            _pull(values[first:high], values[first + step : high + step], weights[first:high], out)
    return float(rough.sum())


@compiled
def _pull(here: Floats, there: Floats, weights: Floats, out: Floats) -> None:
    for i in range(len(here)):
        out[i] -= weights[i] * (here[i] - there[i])


@compiled
def _roughen(here: Floats, there: Floats, weights: Floats, out: Floats) -> None:
    for i in range(len(here)):
        away = here[i] - there[i]
        out[i] += 0.5 * weights[i] * away * away


@compiled
def scores(unary: Floats, felt: Floats, out: Floats, top: Floats, span: tuple[int, int]) -> None:
    """Fill some nodes of `out` with unary + felt less the largest of each node, which goes to `top`."""
    first, last = span
    top[:] = -np.inf
    for j in range(len(unary)):
        given, more, made = unary[j, first:last], felt[j], out[j, first:last]
        for i in range(len(top)):
            s = given[i] + more[i]
            made[i] = s
            top[i] = s if s > top[i] else top[i]
    for j in range(len(unary)):
        made = out[j, first:last]
        for i in range(len(top)):
            made[i] -= top[i]


@compiled
def settle(
    q: Floats, felt: Floats, out: Floats, change: Floats, sums: tuple[Floats, Floats], first: int
) -> None:
    """Scale exponentials of scores to sum 1 and fill each node's largest change against q.

    `sums` are filled with each node's sum of exponentials and with q* . felt.
    """
    total, own = sums
    last = first + len(total)
    change, k = change[first:last], len(out)
    total[:] = 0.0
    own[:] = 0.0
    change[:] = 0.0
    for j in range(k):
        made = out[j, first:last]
        for i in range(len(total)):
            total[i] += made[i]
    for j in range(k):
        made, old, more = out[j, first:last], q[j, first:last], felt[j]
        for i in range(len(total)):
            goal = made[i] / total[i]
            away = abs(goal - old[i])
            made[i] = goal
            own[i] += goal * more[i]
            change[i] = away if away > change[i] else change[i]


@compiled
def own_rows(q: Floats, logs: Floats, unary: Floats, out: Floats, first: int) -> None:
    """Fill `out` with q . (log q - unary) of some nodes."""
    out[:] = 0.0
    for j in range(len(q)):
        mine, log, given = (
            q[j, first : first + len(out)],
            logs[j],
            unary[j, first : first + len(out)],
        )
        for i in range(len(out)):
            out[i] += mine[i] * (log[i] - given[i])


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
def grid_pairs(
    right: Floats, down: Floats, node: NDArray[np.int32], n: int, pairs: ListedPairs
) -> None:
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
