"""Chosen regions of a run come in; what a part of the run needs of relations goes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


class Cut:
    """Some regions of a run, in an order of their own: what they do not reach can be left out.

    Attributes:
        rows: (region,) rows that are kept.
        total: How many there were.
        name: (total,) int32 new row of each, -1 where it is left out.
    """

    def __init__(self, rows: NDArray[np.intp], total: int) -> None:
        self.rows, self.total = rows, total
        self.name = np.full(total, -1, np.int32)
        self.name[rows] = np.arange(len(rows))
        self._done: dict[int, tuple[csr_matrix, csr_matrix]] = {}

    def matrix(self, matrix: csr_matrix) -> csr_matrix:
        """A relation among the rows that are kept; links over one relation get one matrix."""
        from reasoning.inference.cut_kernels import cut_entries

        if id(matrix.data) not in self._done:
            starts, columns, values = cut_entries(
                matrix.indptr, matrix.indices, matrix.data, self.rows, self.name
            )
            n = len(self.rows)
            small = csr_matrix((n, n))
            small.indptr, small.indices, small.data = starts, columns, values
            self._done[id(matrix.data)] = (matrix, small)
        return self._done[id(matrix.data)][1]


def reach(
    matrices: Sequence[csr_matrix], depth: int, rows: NDArray[Any], total: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """How far a change of some regions is felt.

    Args:
        matrices: Relations that truths look along.
        depth: How many relations away they look.
        rows: Regions that change.
        total: Number of regions.

    Returns:
        (region,) bool: regions whose messages it changes, and those whose truths it changes.
    """
    from reasoning.inference.cut_kernels import looked_at, lookers

    changed = np.zeros(total, bool)
    changed[rows] = True
    for _ in range(depth):
        before = changed.copy()
        for matrix in matrices:
            lookers(matrix.indptr, matrix.indices, before, changed)
    told = changed.copy()
    for _ in range(depth):
        before = told.copy()
        for matrix in matrices:
            looked_at(matrix.indptr, matrix.indices, before, told)
    return told, changed
