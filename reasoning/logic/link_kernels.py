"""How many neighbours fulfil something: relations and truths at the neighbours come in, chances of counts go out.

The number N of neighbours of a region that fulfil a filler is a sum of independent events (Poisson-binomial): neighbour
s counts with chance p_s = R[r, s] t_s. Its distribution is built neighbour by neighbour (Hong, Computational Statistics
& Data Analysis 59, 2013, section 2.5), up to the largest count that matters; without a division, so that chances of
exactly 0 and 1 are exact.

Import this module inside functions only: it loads numba through `kg.compiled`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

Floats = NDArray[np.float64]
ONE = np.uint64(1)
"""Where time counts, indices are unsigned: nothing asks then whether they count from the end, half of the time."""
Edges = tuple[NDArray[Any], NDArray[Any], Floats, NDArray[np.intp]]
"""CSR row starts, columns and values, and the region that each column stands for; columns of one region in a row."""
Blocks = tuple[
    NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], Floats, NDArray[np.intp], Floats
]


@compiled
def count_chances(
    edges: Edges, t: Floats, at_least: NDArray[np.intp], out: Floats, first: int, last: int
) -> None:
    """Fill `out` (state, last - first) for some rows: state i is at_least[i - 1] <= N < at_least[i]."""
    starts, columns, values, origin = edges
    most = at_least[-1]
    chance = np.zeros(most + 1)  # of N = 0, 1 ... most - 1, and of N >= most
    for r in range(first, last):
        chance[:] = 0.0
        chance[0] = 1.0
        e, seen = starts[r], 0
        while e < starts[r + 1]:
            here, p = origin[columns[e]], 0.0
            while e < starts[r + 1] and origin[columns[e]] == here:
                x = values[e] * t[columns[e]]
                p += x * (1.0 - p)
                e += 1
            seen += 1
            chance[most] += p * chance[most - 1]
            for m in range(min(seen, most - 1), 0, -1):
                chance[m] += p * (chance[m - 1] - chance[m])
            chance[0] *= 1.0 - p
        low = 0
        for i in range(len(at_least)):
            out[i, r - first] = chance[low : at_least[i]].sum()
            low = at_least[i]
        out[len(at_least), r - first] = chance[most]


@compiled
def count_slopes(
    edges: Edges,
    t: Floats,
    at_least: NDArray[np.intp],
    b: Floats,
    out: Floats,
    span: tuple[int, int],
) -> None:
    """Fill `out` (edge,): derivative of sum over states of b[state, r] * chance[state, r] by t at the edge's end.

    `b` is (state, last - first), for the rows of the span.

    The derivative of P(N >= n) by p_s is P(n - 1 of the others), from the distributions before and after s.
    """
    starts, columns, values, origin = edges
    first, last = span
    most = at_least[-1]
    longest = 0
    for r in range(first, last):
        longest = max(longest, starts[r + 1] - starts[r])
    before = np.zeros((longest + 1, most))
    p, heads = np.zeros(longest), np.zeros(longest + 1, np.int64)
    after = np.zeros(most)
    for r in range(first, last):
        before[0, :] = 0.0
        before[0, 0] = 1.0
        e, k = starts[r], 0
        while e < starts[r + 1]:
            here, heads[k], p[k] = origin[columns[e]], e, 0.0
            while e < starts[r + 1] and origin[columns[e]] == here:
                p[k] += values[e] * t[columns[e]] * (1.0 - p[k])
                e += 1
            _convolve(before[k], p[k], before[k + 1])
            k += 1
        heads[k] = e
        after[:] = 0.0
        after[0] = 1.0
        for i in range(k - 1, -1, -1):
            slope = 0.0
            for c in range(len(at_least)):
                slope += (b[c + 1, r - first] - b[c, r - first]) * _count(
                    before[i], after, at_least[c] - 1
                )
            _convolve(after, p[i], after)
            _share(edges, t, slope, out, heads[i : i + 2])


@compiled
def _count(before: Floats, after: Floats, n: int) -> float:
    """Chance that two groups of neighbours together have n."""
    chance = 0.0
    for j in range(n + 1):
        chance += before[j] * after[n - j]
    return chance


@compiled
def _share(edges: Edges, t: Floats, slope: float, out: Floats, span: NDArray[np.int64]) -> None:
    """Derivative by each row of one neighbour, p = 1 - prod over its rows (1 - R t)."""
    _, columns, values, _ = edges
    for e in range(span[0], span[1]):
        rest = 1.0
        for f in range(span[0], span[1]):
            if f != e:
                rest *= 1.0 - values[f] * t[columns[f]]
        out[e] = slope * values[e] * rest


@compiled
def _convolve(chance: Floats, p: float, out: Floats) -> None:
    """Chances of each count once a further neighbour of chance p is asked; in place where both are one array."""
    for m in range(len(chance) - 1, 0, -1):
        out[m] = chance[m] + p * (chance[m - 1] - chance[m])
    out[0] = chance[0] * (1.0 - p)


@compiled
def end_sums(columns: NDArray[Any], edges: Floats, out: Floats) -> None:
    """Add the value of each edge to the region at its end."""
    for e in range(len(columns)):
        out[columns[e]] += edges[e]


@compiled
def some_chances(edges: Edges, t: Floats, out: Floats, first: int, last: int) -> None:
    """`count_chances` where only N = 0 and N >= 1 matter."""
    starts, columns, values, _ = edges
    for r in range(first, last):
        none = 1.0
        for e in range(starts[r], starts[r + 1]):
            none *= 1.0 - values[e] * t[columns[e]]
        out[0, r - first] = none
        out[1, r - first] = 1.0 - none


@compiled
def some_pull(
    edges: Edges, t: Floats, weight: Floats, out: Floats, span: tuple[int, int, int]
) -> None:
    """Add to `out` (region,) the derivative of sum over rows of weight[row] * P(N >= 1) by t.

    The span is the first row, one past the last, and the region that `out` starts with.
    """
    starts, columns, values, _ = edges
    (factors, before), low = _rooms(edges, span), np.uint64(span[2])
    for r in range(np.uint64(span[0]), np.uint64(span[1])):
        if weight[r] == 0.0:
            continue
        first, none = np.uint64(starts[r]), 1.0
        count = np.uint64(starts[r + ONE]) - first
        for i in range(count):
            factors[i] = 1.0 - values[first + i] * t[np.uint64(columns[first + i])]
            before[i] = none
            none *= factors[i]
        after = weight[r]
        for back in range(count):
            at = count - ONE - back
            out[np.uint64(columns[first + at]) - low] += after * before[at] * values[first + at]
            after *= factors[at]


@compiled
def some_assess(
    edges: Edges,
    t: Floats,
    given: tuple[Floats, Floats],
    blocks: Blocks,
    outs: tuple[Floats, Floats, Floats],
    span: tuple[int, int, int],
) -> None:
    """Fill the values of some rows of a form of one link; add the slopes of their labels, and what they tell others.

    In one function: arrays handed on to another are counted for each row, which takes longer than the sums.

    Args:
        edges: The relation.
        t: (region,) truth of the filler.
        given: (label, region) marginals and (region,) weight of each row.
        blocks: Of `reasoning.logic.single.Coefficients`.
        outs: (region,) values, (label, region) slopes by label, (some regions,) slopes by t.
        span: First row, one past the last, and the region that the slopes by t start with.
    """
    (starts, columns, values, _), (q, b), (total, out, told) = edges, given, outs
    state, start, label, factor, place, column = blocks
    (factors, before), low = _rooms(edges, span), np.uint64(span[2])
    for r in range(np.uint64(span[0]), np.uint64(span[1])):
        first, none = np.uint64(starts[r]), 1.0
        count = np.uint64(starts[r + ONE]) - first
        for i in range(
            count
        ):  # P(N = 0): each neighbour's factor 1 - R t, and the product of those before it
            rest = 1.0 - values[first + i] * t[np.uint64(columns[first + i])]
            factors[i], before[i] = rest, none
            none *= rest
        worth_none, worth_some = 0.0, 0.0
        for i in range(np.uint64(len(state))):
            c, dot = 1.0, 0.0
            if place[i] >= 0:
                c = column[np.uint64(place[i]), r]
            more = c * b[r] * (1.0 - none if state[i] else none)
            for e in range(np.uint64(start[i]), np.uint64(start[i + ONE])):
                j = np.uint64(label[e])
                dot += factor[e] * q[j, r]
                out[j, r] += more * factor[e]
            if state[i]:
                worth_some += c * dot
            else:
                worth_none += c * dot
        total[r] = none * worth_none + (1.0 - none) * worth_some
        after = b[r] * (worth_some - worth_none)
        if after != 0.0:
            for back in range(count):  # R times the product of the others' factors, no division
                at = count - ONE - back
                told[np.uint64(columns[first + at]) - low] += (
                    after * before[at] * values[first + at]
                )
                after *= factors[at]


@compiled
def _rooms(edges: Edges, span: tuple[int, int, int]) -> tuple[Floats, Floats]:
    """Room for two numbers of each neighbour of a row."""
    starts, longest = edges[0], 0
    for r in range(span[0], span[1]):
        longest = max(longest, starts[r + 1] - starts[r])
    return np.empty(longest), np.empty(longest)
