"""Compiled passes over the pairs of a full grid of pixels whose nodes are a chequerboard's: dark fields come first.

Arrays are (label, node): a loop over the nodes of one label in one row is one that the processor vectorises. Import
this module inside functions only: it loads numba.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

Floats = NDArray[np.float64]
Places = tuple[Floats, Floats]
"""Marginals of the nodes that feel, and those that their neighbours have."""
Chequers = tuple[int, int, int]
"""Nodes of a full grid, how many of them are dark (these come first), and pixels of a row."""
Sides = tuple[tuple[int, int, int, int, int], ...]
Count = int | np.uint64
"""Unsigned, so that a loop over nodes is one that the processor vectorises."""
Four = tuple[Count, Count, Count, Count]
"""Of the neighbours above, left, right and below."""
Run = tuple[Count, Count, Count]
"""Label, first node, and where that is among the nodes worked on."""
Part = tuple[Count, Count]


@compiled
def row_start(y: int, colour: int, dark: int, width: int) -> int:
    """The first node of a colour in a row of a chequered grid; dark fields are 0, even ones of even rows."""
    return dark * colour + (y // 2) * width + (y % 2) * ((width + 1 - colour) // 2)


@compiled
def sides(i: int, last: int, grid: Chequers) -> tuple[int, Sides]:
    """How many nodes from i on lie in one row, and their neighbours above, left, right and below.

    Of each side: from and to which of these nodes there is a neighbour, the neighbour of node i, the node that holds
    the weight of that pair, and which of its weights (0 right, 1 down).
    """
    n, dark, width = grid
    colour = 1 if i >= dark else 0
    k = i - dark * colour
    y, even = 2 * (k // width), (width + 1 - colour) // 2
    k %= width
    if k >= even:
        y, k = y + 1, k - even
    count = even if y % 2 == 0 else width - even
    m, x = min(count - k, last - i), (y + colour) % 2
    above = row_start(y - 1, 1 - colour, dark, width) + k
    beside = row_start(y, 1 - colour, dark, width) + k
    below = row_start(y + 1, 1 - colour, dark, width) + k
    roof = m if y > 0 else 0
    late = 1 if k + x == 0 else 0
    right = min(m, width - count - k - x)
    floor = m if below + m <= (dark if colour else n) else 0
    return m, (
        (0, roof, above, above, 1),
        (late, m, beside + x - 1, beside + x - 1, 0),
        (0, right, beside + x, i, 0),
        (0, floor, below, i, 1),
    )


@compiled
def feel_chequered(
    places: Places, weights: Floats, grid: Chequers, felt: Floats, first: int
) -> None:
    """Take the smoothness gradient of some nodes of one colour from `felt` (label, some nodes)."""
    for j in range(len(felt)):
        i, last = first, first + felt.shape[1]
        while i < last:
            m, found = sides(i, last, grid)
            low, high = inner(m, found)
            run = (np.uint64(j), np.uint64(i), np.uint64(i - first))
            if low < high:
                whole = (np.uint64(low), np.uint64(high))
                _pull_all(places, weights, felt, run, starts(found), whole)
            for start, end in ((0, low), (high, m)):
                for side in found:
                    part = (np.uint64(max(start, side[0])), np.uint64(min(end, side[1])))
                    if part[0] < part[1]:
                        _pull(places, weights, felt, run, side[2:], part)
            i += m


@compiled
def rough_chequered(q: Floats, weights: Floats, grid: Chequers, span: tuple[int, int]) -> float:
    """1/2 sum of w |q_i - q_j|^2 over the pairs of some nodes of one colour."""
    i, last = span
    rough = np.zeros(grid[2])
    while i < last:
        m, found = sides(i, last, grid)
        low, high = inner(m, found)
        for j in range(len(q)):
            run = (np.uint64(j), np.uint64(i))
            if low < high:
                _roughen_all(
                    q, weights, rough, run, starts(found), (np.uint64(low), np.uint64(high))
                )
            for start, end in ((0, low), (high, m)):
                for side in found:
                    part = (np.uint64(max(start, side[0])), np.uint64(min(end, side[1])))
                    if part[0] < part[1]:
                        _roughen(q, weights, rough, run, side[2:], part)
        i += m
    return float(rough.sum())


@compiled
def inner(m: int, found: Sides) -> tuple[int, int]:
    """From and to which of m nodes there is a neighbour on each side; m and m where nowhere."""
    low, high = 0, m
    for side in found:
        low, high = max(low, side[0]), min(high, side[1])
    return (low, high) if low < high else (m, m)


@compiled
def starts(found: Sides) -> Four:
    """The neighbours of the first node."""
    above, left, right, below = found
    return np.uint64(above[2]), np.uint64(left[2]), np.uint64(right[2]), np.uint64(below[2])


@compiled
def tie_chequered(weights: Floats, grid: Chequers, out: Floats) -> None:
    """Add to each node of a full grid the weights of its pairs."""
    i = 0
    while i < grid[0]:
        m, found = sides(i, grid[0] if i >= grid[1] else grid[1], grid)
        for low, high, _, at, way in found:
            start, holder = np.uint64(i), np.uint64(at)
            for k in range(np.uint64(low), np.uint64(high)):
                out[start + k] += weights[np.uint64(way), holder + k]
        i += m


@compiled
def chequered_sides(
    chosen: NDArray[np.int64],
    weights: Floats,
    grid: Chequers,
    ends: NDArray[np.int32],
    amounts: Floats,
) -> None:
    """Fill the neighbours (above, left, right, below; each side, node) of some nodes, and their weights.

    Where there is none it is the node itself, and the weight 0.
    """
    for c in range(len(chosen)):
        _, found = sides(chosen[c], chosen[c] + 1, grid)
        for s in range(4):
            low, high, there, at, way = found[s]
            tied = low < high and weights[way, at] > 0
            ends[s, c] = there if tied else chosen[c]
            amounts[s, c] = weights[way, at] if tied else 0.0


@compiled
def _pull_all(
    places: Places, weights: Floats, felt: Floats, run: Run, theirs: Four, part: Part
) -> None:
    mine, others = places
    j, here, at = run
    above, left, right, below = theirs
    for i in range(part[0], part[1]):
        q = mine[j, here + i]
        out = felt[j, at + i] - weights[1, above + i] * (q - others[j, above + i])
        out -= weights[0, left + i] * (q - others[j, left + i])
        out -= weights[0, here + i] * (q - others[j, right + i])
        felt[j, at + i] = out - weights[1, here + i] * (q - others[j, below + i])


@compiled
def _pull(
    places: Places,
    weights: Floats,
    felt: Floats,
    run: Run,
    side: tuple[int, int, int],
    part: Part,
) -> None:
    mine, others = places
    j, here, at = run
    there, holder, way = np.uint64(side[0]), np.uint64(side[1]), np.uint64(side[2])
    for i in range(part[0], part[1]):
        away = mine[j, here + i] - others[j, there + i]
        felt[j, at + i] -= weights[way, holder + i] * away


@compiled
def _roughen_all(
    q: Floats, weights: Floats, rough: Floats, run: Part, theirs: Four, part: Part
) -> None:
    j, here = run
    above, left, right, below = theirs
    for i in range(part[0], part[1]):
        mine = q[j, here + i]
        up, back = mine - q[j, above + i], mine - q[j, left + i]
        on, down = mine - q[j, right + i], mine - q[j, below + i]
        out = rough[i] + 0.5 * weights[1, above + i] * up * up
        out += 0.5 * weights[0, left + i] * back * back
        out += 0.5 * weights[0, here + i] * on * on
        rough[i] = out + 0.5 * weights[1, here + i] * down * down


@compiled
def _roughen(
    q: Floats, weights: Floats, rough: Floats, run: Part, side: tuple[int, int, int], part: Part
) -> None:
    j, here = run
    there, holder, way = np.uint64(side[0]), np.uint64(side[1]), np.uint64(side[2])
    for i in range(part[0], part[1]):
        away = q[j, here + i] - q[j, there + i]
        rough[i] += 0.5 * weights[way, holder + i] * away * away
