"""Compiled passes over nodes (pixels, or whole regions) that mean-field inference is made of.

Arrays are (label, node): a loop over the nodes of one label is one that the processor vectorises. Each pass works on
nodes first ... last - 1 and writes only these. Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

Floats = NDArray[np.float64]


@compiled
def head(
    unary: Floats,
    felt: Floats,
    old: tuple[Floats, Floats],
    step: tuple[Floats, float],
    made: tuple[Floats, Floats, Floats, Floats],
    first: int,
) -> tuple[float, float]:
    """The step of some nodes: fill new scores, each node's largest score and how far it had to go.

    Scores grow by rate * x, x = unary + felt - score less what the node itself would take back (`hold`). To first
    order q would change by q (x - q . x) if x were added at once. `step` holds stiffness (empty where nothing holds
    back) and rate; `made` the scores, how far each node had to go, its largest score, and q before the last step.

    Returns:
        (q (x - q . x)) . (q - before) and |q - before|^2, summed up.
    """
    q, score = old
    stiffness, rate = step
    grown, change, top, before = made
    m, last = felt.shape[1], first + felt.shape[1]
    mean, ahead, gap = np.zeros(m), change[first:last], np.empty(m)
    top[:] = -np.inf
    ahead[:] = 0.0
    for j in range(len(unary)):
        _add_difference(unary[j, first:last], score[j, first:last], felt[j])
    if len(stiffness) > 0:
        hold(q[:, first:last], stiffness[first:last], felt)
    for j in range(len(unary)):
        x, out = felt[j], grown[j, first:last]
        _add_product(q[j, first:last], x, mean)
        _advance(score[j, first:last], x, rate, out)
        _raise(out, top)
    dot, norm = 0.0, 0.0
    for j in range(len(unary)):
        mine, x = q[j, first:last], felt[j]
        _turn(mine, mean, x)
        _widen(x, ahead)
        _subtract(mine, before[j, first:last], gap)
        dot += np.dot(x, gap)
        norm += np.dot(gap, gap)
    return dot, norm


@compiled
def hold(q: Floats, stiffness: Floats, d: Floats) -> None:
    """Turn d (label, node) into the x that solves x + W (diag(q) - q q') x = d for each node, W its stiffness.

    x = (d + W q c) / (1 + W q), c the mean of d by the weights q / (1 + W q).
    """
    inverse, (common, weights) = np.empty_like(d), np.zeros((2, d.shape[1]))
    for j in range(len(q)):
        mine, one = q[j], inverse[j]
        _invert(stiffness, mine, one)
        _add_product(mine, one, weights)
        _add_triple(mine, one, d[j], common)
    common *= stiffness / weights
    for j in range(len(q)):
        _solve(q[j], common, inverse[j], d[j])


@compiled
def _add_difference(one: Floats, other: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] += one[i] - other[i]


@compiled
def _invert(w: Floats, q: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] = 1.0 / (1.0 + w[i] * q[i])


@compiled
def _add_product(one: Floats, other: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] += one[i] * other[i]


@compiled
def _add_triple(one: Floats, two: Floats, three: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] += one[i] * two[i] * three[i]


@compiled
def _turn(q: Floats, mean: Floats, x: Floats) -> None:
    for i in range(len(x)):
        x[i] = q[i] * (x[i] - mean[i])


@compiled
def _widen(move: Floats, out: Floats) -> None:
    for i in range(len(out)):
        away = abs(move[i])
        out[i] = away if away > out[i] else out[i]


@compiled
def _subtract(one: Floats, other: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] = one[i] - other[i]


@compiled
def _solve(q: Floats, common: Floats, inverse: Floats, d: Floats) -> None:
    for i in range(len(d)):
        d[i] = (d[i] + q[i] * common[i]) * inverse[i]


@compiled
def _advance(score: Floats, x: Floats, rate: float, out: Floats) -> None:
    for i in range(len(out)):
        out[i] = score[i] + rate * x[i]


@compiled
def _raise(values: Floats, top: Floats) -> None:
    for i in range(len(top)):
        top[i] = values[i] if values[i] > top[i] else top[i]


@compiled
def aim(unary: Floats, felt: Floats, out: Floats, top: Floats, first: int) -> None:
    """Fill some nodes of `out` with unary + felt, and `top` with the largest of each."""
    top[:] = -np.inf
    for j in range(len(unary)):
        made = out[j, first : first + len(top)]
        _advance(unary[j, first : first + len(top)], felt[j], 1.0, made)
        _raise(made, top)


@compiled
def lower(score: Floats, top: Floats, out: Floats, first: int) -> None:
    """Fill some nodes of `out` with score - top."""
    for j in range(len(score)):
        given, made = score[j, first : first + len(top)], out[j, first : first + len(top)]
        for i in range(len(top)):
            made[i] = given[i] - top[i]


@compiled
def share(q: Floats, total: Floats, first: int) -> None:
    """Scale exponentials of some nodes to sum 1; `total` is filled with what they summed up to."""
    total[:] = 0.0
    for j in range(len(q)):
        made = q[j, first : first + len(total)]
        for i in range(len(total)):
            total[i] += made[i]
    scale = 1.0 / total
    for j in range(len(q)):
        made = q[j, first : first + len(total)]
        for i in range(len(total)):
            made[i] *= scale[i]


@compiled
def own_rows(q: Floats, score: Floats, unary: Floats, out: Floats, first: int) -> None:
    """Add q . (score - unary) of some nodes to `out`."""
    for j in range(len(q)):
        mine, now = q[j, first : first + len(out)], score[j, first : first + len(out)]
        given = unary[j, first : first + len(out)]
        for i in range(len(out)):
            out[i] += mine[i] * (now[i] - given[i])


@compiled
def largest_gap(q: Floats, goal: Floats, change: Floats, span: tuple[int, int]) -> None:
    """Fill the largest |goal - q| of some nodes."""
    first, last = span
    out = change[first:last]
    out[:] = 0.0
    for j in range(len(q)):
        mine, there = q[j, first:last], goal[j, first:last]
        for i in range(len(out)):
            away = abs(there[i] - mine[i])
            out[i] = away if away > out[i] else out[i]


@compiled
def region_sums(q: Floats, size: Floats, row: NDArray[np.int32], out: Floats) -> None:
    """Add size * q of each node to its row of `out` (label, row)."""
    for j in range(len(q)):
        for i in range(len(row)):
            out[j, row[i]] += size[i] * q[j, i]


@compiled
def gather(values: Floats, row: NDArray[np.integer[Any]], out: Floats) -> None:
    """Fill `out` with the value at each node's row (or pixel)."""
    for i in range(len(row)):
        out[i] = values[row[i]]


@compiled
def take_scores(
    unary: Floats,
    pixels: NDArray[np.intp],
    rows: tuple[Floats, NDArray[np.int32]],
    out: Floats,
    first: int,
) -> None:
    """Fill `out` (label, some nodes) with unary (pixel, label) at their pixels less `rows` (values, row) of theirs."""
    static, row = rows
    for low in range(0, out.shape[1], 256):
        high = min(low + 256, out.shape[1])
        for j in range(len(out)):
            for i in range(low, high):
                at, here = np.uint64(pixels[first + i]), np.uint64(row[first + i])
                out[j, i] = unary[at, j] - static[j, here]
