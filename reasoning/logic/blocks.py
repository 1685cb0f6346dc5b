"""Constant coefficients of graded truth: factors by region and by label come in, products with marginals go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.inference.cut import Cut

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """A (region, label) matrix of constants, kept as the product of its parts.

    Attributes:
        row: (label,) or (1,) factor of each label.
        column: (region,) or (1,) factor of each region.
        full: (region, label) factor that is no such product, or None.
    """

    row: Floats
    column: Floats
    full: Floats | None = None

    def dot(self, q: Floats) -> Floats:
        """(region,) sum over labels of q * block."""
        total = np.zeros(len(q))
        for k, factor in self._labels(q.shape[1]):
            part = q[:, k] if self.full is None else q[:, k] * self.full[:, k]
            total += part if factor == 1.0 else factor * part
        return total if _is_one(self.column) else total * self.column

    def add(self, out: Floats, b: Floats) -> None:
        """Add b[r] * block[r, k] to `out` (region, label)."""
        scaled = b if _is_one(self.column) else b * self.column
        for k, factor in self._labels(out.shape[1]):
            part = scaled if self.full is None else scaled * self.full[:, k]
            out[:, k] += part if factor == 1.0 else factor * part

    def _labels(self, k: int) -> list[tuple[int, float]]:
        """Labels whose factor is not 0."""
        row = self.row.tolist() * (k if len(self.row) == 1 else 1)
        return [(i, f) for i, f in enumerate(row) if f]

    def rows(self, first: int, last: int, total: int) -> Block:
        """The block of some of `total` regions."""
        column = self.column[first:last] if len(self.column) == total else self.column
        return Block(self.row, column, None if self.full is None else self.full[first:last])

    def restricted(self, cut: Cut) -> Block:
        """The block of chosen regions."""
        column = self.column[cut.rows] if len(self.column) == cut.total else self.column
        return Block(self.row, column, None if self.full is None else self.full[cut.rows])

    def at_labels(self, chosen: NDArray[np.intp]) -> Block:
        """The block of chosen labels."""
        row = self.row[chosen] if len(self.row) > 1 else self.row
        return Block(row, self.column, None if self.full is None else self.full[:, chosen])

    def repeated(self, times: int) -> Block:
        """The block of so many copies of the regions, one after the other."""
        column = self.column if len(self.column) == 1 else np.tile(self.column, times)
        return Block(
            self.row, column, None if self.full is None else np.tile(self.full, (times, 1))
        )

    @property
    def is_zero(self) -> bool:
        """Whether the block holds nothing but zeros."""
        parts = (self.row, self.column) if self.full is None else (self.row, self.column, self.full)
        return any(not part.any() for part in parts)

    @property
    def same_for_all_labels(self) -> bool:
        """Whether no label differs from another."""
        return self.full is None and bool(np.ptp(self.row) == 0)


def block_of(factors: Sequence[Floats]) -> Block:
    """Multiply factors of shapes (1, label), (region, 1), (1, 1) and (region, label)."""
    row, column, full = np.ones(1), np.ones(1), None
    for factor in factors:
        if factor.shape[0] == 1:
            row = row * factor[0]
        elif factor.shape[1] == 1:
            column = column * factor[:, 0]
        else:
            full = factor if full is None else full * factor
    return Block(row, column, full)


def _is_one(column: Floats) -> bool:
    return len(column) == 1 and column[0] == 1.0
