"""Descent that never rises: a field and its state come in, a state where it rests goes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.counted import counted
from reasoning.inference.field import Field, State
from reasoning.progress import at

Floats = NDArray[np.float64]

SLACK = 1e-12
"""Rise of F, per pixel or relative, that counts as rounding."""
HALVINGS = 40
"""How often a step is halved before inference stops with "no descent"."""
SHARE = 0.2
"""Once fewer nodes than this still move, they are solved for themselves."""
MARGINS = (1e2, 10.0)
"""A node rests when it would move by less than the tolerance over this; the largest that leaves few nodes is taken."""
SPARED = 2
"""Steps that take no longer than to cut out a part and to join it."""
LEAST = 256
"""Fields of fewer nodes are not divided."""


@dataclass(frozen=True, eq=False)
class Rest:
    """Where a descent ended.

    Attributes:
        state: The last state.
        goal: (label, node + held) marginals after an undamped step of every node.
        residual: The largest change of that step.
        stopped: "converged", "no descent" or "cap".
    """

    state: State
    goal: Floats
    residual: float
    stopped: str


class Descent:
    """One run: the energies so far, and how much work is left.

    Attributes:
        first: State that it starts from.
        energies: F at the start and after each accepted step.
    """

    def __init__(self, first: State, nodes: int, max_steps: int) -> None:
        self.first, self.energies = first, [first.energy]
        self._nodes, self._left = max(nodes, 1), float(max_steps)

    def solve(self, field: Field, state: State, tolerance: float) -> Rest:
        """Step until no node of the field moves by more than the tolerance."""
        run = _Run(field, state, tolerance)
        while True:
            if run.near or self._left <= 0:
                goal, change = field.goal(run.state)
                residual = float(change.max(initial=0.0))
                if residual <= tolerance or self._left <= 0:
                    stopped = "converged" if residual <= tolerance else "cap"
                    return Rest(run.state, goal, residual, stopped)
                run.look(change)
            moving = None if run.tried or run.ending else _movers(run.change, tolerance / run.pace)
            if moving is not None:
                self._divide(run, moving)
            elif not self._descend(run):
                goal, change = field.goal(run.state)
                return Rest(run.state, goal, float(change.max(initial=0.0)), "no descent")

    def _divide(self, run: _Run, moving: NDArray[np.bool_]) -> None:
        """Solve the nodes that still move, all others held."""
        steps = len(self.energies)
        part, first, chosen = run.field.part(run.state, moving)
        rest = self.solve(part, first, run.tolerance / 2)
        run.tried = len(self.energies) == steps
        if not run.tried:
            energy = rest.state.energy - first.energy
            run.join(run.field.joined(run.state, chosen, rest.state, energy))

    def _descend(self, run: _Run) -> bool:
        """Halve the step until F does not rise, and take it; False when no step of `HALVINGS` does."""
        state, rate = run.state, run.rate
        limit = state.energy + SLACK * max(run.field.scale, abs(state.energy))
        for turn in range(HALVINGS):
            trial = run.field.step(state, rate, run.spare)
            run.left = trial.left if turn == 0 else run.left
            if trial.energy <= limit:
                self.energies.append(self.energies[-1] + min(trial.energy - state.energy, 0.0))
                self._left -= len(state.change) / self._nodes
                at(_said(len(self.energies) - 1, trial))
                run.take(trial, rate)
                return True
            run.spare, rate = trial, rate / 2
        return False


class _Run:
    """The descent of one field.

    Attributes:
        state: Where it is.
        spare: A state that is used up.
        change: (node,) how far each node had to go when that was looked at last.
        pace: What is left of that, if the last two steps are a guide.
        near: Whether the end may be reached.
        tried: Whether a part was solved in vain since the last step.
        rate: Of the next step.
        left: How much of the last step was left to do, in such steps.
    """

    def __init__(self, field: Field, state: State, tolerance: float) -> None:
        self.field, self.state, self.tolerance = field, state, tolerance
        self.spare: State | None = None
        self.change, self.pace, self.rate = state.change, 1.0, 1.0
        self.near, self.tried = field.free, False
        self._before, self._last, self.left = 0.0, 1.0, 0.0

    @property
    def ending(self) -> bool:
        """Whether so few steps are left that cutting out a part would take longer."""
        return self.pace ** (SPARED + 1) * float(self.change.max(initial=0.0)) <= self.tolerance / 2

    def look(self, change: Floats) -> None:
        """Take note of what an undamped step would change."""
        self.change, self.pace, self.near = change, 1.0, False

    def take(self, state: State, rate: float) -> None:
        """Take a step, whose `change` tells how far there was to go before it."""
        longer = float(np.clip(1 / (1 - self.left) if self.left < 0.75 else 4.0, 0.25, 4.0))
        self.rate, self._last = min(1.0, self._last * longer, 2 * rate), rate
        self.spare, self.state, self.change = self.state, state, state.change
        self.tried = False
        ahead = float(self.change.max(initial=0.0))
        self.pace = float(np.clip(ahead / self._before, 0.01, 1.0)) if self._before else 1.0
        self.near = self.pace * ahead <= self.tolerance / 2
        self._before = ahead

    def join(self, state: State) -> None:
        """Take the state after a part was solved."""
        self.state, self.near, self._before = state, True, 0.0
        self.spare = None  # its marginals are not those before the last step


def _said(steps: int, state: State) -> str:
    """How far inference has come."""
    moving = counted(len(state.change), "node")
    ahead = float(state.change.max(initial=0.0))
    return f"inference, step {steps}: {moving} still moving, by {ahead:.1g} at most"


def _movers(change: Floats, tolerance: float) -> NDArray[np.bool_] | None:
    """Nodes that still move, where they are few."""
    n = len(change)
    if n <= LEAST:
        return None
    for margin in MARGINS:
        moving: NDArray[np.bool_] = change > tolerance / margin
        if moving.sum() < (SHARE if margin == MARGINS[-1] else SHARE / 4) * n:
            return moving
    return None
