"""The marginals of nodes and what they feel: nodes, pairs and region terms come in, energies and next states go out.

A field is a part of a problem: some nodes move, those that they touch are held. The whole problem is the first field;
once most of its nodes rest, the others are solved as a field of their own (`Field.part`), of which the same is true.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from reasoning.inference.pairs import Listed, Pairs
from reasoning.inference.region_terms import RegionTerms
from reasoning.threads import in_blocks

Floats = NDArray[np.float64]

BLOCK = 2048
"""Nodes worked on at a time, so that they stay in the processor's cache."""

FEW = 0.6
"""A smaller share of nodes is evaluated for itself."""


@dataclass(frozen=True)
class Nodes:
    """What moves, and what it is tied to.

    Attributes:
        unary: (label, node) scores: log p less the messages that do not depend on q.
        size: (node,) pixels that each stands for.
        row: (node,) int32 row of its region in the region terms.
        pairs: The smoothness term.
    """

    unary: Floats
    size: Floats
    row: NDArray[np.int32]
    pairs: Pairs


@dataclass(frozen=True)
class State:
    """A state of a field and what follows from it.

    Attributes:
        q: (label, node + held) marginals.
        goal: The same after an undamped step of every node.
        change: (node,) largest |goal - q| of each.
        energy: F of q, up to what is held.
        ahead: The nodes' own part of F at `goal`; None where it is not known.
    """

    q: Floats
    goal: Floats
    change: Floats
    energy: float
    ahead: float | None

    @property
    def residual(self) -> float:
        """Largest change of any node."""
        return float(self.change.max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Field:
    """Nodes among others that are held, and the regions that they belong to."""

    nodes: Nodes
    regions: RegionTerms

    @property
    def scale(self) -> float:
        """Pixels that move: what rounding in F is measured by."""
        return float(max(1.0, self.nodes.size.sum()))

    def start(self, held: Floats) -> State:
        """The state softmax(unary), beside what is held (label, held)."""
        k, n = self.nodes.unary.shape
        q = np.concatenate([np.zeros((k, n)), held], axis=1)
        start, *_, own = self._goal(q, None, alone=True)
        return self.state(start, own)

    def resume(self, q: Floats, held: Floats) -> State:
        """The state at given marginals (label, node), beside what is held."""
        every = np.concatenate([q, held], axis=1)
        return self.state(every, self._own(every))

    def state(self, q: Floats, own: float) -> State:
        """All that follows from marginals, given the nodes' own part of their F."""
        penalty, gradient = self.regions.assess(q, self.nodes)
        goal, change, rough, ahead = self._goal(q, gradient)
        return State(q, goal, change, own + penalty + rough, ahead)

    def _goal(
        self, q: Floats, gradient: Floats | None, alone: bool = False
    ) -> tuple[Floats, Floats, float, float]:
        """q* = softmax(unary - gradient per pixel - smoothness), its change, roughness of q, own energy of q*.

        The own energy follows from log q* = score - log of the sum of exp(score), without a logarithm per label.
        """
        from reasoning.inference.field_kernels import scores, settle

        nodes, n = self.nodes, len(self.nodes.size)
        out, change = np.empty_like(q), np.empty(n)
        out[:, n:] = q[:, n:]

        def work(first: int, last: int) -> tuple[float, float]:
            """Some nodes: roughness and own energy."""
            felt, rough = self._felt(gradient, first, last), 0.0
            if nodes.pairs.count and not alone:
                rough = nodes.pairs.feel(q, nodes.size, felt, (first, last))
            top, total, own = np.empty((3, last - first))
            scores(nodes.unary, felt, out, top, (first, last))
            np.exp(out[:, first:last], out=out[:, first:last])
            settle(q, felt, out, change, (total, own), first)
            own -= top + np.log(total)
            return rough, float(own @ nodes.size[first:last])

        found = np.array(in_blocks(work, n, BLOCK)).reshape(-1, 2).sum(axis=0)
        return out, change, float(found[0]), float(found[1])

    def _felt(self, gradient: Floats | None, first: int, last: int) -> Floats:
        """(label, last - first) what the regions add to the scores of some nodes."""
        if gradient is None:
            return np.zeros((len(self.nodes.unary), last - first))
        return self.regions.felt(gradient, self.nodes, (first, last))

    def step(self, state: State, h: float) -> State:
        """The state q + h (goal - q)."""
        if h == 1.0:
            own = self._own(state.goal) if state.ahead is None else state.ahead
            return self.state(state.goal, own)
        q = np.empty_like(state.q)
        q[:, len(state.change) :] = state.q[:, len(state.change) :]

        def work(first: int, last: int) -> float:
            """Some nodes: own energy after the step."""
            here = np.s_[:, first:last]
            np.subtract(state.goal[here], state.q[here], out=q[here])
            q[here] *= h
            q[here] += state.q[here]
            return self._own_at(q, first, last)

        own = np.sum(in_blocks(work, len(state.change), BLOCK))
        return self.state(q, float(own))

    def _own(self, q: Floats) -> float:
        """The nodes' own part of F: size * q . (log q - unary)."""
        return float(np.sum(in_blocks(partial(self._own_at, q), len(self.nodes.size), BLOCK)))

    def _own_at(self, q: Floats, first: int, last: int) -> float:
        from reasoning.inference.field_kernels import own_rows

        logs, own = np.maximum(q[:, first:last], 1e-300), np.empty(last - first)
        own_rows(q, np.log(logs, out=logs), self.nodes.unary, own, first)
        return float(own @ self.nodes.size[first:last])

    def moved(self, state: State, chosen: NDArray[np.intp], q: Floats, energy: float) -> State:
        """The state after some nodes went to q (label, chosen), which changed F by `energy`; the old one is used up.

        Only nodes that feel it are evaluated again: for the others nothing has changed.
        """
        state.q[:, chosen] = q
        feel = self._feel(chosen)
        if feel is None:
            n = len(state.change)
            return self.resume(state.q[:, :n], state.q[:, n:])
        part, held, nodes = self.part(state, feel)
        seen = part.resume(state.q[:, nodes], held)
        state.goal[:, chosen] = q
        state.goal[:, nodes] = seen.goal[:, : len(nodes)]
        state.change[nodes] = seen.change
        return replace(state, energy=state.energy + energy, ahead=None)

    def _feel(self, chosen: NDArray[np.intp]) -> NDArray[np.bool_] | None:
        """Nodes whose step depends on some nodes; None when they are too many to tell apart."""
        nodes = self.nodes
        if not self.regions.whole:
            return None
        inside, _ = self.regions.reach(nodes.row[chosen])
        feel = inside[: len(nodes.size)]
        ends = nodes.pairs.edges(chosen)[1]
        feel[ends[ends < len(feel)]] = True
        return feel if feel.sum() < FEW * len(feel) else None

    def alignment(self, old: State, new: State) -> float:
        """(goal - q) . (q - old) / |q - old|^2: how much of the last move is left to do, in moves."""
        from reasoning.inference.field_kernels import moved

        n = len(self.nodes.size)
        work = partial(moved, new.q, new.goal, old.q)
        dot, norm = np.array(in_blocks(work, n, 8 * BLOCK)).reshape(-1, 2).sum(axis=0)
        return float(dot / norm) if norm > 0 else 0.0

    def part(
        self, state: State, moving: NDArray[np.bool_]
    ) -> tuple[Field, Floats, NDArray[np.intp]]:
        """The field of some nodes, all others held where they are.

        Returns:
            The field, (label, held) marginals of the neighbours that are held, and the nodes that move.
        """
        chosen = np.flatnonzero(moving)
        nodes = self.nodes
        counts, ends, weights = nodes.pairs.edges(chosen)
        inner = np.zeros(state.q.shape[1], bool)
        inner[chosen] = True
        outer = np.unique(ends[~inner[ends]])
        name = np.empty(state.q.shape[1], np.int32)
        name[chosen] = np.arange(len(chosen))
        name[outer] = len(chosen) + np.arange(len(outer))
        starts = np.concatenate([[0], np.cumsum(counts)])
        pairs = Listed(starts, name[ends], weights)
        regions, row = self.regions.part(state.q, nodes, chosen)
        small = Nodes(nodes.unary[:, chosen], nodes.size[chosen], row, pairs)
        return Field(small, regions), state.q[:, outer], chosen
