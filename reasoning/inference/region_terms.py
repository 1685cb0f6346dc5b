"""The part of F that lives on regions: compiled axioms and sums over nodes come in, penalty and gradient go out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from reasoning.inference.cut import Cut, reach
from reasoning.logic.truth import Form
from reasoning.threads import in_blocks

if TYPE_CHECKING:
    from reasoning.inference.field import Nodes

Floats = NDArray[np.float64]


class Penalty(Protocol):
    """What inference needs of a compiled axiom (`reasoning.logic.axioms.CompiledAxiom` has it).

    One that also has `violation`, a `reasoning.logic.truth.Form`, is evaluated in one pass and can be cut to a part.
    """

    @property
    def local(self) -> bool:
        """True when the gradient does not depend on q."""

    def penalty(self, q: Floats) -> Floats:
        """(region,) penalty in 0..1 at the region means (region, class)."""

    def gradient(self, q: Floats, b: Floats) -> Floats:
        """(region, class) derivative of sum_r b_r penalty_r(q)."""


Weighted = tuple[tuple[float, "Penalty | Form"], ...]


@dataclass(frozen=True, eq=False)
class Pull:
    """What regions add to the scores of their pixels.

    Attributes:
        labels: Those that anything is added to.
        scores: (label, row) nats; where regions are nodes, the derivative of the penalty that they follow from.
    """

    labels: tuple[int, ...]
    scores: Floats


@dataclass(frozen=True, eq=False)
class RegionTerms:
    """Axioms over rows: regions, then rows that only serve as neighbours.

    Attributes:
        base: (label, row) sums of what does not move.
        count: (row,) pixels, 1 or more.
        b: (row,) pixels, 0 for rows whose penalty does not count.
        linked: (weight, axiom) of those that depend on q.
        whole: Whether node i is all of row i, for every node.
    """

    base: Floats
    count: Floats
    b: Floats
    linked: Weighted
    whole: bool

    def means(self, q: Floats, nodes: Nodes) -> Floats:
        """(label, row) means of a state."""
        from reasoning.inference.field_kernels import region_sums

        n = len(nodes.size)
        if self.whole and n == len(self.b):
            return q
        out = self.base.copy()
        if self.whole:
            out /= self.count
            out[:, :n] = q[:, :n]
            return out

        def work(first: int, last: int) -> None:
            """Some labels."""
            region_sums(q[first:last], nodes.size, nodes.row, out[first:last])
            out[first:last] /= self.count

        in_blocks(work, len(out), 4)
        return out

    def assess(self, q: Floats, nodes: Nodes) -> tuple[float, Pull | None]:
        """Penalty of the axioms in nats, and what pixels feel of it; None where there is nothing to feel."""
        if not self.linked:
            return 0.0, None
        means, total = self.means(q, nodes), 0.0
        gradient = np.zeros_like(means)
        for weight, axiom in self.linked:
            total += _add(axiom, weight * self.b, means.T, gradient.T)
        labels = tuple(j for j, row in enumerate(gradient) if row.any())
        if not self.whole:
            gradient *= self._share
        return total, Pull(labels, gradient)

    def felt(self, pull: Pull | None, nodes: Nodes, span: tuple[int, int]) -> Floats:
        """(label, some nodes) what is added to the scores of each pixel of some nodes."""
        from reasoning.inference.field_kernels import gather_labels

        first, last = span
        felt = np.zeros((len(nodes.unary), last - first))
        if pull is None:
            return felt
        if self.whole:
            for j in pull.labels:
                np.multiply(pull.scores[j, first:last], self._share[first:last], out=felt[j])
        elif pull.labels:
            gather_labels(pull.scores, np.array(pull.labels), nodes.row, felt, first)
        return felt

    @cached_property
    def _share(self) -> Floats:
        """(row,) what a pixel feels of its row, negative."""
        return np.asarray(-1.0 / self.count)

    @property
    def divisible(self) -> bool:
        """Whether `part` may leave rows out."""
        return all(isinstance(axiom, Form) for _, axiom in self.linked)

    def part(
        self, q: Floats, nodes: Nodes, chosen: NDArray[np.intp]
    ) -> tuple[RegionTerms, NDArray[np.int32]]:
        """The terms of some nodes at a state, and the rows of these; what they do not reach is left out."""
        row, n = nodes.row[chosen], len(self.b)
        inside, counted = self.reach(row)
        own = np.unique(row) if not self.whole else row
        inside[own] = False
        rows = np.concatenate([own, np.flatnonzero(inside)])
        if len(rows) == n:
            rows = np.arange(n)
        cut = Cut(rows, n)
        base = self._held(q, nodes, chosen, cut)
        linked = tuple(
            (weight, axiom.restricted(cut) if isinstance(axiom, Form) else axiom)
            for weight, axiom in self.linked
        )
        b = np.where(counted, self.b, 0.0)[rows]
        whole = self.whole and len(rows) < n
        return RegionTerms(base, self.count[rows], b, linked, whole), cut.name[row]

    def _held(self, q: Floats, nodes: Nodes, chosen: NDArray[np.intp], cut: Cut) -> Floats:
        """(label, row of the cut) sums of what does not move."""
        base: Floats = self.means(q, nodes)[:, cut.rows] * self.count[cut.rows]
        if self.whole:
            base[:, cut.name[nodes.row[chosen]]] = 0.0
            return base
        row = cut.name[nodes.row[chosen]]
        for j in range(len(q)):
            base[j] -= np.bincount(row, nodes.size[chosen] * q[j, chosen], base.shape[1])
        return np.maximum(base, 0.0, out=base)

    def reach(self, row: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Rows that feel a change of some rows, and rows whose penalty it changes."""
        n = len(self.b)
        if not self.divisible:
            return np.ones(n, bool), np.ones(n, bool)
        forms = [axiom for _, axiom in self.linked if isinstance(axiom, Form)]
        matrices = {id(m.data): m for form in forms for m in form.matrices()}
        depth = max((form.depth for form in forms), default=0)
        return reach(list(matrices.values()), depth, row, n)


def _add(axiom: Penalty | Form, b: Floats, q: Floats, out: Floats) -> float:
    """Add the gradient of sum_r b_r penalty_r to `out`; return the sum."""
    if isinstance(axiom, Form):
        return float(b @ axiom.assess(q, b, out))
    out += axiom.gradient(q, b)
    return float(b @ axiom.penalty(q))
