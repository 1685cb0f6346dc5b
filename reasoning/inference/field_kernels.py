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
Count = int | np.uint64
"""Unsigned, so that a loop over the nodes of a label is one that the processor vectorises."""
Span = tuple[Count, Count]
"""First node, and how many."""


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

    Scores grow by rate * x, x = unary + felt - score less what the node itself would take back (`_hold`). To first
    order q would change by q (x - q . x) if x were added at once. `step` holds stiffness (empty where nothing holds
    back) and rate; `made` the scores, how far each node had to go, its largest score, and q before the last step. In
    the end `felt` is new scores less the largest.

    Returns:
        (q (x - q . x)) . (q - before) and |q - before|^2, summed up.
    """
    q, score = old
    stiffness, rate = step
    grown, change, top, before = made
    span = (np.uint64(first), np.uint64(felt.shape[1]))
    inverse = np.empty_like(felt) if len(stiffness) > 0 else np.ones((1, felt.shape[1]))
    common, weights = np.zeros(felt.shape[1]), np.zeros(felt.shape[1])
    mean, gap = np.zeros(felt.shape[1]), np.empty(felt.shape[1])
    top[:] = -np.inf
    change[first : first + felt.shape[1]] = 0.0
    for j in range(np.uint64(len(unary))):
        if len(stiffness) > 0:
            _hold(j, (unary, score, q), stiffness, felt, (inverse, common, weights), span)
        else:
            _lack(j, (unary, score), felt, span)
    if len(stiffness) > 0:
        common *= stiffness[first : first + felt.shape[1]] / weights
    for j in range(np.uint64(len(unary))):
        at = j if len(stiffness) > 0 else np.uint64(0)
        _grow((j, at), (score, q, rate), felt, (inverse, common), (grown, top, mean), span)
    dot, norm = 0.0, 0.0
    for j in range(np.uint64(len(unary))):
        _turn(j, (q, before), (felt, mean), (change, gap), span)
        dot += np.dot(felt[j], gap)
        norm += np.dot(gap, gap)
        _lower(j, grown, top, felt, span)
    return dot, norm


@compiled
def _lack(j: Count, scores: tuple[Floats, Floats], d: Floats, span: Span) -> None:
    """Add to d what a label's scores are from where they would go."""
    unary, score = scores
    first, count = span
    for i in range(count):
        d[j, i] += unary[j, first + i] - score[j, first + i]


@compiled
def _hold(
    j: Count,
    old: tuple[Floats, Floats, Floats],
    stiffness: Floats,
    d: Floats,
    made: tuple[Floats, Floats, Floats],
    span: Span,
) -> None:
    """The same; fill what `_grow` needs for the x that solves x + W (diag(q) - q q') x = d, W a node's stiffness.

    x = (d + W q c) / (1 + W q), c the mean of d by the weights q / (1 + W q).
    """
    unary, score, q = old
    inverse, common, weights = made
    first, count = span
    for i in range(count):
        mine, here = q[j, first + i], d[j, i] + (unary[j, first + i] - score[j, first + i])
        part = np.divide(1.0, 1.0 + stiffness[first + i] * mine)
        weights[i] += mine * part
        common[i] += mine * part * here
        d[j, i], inverse[j, i] = here, part


@compiled
def _grow(
    j: tuple[Count, Count],
    old: tuple[Floats, Floats, float],
    d: Floats,
    solving: tuple[Floats, Floats],
    made: tuple[Floats, Floats, Floats],
    span: Span,
) -> None:
    """Turn a label's d into x, add it to the scores, and to the largest and to the mean what it says of them."""
    score, q, rate = old
    inverse, common = solving
    grown, top, mean = made
    first, count = span
    for i in range(count):
        mine = q[j[0], first + i]
        x = (d[j[0], i] + mine * common[i]) * inverse[j[1], i]
        out = score[j[0], first + i] + rate * x
        d[j[0], i], grown[j[0], first + i] = x, out
        mean[i] += mine * x
        top[i] = out if out > top[i] else top[i]


@compiled
def _turn(
    j: Count,
    places: tuple[Floats, Floats],
    steps: tuple[Floats, Floats],
    made: tuple[Floats, Floats],
    span: Span,
) -> None:
    """Turn a label's x into how far q would go; widen the largest of these, and fill how far q went before."""
    q, before = places
    x, mean = steps
    change, gap = made
    first, count = span
    for i in range(count):
        mine = q[j, first + i]
        ahead = mine * (x[j, i] - mean[i])
        away, most = abs(ahead), change[first + i]
        x[j, i], gap[i] = ahead, mine - before[j, first + i]
        change[first + i] = away if away > most else most


@compiled
def aim(unary: Floats, felt: Floats, top: Floats, first: int) -> None:
    """Add unary to what some nodes feel, and take away the largest of each, which fills `top`."""
    top[:] = -np.inf
    start = np.uint64(first)
    for j in range(np.uint64(len(unary))):
        for i in range(np.uint64(len(top))):
            made = unary[j, start + i] + felt[j, i]
            felt[j, i] = made
            top[i] = made if made > top[i] else top[i]
    for j in range(np.uint64(len(unary))):
        for i in range(np.uint64(len(top))):
            felt[j, i] -= top[i]


@compiled
def lower(score: Floats, top: Floats, out: Floats, first: int) -> None:
    """Fill `out` (label, some nodes) with score - top."""
    for j in range(np.uint64(len(score))):
        _lower(j, score, top, out, (np.uint64(first), np.uint64(len(top))))


@compiled
def _lower(j: Count, score: Floats, top: Floats, out: Floats, span: Span) -> None:
    first, count = span
    for i in range(count):
        out[j, i] = score[j, first + i] - top[i]


@compiled
def share(q: Floats, total: Floats) -> None:
    """Scale exponentials to sum 1; `total` is filled with what they summed up to."""
    total[:] = 0.0
    for j in range(np.uint64(len(q))):
        for i in range(np.uint64(len(total))):
            total[i] += q[j, i]
    scale = 1.0 / total
    for j in range(np.uint64(len(q))):
        for i in range(np.uint64(len(total))):
            q[j, i] *= scale[i]


@compiled
def settle(
    part: Floats,
    scores: tuple[Floats, Floats],
    q: Floats,
    total: Floats,
    out: Floats,
    first: int,
) -> None:
    """Fill some nodes of q from exponentials (label, some nodes); add their q . (score - unary) to `out`.

    `total` is filled with what the exponentials summed up to.
    """
    score, unary = scores
    start, count = np.uint64(first), np.uint64(len(total))
    total[:] = 0.0
    for j in range(np.uint64(len(q))):
        for i in range(count):
            total[i] += part[j, i]
    scale = 1.0 / total
    for j in range(np.uint64(len(q))):
        for i in range(count):
            made = part[j, i] * scale[i]
            q[j, start + i] = made
            out[i] += made * (score[j, start + i] - unary[j, start + i])


@compiled
def arrive(part: Floats, q: Floats, goal: Floats, change: Floats, first: int) -> None:
    """Fill some nodes of `goal` from marginals (label, some nodes), and the largest |goal - q| of each."""
    start, count = np.uint64(first), np.uint64(part.shape[1])
    change[first : first + part.shape[1]] = 0.0
    for j in range(np.uint64(len(q))):
        for i in range(count):
            made = part[j, i]
            away, most = abs(made - q[j, start + i]), change[start + i]
            goal[j, start + i] = made
            change[start + i] = away if away > most else most


@compiled
def region_sums(q: Floats, size: Floats, row: NDArray[np.int32], out: Floats) -> None:
    """Add size * q of each node to its row of `out` (label, row); four labels at a time, none waits for the other."""
    j, k = np.uint64(0), np.uint64(len(q))
    while j + np.uint64(4) <= k:
        two, three, four = j + np.uint64(1), j + np.uint64(2), j + np.uint64(3)
        for i in range(np.uint64(len(row))):
            at, weight = np.uint64(row[i]), size[i]
            out[j, at] += weight * q[j, i]
            out[two, at] += weight * q[two, i]
            out[three, at] += weight * q[three, i]
            out[four, at] += weight * q[four, i]
        j += np.uint64(4)
    while j < k:
        for i in range(np.uint64(len(row))):
            out[j, np.uint64(row[i])] += size[i] * q[j, i]
        j += np.uint64(1)


@compiled
def gather(values: Floats, row: NDArray[np.integer[Any]], out: Floats) -> None:
    """Fill `out` with the value at each node's row (or pixel)."""
    for i in range(len(row)):
        out[i] = values[row[i]]


@compiled
def gather_labels(
    values: Floats, labels: NDArray[np.intp], row: NDArray[np.int32], out: Floats, first: int
) -> None:
    """Fill some labels of `out` (label, some nodes) with the values (label, row) of each node's row."""
    start = np.uint64(first)
    for j in labels:
        label = np.uint64(j)
        for i in range(np.uint64(out.shape[1])):
            out[label, i] = values[label, np.uint64(row[start + i])]


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
