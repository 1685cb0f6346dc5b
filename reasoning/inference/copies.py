"""Labellings of a problem come in, their energies and what every single flip would cost go out, many at a time.

The energy of a labelling is F where every node has one label for certain: sum of size * -score, a Potts term (the
weight of each pair whose labels differ), and the penalties of the axioms at the regions' class shares. Given the others
it is linear in each node, so the gradient of F says exactly what a flip costs, wherever each other region enters an
axiom once (`CompiledAxiom.note` says where not).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity, kron

from reasoning.inference.field import Field, Nodes
from reasoning.inference.pairs import NoPairs, Pairs
from reasoning.inference.region_terms import RegionTerms
from reasoning.logic.truth import Form

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Copies:
    """So many copies of a field, one after the other: each node and each row of it, then those of the next.

    Attributes:
        field: The copies as one field.
        times: How many.
        ties: (node, node) smoothness weights of all copies.
    """

    field: Field
    times: int
    ties: csr_matrix

    def energies(self, labels: Labels) -> tuple[Floats, Floats]:
        """Energy of each copy, and what each label of each node would cost there.

        Args:
            labels: (copy, node).

        Returns:
            (copy,) and (label, copy * node), both in nats; costs up to a constant per node.
        """
        nodes, k = self.field.nodes, len(self.field.nodes.unary)
        own = labels.ravel()
        q = np.zeros((k, len(own)))
        q[own, np.arange(len(own))] = 1.0
        costs = -nodes.unary * nodes.size
        alike = (self.ties @ q.T).T
        ties = self.ties @ np.ones(len(own)) - alike[own, np.arange(len(own))]
        energy = self._sum(costs[own, np.arange(len(own))] + 0.5 * ties)
        penalties, gradient = self._penalties(q)
        costs += gradient[:, nodes.row] * (nodes.size / self.field.regions.count[nodes.row])
        return energy + penalties, costs - alike

    def _penalties(self, q: Floats) -> tuple[Floats, Floats]:
        regions = self.field.regions
        means = regions.means(q, self.field.nodes)
        gradient, total = np.zeros_like(means), np.zeros(len(regions.b))
        for weight, axiom in regions.linked:
            b = weight * regions.b
            if isinstance(axiom, Form):
                total += b * axiom.assess(means.T, b, gradient.T)
        return self._sum(total), gradient

    def _sum(self, values: Floats) -> Floats:
        return np.asarray(values.reshape(self.times, -1).sum(axis=1))


def copies(field: Field, times: int) -> Copies:
    """So many copies of a whole field (nothing held), each of which can have labels of its own.

    Raises:
        TypeError: An axiom is not compiled to a `Form`.
    """
    nodes, regions = field.nodes, field.regions
    if not regions.divisible:
        raise TypeError("only compiled axioms have energies of labellings")
    n, rows = len(nodes.size), len(regions.b)
    tie = ties(nodes.pairs, n)
    shift = np.repeat(rows * np.arange(times), n)
    many = Nodes(
        np.tile(nodes.unary, times),
        np.tile(nodes.size, times),
        (np.tile(nodes.row, times) + shift).astype(np.int32),
        NoPairs(),
        n * times,
    )
    terms = RegionTerms(
        np.tile(regions.base, times),
        np.tile(regions.count, times),
        np.tile(regions.b, times),
        tuple((w, a.repeated(times) if isinstance(a, Form) else a) for w, a in regions.linked),
        regions.whole and rows == n,
    )
    return Copies(Field(many, terms), times, kron(identity(times), tie, format="csr"))


def ties(pairs: Pairs, n: int) -> csr_matrix:
    """(node, node) weights of pairs of n nodes."""
    if not pairs.count:
        return csr_matrix((n, n))
    counts, ends, weights = pairs.edges(np.arange(n))
    return csr_matrix((weights, ends, np.concatenate([[0], np.cumsum(counts)])), shape=(n, n))
