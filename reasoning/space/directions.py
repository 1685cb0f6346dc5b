"""Pairs of near regions come in; how far one lies north, south, east, west, uphill or downhill of the other goes out.

Directions are cone-based (A. U. Frank, "Qualitative spatial reasoning: cardinal directions as an example",
International Journal of GIS 10, 1996), graded by the squared cosine of the angle between the centroids (K. Miyajima and
A. Ralescu, "Spatial organization in 2D segmented images", Fuzzy Sets and Systems 65, 1994), so that the four degrees of
a pair sum to 1. North is the north of the grid. Of two regions of odd shape (a bay and the water in it) the centroids
say little; force histograms (P. Matsakis and L. Wendling, 1999) would say more and cost much more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from kg import vocab
from kg.grid import Grid
from reasoning.regions.graph import RegionGraph
from reasoning.space.gaps import Gaps, within_distance

Floats = NDArray[np.float64]

NORTH_OF, SOUTH_OF, EAST_OF, WEST_OF = (
    vocab.CORE + name for name in ("northOf", "southOf", "eastOf", "westOf")
)
COMPASS = {NORTH_OF: (0, 1), SOUTH_OF: (0, -1), EAST_OF: (1, 0), WEST_OF: (-1, 0)}
"""Role -> unit vector (east, north)."""


def centroids(regions: RegionGraph, grid: Grid) -> Floats:
    """(region, 2) metres east and north of the grid's first pixel, means over pixel centres."""
    inside = regions.label >= 0
    rows, cols = np.nonzero(inside)
    label, n = regions.label[inside], len(regions)
    dx, dy = grid.pixel_size
    along = np.bincount(label, weights=cols, minlength=n) / regions.count * dx
    down = np.bincount(label, weights=rows, minlength=n) / regions.count * dy
    to = grid.transform
    right = np.array([to.a, to.d]) / np.hypot(to.a, to.d)
    below = np.array([to.b, to.e]) / np.hypot(to.b, to.e)
    return np.asarray(along[:, None] * right + down[:, None] * below)


def direction(
    gaps: Gaps, middle: Floats, heading: tuple[int, int], limits: tuple[float, float]
) -> csr_matrix:
    """R[r, s] = how far r lies in a direction from s: near (0..1) times the squared cosine, 0 behind.

    Args:
        gaps: Pairs up to the distance plus its tolerance at least.
        middle: (region, 2) centroids, metres east and north.
        heading: Unit vector (east, north).
        limits: Distance and tolerance, metres.
    """
    step = middle[gaps.first] - middle[gaps.second]
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
    cosine = (step @ np.array(heading, float)) / length
    near = within_distance(gaps.gap, *limits)
    ahead, behind = np.maximum(cosine, 0) ** 2, np.maximum(-cosine, 0) ** 2
    return gaps.both_ways(near * ahead, near * behind)


def uphill(gaps: Gaps, elevation: Floats, rise: float, limits: tuple[float, float]) -> csr_matrix:
    """R[r, s] = how far r lies higher than s: near (0..1) times the difference of mean elevation / `rise`, at most 1.

    Args:
        gaps: Pairs up to the distance plus its tolerance at least.
        elevation: (region,) metres; NaN where unknown, which is higher than nothing and lower than nothing.
        rise: Metres from which a region is higher for certain.
        limits: Distance and tolerance, metres.
    """
    higher = np.nan_to_num(elevation[gaps.first] - elevation[gaps.second], nan=0.0)
    near = within_distance(gaps.gap, *limits)
    return gaps.both_ways(near * np.clip(higher / rise, 0, 1), near * np.clip(-higher / rise, 0, 1))
