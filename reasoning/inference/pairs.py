"""Pairs of neighbours that smoothness ties: weights come in, what each node feels of the others goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
Edges = tuple[NDArray[np.int64], NDArray[np.int32], Floats]


class Pairs(Protocol):
    """What a field needs of its pairs."""

    @property
    def count(self) -> int:
        """0 where nothing is tied."""

    def feel(self, q: Floats, size: Floats, felt: Floats, span: tuple[int, int]) -> float:
        """Take the smoothness gradient of some nodes from `felt` (label, some nodes); return their roughness.

        Over all nodes the roughness adds up to 1/2 sum of w |q_i - q_j|^2 over the pairs.
        """

    def edges(self, chosen: NDArray[np.intp]) -> Edges:
        """How many neighbours some nodes have, who they are, node after node, and their weights."""


@dataclass(frozen=True, eq=False)
class Listed:
    """Neighbours by list: CSR; others from the number of nodes on are held.

    Attributes:
        starts: (node + 1,) where each node's neighbours start.
        others: (edge,) who they are.
        weights: (edge,) nats.
    """

    starts: NDArray[np.int64]
    others: NDArray[np.int32]
    weights: Floats

    @property
    def count(self) -> int:
        """Entries, two for each pair of nodes."""
        return len(self.others)

    def feel(self, q: Floats, size: Floats, felt: Floats, span: tuple[int, int]) -> float:
        """See `Pairs`."""
        from reasoning.inference.field_kernels import feel_listed

        return float(feel_listed(q, size, (self.starts, self.others, self.weights), felt, span))

    def edges(self, chosen: NDArray[np.intp]) -> Edges:
        """See `Pairs`."""
        counts = np.diff(self.starts)[chosen]
        before = np.cumsum(counts) - counts
        where = np.repeat(self.starts[chosen] - before, counts) + np.arange(counts.sum())
        return counts, self.others[where], self.weights[where]


@dataclass(frozen=True, eq=False)
class GridPairs:
    """Neighbours on a full grid of pixels, row by row, each one node of size 1.

    Attributes:
        right: (node,) weight of the pair with the next pixel of the row, 0 at its end.
        down: (node,) weight of the pair with the pixel below, 0 in the last row.
        width: Pixels of a row.
    """

    right: Floats
    down: Floats
    width: int

    @property
    def count(self) -> int:
        """Pairs, at most."""
        return 2 * len(self.right)

    def feel(self, q: Floats, size: Floats, felt: Floats, span: tuple[int, int]) -> float:
        """See `Pairs`."""
        from reasoning.inference.field_kernels import feel_grid

        return float(feel_grid(q, self.right, self.down, self.width, felt, span))

    def edges(self, chosen: NDArray[np.intp]) -> Edges:
        """See `Pairs`."""
        ends, weights = [], []
        for step, plane in ((-self.width, self.down), (-1, self.right)):
            other = chosen + step
            ends.append(other)
            weights.append(np.where(other >= 0, plane[np.maximum(other, 0)], 0.0))
        for step, plane in ((1, self.right), (self.width, self.down)):
            ends.append(chosen + step)
            weights.append(plane[chosen])
        every, amounts = np.stack(ends, axis=1), np.stack(weights, axis=1)
        tied = amounts > 0
        return tied.sum(axis=1), every[tied].astype(np.int32), amounts[tied]


def listed(matrix: csr_matrix) -> Listed:
    """Pairs of a symmetric (node, node) matrix of weights."""
    return Listed(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(float)
    )


@dataclass(frozen=True)
class NoPairs:
    """Nothing is tied."""

    count: int = 0

    def feel(self, q: Floats, size: Floats, felt: Floats, span: tuple[int, int]) -> float:
        """See `Pairs`."""
        return 0.0

    def edges(self, chosen: NDArray[np.intp]) -> Edges:
        """See `Pairs`."""
        return np.zeros(len(chosen), np.int64), np.empty(0, np.int32), np.empty(0)
