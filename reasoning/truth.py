"""Graded truth as sparse algebra: constant coefficients and relations come in; values and gradients go out.

A `Form` is a truth value per region and label that is linear in the truth of each of its relations:

    T[r, k] = sum over assignments s of prod_j (g_j[r] if s_j else 1 - g_j[r]) * C_s[r, k]

A relation that occurs several times is one g, so shared sub-expressions are exact, not multiplied by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

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
        if self.full is None:
            plain: Floats = q @ np.broadcast_to(self.row, q.shape[1:]) * self.column
            return plain
        summed: Floats = np.einsum(
            "rk,rk,k->r", q, self.full, np.broadcast_to(self.row, q.shape[1:])
        )
        return summed * self.column

    def add(self, out: Floats, b: Floats) -> None:
        """Add b[r] * block[r, k] to `out` (region, label)."""
        scaled = np.broadcast_to(b * self.column, out.shape[:1])[:, None] * self.row
        out += scaled if self.full is None else scaled * self.full

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


@dataclass(frozen=True)
class Link:
    """The truth of `role some filler`: 1 - prod_s (1 - R[r, s] * t_s), t_s the filler's truth under q_s.

    Attributes:
        matrix: (region, region) R, values 0..1, zero diagonal.
        filler: Truth of the filler at the neighbour.
    """

    matrix: csr_matrix
    filler: Form

    def value(self, q: Floats) -> Floats:
        """(region,) truth in 0..1; 0 for a region without neighbours."""
        truth: Floats = -np.expm1(self._sums(np.log(self._factors(q))))
        return truth

    @cached_property
    def _rows(self) -> NDArray[np.intp]:
        """(edge,) region that each edge starts from."""
        return np.repeat(np.arange(self.matrix.shape[0]), np.diff(self.matrix.indptr))

    def _factors(self, q: Floats) -> Floats:
        """(edge,) 1 - R * t, at least the smallest normal number so that its logarithm is finite."""
        t = self.filler.value(q)
        factors: Floats = np.maximum(1.0 - self.matrix.data * t[self.matrix.indices], _TINY)
        return factors

    def _sums(self, edges: Floats) -> Floats:
        sums: Floats = csr_matrix(
            (edges, self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape
        ) @ np.ones(self.matrix.shape[1])
        return sums

    def pull(self, q: Floats, b: Floats, out: Floats) -> None:
        """Add the derivative of sum_r b[r] * value[r] to `out` (region, label).

        The derivative by one t_s is R times the product of the *other* factors; where one factor is zero
        that is the product of the rest for this edge and nothing for the others.
        """
        factors = self._factors(q)
        logs = np.log(factors)
        others = np.exp(self._sums(logs)[self._rows] - logs)
        weights = b[self._rows] * self.matrix.data * others
        upstream = np.bincount(self.matrix.indices, weights=weights, minlength=len(q))
        self.filler.pull(q, upstream.astype(np.float64), out)


_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Form:
    """Truth per region and label; see the head of this module.

    Attributes:
        links: The relations, each once.
        blocks: (assignment of 0 or 1 to each link, coefficients); those that are zero are left out.
    """

    links: tuple[Link, ...]
    blocks: tuple[tuple[tuple[int, ...], Block], ...]

    def value(self, q: Floats) -> Floats:
        """(region,) truth expected under q (region, label)."""
        values = [link.value(q) for link in self.links]
        total = np.zeros(len(q))
        for bits, block in self.blocks:
            total += _chance(bits, values) * block.dot(q)
        return total

    def matrix(self, q: Floats) -> Floats:
        """(region, label) truth if the region itself had this label and the others were as q says."""
        values = [link.value(q) for link in self.links]
        out = np.zeros(q.shape)
        for bits, block in self.blocks:
            block.add(out, _chance(bits, values) * np.ones(len(q)))
        return out

    def pull(self, q: Floats, b: Floats, out: Floats) -> None:
        """Add the derivative of sum_r b[r] * value[r] by q to `out` (region, label)."""
        values = [link.value(q) for link in self.links]
        upstream = [np.zeros(len(q)) for _ in self.links]
        for bits, block in self.blocks:
            block.add(out, b * _chance(bits, values))
            if self.links:
                dot = block.dot(q) * b
                for j, bit in enumerate(bits):
                    rest = _chance(bits[:j] + bits[j + 1 :], values[:j] + values[j + 1 :])
                    upstream[j] += (rest if bit else -rest) * dot
        for link, weight in zip(self.links, upstream, strict=True):
            link.pull(q, weight, out)


NEVER = Form((), ())
"""False everywhere."""


def _chance(bits: Sequence[int], values: Sequence[Floats]) -> Floats:
    """Probability of an assignment, links taken as independent; (1,) ones where there are none."""
    chance = np.ones(1)
    for bit, value in zip(bits, values, strict=True):
        chance = chance * (value if bit else 1.0 - value)
    return chance
