"""Mean-field inference: pixel scores, smoothness and penalties on regions come in, marginals that agree go out.

The free energy, with q_R the mean of a region's pixels and a_r its pixel count:

    F(q) = sum_i [KL(q_i || p_i) + evidence_i . q_i]  +  1/2 sum_ij w_ij |q_i - q_j|^2  +  sum_r a_r penalty_r(q_R)

The smoothness form is convex and decides like the Potts model: alone among neighbours of one other class, a pixel
gives way when its own log-odds are below the sum of their weights. q* = softmax(log p - g), g the gradient of all but
the KL, is where a node would go if nothing else moved and it did not feel itself. Steps are taken in scores s, with
q = softmax(s): s + h x, x = (I + W A)^-1 (log p - g - s) for each node, W the weights of its pairs and
A = diag(q) - q q', the slope of softmax. Then dF = -h sum x . A (I + W A) x <= 0, so that some h always lets F fall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from reasoning.correction import Trace
from reasoning.inference.region_terms import Penalty

Floats = NDArray[np.float64]

EXCLUDED = -1e6
"""Score of a removed class: its probability is exactly 0."""


@dataclass(frozen=True)
class Problem:
    """Everything that F is made of.

    Attributes:
        unary: (y, x, class) float64, log p + log p(evidence | class); `EXCLUDED` where a hard axiom removed the
            class.
        right: (y, x) float64 smoothness weight of the pair (pixel, pixel to the right), 0 in the last column.
        down: (y, x) float64 the same for the pixel below, 0 in the last row.
        region: (y, x) int32 region of each pixel, -1 for none.
        size: (y, x) float64 how many pixels a pixel stands for: 1; more where whole regions are nodes.
        axioms: (weight, compiled axiom) pairs.
        fixed: (row, class) float64 marginals appended below the region means for the axioms: neighbours as the
            network saw them (`reasoning.facts.limit_messages`).
        pairs: (node, node) symmetric smoothness weights where nodes are no grid (`region_problem`); node i is the
            i-th pixel that has a region, row by row. `right` and `down` are 0 then.
    """

    unary: Floats
    right: Floats
    down: Floats
    region: NDArray[np.int32]
    size: Floats
    axioms: tuple[tuple[float, Penalty], ...]
    fixed: Floats
    pairs: csr_matrix | None = None


def region_problem(
    unary: Floats,
    size: Floats,
    axioms: tuple[tuple[float, Penalty], ...],
    *,
    cuts: csr_matrix | None = None,
    fixed: Floats | None = None,
) -> Problem:
    """A problem whose nodes are whole regions.

    Args:
        unary: (region, class) mean scores of each region's pixels.
        size: (region,) pixels of each.
        axioms: (weight, compiled axiom) pairs.
        cuts: (region, region) symmetric, nats: smoothness per pair of pixels times how many pairs their boundary
            cuts (its length over the length of a pixel's edge), as the same labels would cost with pixels as nodes.
        fixed: (row, class) further neighbours, as in `Problem`.

    Returns:
        The problem, shape (1, region).
    """
    n, k = unary.shape
    none = np.zeros((1, n))
    return Problem(
        unary=np.ascontiguousarray(unary, np.float64)[None],
        right=none,
        down=none,
        region=np.arange(n, dtype=np.int32)[None],
        size=np.asarray(size, np.float64)[None],
        axioms=axioms,
        fixed=np.empty((0, k)) if fixed is None else fixed,
        pairs=cuts,
    )


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
        at: (y, x, class) float64 the last state but this undamped step; `q` for pixels of regions that were nodes,
            where nothing ties pixels.
        means: (region + fixed, class) float64 region means of `at`, with `Problem.fixed` below.
        trace: Energies, residual and stop reason.
    """

    q: Floats
    at: Floats
    means: Floats
    trace: Trace


def region_message(axiom: Penalty, means: Floats, b: Floats, weight: float = 1.0) -> Floats:
    """Gradient of one axiom's penalty that each pixel of a region receives.

    Args:
        axiom: Compiled axiom.
        means: (region, class) region means.
        b: (region,) pixel counts; 0 for rows that only serve as neighbours.
        weight: Of the axiom, in nats.

    Returns:
        (region, class) float64: `weight * gradient(sum_r b_r penalty_r) / b`, 0 where b is 0.
    """
    if axiom.local:  # a region says nothing to others, and the same to each of its pixels
        return axiom.gradient(means, np.where(b > 0, weight, 0.0))
    message = axiom.gradient(means, weight * b)
    scale = np.where(b > 0, 1.0 / np.maximum(b, 1.0), 0.0)
    if (scale != 1.0).any():
        message *= scale[:, None]
    return message


def infer(
    problem: Problem,
    *,
    tolerance: float = 1e-8,
    max_steps: int = 60,
    held: Held | None = None,
) -> Solution:
    """Find a stationary point of F, from softmax(log p - evidence - local penalties) on, F never rising.

    Once most nodes rest, the others take steps of their own with the rest held, and so on (see
    `reasoning.inference.descent`); the end is checked, and its last step taken, over all nodes.

    Args:
        problem: The terms of F.
        tolerance: Stop when no probability of q* differs from q by more than this.
        max_steps: Stop after steps of this many times all nodes.
        held: What stays as it is, when the problem is a window of a larger map.

    Returns:
        Final marginals with the state that their gradient was taken at. The same input gives the same bytes.
    """
    from reasoning.inference.descent import Descent
    from reasoning.inference.layout import lay_out

    layout = lay_out(problem, held)
    descent = Descent(layout.start(), len(layout.field.nodes.size), max_steps)
    rest = descent.solve(layout.field, descent.first, tolerance)
    trace = Trace(tuple(descent.energies), rest.residual, len(descent.energies) - 1, rest.stopped)
    goal, at = layout.split(rest.goal), layout.split(rest.state.q)
    return Solution(layout.planes(goal), layout.planes(at), layout.means(at), trace)
