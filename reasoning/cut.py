"""Chosen regions of a run come in; what a part of the run needs of relations goes out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


class Cut:
    """Some regions of a run, in an order of their own: what they do not reach can be left out.

    Attributes:
        rows: (region,) rows that are kept.
        total: How many there were.
    """

    def __init__(self, rows: NDArray[np.intp], total: int) -> None:
        self.rows, self.total = rows, total
        self._done: dict[int, tuple[csr_matrix, csr_matrix]] = {}

    def matrix(self, matrix: csr_matrix) -> csr_matrix:
        """A relation among the rows that are kept; links over one relation get one matrix."""
        if id(matrix.data) not in self._done:
            self._done[id(matrix.data)] = (matrix, matrix[self.rows][:, self.rows])
        return self._done[id(matrix.data)][1]
