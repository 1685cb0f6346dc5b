"""A run that can be asked again: terms come in, solutions under these or other values of the knobs go out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from reasoning import progress
from reasoning.correction import BEST, Corrected, Trace
from reasoning.facts import Facts
from reasoning.inference.infer import Held, Problem, Solution, infer
from reasoning.logic.hard import Exclusions
from reasoning.terms import AS_IT_IS, Change, Terms
from reasoning.threads import in_blocks

Floats = NDArray[np.float64]
Window = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Solved:
    """A corrected map and what a later question needs, so that nothing is computed twice.

    Attributes:
        corrected: What changed and why.
        terms: What it was decided by.
        facts: What is known of the regions.
        exclusions: What hard axioms took away.
        problem: The free energy.
        solution: Where inference ended, for every pixel.
    """

    corrected: Corrected
    terms: Terms
    facts: Facts
    exclusions: Exclusions
    problem: Problem
    solution: Solution


def solve_terms(
    terms: Terms, change: Change = AS_IT_IS, exclusions: Exclusions | None = None
) -> tuple[Problem, Solution]:
    """Solve a whole map, from the start that every run has.

    Args:
        terms: What it is decided by.
        change: Other values of some knobs.
        exclusions: `terms.exclusions(change)`, where that is known already.

    Returns:
        The problem, and its solution for every pixel (also where regions are the nodes).
    """
    knobs = terms.settings
    problem = terms.problem(change, exclusions)
    if knobs.mode == "map":
        solution = _best_labelling(problem, len(terms.regions), knobs.seed)
    else:
        progress.at("inference begins")
        solution = infer(problem, tolerance=knobs.tolerance, max_steps=knobs.max_steps)
    if knobs.nodes == "regions":
        label = terms.regions.label
        q = _of_pixels(solution.q[0], label)
        solution = replace(solution, q=q, at=q)
    return problem, solution


def _of_pixels(q: Floats, label: NDArray[np.int32]) -> Floats:
    """(y, x, class) what regions (region, class) say of their pixels, 0 where there is none."""
    from reasoning.inference.field_kernels import gather

    padded = np.concatenate([q.T, np.zeros((q.shape[1], 1))], axis=1)
    out, where = np.empty((len(padded), *label.shape)), label.ravel()

    def work(first: int, last: int) -> None:
        """Some classes."""
        for plane, values in zip(out[first:last], padded[first:last], strict=True):
            gather(values, where, plane.ravel())  # -1: the zero at the end

    in_blocks(work, len(out), 1)
    return np.moveaxis(out, 0, -1)


def _best_labelling(problem: Problem, regions: int, seed: int) -> Solution:
    """The best labelling found, as marginals that are 0 or 1."""
    from reasoning.inference.anneal import solve_map

    found = solve_map(problem, seed=seed)
    labels, k = found.labels, problem.unary.shape[2]
    q = (labels[..., None] == np.arange(k)).astype(np.float64)
    inside, size = problem.region >= 0, problem.size
    rows, weight = problem.region[inside], size[inside]
    total = np.maximum(np.bincount(rows, weight, regions), 1e-300)
    sums = [np.bincount(rows, q[inside][:, j] * weight, regions) / total for j in range(k)]
    means = np.concatenate([np.stack(sums, axis=1), problem.fixed])
    trace = Trace((found.start, found.energy), 0.0, len(found.restarts), BEST)
    return Solution(q, q.copy(), means, trace)


def solve_window(solved: Solved, change: Change, window: Window) -> Solution:
    """Solve a window of the map, from the same start, with everything outside of it held as the run left it.

    A margin of one pixel inside the window is held too, so that smoothness at its edge is exact. Regions that reach
    beyond it keep the pixels outside in their mean. What the change does elsewhere, and what that would do here
    through neighbouring regions, is left out: the answer is that of the whole map where influence is local. Where
    regions are the nodes, and for the best labelling, the whole map is solved and the window is cut out of it.

    Args:
        solved: The run.
        change: Other values of some knobs.
        window: Rows and columns.

    Returns:
        The solution in the window.
    """
    terms, knobs = solved.terms, solved.terms.settings
    shape = terms.regions.label.shape
    if knobs.nodes == "regions" or knobs.mode == "map" or _size(window) == shape:
        _, solution = solve_terms(terms, change)
        q, at = (np.ascontiguousarray(part[window]) for part in (solution.q, solution.at))
        return replace(solution, q=q, at=at)
    problem = terms.problem(change, None, window)
    held = _held(solved, window)
    return infer(problem, tolerance=knobs.tolerance, max_steps=knobs.max_steps, held=held)


def _size(window: Window) -> tuple[int, int]:
    return window[0].stop - window[0].start, window[1].stop - window[1].start


def _held(solved: Solved, window: Window) -> Held:
    """Everything outside of the window's free pixels as the run left it."""
    label, n = solved.terms.regions.label, len(solved.terms.regions)
    q, here = solved.solution.q[window], label[window]
    free = here >= 0
    top, left = window[0].start > 0, window[1].start > 0
    bottom, right = window[0].stop < label.shape[0], window[1].stop < label.shape[1]
    for edge, held in (
        (np.s_[0], top),
        (np.s_[-1], bottom),
        (np.s_[:, 0], left),
        (np.s_[:, -1], right),
    ):
        if held:
            free[edge] = False
    count = np.bincount(here[here >= 0], minlength=n)
    inside = np.stack(
        [np.bincount(here[here >= 0], q[here >= 0][:, k], n) for k in range(q.shape[2])], axis=1
    )
    total = solved.solution.means[:n] * solved.terms.regions.count[:, None]
    outside = np.where((solved.terms.regions.count > count)[:, None], total - inside, 0.0)
    rest = (solved.terms.regions.count - count).astype(np.float64)
    return Held(np.ascontiguousarray(q), free, np.maximum(outside, 0.0), rest)


def corrected_prediction(
    before: Prediction, solution: Solution, label: NDArray[np.int32]
) -> Prediction:
    """The prediction that a solution means."""
    after = np.ascontiguousarray(np.moveaxis(solution.q, -1, 0), np.float32)
    after[:, label < 0] = 0
    return replace(before, probabilities=after, model=f"{before.model}, corrected", lesson=None)
