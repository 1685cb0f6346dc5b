"""A graded truth that looks along one relation and asks only for `some`: marginals come in, values and slopes go out.

Most rules are of this kind ("adjacent to some Water"), and most of inference is spent in them. One pass over the
regions reads each neighbour once, where the general way (`reasoning.logic.truth.Form`) passes over the regions for the
chances, the sums over labels, the slopes and the neighbours; the figures are the same up to the order of sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.logic.blocks import Block
from reasoning.threads import in_blocks

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
Relation = tuple[Any, dict[int, tuple[int, int]]]

PARTS = 4
"""In so many parts, whatever the number of threads, neighbours are told: each part has sums of its own."""
LEAST = 16384
"""Regions per part, at least."""


@dataclass(frozen=True)
class Coefficients:
    """Blocks of one link, side by side.

    Attributes:
        state: (block,) 0 for no neighbour, 1 for some.
        start: (block + 1,) where the labels of each block start.
        label: (entry,) labels whose factor is not 0.
        factor: (entry,) their factors.
        place: (block,) row of `column`, -1 where all regions are alike.
        column: (row, region) factors of each region.
    """

    state: Labels
    start: Labels
    label: Labels
    factor: Floats
    place: Labels
    column: Floats

    @property
    def arrays(self) -> tuple[Labels, Labels, Labels, Floats, Labels, Floats]:
        """As the kernel takes them."""
        return self.state, self.start, self.label, self.factor, self.place, self.column


def coefficients(
    blocks: Sequence[tuple[tuple[int, ...], Block]], labels: int
) -> Coefficients | None:
    """Put blocks side by side; None where one is no product of a row and a column."""
    if any(block.full is not None for _, block in blocks):
        return None
    own = [block.column for _, block in blocks if len(block.column) > 1]
    rows = [np.broadcast_to(block.row, labels) for _, block in blocks]
    rows = [
        row * block.column[0] if len(block.column) == 1 else row
        for row, (_, block) in zip(rows, blocks, strict=True)
    ]
    named = [np.flatnonzero(row) for row in rows]
    place = np.cumsum([len(block.column) > 1 for _, block in blocks]) - 1
    return Coefficients(
        np.array([states[0] for states, _ in blocks], np.intp),
        np.concatenate([[0], np.cumsum([len(one) for one in named])]).astype(np.intp),
        np.concatenate(named).astype(np.intp),
        np.concatenate([row[one] for row, one in zip(rows, named, strict=True)]),
        np.where([len(block.column) > 1 for _, block in blocks], place, -1).astype(np.intp),
        np.stack(own) if own else np.ones((0, 1)),
    )


def parts(n: int) -> int:
    """Regions per part, of so many."""
    return max(LEAST, -(-n // PARTS))


def told_spans(edges: Any, n: int) -> dict[int, tuple[int, int]]:
    """First region of each part -> the first region that it tells anything, and one past the last."""
    starts, columns = edges[0], edges[1]
    spans = {}
    for first in range(0, n, parts(n)):
        ends = columns[starts[first] : starts[min(first + parts(n), n)]]
        spans[first] = (int(ends.min()), int(ends.max()) + 1) if len(ends) else (0, 0)
    return spans


def assess(
    relation: Relation, t: Floats, q: Floats, b: Floats, given: Coefficients, out: Floats
) -> tuple[Floats, Floats]:
    """Value of each region, and what all of them tell the filler's truth; slopes of the regions' own labels are added.

    Args:
        relation: Row starts, columns and values of the relation with an array that is not read, and its `told_spans`.
        t: (region,) truth of the filler.
        q: (label, region) marginals.
        b: (region,) weights.
        given: The form's blocks.
        out: (label, region) what is added to.

    Returns:
        (region,) values, and (region,) derivative of sum_r b[r] * value[r] by t.
    """
    from reasoning.logic.link_kernels import some_assess

    (edges, spans), n = relation, q.shape[1]
    total, upstream = np.empty(n), np.zeros(n)

    def work(first: int, last: int) -> tuple[int, Floats]:
        """What some regions tell the labels."""
        low, high = spans[first]
        told = np.zeros(high - low)
        outs = (total, out, told)
        some_assess(edges, t, (q, b), given.arrays, outs, (first, last, low))
        return low, told

    for low, told in in_blocks(work, n, parts(n)):
        upstream[low : low + len(told)] += told
    return total, upstream
