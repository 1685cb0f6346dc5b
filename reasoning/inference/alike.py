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


def grouped(unary: Floats, of: Labels, first: Labels) -> tuple[Floats, Groups]:
    """(group, node) scores of groups, and how labels share them, from the scores of labels (label, node)."""
    n = unary.shape[1]
    score, share = np.empty((len(first), n)), np.empty_like(unary)

    def work(low: int, high: int) -> None:
        """Some nodes."""
        for group in range(len(first)):
            members = np.flatnonzero(of == group)
            here = unary[members, low:high]
            if len(members) == 1:
                score[group, low:high], share[members, low:high] = here[0], 1.0
                continue
            top = here.max(axis=0)
            part = np.exp(here - top)
            total = part.sum(axis=0)
            score[group, low:high] = top + np.log(total)
            share[members, low:high] = part / total

    in_blocks(work, n, ROWS)
    return score, Groups(of, share)


def summed(values: Floats, of: Labels, groups: int) -> Floats:
    """(group, row) sums of (label, row) values."""
    out = np.zeros((groups, values.shape[1]))
    for j, group in enumerate(of):
        out[group] += values[j]
    return out
