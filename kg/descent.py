"""A core class and the labels of a legend come in, how the class spreads over those labels goes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pairs = Sequence[tuple[str, float]]


class ClassTree(Protocol):
    """Subsumption between classes, as `kg.ontology.Ontology` gives it."""

    def below(self, iri: str) -> frozenset[str]:
        """The class and all its subclasses."""

    def above(self, iri: str) -> frozenset[str]:
        """The class and all its superclasses."""


def spread(
    iri: str, kinds: frozenset[str], tree: ClassTree, main: frozenset[str] = frozenset()
) -> dict[str, float]:
    """Share of a class that falls to each of the given kinds.

    A class that is one of the kinds falls to it alone. Otherwise a class that has kinds below it is split evenly over
    those direct subclasses that lead to a kind, and so on downwards. Otherwise it falls evenly to the nearest
    kinds above it.

    Args:
        iri: Class IRI.
        kinds: Class IRIs that may receive a share.
        tree: Subsumption.
        main: Those of the kinds among which a class above them is split, wherever one of them is below it.

    Returns:
        Kind IRI -> share; shares sum to 1. Empty when no kind is above or below the class.
    """
    shares = {iri: 1.0} if iri in kinds else _downwards(iri, main, tree)
    shares = shares or _downwards(iri, kinds, tree)
    if shares:
        return shares
    above = kinds & tree.above(iri)
    nearest = [
        one
        for one in above
        if not any(one != other and one in tree.above(other) for other in above)
    ]
    return {one: 1.0 / len(nearest) for one in sorted(nearest)}


def nearest_above(iri: str, known: Mapping[str, object], tree: ClassTree) -> str:
    """The most specific of the `known` classes that is the class itself or above it; "" when there is none."""
    above = {one for one in known if one == iri or one in tree.above(iri)}
    nearest = [
        one
        for one in above
        if not any(one != other and one in tree.above(other) for other in above)
    ]
    return min(nearest, default="")


def _downwards(iri: str, kinds: frozenset[str], tree: ClassTree) -> dict[str, float]:
    if iri in kinds:
        return {iri: 1.0}
    below = tree.below(iri) - {iri}
    if not kinds & below:
        return {}
    children = [one for one in below if not (tree.above(one) - {one}) & below]
    branches = [shares for one in sorted(children) if (shares := _downwards(one, kinds, tree))]
    total: dict[str, float] = {}
    for shares in branches:
        for kind, share in shares.items():
            total[kind] = total.get(kind, 0.0) + share / len(branches)
    return total


class Descent:
    """Rows P(label | core class); remembers what it has found.

    Args:
        labels: (kinds, graded core classes) of each of the K labels; of the kinds the first is what the label is, the
            others stand for it.
        tree: Subsumption.
        covers: What usually covers a class whose kinds are no help: class IRI -> (core class IRI, share) pairs.
        partly: Kinds that labels are only parts of: what is below such a kind goes by its cover, if it has one, since
            nothing says that it is in that part.
    """

    def __init__(
        self,
        labels: Sequence[tuple[tuple[str, ...], Pairs]],
        tree: ClassTree,
        covers: Mapping[str, Pairs],
        partly: Collection[str] = (),
    ) -> None:
        self.labels, self.tree, self.covers, self.partly = labels, tree, covers, partly
        self.kinds = frozenset(kind for kinds, _ in labels for kind in kinds if kind)
        self.main = frozenset(kinds[0] for kinds, _ in labels if kinds and kinds[0])
        self.found: dict[str, NDArray[np.float64]] = {}

    def row(self, iri: str) -> NDArray[np.float64]:
        """(K,) float64: sums to 1, or all 0 when the class says nothing about the labels."""
        if iri not in self.found:
            self.found[iri] = self._row(iri, frozenset())
        return self.found[iri]

    def mixed(self, pairs: Pairs) -> NDArray[np.float64]:
        """The row of a mixture of core classes; those that say nothing are left out."""
        return self._normal([(self.row(iri), share) for iri, share in pairs])

    def _row(self, iri: str, asked: frozenset[str]) -> NDArray[np.float64]:
        """`asked` holds the classes on the way here: a cover that leads back to one of them says nothing."""
        shares = spread(iri, self.kinds, self.tree, self.main)
        above = {one for one in shares if one != iri and one in self.tree.above(iri)}
        if whole := above - set(self.partly):
            shares = {one: 1 / len(whole) for one in sorted(whole)}
        loose = bool(above) and not whole
        if not shares or loose:
            known = nearest_above(iri, self.covers, self.tree)
            parts = [] if known in asked else self.covers.get(known, ())
            row = self._normal([(self._row(one, asked | {known}), share) for one, share in parts])
            if not loose or row.any():
                return row
        return self._normal([(self._kind_row(one, iri), share) for one, share in shares.items()])

    def _kind_row(self, kind: str, iri: str) -> NDArray[np.float64]:
        """Labels of one kind share by how much of the class `iri` their crosswalk holds; evenly if none does."""
        related = self.tree.below(iri) | self.tree.above(iri) | {iri}
        held = [
            sum(s for core, s in pairs if core in related) if kind in kinds else 0.0
            for kinds, pairs in self.labels
        ]
        if not any(held):
            held = [float(kind in kinds) for kinds, _ in self.labels]
        return np.array(held, dtype=np.float64) / sum(held)

    def _normal(self, rows: Sequence[tuple[NDArray[np.float64], float]]) -> NDArray[np.float64]:
        total = np.zeros(len(self.labels))
        for row, share in rows:
            total += row * share
        return np.asarray(total / total.sum()) if total.sum() > 0 else total
