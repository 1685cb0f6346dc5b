"""Graded truth as sparse algebra: constant coefficients and relations come in; values and gradients go out.

A `Form` is a truth value per region and label that is linear in the truth of each of its relations:

    T[r, k] = sum over assignments s of prod_j g_j[s_j, r] * C_s[r, k]

with g_j[state, r] the chances of relation j's states. A relation that occurs several times is one g, so shared
sub-expressions are exact, not multiplied by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity, kron

from reasoning.inference.cut import Cut
from reasoning.logic import single
from reasoning.logic.blocks import Block
from reasoning.threads import in_blocks

Floats = NDArray[np.float64]

ROWS = 16384
"""Regions worked on at a time, so that they stay in the processor's cache."""


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
        n = self.matrix.shape[0]
        t = self.filler.value(q)
        return np.concatenate(in_blocks(partial(self.chances_at, t), n, ROWS), axis=1)

    def chances_at(self, t: Floats, first: int, last: int) -> Floats:
        """(state, last - first) the same for some regions, t the filler's truth."""
        from reasoning.logic.link_kernels import count_chances, some_chances

        out = np.empty((len(self.at_least) + 1, last - first))
        if self.plain:
            some_chances(self.edges, t, out, first, last)
        else:
            count_chances(self.edges, t, self._counts, out, first, last)
        return out

    def value(self, q: Floats) -> Floats:
        """(region,) probability of N >= at_least[0]."""
        truth: Floats = self.chances(q)[1:].sum(axis=0)
        return truth

    def room(self) -> Floats:
        """Where `keep` puts what `spread` needs: (region,), or (edge,) where more than P(N >= 1) matters."""
        return np.zeros(len(self.edges[0]) - 1 if self.plain else len(self.edges[1]))

    def keep(self, t: Floats, b: Floats, room: Floats, first: int) -> None:
        """Note for some regions what their chances are worth.

        Args:
            t: (region,) the filler's truth.
            b: (state, some regions) weight of each state, from region `first` on.
            room: Of `room()`.
            first: First of these regions.
        """
        from reasoning.logic.link_kernels import count_slopes

        last = first + b.shape[1]
        if self.plain:
            np.subtract(b[1], b[0], out=room[first:last])
        else:
            count_slopes(self.edges, t, self._counts, b, room, (first, last))

    def pull(self, q: Floats, b: Floats, out: Floats) -> None:
        """Add the derivative of sum over states of b[state, r] * chances[state, r] to `out` (region, label)."""
        room, t = self.room(), self.filler.value(q)
        self.keep(t, b, room, 0)
        self.spread(q, t, room, out)

    def spread(self, q: Floats, t: Floats, room: Floats, out: Floats) -> None:
        """Add what all regions tell the filler's truth at their neighbours to `out` (region, label)."""
        from reasoning.logic.link_kernels import end_sums, some_pull

        n, upstream = len(q), np.zeros(len(q))

        def work(first: int, last: int) -> tuple[int, Floats]:
            """What some regions tell their neighbours."""
            told = np.zeros(np.ptp(self.told_spans[first]))
            some_pull(self.edges, t, room, told, (first, last, self.told_spans[first][0]))
            return self.told_spans[first][0], told

        if self.plain:
            for low, told in in_blocks(work, n, single.parts(n)):
                upstream[low : low + len(told)] += told
        else:
            end_sums(self.edges[1], room, upstream)
        self.filler.pull(q, upstream, out)

    def restricted(self, cut: Cut) -> Link:
        """The link among chosen regions."""
        origin = None if self.origin is None else self.origin[cut.rows]
        return Link(cut.matrix(self.matrix), self.filler.restricted(cut), self.at_least, origin)

    def at_labels(self, chosen: NDArray[np.intp]) -> Link:
        """The link where regions have chosen labels only."""
        return Link(self.matrix, self.filler.at_labels(chosen), self.at_least, self.origin)

    def repeated(self, times: int) -> Link:
        """The link of so many copies of the run, one after the other, that know nothing of each other."""
        n = self.matrix.shape[0]
        every = kron(identity(times), self.matrix, format="csr")
        shift = np.repeat(n * np.arange(times), n)
        origin = None if self.origin is None else np.tile(self.origin, times) + shift
        return Link(every, self.filler.repeated(times), self.at_least, origin)

    @property
    def plain(self) -> bool:
        """Whether only N = 0 and N >= 1 matter."""
        return self.at_least == (1,)

    @cached_property
    def _counts(self) -> NDArray[np.intp]:
        return np.array(self.at_least, np.intp)

    @cached_property
    def told_spans(self) -> dict[int, tuple[int, int]]:
        """Which regions each part of the regions tells anything (`reasoning.logic.single.told_spans`)."""
        return single.told_spans(self.edges, self.matrix.shape[0])

    @cached_property
    def edges(self) -> tuple[NDArray[Any], NDArray[Any], Floats, NDArray[np.intp]]:
        """Rows, columns, values and origins; columns of one origin side by side where counts above 1 matter."""
        from scipy.sparse import csr_matrix as rows_of

        matrix, n = self.matrix, self.matrix.shape[0]
        if self.origin is None or self.plain:
            origin = np.arange(n) if self.origin is None else self.origin
            return matrix.indptr, matrix.indices, matrix.data, origin
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
        if self.links:
            self.assess(q, b, out)
            return
        for _, block in self.blocks:
            block.add(out, b)

    def assess(self, q: Floats, b: Floats, out: Floats) -> Floats:
        """Do what `pull` does, and return the values (region,), which are by the way."""
        n, given = len(q), self._single(q, out)
        if not self.links:
            self.pull(q, b, out)
            return self.value(q)
        if given is not None:
            return self._in_one(given, q, b, out)
        truths = [link.filler.value(q) for link in self.links]
        rooms = [link.room() for link in self.links]
        total = np.zeros(n)

        def work(first: int, last: int) -> None:
            """Fill penalties and gradients of some regions."""
            here, values = slice(first, last), self._chances_at(truths, first, last)
            upstream = [np.zeros_like(chances) for chances in values]
            for states, whole in self.blocks:
                block, chance = whole.rows(first, last, n), _chance(states, values)
                block.add(out[here], b[here] * chance)
                dot = block.dot(q[here])
                total[here] += chance * dot
                for j, state in enumerate(states):
                    rest = _chance(states[:j] + states[j + 1 :], values[:j] + values[j + 1 :])
                    upstream[j][state] += rest * dot * b[here]
            for link, t, weight, room in zip(self.links, truths, upstream, rooms, strict=True):
                link.keep(t, weight, room, first)

        in_blocks(work, n, ROWS)
        for link, t, room in zip(self.links, truths, rooms, strict=True):
            link.spread(q, t, room, out)
        return total

    def _in_one(self, given: single.Coefficients, q: Floats, b: Floats, out: Floats) -> Floats:
        """`assess` in one pass, where there is one link that asks for `some`."""
        (link,) = self.links
        relation, t = (link.edges, link.told_spans), link.filler.value(q)
        total, upstream = single.assess(relation, t, q.T, b, given, out.T)
        link.filler.pull(q, upstream, out)
        return total

    def _single(self, q: Floats, out: Floats) -> single.Coefficients | None:
        """Coefficients for `_in_one`; None where the form, or how the marginals lie in memory, is another."""
        if len(self.links) != 1 or not self.links[0].plain:
            return None
        if not (q.T.flags.c_contiguous and out.T.flags.c_contiguous):
            return None
        labels = q.shape[1]
        if labels not in self._coefficients:
            self._coefficients[labels] = single.coefficients(self.blocks, labels)
        return self._coefficients[labels]

    @cached_property
    def _coefficients(self) -> dict[int, single.Coefficients | None]:
        return {}

    def _chances_at(self, truths: list[Floats], first: int, last: int) -> list[Floats]:
        pairs = zip(self.links, truths, strict=True)
        return [link.chances_at(t, first, last) for link, t in pairs]

    def restricted(self, cut: Cut) -> Form:
        """The truth of chosen regions among themselves."""
        blocks = tuple((states, block.restricted(cut)) for states, block in self.blocks)
        return Form(tuple(link.restricted(cut) for link in self.links), blocks)

    def at_labels(self, chosen: NDArray[np.intp]) -> Form:
        """The truth where regions have chosen labels only."""
        blocks = tuple((states, block.at_labels(chosen)) for states, block in self.blocks)
        return Form(tuple(link.at_labels(chosen) for link in self.links), blocks)

    def repeated(self, times: int) -> Form:
        """The truth of so many copies of the run, one after the other."""
        blocks = tuple((states, block.repeated(times)) for states, block in self.blocks)
        return Form(tuple(link.repeated(times) for link in self.links), blocks)

    @cached_property
    def depth(self) -> int:
        """How many relations away a region's truth looks."""
        return max((1 + link.filler.depth for link in self.links), default=0)

    def matrices(self) -> list[csr_matrix]:
        """Relations that it looks along."""
        inner = [m for link in self.links for m in link.filler.matrices()]
        return [link.matrix for link in self.links] + inner


NEVER = Form((), ())
"""False everywhere."""


def _chance(states: Sequence[int], values: Sequence[Floats]) -> Floats:
    """Probability of an assignment, links taken as independent; (1,) ones where there are none."""
    chance = np.ones(1)
    for state, value in zip(states, values, strict=True):
        chance = chance * value[state]
    return chance
