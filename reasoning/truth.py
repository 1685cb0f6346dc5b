"""Graded truth as sparse algebra: constant coefficients and relations come in; values and gradients go out.

A `Form` is a truth value per region and label that is linear in the truth of each of its relations:

    T[r, k] = sum over assignments s of prod_j g_j[s_j, r] * C_s[r, k]

with g_j[state, r] the chances of relation j's states. A relation that occurs several times is one g, so shared
sub-expressions are exact, not multiplied by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
    """How many neighbours fulfil a filler: N, the Poisson-binomial count of independent chances R[r, s] t_s.

    A link has one state more than counts that matter: state 0 is N < at_least[0], state i is
    at_least[i - 1] <= N < at_least[i], the last state is N >= at_least[-1]. So `some` and `min 1` are state 1 of the
    default; `only F` is state 0 of a link to `not F`; `min n` is state 1 and `max n - 1` state 0 of (n,); `exactly n`
    is state 1 of (n, n + 1). Restrictions of one role and filler belong to one link (`min 2` and `max 3` together:
    (2, 4)), because their truths depend on each other; then each assignment is exact.

    Attributes:
        matrix: (region, region) R, values 0..1, zero diagonal.
        filler: Truth of the filler at the neighbour, t.
        at_least: Counts that matter, 1 or more, ascending.
        origin: (region,) the region that each row stands for, where rows repeat a region
            (`reasoning.facts.limit_messages`): what rows of one region say counts once. None: each for itself.
    """

    matrix: csr_matrix
    filler: Form
    at_least: tuple[int, ...] = (1,)
    origin: NDArray[np.intp] | None = None

    def chances(self, q: Floats) -> Floats:
        """(state, region) probability of each state; a region without neighbours has N = 0."""
        from reasoning.link_kernels import count_chances

        n = self.matrix.shape[0]
        out = np.empty((len(self.at_least) + 1, n))
        count_chances(self._edges, self.filler.value(q), np.array(self.at_least), out, 0, n)
        return out

    def value(self, q: Floats) -> Floats:
        """(region,) probability of N >= at_least[0]."""
        truth: Floats = self.chances(q)[1:].sum(axis=0)
        return truth

    def pull(self, q: Floats, b: Floats, out: Floats) -> None:
        """Add the derivative of sum over states of b[state, r] * chances[state, r] to `out` (region, label)."""
        from reasoning.link_kernels import count_slopes

        edges, n = self._edges, self.matrix.shape[0]
        slopes = np.empty(len(edges[1]))
        count_slopes(
            edges, self.filler.value(q), np.array(self.at_least), b, slopes, np.array([0, n])
        )
        upstream = np.bincount(edges[1], weights=slopes, minlength=n)
        self.filler.pull(q, upstream.astype(np.float64), out)

    @cached_property
    def _edges(self) -> tuple[NDArray[Any], NDArray[Any], Floats, NDArray[np.intp]]:
        """Rows, columns, values and origins; the columns of one origin side by side."""
        from scipy.sparse import csr_matrix as rows_of

        matrix, n = self.matrix, self.matrix.shape[0]
        if self.origin is None:
            return matrix.indptr, matrix.indices, matrix.data, np.arange(n)
        row = np.repeat(np.arange(n), np.diff(matrix.indptr))
        order = np.lexsort((matrix.indices, self.origin[matrix.indices], row))
        one = rows_of((matrix.data[order], matrix.indices[order], matrix.indptr), shape=(n, n))
        return one.indptr, one.indices, one.data, self.origin


@dataclass(frozen=True)
class Form:
    """Truth per region and label; see the head of this module.

    Attributes:
        links: The relations, each once.
        blocks: (assignment of a state to each link, coefficients); those that are zero are left out.
    """

    links: tuple[Link, ...]
    blocks: tuple[tuple[tuple[int, ...], Block], ...]

    def value(self, q: Floats) -> Floats:
        """(region,) truth expected under q (region, label)."""
        values = [link.chances(q) for link in self.links]
        total = np.zeros(len(q))
        for states, block in self.blocks:
            total += _chance(states, values) * block.dot(q)
        return total

    def matrix(self, q: Floats) -> Floats:
        """(region, label) truth if the region itself had this label and the others were as q says."""
        values = [link.chances(q) for link in self.links]
        out = np.zeros(q.shape)
        for states, block in self.blocks:
            block.add(out, _chance(states, values) * np.ones(len(q)))
        return out

    def pull(self, q: Floats, b: Floats, out: Floats) -> None:
        """Add the derivative of sum_r b[r] * value[r] by q to `out` (region, label)."""
        values = [link.chances(q) for link in self.links]
        upstream = [np.zeros_like(chances) for chances in values]
        for states, block in self.blocks:
            block.add(out, b * _chance(states, values))
            if self.links:
                dot = block.dot(q) * b
                for j, state in enumerate(states):
                    rest = _chance(states[:j] + states[j + 1 :], values[:j] + values[j + 1 :])
                    upstream[j][state] += rest * dot
        for link, weight in zip(self.links, upstream, strict=True):
            link.pull(q, weight, out)


NEVER = Form((), ())
"""False everywhere."""


def _chance(states: Sequence[int], values: Sequence[Floats]) -> Floats:
    """Probability of an assignment, links taken as independent; (1,) ones where there are none."""
    chance = np.ones(1)
    for state, value in zip(states, values, strict=True):
        chance = chance * value[state]
    return chance
