"""Labels that no rule tells apart: linked forms and scores come in, groups of labels that act as one go out.

Where smoothness ties no nodes, labels with the same coefficients in every form feel the same in every region, so that
softmax(unary) fixes how they share what they have together. With Q_g the sum of a group and U_g the log of the sum of
exp(unary), q . (log q - unary) is Q . (log Q - U) at such shares, which are also the best: F loses nothing but labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.inference.region_terms import Weighted
from reasoning.logic.truth import Form
from reasoning.threads import in_blocks

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

ROWS = 4096
"""Nodes worked on at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Labels by groups.

    Attributes:
        of: (label,) group of each label.
        share: (label, node) part that a label has of its group.
    """

    of: Labels
    share: Floats

    def split(self, q: Floats) -> Floats:
        """(label, node) marginals of labels where groups have these: (group, node)."""
        out = np.empty_like(self.share)
        for j, group in enumerate(self.of):
            np.multiply(self.share[j], q[group], out=out[j])
        return out


def told_apart(linked: Weighted, labels: int) -> tuple[Labels, Labels] | None:
    """Group of each label and a label of each group; None where all are told apart, or a term is no `Form`."""
    forms = [axiom for _, axiom in linked]
    if not all(isinstance(form, Form) for form in forms):
        return None
    signs: dict[object, int] = {}
    columns = [_columns(form, labels) for form in forms if isinstance(form, Form)]
    of = [signs.setdefault(sign, len(signs)) for sign in zip(*columns, strict=True)]
    if columns == [] or len(signs) == labels:
        return None
    return np.array(of, np.intp), np.unique(of, return_index=True)[1]


def _columns(form: Form, labels: int) -> list[object]:
    """For each label what the form says of it, in itself and at its neighbours."""
    found: list[list[object]] = [[] for _ in range(labels)]
    for _, block in form.blocks:
        row = np.broadcast_to(block.row, labels).tolist()
        for j in range(labels):
            full = None if block.full is None else block.full[:, j].tobytes()
            found[j].append((row[j], full))
    inner = [_columns(link.filler, labels) for link in form.links]
    return [(tuple(found[j]), *(one[j] for one in inner)) for j in range(labels)]


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of the nodes, less what regions say whatever q is.

    Attributes:
        unary: (pixel, label).
        pixels: (node,) pixel of each node.
        static: (label, row) what regions say.
        row: (node,) row of each node.
    """

    unary: Floats
    pixels: Labels
    static: Floats
    row: NDArray[np.int32]

    def fill(self, out: Floats, first: int) -> None:
        """Fill `out` (label, some nodes) with the scores of the nodes from `first` on."""
        from reasoning.inference.field_kernels import take_scores

        take_scores(self.unary, self.pixels, (self.static, self.row), out, first)

    def all(self) -> Floats:
        """(label, node)."""
        out = np.empty((len(self.static), len(self.pixels)))
        in_blocks(lambda low, high: self.fill(out[:, low:high], low), len(self.pixels), ROWS)
        return out


def grouped(scores: Scores, of: Labels, first: Labels) -> tuple[Floats, Groups]:
    """(group, node) scores of groups, and how labels share them."""
    from reasoning.inference.field_kernels import lower, share

    n, k = len(scores.pixels), len(of)
    score, part = np.empty((len(first), n)), np.empty((k, n))
    members = [np.flatnonzero(of == group) for group in range(len(first))]

    def work(low: int, high: int) -> None:
        """Some nodes."""
        room, top, total = np.empty((k, high - low)), np.empty(high - low), np.empty(high - low)
        scores.fill(room, low)
        for group, mine in enumerate(members):
            if len(mine) == 1:
                score[group, low:high], part[mine[0], low:high] = room[mine[0]], 1.0
                continue
            here = room[mine]
            np.max(here, axis=0, out=top)
            lower(here, top, here, 0)
            np.exp(here, out=here)
            share(here, total)
            part[mine, low:high] = here
            score[group, low:high] = top + np.log(total)

    in_blocks(work, n, ROWS)
    return score, Groups(of, part)


def summed(values: Floats, of: Labels, groups: int) -> Floats:
    """(group, row) sums of (label, row) values."""
    out = np.zeros((groups, values.shape[1]))
    for j, group in enumerate(of):
        out[group] += values[j]
    return out
