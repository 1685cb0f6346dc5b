"""A region graph comes in; which region lies inside the holes of which other region goes out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from reasoning.regions.graph import RegionGraph


def within(regions: RegionGraph) -> csr_matrix:
    """R[r, s] = 1 where r is enclosed by s: every way from r out of the image, corners included, crosses s.

    Enclosed regions count at every level (a pond on an island in a lake is within island and lake), so the relation is
    transitive. Ground beyond the image edge and nodata is unknown: what touches it is enclosed by nothing.

    Method: regions that s encloses are those that it dominates in the graph of touching regions, rooted outside the
    image; one depth-first search finds them (R. Tarjan, "Depth-first search and linear graph algorithms", SIAM Journal
    on Computing 1, 1972: s cuts off a branch whose low point is not above s).

    Args:
        regions: Regions, 4-connected; of 8-connected ones, a diagonal chain of pixels encloses nothing.

    Returns:
        (region, region) of 0 and 1, no diagonal.
    """
    from reasoning.space.enclosure_kernels import enclosing, touching

    n = len(regions)
    first, second = touching(regions.label, n)
    both = np.concatenate([first, second]), np.concatenate([second, first])
    graph = coo_matrix((np.ones(len(both[0]), np.int8), both), shape=(n + 1, n + 1)).tocsr()
    graph.sum_duplicates()
    parent = enclosing(graph.indptr, graph.indices, n)[:n]
    rows, cols = _ancestors(parent)
    matrix = coo_matrix((np.ones(len(rows)), (rows, cols)), shape=(n, n)).tocsr()
    matrix.sort_indices()
    return matrix


def _ancestors(parent: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each region with every one above it; `parent` is the nearest that encloses it, the number of regions if none."""
    n = len(parent)
    inside, outside = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    rows, above = np.arange(n), parent
    while len(rows := rows[above < n]):
        above = above[above < n]
        inside.append(rows)
        outside.append(above)
        above = parent[above]
    return np.concatenate(inside), np.concatenate(outside)
