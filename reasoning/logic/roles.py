"""Measured relations come in, the relations that rules make of them go out: inverses, sub-properties, chains.

R[r, s] is how much "r has the role to s" holds, 0..1. A relation that a run measured is taken as measured. One that it
did not is made of what the ontology says implies it (OWL 2 Direct Semantics, 2.3.2), each entry the largest of

- the matrices of its sub-properties and of equivalent properties, and the transposed ones of its inverses;
- for each chain `A o B`: 1 - prod over middles m of (1 - A[r, m] B[m, s]), no way leading back to r;
- of a symmetric property, its own transposed matrix; of a transitive one, its chain with itself, until nothing changes.

With `ll:atLeast v`, what is at least v (and above 0) becomes 1, the rest 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_matrix

from kg import vocab
from kg.errors import RuleError
from kg.expressions import is_inverse, property_of
from kg.ontology import Axiom, Ontology
from kg.roles import Roles
from reasoning.facts import Facts
from reasoning.logic.meaning import names_used

MOST_PAIRS = 50_000_000
"""Pairs of regions that a chain may relate; more do not fit in memory."""

_ROUNDS = 32
_SAME = 1e-12


def with_roles(facts: Facts, axioms: Iterable[Axiom], ontology: Ontology) -> Facts:
    """Add the relations that rules make of measured ones.

    Call it before `reasoning.facts.limit_messages`, which splits what is there.

    Args:
        facts: With the relations that were measured.
        axioms: Rules; only roles that they use are made.
        ontology: What roles are made of.

    Returns:
        Facts with one more relation for each role (read backwards: `INVERSE` and the property) that can be made.

    Raises:
        RuleError: A chain relates too many pairs of regions.
    """
    roles, _ = names_used(axioms, ontology)
    made = dict(facts.relations)
    composer = _Composer(ontology.roles, facts.relations)
    for role in sorted(roles - made.keys() - vocab.EVIDENCE_ROLES):
        matrix = composer.matrix(role)
        if matrix is not None:
            made[role] = matrix
    return facts if len(made) == len(facts.relations) else replace(facts, relations=made)


@dataclass
class _Composer:
    """Makes matrices of roles; None where nothing that was measured leads to one."""

    roles: Roles
    measured: Mapping[str, csr_matrix]
    made: dict[str, csr_matrix | None] = field(default_factory=dict)

    def matrix(self, role: str, inside: frozenset[str] = frozenset()) -> csr_matrix | None:
        """The matrix of a role; `inside` are properties that are being made."""
        property = property_of(role)
        if not is_inverse(role) or property in self.roles.symmetric:
            return self._forwards(property, inside)
        for other in self.roles.inverses.get(property, ()):
            if other in self.measured:
                return self.measured[other]
        forwards = self._forwards(property, inside)
        return None if forwards is None else _transposed(forwards)

    def _forwards(self, property: str, inside: frozenset[str]) -> csr_matrix | None:
        if property in self.measured:
            return self.measured[property]
        if property in inside:
            return None
        if inside:  # cut short by what is being made: not worth keeping
            return self._closed(property, inside | {property})
        if property not in self.made:
            self.made[property] = self._closed(property, frozenset((property,)))
        return self.made[property]

    def _closed(self, property: str, inside: frozenset[str]) -> csr_matrix | None:
        """What implies the property, and what follows of it by chains that name it."""
        parts = [self.matrix(part, inside) for part in self.roles.parts.get(property, ())]
        for other in self.roles.inverses.get(property, ()):
            forwards = self._forwards(other, inside)
            parts.append(None if forwards is None else _transposed(forwards))
        chains = list(self.roles.chains.get(property, ()))
        again = [chain for chain in chains if property in map(property_of, chain)]
        parts += [self._chain(chain, inside, None) for chain in chains if chain not in again]
        found = _largest(parts)
        if property in self.roles.transitive:
            again.append((property, property))
        for _ in range(_ROUNDS if found is not None else 0):
            found = self._symmetric(property, found)
            more = _largest([found, *(self._chain(chain, inside, found) for chain in again)])
            if more is None or abs(more - found).max() < _SAME:
                break
            found = more
        return None if found is None else self._settled(property, found)

    def _symmetric(self, property: str, matrix: csr_matrix) -> csr_matrix:
        if property not in self.roles.symmetric:
            return matrix
        return matrix.maximum(_transposed(matrix)).tocsr()

    def _chain(
        self, chain: Sequence[str], inside: frozenset[str], itself: csr_matrix | None
    ) -> csr_matrix | None:
        """Product along a chain; where it names a property that is being made, `itself` stands for that."""
        out: csr_matrix | None = None
        for role in chain:
            step = self.matrix(role, inside)
            if step is None and itself is not None and property_of(role) in inside:
                step = _transposed(itself) if is_inverse(role) else itself
            if step is None:
                return None
            out = step if out is None else chained(out, step)
        return out

    def _settled(self, property: str, matrix: csr_matrix) -> csr_matrix:
        """Without loops and zeros, and after `ll:atLeast`."""
        out = matrix.copy()
        out.data[out.indices == np.repeat(np.arange(out.shape[0]), np.diff(out.indptr))] = 0
        least = self.roles.notes.get(property, {}).get(vocab.AT_LEAST)
        if isinstance(least, int | float):
            out.data = ((out.data >= least) & (out.data > 0)).astype(np.float64)
        out.eliminate_zeros()
        out.sort_indices()
        return out


def _transposed(matrix: csr_matrix) -> csr_matrix:
    out = matrix.T.tocsr()
    out.sort_indices()
    return out


def _largest(matrices: Sequence[csr_matrix | None]) -> csr_matrix | None:
    """Entry by entry; None where there is none."""
    out: csr_matrix | None = None
    for matrix in matrices:
        if matrix is not None:
            out = matrix if out is None else out.maximum(matrix).tocsr()
    return out


def chained(one: csr_matrix, other: csr_matrix) -> csr_matrix:
    """The relation `one o other`: 1 - prod over middles m of (1 - one[r, m] other[m, s]), no way back to r.

    Args:
        one: (region, region), values 0..1, from a region to the middle.
        other: The same, from the middle on.

    Raises:
        RuleError: More than `MOST_PAIRS` pairs are related.
    """
    from reasoning.logic.role_kernels import chain_ways, count_ways

    n = one.shape[0]
    first, second = ((m.indptr, m.indices, m.data.astype(np.float64)) for m in (one, other))
    starts = count_ways(first, second, MOST_PAIRS)
    if starts[-1] > MOST_PAIRS:
        raise RuleError(
            f"a property chain relates more than {MOST_PAIRS:,} pairs of regions",
            "use near with an ll:distance instead of the chain, or fewer regions (superpixels of more metres)",
        )
    columns, values = np.empty(starts[-1], np.int32), np.empty(starts[-1])
    chain_ways(first, second, starts, columns, values)
    return csr_matrix((values, columns, starts), shape=(n, n))
