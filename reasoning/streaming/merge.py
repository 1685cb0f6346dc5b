"""Strips come in; their components are joined over the seams, and one table of regions goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from reasoning.streaming.strip import Strip, ends

if TYPE_CHECKING:
    from reasoning.streaming.runs import Runs

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """Regions of a raster, everything in integers but the widths; the same for every way to cut it into strips.

    Attributes:
        sums: (region, 9) int64, see `reasoning.streaming.runs`.
        box: (region, 5) int32 first row, first column, last row + 1, last column + 1, column of the first pixel.
        kind: (region,) integer class.
        min_width: (region,) float64 metres; NaN where not wanted.
        bands: (band, region) int64 sums in steps of the fixed point.
        missing: (band, region) int64 pixels without observation.
        pairs: (pair, 2) int32 regions that border each other, smaller first, sorted.
        edges: (pair, 2) int64 edges between rows and between columns that they share.
        regions: Per strip, (component,) int32 region of each of its components.
    """

    sums: Ints
    box: NDArray[np.int32]
    kind: NDArray[Any]
    min_width: NDArray[np.float64]
    bands: Ints
    missing: Ints
    pairs: NDArray[np.int32]
    edges: Ints
    regions: tuple[NDArray[np.int32], ...]


def merge(strips: Sequence[Strip], *, diagonal: bool) -> Table:
    """Join the components of strips that follow each other; regions are numbered by their first pixels.

    Args:
        strips: All strips of a raster, top to bottom.
        diagonal: Whether a corner is enough.
    """
    from reasoning.streaming.fold import fold, number_roots

    offsets = np.cumsum([0, *(len(one.kind) for one in strips)])
    sums = np.concatenate([one.sums for one in strips])
    parent = np.arange(offsets[-1], dtype=np.int32)
    found = [_lifted(one.pairs, int(at)) for one, at in zip(strips, offsets, strict=False)]
    edges = [one.edges for one in strips]
    for seam, member in _seams(strips, offsets):
        keys, lengths = _sew(seam, member, parent, sums, diagonal)
        found.append(keys)
        edges.append(lengths)
    region, n = number_roots(parent)
    box = np.concatenate([one.box for one in strips])
    width = np.concatenate([one.min_width for one in strips])
    bands, missing = (
        np.concatenate([getattr(one, name) for one in strips], axis=1)
        for name in ("bands", "missing")
    )
    kind = np.concatenate([one.kind for one in strips])[parent == np.arange(len(parent))]
    fold(region, (sums, box, width, bands, missing))
    pairs, lengths = _sorted_pairs(np.concatenate(found), np.concatenate(edges), region, n)
    return Table(
        sums[:n], box[:n], kind, width[:n], bands[:, :n], missing[:, :n], pairs, lengths,
        tuple(region[a:b] for a, b in pairwise(offsets)),
    )  # fmt: skip


def _lifted(keys: Ints, offset: int) -> Ints:
    return keys + ((offset << 32) | offset)


def _seams(
    strips: Sequence[Strip], offsets: NDArray[np.intp]
) -> list[tuple[Runs, NDArray[np.int32]]]:
    """Between each two strips: the last row of one and the first of the other, and the components of their runs."""
    from reasoning.streaming.runs import Runs

    out = []
    rows = [ends(one) for one in strips]
    for i in range(1, len(strips)):
        (above, part), (below, other) = rows[i - 1], rows[i]
        a, b = slice(above.row[1], above.row[2]), slice(0, below.row[1])
        start, stop, kind = (
            np.concatenate([getattr(above, name)[a], getattr(below, name)[b]])
            for name in ("start", "stop", "kind")
        )
        row = np.array([0, a.stop - a.start, a.stop - a.start + b.stop], np.int64)
        lifted = [
            np.where(p >= 0, p + np.int32(at), np.int32(-1))
            for p, at in ((part[a], offsets[i - 1]), (other[b], offsets[i]))
        ]
        member = np.concatenate(lifted).astype(np.int32)
        out.append((Runs(start, stop, kind, row), member))
    return out


def _sew(
    seam: Runs,
    member: NDArray[np.int32],
    parent: NDArray[np.int32],
    sums: Ints,
    diagonal: bool,
) -> tuple[Ints, Ints]:
    """Unite components over one seam; return the pairs that border each other there, and their edges."""
    from reasoning.streaming.pairs import find_pairs
    from reasoning.streaming.runs import unite

    unite(seam, member, parent, diagonal)
    return find_pairs(seam, member, sums, False)


def _sorted_pairs(
    keys: Ints, edges: Ints, region: NDArray[np.int32], n: int
) -> tuple[NDArray[np.int32], Ints]:
    """Pairs of components as sorted pairs of regions, each once."""
    from reasoning.streaming.pairs import merge_pairs

    a, b = region[keys >> 32], region[keys & 0xFFFFFFFF]
    one, two = np.minimum(a, b), np.maximum(a, b)
    used = merge_pairs(one, two, edges, n)
    return np.stack([one[:used], two[:used]], axis=1), edges[:used]


def adjacency(
    pairs: NDArray[np.int32], edges: Ints, n: int, size: tuple[float, float]
) -> csr_matrix:
    """(region, region) symmetric matrix of shared boundaries in metres.

    Args:
        pairs: (pair, 2) int32, sorted, smaller region first.
        edges: (pair, 2) int64 edges between rows (as long as a pixel is wide) and between columns.
        n: Regions.
        size: Pixel width and height, metres.
    """
    from reasoning.streaming.pairs import symmetric

    one, two = (np.ascontiguousarray(pairs[:, i]) for i in (0, 1))
    rows, columns, values = symmetric(one, two, edges[:, 0] * size[0] + edges[:, 1] * size[1], n)
    matrix = csr_matrix((values, columns, rows), shape=(n, n), copy=False)
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix
