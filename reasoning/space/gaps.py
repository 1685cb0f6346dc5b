"""A region graph and a radius come in; the pairs of regions that are at most so far apart, and how far, go out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from kg.errors import RuleError
from reasoning.regions.graph import RegionGraph

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

BLOCK = 64
"""Pixels along a side of the blocks that large regions are cut into."""
MOST_PAIRS = 20_000_000
"""Pairs of regions that one relation may have (20 bytes each)."""
ROOM = 500_000
"""Pairs that are measured before they are put aside."""
MOST_PIXELS = 4_000_000_000
"""Pixels that the windows around all regions may have together: about a minute of work."""


@dataclass(frozen=True)
class Gaps:
    """Pairs of regions and their gaps; each pair once.

    Attributes:
        radius: Largest gap that was looked for, metres.
        first, second: (pair,) int32 regions.
        gap: (pair,) float64 metres between the nearest pixel edges; 0 where they touch, a corner included.
        regions: Number of regions.
    """

    radius: float
    first: Ints
    second: Ints
    gap: Floats
    regions: int

    def both_ways(self, there: Floats, back: Floats) -> csr_matrix:
        """(region, region) matrix of a value from first to second and one from second to first; zeros left out."""
        rows = np.concatenate([self.first, self.second])
        cols = np.concatenate([self.second, self.first])
        values = np.concatenate([there, back])
        kept = values > 0
        matrix = coo_matrix(
            (values[kept], (rows[kept], cols[kept])), shape=(self.regions, self.regions)
        ).tocsr()
        matrix.sort_indices()
        return matrix


def gaps_up_to(regions: RegionGraph, size: tuple[float, float], radius: float, role: str) -> Gaps:
    """Measure the gap of every pair of regions that are at most `radius` metres apart.

    Exact on the pixel grid (see `reasoning.space.gap_kernels`), across nodata too.

    Args:
        regions: Regions of one raster.
        size: Width and height of a pixel, metres.
        radius: Metres, 0 or more.
        role: What the gaps are for, for the message.

    Raises:
        RuleError: The radius is too large for this raster, by `MOST_PIXELS` or `MOST_PAIRS`.
    """
    rank = np.empty(len(regions), np.int64)
    rank[np.argsort(regions.count, kind="stable")] = np.arange(len(regions))
    pairs, gap = pairs_around(regions, size, radius, role, rank)
    return Gaps(radius, pairs[:, 0], pairs[:, 1], gap, len(regions))


def pairs_around(
    regions: RegionGraph,
    size: tuple[float, float],
    radius: float,
    role: str,
    rank: NDArray[np.int64],
) -> tuple[Ints, Floats]:
    """What lies within `radius` metres of each region, in regions of its rank or a higher one.

    Returns:
        (pair, 3) int32: first region, second region, pixels of the second within reach; and (pair,) gap in metres.

    Raises:
        RuleError: The radius is too large for this raster.
    """
    from reasoning.space.gap_kernels import around

    pieces, reach = _pieces(regions, size, radius, role)
    room = max(ROOM, len(regions))
    how = (*reach, size[1], size[0], float(radius))
    found: list[tuple[Ints, Floats]] = []
    while len(pieces):
        pairs, gap = np.empty((room, 3), np.int32), np.empty(room)
        done, used = around(regions.label, pieces, rank, how, pairs, gap)
        found.append((pairs[:used], gap[:used]))
        pieces = pieces[done:]
        if sum(len(gap) for _, gap in found) > MOST_PAIRS:
            raise _too_far(role, radius, f"more than {MOST_PAIRS:,} pairs of regions")
    if not found:
        return np.empty((0, 3), np.int32), np.empty(0)
    return np.concatenate([one for one, _ in found]), np.concatenate([gap for _, gap in found])


def _pieces(
    regions: RegionGraph, size: tuple[float, float], radius: float, role: str
) -> tuple[Ints, tuple[int, int]]:
    """Pieces of regions, sorted by region, and the rows and columns to look at around each of them.

    Raises:
        RuleError: The windows around the pieces are more than `MOST_PIXELS` pixels together.
    """
    from reasoning.space.gap_kernels import pieces_of

    (dx, dy), (height, width) = size, regions.label.shape
    reach = min(int(radius / dy) + 1, height), min(int(radius / dx) + 1, width)
    pieces = pieces_of(regions.label, len(regions), max(BLOCK, 2 * max(reach)))
    rows = np.minimum(pieces[:, 3] - pieces[:, 1] + 2 * reach[0], height).astype(np.float64)
    cols = np.minimum(pieces[:, 4] - pieces[:, 2] + 2 * reach[1], width)
    if float(rows @ cols) > MOST_PIXELS:
        raise _too_far(
            role, radius, f"{float(rows @ cols):.1g} pixels around {len(regions)} regions"
        )
    return pieces[np.argsort(pieces[:, 0], kind="stable")], reach


def _too_far(role: str, radius: float, why: str) -> RuleError:
    """The error that a radius is too large for a raster."""
    return RuleError(
        f"{role}: {radius:g} m is too far for this raster ({why}), expected a few dozen pixels",
        "give the role a smaller ll:distance, or use coarser pixels",
    )


def within_distance(gap: Floats, distance: float, tolerance: float) -> Floats:
    """Truth of `gap <= distance`: 1 to 0 over distance - tolerance .. distance + tolerance, as bounds of facts are.

    Args:
        gap: Metres.
        distance: Metres.
        tolerance: Metres, at most the distance; 0 is a hard step.
    """
    soft = min(tolerance, distance)
    if soft <= 0:
        return (gap <= distance).astype(np.float64)
    truth: Floats = np.clip((distance + soft - gap) / (2 * soft), 0.0, 1.0)
    return truth
