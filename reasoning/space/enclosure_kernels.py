"""Compiled loops over touching regions: a label image comes in; who encloses whom goes out. Import inside functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

Ints = NDArray[np.int32]


@compiled
def touching(label: Ints, n: int) -> tuple[Ints, Ints]:
    """Pairs of regions that touch at an edge or a corner, with repeats; region n is what lies outside the data."""
    height, width = label.shape
    first, second = np.empty(4 * label.size, np.int32), np.empty(4 * label.size, np.int32)
    used = 0
    for y in range(height):
        for x in range(width):
            a = label[y, x] if label[y, x] >= 0 else n
            if a < n and (y == 0 or x == 0 or y + 1 == height or x + 1 == width):
                first[used], second[used] = a, n
                used += 1
            for v, u in ((y, x + 1), (y + 1, x - 1), (y + 1, x), (y + 1, x + 1)):
                if v < height and 0 <= u < width:
                    b = label[v, u] if label[v, u] >= 0 else n
                    if a != b:
                        first[used], second[used] = a, b
                        used += 1
    return first[:used].copy(), second[:used].copy()


@compiled
def enclosing(starts: Ints, neighbours: Ints, root: int) -> NDArray[np.int64]:
    """(node,) the nearest node that cuts each node off from the root; the root where there is none.

    Args:
        starts: (node + 1,) row pointers of a symmetric graph.
        neighbours: Its columns.
        root: Node that all others are reached from.
    """
    n = len(starts) - 1
    order, low = np.full(n, -1, np.int64), np.empty(n, np.int64)
    above, turn = np.full(n, root, np.int64), starts[:-1].astype(np.int64)
    stack, visited = np.empty(n, np.int64), np.empty(n, np.int64)
    stack[0], visited[0], order[root], low[root] = root, root, 0, 0
    depth, count = 1, 1
    while depth > 0:
        u = stack[depth - 1]
        if turn[u] < starts[u + 1]:
            v = neighbours[turn[u]]
            turn[u] += 1
            if order[v] < 0:
                above[v], order[v], low[v] = u, count, count
                visited[count], stack[depth] = v, v
                count += 1
                depth += 1
            else:
                low[u] = min(low[u], order[v])
        else:
            depth -= 1
            if depth > 0:
                low[stack[depth - 1]] = min(low[stack[depth - 1]], low[u])
    out = np.full(n, root, np.int64)
    for i in range(1, count):
        v = visited[i]
        u = above[v]
        if u != root:
            out[v] = u if low[v] >= order[u] else out[u]
    return out
