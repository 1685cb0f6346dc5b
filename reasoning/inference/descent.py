"""Descent that never rises: a field and its state come in, a state where it rests goes out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.counted import counted
from reasoning.inference.field import Field, State
from reasoning.progress import at

SLACK = 1e-12
"""Rise of F, per pixel or relative, that counts as rounding."""
HALVINGS = 40
"""How often a step is halved before inference stops with "no descent"."""
TIED = 0.6
"""First step where smoothness ties nodes: they pull each other too far when all of them go at once."""
SHARE = 0.12
"""Once fewer nodes than this still move, they are solved for themselves."""
MARGINS = (1e2, 10.0)
"""A node rests when it would move by less than the tolerance over this; the largest that leaves few nodes is taken."""
LEAST = 256
"""Fields of fewer nodes are not divided."""


class Descent:
    """One run: the energies so far, and how much work is left.

    Attributes:
        first: State that it starts from.
        energies: F at the start and after each accepted step.
    """

    def __init__(self, first: State, nodes: int, max_steps: int) -> None:
        self.first, self.energies = first, [first.energy]
        self._nodes, self._left = max(nodes, 1), float(max_steps)

    def solve(self, field: Field, state: State, tolerance: float) -> tuple[State, str]:
        """Step until no node of the field moves by more than the tolerance.

        Returns:
            The last state and "converged", "no descent" or "cap".
        """
        h, tried = (TIED if field.nodes.pairs.count else 1.0), False
        while state.residual > tolerance:
            if self._left <= 0:
                return state, "cap"
            moving = None if tried else _movers(state, tolerance)
            if moving is not None:
                state, tried = self._divide(field, state, moving, tolerance / 2)
                continue
            found = self._descend(field, state, h)
            if found is None:
                return state, "no descent"
            tried = False
            h, state = found
        return state, "converged"

    def _divide(
        self, field: Field, state: State, moving: NDArray[np.bool_], tolerance: float
    ) -> tuple[State, bool]:
        """Solve the nodes that still move, all others held; return the state, and whether nothing moved."""
        steps = len(self.energies)
        part, held, chosen = field.part(state, moving)
        first = part.resume(state.q[:, chosen], held)
        last, _ = self.solve(part, first, tolerance)
        if len(self.energies) == steps:
            return state, True
        q = last.q[:, : len(chosen)]
        return field.moved(state, chosen, q, last.energy - first.energy), False

    def _descend(self, field: Field, state: State, h: float) -> tuple[float, State] | None:
        """Halve the step until F does not rise, and take it; None when no step of `HALVINGS` does."""
        limit = state.energy + SLACK * max(field.scale, abs(state.energy))
        for _ in range(HALVINGS):
            trial = field.step(state, h)
            if trial.energy <= limit:
                self.energies.append(self.energies[-1] + min(trial.energy - state.energy, 0.0))
                self._left -= len(state.change) / self._nodes
                at(_said(len(self.energies) - 1, trial))
                left = h * field.alignment(state, trial)
                longer = float(np.clip(1 / (1 - left) if left < 0.75 else 4.0, 0.25, 4.0))
                return min(1.0, h * longer), trial
            h /= 2
        return None


def _said(steps: int, state: State) -> str:
    """How far inference has come."""
    moving = counted(len(state.change), "node")
    return f"inference, step {steps}: {moving} still moving, by {state.residual:.1g} at most"


def _movers(state: State, tolerance: float) -> NDArray[np.bool_] | None:
    """Nodes that still move, where they are few."""
    n = len(state.change)
    if n <= LEAST:
        return None
    for margin in MARGINS:
        moving: NDArray[np.bool_] = state.change > tolerance / margin
        if moving.sum() < (SHARE if margin == MARGINS[-1] else SHARE / 4) * n:
            return moving
    return None
