"""Pairs of neighbours that smoothness ties: weights come in, what each node feels of the others goes out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
Edges = tuple[NDArray[np.int64], NDArray[np.int32], Floats]
Places = tuple[Floats, Floats]


class Pairs(Protocol):
    """What a field needs of its pairs."""

    @property
    def count(self) -> int:
        """0 where nothing is tied."""

    @property
    def tie(self) -> Floats:
        """(node,) sum of the weights of each node's pairs."""

    def feel(self, places: Places, size: Floats, felt: Floats, span: tuple[int, int]) -> None:
        """Take the smoothness gradient of some nodes of one colour from `felt` (label, some nodes).

        `places` are their marginals, and those that their neighbours have, both (label, node + held).
        """

    def rough(self, q: Floats, span: tuple[int, int]) -> float:
        """Part of 1/2 sum of w |q_i - q_j|^2 over the pairs that is counted at some nodes."""

    def edges(self, chosen: NDArray[np.intp]) -> Edges:
        """How many neighbours some nodes have, who they are, node after node, and their weights."""

    def part(self, chosen: NDArray[np.intp], places: int) -> tuple[Pairs, NDArray[np.intp]]:
        """Pairs of some nodes, by their new numbers; and the others of so many places that these are tied to."""


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

    @cached_property
    def tie(self) -> Floats:
        """See `Pairs`."""
        n = len(self.starts) - 1
        owner = np.repeat(np.arange(n), np.diff(self.starts))
        return np.bincount(owner, self.weights, n).astype(np.float64)

    def feel(self, places: Places, size: Floats, felt: Floats, span: tuple[int, int]) -> None:
        """See `Pairs`."""
        from reasoning.inference.pair_kernels import feel_listed

        feel_listed(places, size, (self.starts, self.others, self.weights), felt, span)

    def rough(self, q: Floats, span: tuple[int, int]) -> float:
        """See `Pairs`."""
        from reasoning.inference.pair_kernels import rough_listed

        pairs = (self.starts, self.others, self.weights)
        return float(rough_listed(q, len(self.starts) - 1, pairs, span))

    def edges(self, chosen: NDArray[np.intp]) -> Edges:
        """See `Pairs`."""
        counts = np.diff(self.starts)[chosen]
        before = np.cumsum(counts) - counts
        where = np.repeat(self.starts[chosen] - before, counts) + np.arange(counts.sum())
        return counts, self.others[where], self.weights[where]

    def part(self, chosen: NDArray[np.intp], places: int) -> tuple[Pairs, NDArray[np.intp]]:
        """See `Pairs`."""
        counts, ends, weights = self.edges(chosen)
        name, outer = _names(chosen, ends, places)
        return Listed(np.concatenate([[0], np.cumsum(counts)]), name[ends], weights), outer


@dataclass(frozen=True, eq=False)
class Sided:
    """Neighbours above, left, right and below of some pixels, each one node of size 1; others than these are held.

    Attributes:
        ends: (4, node) int32 who they are; the node itself where there is none.
        weights: (4, node) nats; 0 where there is none.
    """

    ends: NDArray[np.int32]
    weights: Floats

    @property
    def count(self) -> int:
        """Entries, two for each pair of nodes, at most."""
        return self.ends.size

    @cached_property
    def tie(self) -> Floats:
        """See `Pairs`."""
        tie: Floats = self.weights.sum(axis=0)
        return tie

    def feel(self, places: Places, size: Floats, felt: Floats, span: tuple[int, int]) -> None:
        """See `Pairs`."""
        from reasoning.inference.pair_kernels import feel_sided

        feel_sided(places, self.ends, self.weights, felt, span[0])

    def rough(self, q: Floats, span: tuple[int, int]) -> float:
        """See `Pairs`."""
        from reasoning.inference.pair_kernels import rough_sided

        return float(rough_sided(q, self.ends, self.weights, span))

    def edges(self, chosen: NDArray[np.intp]) -> Edges:
        """See `Pairs`."""
        return _tied(self.ends[:, chosen], self.weights[:, chosen])

    def part(self, chosen: NDArray[np.intp], places: int) -> tuple[Pairs, NDArray[np.intp]]:
        """See `Pairs`."""
        return _sided(
            chosen, places, np.take(self.ends, chosen, 1), np.take(self.weights, chosen, 1)
        )


@dataclass(frozen=True, eq=False)
class GridPairs:
    """Neighbours on a full grid of pixels, each one node of size 1, in the order of `chequer_kernels`.

    Attributes:
        weights: (2, node) weight of the pair with the pixel to the right, 0 at the end of a row, and with the pixel
            below, 0 in the last row.
        dark: How many nodes are dark; these come first.
        width: Pixels of a row.
    """

    weights: Floats
    dark: int
    width: int

    @property
    def count(self) -> int:
        """Pairs, at most."""
        return self.weights.size

    @cached_property
    def tie(self) -> Floats:
        """See `Pairs`."""
        from reasoning.inference.chequer_kernels import tie_chequered

        out = np.zeros(self.weights.shape[1])
        tie_chequered(self.weights, self._grid, out)
        return out

    @property
    def _grid(self) -> tuple[int, int, int]:
        return self.weights.shape[1], self.dark, self.width

    def feel(self, places: Places, size: Floats, felt: Floats, span: tuple[int, int]) -> None:
        """See `Pairs`."""
        from reasoning.inference.chequer_kernels import feel_chequered

        feel_chequered(places, self.weights, self._grid, felt, span[0])

    def rough(self, q: Floats, span: tuple[int, int]) -> float:
        """See `Pairs`; each pair counts at its bright end."""
        from reasoning.inference.chequer_kernels import rough_chequered

        if span[0] < self.dark:
            return 0.0
        return float(rough_chequered(q, self.weights, self._grid, span))

    def edges(self, chosen: NDArray[np.intp]) -> Edges:
        """See `Pairs`."""
        return _tied(*self._sides(chosen))

    def part(self, chosen: NDArray[np.intp], places: int) -> tuple[Pairs, NDArray[np.intp]]:
        """See `Pairs`."""
        return _sided(chosen, places, *self._sides(chosen))

    def _sides(self, chosen: NDArray[np.intp]) -> tuple[NDArray[np.int32], Floats]:
        from reasoning.inference.chequer_kernels import chequered_sides

        ends, weights = np.empty((4, len(chosen)), np.int32), np.empty((4, len(chosen)))
        chequered_sides(chosen, self.weights, self._grid, ends, weights)
        return ends, weights


def _tied(ends: NDArray[np.int32], weights: Floats) -> Edges:
    """Edges of nodes by their four sides."""
    tied = weights.T > 0
    return tied.sum(axis=1), ends.T[tied], weights.T[tied]


def _sided(
    chosen: NDArray[np.intp], places: int, ends: NDArray[np.int32], weights: Floats
) -> tuple[Sided, NDArray[np.intp]]:
    """Pairs of some nodes by their four sides; and the others that these are tied to."""
    name, outer = _names(chosen, ends, places)
    return Sided(name[ends], weights), outer


def _names(
    chosen: NDArray[np.intp], ends: NDArray[np.int32], places: int
) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """New numbers of some nodes and, after them, of the others that they are tied to; and who those are."""
    beside = np.zeros(places, bool)
    beside[ends] = True
    beside[chosen] = False
    outer = np.flatnonzero(beside)
    name = np.empty(places, np.int32)
    name[chosen] = np.arange(len(chosen))
    name[outer] = len(chosen) + np.arange(len(outer))
    return name, outer


def listed(matrix: csr_matrix) -> Listed:
    """Pairs of a symmetric (node, node) matrix of weights."""
    return Listed(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(float)
    )


@dataclass(frozen=True)
class NoPairs:
    """Nothing is tied."""

    count: int = 0

    @property
    def tie(self) -> Floats:
        """See `Pairs`; never asked for."""
        return np.zeros(0)

    def feel(self, places: Places, size: Floats, felt: Floats, span: tuple[int, int]) -> None:
        """See `Pairs`."""

    def rough(self, q: Floats, span: tuple[int, int]) -> float:
        """See `Pairs`."""
        return 0.0

    def edges(self, chosen: NDArray[np.intp]) -> Edges:
        """See `Pairs`."""
        return np.zeros(len(chosen), np.int64), np.empty(0, np.int32), np.empty(0)

    def part(self, chosen: NDArray[np.intp], places: int) -> tuple[Pairs, NDArray[np.intp]]:
        """See `Pairs`."""
        return self, np.empty(0, np.intp)
