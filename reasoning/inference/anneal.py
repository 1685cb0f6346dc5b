"""The best labelling: a problem comes in, one label per node and its energy go out.

Simulated annealing by Gibbs sampling (Geman and Geman, IEEE PAMI 6, 1984): nodes of one colour have no term in common,
so that all of them may flip at once; the temperature falls, then only flips that pay are made. Several restarts run
side by side, the first from the marginals' labels without any heat, and the best labelling that any of them met wins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity

from reasoning.inference.copies import Copies, Labels, copies, ties
from reasoning.inference.field import Field
from reasoning.inference.infer import EXCLUDED, Problem, infer
from reasoning.inference.layout import lay_out
from reasoning.logic.truth import Form

Floats = NDArray[np.float64]

RESTARTS = 16
"""Restarts of a small graph; a larger one has fewer, at least 2."""
CELLS = 400_000
"""Nodes of all restarts together that are worked on side by side."""
SWEEPS = 40
"""Visits of each node while the temperature falls."""
COLDEST = 0.02
"""Last temperature, as a share of the first, which is the mean spread of a node's costs."""
POLISH = 50
"""Most visits of each node in the end, when only flips that pay are made."""


@dataclass(frozen=True)
class MapSolution:
    """The best labelling found.

    Attributes:
        labels: (y, x) int16 label of each pixel, -1 where there is no region.
        energy: Its energy in nats: F where each node has its label for certain.
        start: Energy of the marginals' labels.
        restarts: (restart,) energy that each ended with.
    """

    labels: NDArray[np.int16]
    energy: float
    start: float
    restarts: tuple[float, ...] = field(default=())


def solve_map(problem: Problem, *, seed: int = 0, restarts: int | None = None) -> MapSolution:
    """Look for the labelling of least energy; a heuristic, see `benchmarks/exactness.py` for how often it is found.

    Args:
        problem: As for `infer`. Where pixels are the nodes, pixels of neighbouring regions may flip at once although
            an axiom ties their regions; the energies that decide are exact all the same.
        seed: Of the random flips; the same seed gives the same labels.
        restarts: How many; default `RESTARTS`, fewer on large graphs.

    Returns:
        Labels and energies, never worse than the labels of the marginals.
    """
    marginals = infer(problem)
    layout = lay_out(problem, None)
    inside = layout.node >= 0
    node = layout.node[inside]
    first = np.empty(len(node), np.intp)
    first[node] = marginals.q[inside].argmax(axis=1)
    n = len(first)
    times = restarts or int(np.clip(CELLS // max(n, 1), 2, RESTARTS))
    run = _Run(copies(layout.field, times), colours(layout.field), np.random.default_rng(seed))
    labels, energies, start = run.solve(first)
    best = int(energies.argmin())
    out = np.full(inside.shape, -1, np.int16)
    out[inside] = labels[best][node]
    return MapSolution(out, float(energies[best]), start, tuple(energies.tolist()))


def colours(field: Field) -> NDArray[np.intp]:
    """(node,) colour of each node: two nodes of one colour have no term in common.

    Terms are the smoothness pairs and, where regions are nodes, the axioms; colours are given greedily, by row.
    """
    from reasoning.inference.cut_kernels import greedy_colours

    nodes, regions = field.nodes, field.regions
    n = len(nodes.size)
    touch = ties(nodes.pairs, n) != 0
    if regions.whole:
        forms = [axiom for _, axiom in regions.linked if isinstance(axiom, Form)]
        looks = identity(len(regions.b), dtype=bool, format="csr")
        for matrix in {id(m.data): m for form in forms for m in form.matrices()}.values():
            looks = looks + (matrix != 0)
        deep = looks
        for _ in range(max((form.depth for form in forms), default=0) - 1):
            deep = deep @ looks
        touch = touch + (deep.T @ deep)[:n, :n]
    touch = csr_matrix(touch)
    out = np.full(n, -1, np.int64)
    greedy_colours(touch.indptr, touch.indices, out)
    return out


class _Run:
    """Restarts side by side."""

    def __init__(self, many: Copies, colour: NDArray[np.intp], rng: np.random.Generator) -> None:
        self.many, self.rng = many, rng
        self.n, self.k = len(colour), len(many.field.nodes.unary)
        order = np.argsort(colour, kind="stable")
        counts = np.bincount(colour, minlength=1)
        self.turns = np.split(order, np.cumsum(counts)[:-1])

    def solve(self, first: Labels) -> tuple[Labels, Floats, float]:
        """(restart, node) best labels of each restart, their energies, and that of the first labels."""
        times = self.many.times
        labels = self.rng.integers(0, self.k, (times, self.n))
        labels[0] = first
        energy, costs = self.many.energies(labels)
        self.best, self.least = labels.copy(), energy.copy()
        start, heat = float(energy[0]), _spread(costs, self.many)
        for step in range(SWEEPS):
            self._visit(labels, heat * COLDEST ** (step / (SWEEPS - 1)))
        labels[0] = first
        for _ in range(POLISH):
            before = labels.copy()
            self._visit(labels, 0.0)
            if np.array_equal(before, labels):
                break
        self._keep(labels, self.many.energies(labels)[0])
        return self.best, self.least, start

    def _visit(self, labels: Labels, heat: float) -> None:
        """Let every node flip once, colour by colour."""
        for turn in self.turns:
            energy, costs = self.many.energies(labels)
            self._keep(labels, energy)
            mine = costs.reshape(self.k, self.many.times, self.n)[:, :, turn]
            if heat > 0:
                mine = mine - heat * self.rng.gumbel(size=mine.shape)
                labels[:, turn] = mine.argmin(axis=0)
            else:
                now = np.take_along_axis(mine, labels[None, :, turn], axis=0)[0]
                better = mine.min(axis=0) < now - 1e-12 * np.maximum(1.0, np.abs(now))
                labels[:, turn] = np.where(better, mine.argmin(axis=0), labels[:, turn])

    def _keep(self, labels: Labels, energy: Floats) -> None:
        lower = energy < self.least
        self.best[lower], self.least[lower] = labels[lower], energy[lower]


def _spread(costs: Floats, many: Copies) -> float:
    """Mean of what a label costs more than the best one, over the labels that hard axioms allow."""
    more = (costs - costs.min(axis=0))[many.field.nodes.unary > EXCLUDED / 2]
    return max(float(more.mean()), 1e-6) if more.size else 1e-6
