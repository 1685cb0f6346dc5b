"""How a problem of pixels becomes a field of nodes, and back: planes come in, (label, node) arrays go out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reasoning.inference.alike import Groups, Labels, Scores, grouped, summed, told_apart
from reasoning.inference.field import Field, Nodes, State
from reasoning.inference.pairs import GridPairs, Listed, NoPairs, Pairs, listed
from reasoning.inference.region_terms import Penalty, RegionTerms, Weighted
from reasoning.logic.sums import merged
from reasoning.logic.truth import Form
from reasoning.threads import in_blocks

if TYPE_CHECKING:
    from reasoning.inference.infer import Held, Problem

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layout:
    """A problem as a field.

    Attributes:
        field: Nodes that move, and their regions.
        node: (y, x) int32 node of each pixel; dark ones of a chequerboard come before bright ones where smoothness ties
            pixels; held pixels come after those that move; -1 where there is no region.
        held: (label, held) marginals of the pixels that do not move.
        regions: The regions' terms by label.
        groups: Labels that the field takes as one; None where each stands for itself.
    """

    field: Field
    node: NDArray[np.int32]
    held: Floats
    regions: RegionTerms
    groups: Groups | None

    def start(self) -> State:
        """The state that inference starts from."""
        return self.field.start(self.held)

    def split(self, q: Floats) -> Floats:
        """(label, node) marginals of a state of the field."""
        return q if self.groups is None else self.groups.split(q)

    def planes(self, by_label: Floats) -> Floats:
        """(y, x, label) of marginals (label, node), plane by plane in memory; zeros where there is no region."""
        from reasoning.inference.field_kernels import gather

        inside = self.node >= 0
        if self._in_order:
            return np.moveaxis(by_label.reshape(-1, *self.node.shape), 0, -1)
        out = np.zeros((len(by_label), *self.node.shape))
        where, full = self.node[inside], bool(inside.all())

        def work(first: int, last: int) -> None:
            """Some labels."""
            for plane, values in zip(out[first:last], by_label[first:last], strict=True):
                if full:
                    gather(values, where, plane.ravel())
                else:
                    plane[inside] = values[where]

        in_blocks(work, len(out), 1)
        return np.moveaxis(out, 0, -1)

    @cached_property
    def _in_order(self) -> bool:
        """Whether nodes are the pixels, row by row."""
        return np.array_equal(self.node.ravel(), np.arange(self.node.size))

    def means(self, by_label: Floats) -> Floats:
        """(row, label) means that the axioms see at marginals (label, node)."""
        return self.regions.means(by_label, self.field.nodes).T


def lay_out(problem: Problem, held: Held | None) -> Layout:
    """The field of a problem."""
    inside = problem.region >= 0
    free = inside if held is None else inside & held.free
    k = problem.unary.shape[2]
    tied = problem.pairs is None and bool(problem.right.any() or problem.down.any())
    pixels, dark = _order(free, chequered=tied)
    n = len(pixels)
    node = np.full(inside.shape, -1, np.int32)
    node.ravel()[pixels] = np.arange(n)
    still = inside & ~free
    node[still] = n + np.arange(still.sum())
    rest = np.empty((k, 0)) if held is None else np.ascontiguousarray(held.q[still].T)
    row = problem.region.ravel()[pixels]
    size = problem.size.ravel()[pixels]
    whole = bool(n) and held is None and np.array_equal(row, np.arange(n))
    regions, static = _region_terms(problem, held, whole)
    if still.any():
        for j in range(k):
            regions.base[j] += np.bincount(
                problem.region[still], problem.size[still] * rest[j], len(regions.b)
            )
    scores = Scores(_by_pixel(problem.unary), pixels, static, row)
    pairs = _pairs(problem, node, pixels, dark)
    few = None if held is not None or pairs.count else told_apart(regions.linked, k)
    if few is None:
        nodes = Nodes(scores.all(), size, row, pairs, dark)
        return Layout(Field(nodes, regions), node, rest, regions, None)
    unary, groups = grouped(scores, *few)
    nodes = Nodes(unary, size, row, pairs, dark)
    return Layout(Field(nodes, _of_groups(regions, *few)), node, rest[few[1]], regions, groups)


def _order(free: NDArray[np.bool_], chequered: bool) -> tuple[NDArray[np.intp], int]:
    """The pixels that move, row by row, dark ones of a chequerboard before bright ones; and how many are dark."""
    pixels = np.flatnonzero(free)
    if not chequered:
        return pixels, len(pixels)
    width = free.shape[1]
    bright = ((pixels // width + pixels % width) % 2).astype(bool)
    return np.concatenate([pixels[~bright], pixels[bright]]), int((~bright).sum())


def _by_pixel(unary: Floats) -> Floats:
    """(pixel, label) scores; no copy where labels, or planes, lie side by side in memory."""
    k = unary.shape[2]
    if unary.flags.c_contiguous:
        return unary.reshape(-1, k)
    return np.moveaxis(unary, 2, 0).reshape(k, -1).T


def _of_groups(regions: RegionTerms, of: Labels, first: Labels) -> RegionTerms:
    """The terms where labels of one group are one."""
    forms = [(weight, form) for weight, form in regions.linked if isinstance(form, Form)]
    linked = tuple((weight, form.at_labels(first)) for weight, form in forms)
    return replace(regions, base=summed(regions.base, of, len(first)), linked=linked)


def _pairs(problem: Problem, node: NDArray[np.int32], pixels: NDArray[np.intp], dark: int) -> Pairs:
    """Neighbours of the nodes that move."""
    from reasoning.inference.pair_kernels import grid_pairs

    if problem.pairs is not None:
        return listed(problem.pairs)
    right, down = problem.right, problem.down
    most = 2 * (np.count_nonzero(right) + np.count_nonzero(down))
    if not most:
        return NoPairs()
    n = len(pixels)
    if n == node.size and (problem.size == 1).all():
        weights = np.stack([right.ravel()[pixels], down.ravel()[pixels]])
        return GridPairs(weights, dark, node.shape[1])
    starts, others, weights = np.zeros(n + 1, np.int64), np.empty(most, np.int32), np.empty(most)
    grid_pairs(right, down, node, pixels, (starts, others, weights))
    return Listed(starts, others[: starts[-1]], weights[: starts[-1]])


def _region_terms(problem: Problem, held: Held | None, whole: bool) -> tuple[RegionTerms, Floats]:
    """Counts and linked axioms, the rows of `Problem.fixed` last; (label, row) messages of the other axioms."""
    k, inside = problem.unary.shape[2], problem.region >= 0
    least = 0 if held is None else len(held.count)
    count = np.bincount(problem.region[inside], problem.size[inside], least).astype(np.float64)
    if held is not None:
        count += held.count
    live, extra = len(count), len(problem.fixed)
    b = np.concatenate([count, np.zeros(extra)])
    base = np.zeros((k, live + extra))
    base[:, live:] = problem.fixed.T
    if held is not None:
        base[:, :live] = held.sums.T
    static = np.zeros((k, live + extra))
    start, ones = np.full((k, len(b)), 1.0 / k).T, np.ones(len(b))
    for weight, axiom in problem.axioms:
        form = _form(axiom)
        if axiom.local and isinstance(form, Form):
            form.pull(start, weight * ones, static.T)
        elif axiom.local:
            static += weight * axiom.gradient(start, ones).T
    linked = _linked(problem)
    return RegionTerms(base, np.maximum(b, 1.0), b, linked, whole), static


def _linked(problem: Problem) -> Weighted:
    """Axioms that look at neighbours, those that ask the same of them added up."""
    axioms = [(w, _form(a)) for w, a in problem.axioms if not a.local]
    forms = [(w, a) for w, a in axioms if isinstance(a, Form)]
    return (*merged(forms), *((w, a) for w, a in axioms if not isinstance(a, Form)))


def _form(axiom: Penalty) -> Penalty | Form:
    """The form of a compiled axiom, or the axiom."""
    form = getattr(axiom, "violation", None)
    return form if isinstance(form, Form) else axiom
