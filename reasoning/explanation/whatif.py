"""What if a rule, a source or smoothness weighed something else? A solved run and a change come in, flips go out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import GridError
from kg.spelling import meant
from reasoning.correction import Trace
from reasoning.solved import Solved, Window, solve_window
from reasoning.terms import Change, Terms

MARGIN = 64
"""Pixels around a place that are solved again."""


@dataclass(frozen=True)
class Flip:
    """Pixels of one region that would go from one class to another.

    Attributes:
        region: Row of the region.
        now: Class IRI in the corrected map.
        then: Class IRI under the change.
        pixels: How many.
        area: Square metres.
        lon, lat: One of these pixels near their middle, degrees, CRS84.
        log_odds: Mean over them of log q(then) / q(now) under the change, nats; infinite in a best labelling.
    """

    region: int
    now: str
    then: str
    pixels: int
    area: float
    lon: float
    lat: float
    log_odds: float


@dataclass(frozen=True, eq=False)
class WhatIf:
    """The map under other values of some knobs.

    Attributes:
        change: The other values.
        window: Rows and columns that were solved again; everything else was held.
        labels: (y, x) int16 class in the window, -1 where there is no prediction.
        q: (y, x, class) float64 marginals in the window.
        flips: What would differ, most pixels first.
        trace: How the inference went.
    """

    change: Change
    window: Window
    labels: NDArray[np.int16] = field(repr=False)
    q: NDArray[np.float64] = field(repr=False)
    flips: tuple[Flip, ...]
    trace: Trace

    @property
    def pixels(self) -> int:
        """How many pixels would have another class."""
        return sum(flip.pixels for flip in self.flips)


def what_if(solved: Solved, change: Change, *, window: Window | None = None) -> WhatIf:
    """Solve a run again under other values of some knobs.

    Args:
        solved: The run.
        change: Term IRI -> other value (0 drops it).
        window: Rows and columns to solve, everything else held (`reasoning.solved.solve_window`); None is the map.

    Returns:
        What would flip. The same input gives the same bytes.

    Raises:
        RuleError: A term that the run does not have, or a value that means nothing.

    Example:
        >>> dropped = what_if(solved, Change({vocab.RULE + "water-min-width": 0.0}))  # doctest: +SKIP
        >>> dropped.pixels  # doctest: +SKIP
        12
    """
    solved.terms.check(change)
    height, width = solved.terms.regions.label.shape
    place = window or (slice(0, height), slice(0, width))
    solution = solve_window(solved, change, place)
    labels = labels_of(solution.q, solved.terms.regions.label[place])
    flips = _flips(solved, place, labels, solution.q)
    return WhatIf(change, place, labels, solution.q, flips, solution.trace)


def labels_of(q: NDArray[np.float64], region: NDArray[np.int32]) -> NDArray[np.int16]:
    """(y, x) int16 most probable class as a corrected map has it, -1 outside of regions."""
    best = q.astype(np.float32).argmax(axis=-1).astype(np.int16)
    return np.where(region >= 0, best, np.int16(-1))


def window_around(pixels: NDArray[np.bool_], margin: int = MARGIN) -> Window:
    """Rows and columns of some pixels and a margin around them, inside the map.

    Args:
        pixels: (y, x) bool, at least one True.
        margin: Pixels on each side.
    """
    rows, cols = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    height, width = pixels.shape
    return (
        slice(max(int(rows[0]) - margin, 0), min(int(rows[-1]) + margin + 1, height)),
        slice(max(int(cols[0]) - margin, 0), min(int(cols[-1]) + margin + 1, width)),
    )


def pixel_at(terms: Terms, lon: float, lat: float) -> tuple[int, int]:
    """Row and column under a point.

    Raises:
        GridError: The point is outside of the map, or there is no prediction at it.
    """
    grid = terms.before.grid
    rows, cols = grid.rowcol(lon, lat)
    row, col = int(rows // 1), int(cols // 1)
    west, south, east, north = grid.lonlat_bounds
    bounds = f"{west:.5f} {south:.5f} .. {east:.5f} {north:.5f} (lon lat)"
    if not (0 <= row < grid.height and 0 <= col < grid.width):
        raise GridError(
            f"{lon} {lat} lies outside of the map, which covers {bounds}",
            "give longitude first, then latitude; west and south are negative",
        )
    if terms.regions.label[row, col] < 0:
        raise GridError(f"{lon} {lat}: the map has no prediction there", "choose another place")
    return row, col


def place_of(solved: Solved, row: int, col: int) -> NDArray[np.bool_]:
    """(y, x) pixels that stand for a place: its correction, or the unchanged pixels of its region around it."""
    done = solved.corrected
    number = int(done.index[row, col])
    if number >= 0:
        return np.asarray(done.index == number)
    same = (done.regions.label == done.regions.label[row, col]) & (done.index < 0)
    near = np.zeros_like(same)
    near[max(row - 8, 0) : row + 9, max(col - 8, 0) : col + 9] = True
    return np.asarray(same & near)


def term_named(terms: Terms, name: str) -> str:
    """The term that a user's word means: an IRI, "rule:name", the name of a rule, a source, or "smoothness".

    Raises:
        RuleError: The run has no such term; the nearest is named.
    """
    from kg.errors import RuleError

    known = {vocab.curie(term): term for term in terms.values()}
    names = {iri: iri for iri in known.values()} | known
    names |= {one.layer.name: one.layer.source or one.layer.name for one in terms.observations}
    names |= {short.rpartition(":")[2].lower(): iri for short, iri in known.items()}
    if name in names:
        return names[name]
    short = sorted({key for key in names if "/" not in key and ":" not in key})
    raise RuleError(
        f"{name!r}: no rule, source or term that acts in this run",
        meant(name, short, 2) or "landlore query RUN --name corrections-by-rule",
    )


def _flips(
    solved: Solved, window: Window, labels: NDArray[np.int16], q: NDArray[np.float64]
) -> tuple[Flip, ...]:
    terms = solved.terms
    now, region = solved.corrected.after.labels[window], terms.regions.label[window]
    rows, cols = np.nonzero((labels != now) & (region >= 0))
    if not len(rows):
        return ()
    old, new = now[rows, cols].astype(np.intp), labels[rows, cols].astype(np.intp)
    keys = np.stack([region[rows, cols], old, new], axis=1)
    groups, group, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    group = group.ravel()
    with np.errstate(divide="ignore"):
        odds = np.log(q[rows, cols, new]) - np.log(q[rows, cols, old])
    found = []
    for g in np.lexsort((np.arange(len(groups)), -count)):
        mine = np.flatnonzero(group == g)
        middle = mine[_middle(rows[mine], cols[mine])]
        lon, lat = terms.before.grid.lonlat(
            rows[middle] + window[0].start + 0.5, cols[middle] + window[1].start + 0.5
        )
        number, a, b = groups[g]
        classes, area = terms.before.legend.classes, float(count[g] * terms.before.grid.pixel_area)
        found.append(
            Flip(int(number), classes[a].iri, classes[b].iri, int(count[g]), area, float(lon), float(lat),
                 float(odds[mine].mean()))
        )  # fmt: skip
    return tuple(found)


def _middle(rows: NDArray[np.intp], cols: NDArray[np.intp]) -> int:
    return int(((rows - rows.mean()) ** 2 + (cols - cols.mean()) ** 2).argmin())
