"""Mean-field inference: pixel scores, smoothness and penalties on regions come in, marginals that agree go out.

The free energy, with q_R the mean of a region's pixels and a_r its pixel count:

    F(q) = sum_i [KL(q_i || p_i) + evidence_i . q_i]  +  1/2 sum_ij w_ij |q_i - q_j|^2  +  sum_r a_r penalty_r(q_R)

The smoothness form is convex and decides like the Potts model: alone among neighbours of one other class, a pixel
gives way when its own log-odds are below the sum of their weights. q* = softmax(log p - g), g the gradient of all but
the KL; the step q + h (q* - q) is halved until F does not rise, which some h always fulfils because
grad F . (q* - q) = -sum [KL(q || q*) + KL(q* || q)] <= 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reasoning.correction import Trace

Floats = NDArray[np.float64]

EXCLUDED = -1e6
"""Score of a removed class: its probability is exactly 0."""
SLACK = 1e-12
"""Relative rise of F that counts as rounding."""
HALVINGS = 40
"""How often a step is halved before inference stops with "no descent"."""


class Penalty(Protocol):
    """What inference needs of a compiled axiom (`reasoning.axioms.CompiledAxiom` has it)."""

    @property
    def local(self) -> bool:
        """True when the gradient does not depend on q."""

    def penalty(self, q: Floats) -> Floats:
        """(region,) penalty in 0..1 at the region means (region, class)."""

    def gradient(self, q: Floats, b: Floats) -> Floats:
        """(region, class) derivative of sum_r b_r penalty_r(q)."""


@dataclass(frozen=True)
class Problem:
    """Everything that F is made of.

    Attributes:
        unary: (y, x, class) float64, log p + log p(evidence | class); `EXCLUDED` where a hard axiom removed the
            class.
        right: (y, x) float64 smoothness weight of the pair (pixel, pixel to the right), 0 in the last column.
        down: (y, x) float64 the same for the pixel below, 0 in the last row.
        region: (y, x) int32 region of each pixel, -1 for none.
        size: (y, x) float64 how many pixels a pixel stands for: 1; more where whole regions are nodes (then
            without smoothness).
        axioms: (weight, compiled axiom) pairs.
        fixed: (row, class) float64 marginals appended below the region means for the axioms: neighbours as the
            network saw them (`reasoning.facts.limit_messages`).
    """

    unary: Floats
    right: Floats
    down: Floats
    region: NDArray[np.int32]
    size: Floats
    axioms: tuple[tuple[float, Penalty], ...]
    fixed: Floats


@dataclass(frozen=True)
class Held:
    """What stays as it is while a window of a larger map is solved.

    Attributes:
        q: (y, x, class) float64 marginals of the window; pixels that are not free keep them.
        free: (y, x) bool: pixels that may change.
        sums: (region, class) float64 sums of the marginals of the pixels outside of the window.
        count: (region,) float64 how many pixels (by `Problem.size`) those are.
    """

    q: Floats
    free: NDArray[np.bool_]
    sums: Floats
    count: Floats


@dataclass(frozen=True)
class Solution:
    """Where inference ended.

    Attributes:
        q: (y, x, class) float64 final marginals, softmax(log p - g) with g taken at `at`.
        at: (y, x, class) float64 the last state but this undamped step.
        means: (region + fixed, class) float64 region means of `at`, with `Problem.fixed` below.
        trace: Energies, residual and stop reason.
    """

    q: Floats
    at: Floats
    means: Floats
    trace: Trace


class _Regions:
    """The part of F that lives on regions; axioms that do not depend on q are summed once."""

    def __init__(self, problem: Problem, held: Held | None = None) -> None:
        k = problem.unary.shape[2]
        inside = problem.region >= 0
        least = 0 if held is None else len(held.count)
        count = np.bincount(problem.region[inside], problem.size[inside], least).astype(np.float64)
        self.held = 0.0 if held is None else held.sums
        count = count if held is None else count + held.count
        self.count = np.maximum(count, 1.0)
        self.fixed = problem.fixed
        self.b = np.concatenate([count, np.zeros(len(problem.fixed))])
        self.linked = tuple((w, a) for w, a in problem.axioms if not a.local)
        ones, start = np.ones(len(self.b)), np.full((len(self.b), k), 1.0 / k)
        self.static = np.zeros((len(count), k))
        for weight, axiom in problem.axioms:
            if axiom.local:
                self.static += weight * axiom.gradient(start, ones)[: len(count)]

    def means(self, sums: Floats) -> Floats:
        return np.concatenate([(sums + self.held) / self.count[:, None], self.fixed])

    def message(self, means: Floats) -> Floats:
        """(region, class) gradient that each pixel of a region receives."""
        pulled = np.zeros_like(self.static)
        for weight, axiom in self.linked:
            pulled += weight * axiom.gradient(means, self.b)[: len(pulled)]
        return self.static + pulled / self.count[:, None]

    def energy(self, means: Floats) -> float:
        live = len(self.count)
        total = float(self.b[:live] @ (self.static * means[:live]).sum(axis=1))
        return total + sum(w * float(self.b @ a.penalty(means)) for w, a in self.linked)


def region_message(axiom: Penalty, means: Floats, b: Floats) -> Floats:
    """Gradient of one axiom's penalty that each pixel of a region receives, per unit of weight.

    Args:
        axiom: Compiled axiom.
        means: (region, class) region means.
        b: (region,) pixel counts; 0 for rows that only serve as neighbours.

    Returns:
        (region, class) float64: `gradient(sum_r b_r penalty_r) / b`, 0 where b is 0.
    """
    message: Floats = axiom.gradient(means, b) / np.maximum(b, 1.0)[:, None]
    message[b == 0] = 0
    return message


class _Field:
    """The marginals of one run and the passes over them."""

    def __init__(self, problem: Problem, held: Held | None = None) -> None:
        from reasoning.smooth import softmax_pixels

        self.problem, self.pairs, self.held = problem, (problem.right, problem.down), held
        self.regions = _Regions(problem, held)
        self.sums = np.zeros_like(self.regions.static)
        self.q, self.goal, self.spare = (np.zeros_like(problem.unary) for _ in range(3))
        softmax_pixels(problem.unary, problem.region, self.regions.static, self.q)
        if held is not None:
            self.q[~held.free] = held.q[~held.free]
        self.goal[:] = self.q
        self.energy = self.try_step(0.0)
        self.accept(self.energy)

    def propose(self) -> float:
        from reasoning.smooth import propose

        message = self.regions.message(self.means)
        p, held = self.problem, self.held
        residual = float(propose(self.q, p.unary, self.pairs, p.region, message, self.goal))
        if held is None:
            return residual
        self.goal[~held.free] = self.q[~held.free]
        return float(np.abs(self.goal - self.q).max(initial=0.0))

    def try_step(self, step: float) -> float:
        from reasoning.smooth import advance

        p = self.problem
        terms = (p.unary, p.right, p.down, p.region, p.size)
        pixels = advance(self.q, self.goal, step, terms, self.spare, self.sums)
        self.trial = self.regions.means(self.sums)
        return float(pixels) + self.regions.energy(self.trial)

    def accept(self, energy: float) -> None:
        self.q, self.spare = self.spare, self.q
        self.energy, self.means = energy, self.trial


def infer(
    problem: Problem,
    *,
    tolerance: float = 1e-8,
    max_steps: int = 60,
    held: Held | None = None,
) -> Solution:
    """Find a stationary point of F, from softmax(log p - evidence - local penalties) on, F never rising.

    Args:
        problem: The terms of F.
        tolerance: Stop when no probability of q* differs from q by more than this.
        max_steps: Stop after so many accepted steps.
        held: What stays as it is, when the problem is a window of a larger map.

    Returns:
        Final marginals with the state that their gradient was taken at. The same input gives the same bytes.
    """
    from reasoning.smooth import alignment

    field = _Field(problem, held)
    energies, step, stopped = [field.energy], 1.0, "cap"
    residual = field.propose()
    while len(energies) <= max_steps:
        if residual <= tolerance:
            stopped = "converged"
            break
        found = _descend(field, step)
        if found is None:
            stopped = "no descent"
            break
        energies.append(field.energy)
        residual = field.propose()
        left = found * float(alignment(field.q, field.goal, field.spare))
        step = min(1.0, found * float(np.clip(1 / (1 - left) if left < 0.75 else 4.0, 0.25, 4.0)))
    trace = Trace(tuple(energies), residual, len(energies) - 1, stopped)
    return Solution(field.goal, field.q, field.means, trace)


def _descend(field: _Field, step: float) -> float | None:
    """Halve the step until F does not rise, and take it; None when no step of `HALVINGS` does."""
    limit = field.energy + SLACK * max(1.0, abs(field.energy))
    for _ in range(HALVINGS):
        energy = field.try_step(step)
        if energy <= limit:
            field.accept(min(energy, field.energy))
            return step
        step /= 2
    return None
