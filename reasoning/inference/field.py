"""The marginals of nodes and what they feel: nodes, pairs and region terms come in, energies and next states go out.

A field is a part of a problem: some nodes move, those that they touch are held. The whole problem is the first field;
once most of its nodes rest, the others are solved as a field of their own (`Field.part`), of which the same is true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reasoning.inference.pairs import Pairs
from reasoning.inference.region_terms import Pull, RegionTerms
from reasoning.threads import in_blocks

Floats = NDArray[np.float64]

VALUES = 16384
"""Numbers (label x node) of an array worked on at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True)
class Nodes:
    """What moves, and what it is tied to.

    Attributes:
        unary: (label, node) scores: log p less the messages that do not depend on q.
        size: (node,) pixels that each stands for.
        row: (node,) int32 row of its region in the region terms.
        pairs: The smoothness term.
        dark: The first so many nodes step before the others, which then feel where they went; all nodes where they
            step at once.
    """

    unary: Floats
    size: Floats
    row: NDArray[np.int32]
    pairs: Pairs
    dark: int

    @property
    def turns(self) -> list[tuple[int, int]]:
        """First and last node of those that step at once."""
        spans = [(0, self.dark), (self.dark, len(self.size))]
        return [(first, last) for first, last in spans if first < last]


@dataclass(frozen=True, eq=False)
class State:
    """A state of a field and what follows from it.

    Attributes:
        q: (label, node + held) marginals.
        score: (label, node) logarithms of the nodes' marginals, each node's up to a constant.
        change: (node,) how far a probability of each node was at most from where it would go with all others held,
            before the last step; to first order.
        energy: F of q, up to what is held.
        pull: What regions add to the scores of their pixels; None where there is nothing.
        left: How much of the step before the last was left to do when the last began, in such steps.
    """

    q: Floats
    score: Floats
    change: Floats
    energy: float
    pull: Pull | None
    left: float = 0.0


@dataclass(frozen=True, eq=False)
class Field:
    """Nodes among others that are held, and the regions that they belong to."""

    nodes: Nodes
    regions: RegionTerms

    @property
    def scale(self) -> float:
        """Pixels that move: what rounding in F is measured by."""
        return float(max(1.0, self.nodes.size.sum()))

    @property
    def free(self) -> bool:
        """Whether what a node feels does not depend on any marginal."""
        return not self.nodes.pairs.count and not self.regions.linked

    @property
    def _block(self) -> int:
        """Nodes worked on at a time."""
        return max(1, VALUES // max(1, len(self.nodes.unary)))

    @cached_property
    def _stiffness(self) -> Floats:
        """(node,) nats per pixel by which neighbours hold a node back; empty where there are none."""
        if not self.nodes.pairs.count:
            return np.empty(0)
        stiffness: Floats = self.nodes.pairs.tie / self.nodes.size
        return stiffness

    def start(self, held: Floats) -> State:
        """The state softmax(unary), beside what is held (label, held)."""
        return self.state(self.nodes.unary.copy(), held)

    def state(self, score: Floats, held: Floats) -> State:
        """The state of given scores (label, node), beside what is held."""
        n = len(self.nodes.size)
        q = np.empty((len(score), n + held.shape[1]))
        q[:, n:] = held

        def work(first: int, last: int) -> float:
            """Some nodes: own energy."""
            from reasoning.inference.field_kernels import lower

            top, part = score[:, first:last].max(axis=0), np.empty((len(score), last - first))
            lower(score, top, part, first)
            return self._settle(score, q, (part, top), first)

        own = float(np.sum(in_blocks(work, n, self._block)))
        return self._state(q, score, np.full(n, np.inf), own)

    def _state(self, q: Floats, score: Floats, change: Floats, own: float) -> State:
        """All that follows from marginals, given the nodes' own part of their F."""
        penalty, pull = self.regions.assess(q, self.nodes)
        return State(q, score, change, own + penalty + self._rough(q), pull)

    def _rough(self, q: Floats) -> float:
        """The smoothness term."""
        pairs = self.nodes.pairs
        if not pairs.count:
            return 0.0
        return self._in_turns(lambda first, last: (pairs.rough(q, (first, last)),))[0]

    def step(self, state: State, rate: float, spare: State | None = None) -> State:
        """Where the nodes go, dark ones first, bright ones after them.

        Scores move towards those of an undamped step. A node that neighbours hold back, and that is in doubt, moves
        less, for it is itself a part of what it feels: alone among held ones it would take Newton's steps.

        Args:
            state: From here.
            rate: At most 1; F falls if it is small enough.
            spare: A state that is used up, whose arrays are written to.
        """
        n = len(self.nodes.size)
        # a side without a neighbour reads it, times 0: it has to be a number
        q = state.q.copy() if spare is None else spare.q
        score = np.empty_like(state.score) if spare is None else spare.score
        change = np.empty(n) if spare is None else spare.change
        q[:, n:] = state.q[:, n:]

        def work(first: int, last: int) -> tuple[float, float, float]:
            """Some nodes: own energy after the step, and how much of the last one is left to do."""
            from reasoning.inference.field_kernels import head

            others = state.q if first < self.nodes.dark else q
            felt, top = self._felt(state, others, first, last), np.empty(last - first)
            old, pace = (state.q, state.score), (self._stiffness, rate)
            before = state.q if spare is None else q  # where the last step came from
            dot, norm = head(self.nodes.unary, felt, old, pace, (score, change, top, before), first)
            return self._settle(score, q, (felt, top), first), dot, norm

        own, dot, norm = self._in_turns(work)
        found = self._state(q, score, change, own)
        return replace(found, left=dot / norm if norm > 0 else 0.0)

    def goal(self, state: State) -> tuple[Floats, Floats]:
        """(label, node + held) marginals after an undamped step of every node, and its (node,) largest changes."""
        from reasoning.inference.field_kernels import aim, arrive, share

        n = len(self.nodes.size)
        out, change = np.empty_like(state.q), np.empty(n)
        out[:, n:] = state.q[:, n:]

        def work(first: int, last: int) -> tuple[float]:
            """Some nodes."""
            felt, room = self._felt(state, state.q, first, last), np.empty(last - first)
            aim(self.nodes.unary, felt, room, first)
            np.exp(felt, out=felt)
            share(felt, room)
            arrive(felt, state.q, out, change, first)
            return (0.0,)

        self._in_turns(work)
        return out, change

    def _in_turns(self, work: Callable[[int, int], tuple[float, ...]]) -> list[float]:
        """The sums of what work on blocks of nodes returns, dark ones first."""
        found: list[tuple[float, ...]] = []
        for low, high in self.nodes.turns:
            found += in_blocks(lambda i, j: work(low + i, low + j), high - low, self._block)  # noqa: B023
        return [float(total) for total in np.sum(found, axis=0)]

    def _felt(self, state: State, others: Floats, first: int, last: int) -> Floats:
        """(label, last - first) what regions and neighbours add to the scores of some nodes."""
        nodes, span = self.nodes, (first, last)
        felt = self.regions.felt(state.pull, nodes, span)
        nodes.pairs.feel((state.q, others), nodes.size, felt, span)
        return felt

    def _settle(
        self, score: Floats, q: Floats, lowered: tuple[Floats, Floats], first: int
    ) -> float:
        """Fill the marginals of some nodes from their scores; return their own energy, size * q . (log q - unary).

        `lowered` are these scores less the largest of each node, which is used up, and that.
        """
        from reasoning.inference.field_kernels import settle

        part, top = lowered
        own, total = -top, np.empty_like(top)
        np.exp(part, out=part)
        settle(part, (score, self.nodes.unary), q, total, own, first)
        own -= np.log(total)
        return float(own @ self.nodes.size[first : first + len(top)])

    def joined(self, state: State, chosen: NDArray[np.intp], last: State, energy: float) -> State:
        """The state after some nodes went where a part ended, which changed F by `energy`; the old one is used up."""
        state.q[:, chosen] = last.q[:, : len(chosen)]
        state.score[:, chosen] = last.score
        _, pull = self.regions.assess(state.q, self.nodes)
        return replace(state, energy=state.energy + energy, pull=pull)

    def part(
        self, state: State, moving: NDArray[np.bool_]
    ) -> tuple[Field, State, NDArray[np.intp]]:
        """The field of some nodes, all others held where they are.

        Returns:
            The field, its state, and the nodes that move.
        """
        chosen = np.flatnonzero(moving)
        nodes = self.nodes
        pairs, outer = nodes.pairs.part(chosen, state.q.shape[1])
        regions, row = self.regions.part(state.q, nodes, chosen)
        dark = int(np.searchsorted(chosen, nodes.dark))
        unary, score = (np.take(all_of, chosen, axis=1) for all_of in (nodes.unary, state.score))
        field = Field(Nodes(unary, nodes.size[chosen], row, pairs, dark), regions)
        return field, field.state(score, np.take(state.q, outer, axis=1)), chosen
