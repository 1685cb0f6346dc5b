"""Hard axioms: labels that cannot be are removed before inference; what removed them is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kg.errors import RuleError
from kg.legend import Legend
from kg.ontology import Axiom

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Judged(Protocol):
    """What is needed of a compiled hard axiom (`reasoning.axioms.CompiledAxiom` has it)."""

    @property
    def axiom(self) -> Axiom:
        """The axiom as it was read."""

    def truth(self, q: Floats) -> tuple[Floats, Floats]:
        """(region, class) truth of the left and of the right side."""


@dataclass(frozen=True)
class Exclusions:
    """Labels that hard axioms took away.

    Attributes:
        allowed: (region, class) bool.
        axioms: IRIs of the hard axioms.
        removed: (axiom, region, class) bool: which axiom took which label.
    """

    allowed: Mask
    axioms: tuple[str, ...]
    removed: Mask

    def by(self, region: int, label: int) -> tuple[str, ...]:
        """IRIs of the axioms that took this label from this region."""
        return tuple(
            iri
            for iri, gone in zip(self.axioms, self.removed[:, region, label], strict=True)
            if gone
        )


def exclude(axioms: Sequence[Judged], regions: int, legend: Legend, *, rows: int = 0) -> Exclusions:
    """Apply hard axioms that look at one region only: label k goes where left holds and right does not.

    Args:
        axioms: Compiled hard axioms without neighbours; truths of one half and more count as true.
        regions: Number of regions n.
        legend: Labels.
        rows: Rows of the facts that the axioms were compiled on, where they are more than n.

    Raises:
        RuleError: A region keeps no label; the smallest contradicting set found is named.
    """
    k = len(legend.classes)
    removed = np.zeros((len(axioms), regions, k), bool)
    for i, axiom in enumerate(axioms):
        left, right = axiom.truth(np.full((max(rows, regions), k), 1.0 / k))
        removed[i] = (left * (1 - right) > 0.5)[:regions]
    allowed: Mask = ~np.any(removed, axis=0)
    empty = np.flatnonzero(~allowed.any(axis=1))
    if len(empty):
        _contradiction(axioms, removed[:, empty[0]], int(empty[0]), len(empty))
    return Exclusions(allowed, tuple(one.axiom.iri for one in axioms), removed)


def _contradiction(axioms: Sequence[Judged], removed: Mask, region: int, total: int) -> None:
    """Raise with a set of axioms of which none can be spared."""
    needed = list(range(len(axioms)))
    for i in range(len(axioms)):
        rest = [j for j in needed if j != i]
        if np.any(removed[rest], axis=0).all():
            needed = rest
    names = ", ".join(f"{axioms[i].axiom.label} ({axioms[i].axiom.file})" for i in needed)
    raise RuleError(
        f"hard rules contradict each other: {names} leave no class for region {region}"
        f" ({total} region{'s' if total > 1 else ''} in all), expected at least one",
        "give one of them a weight instead of ll:hard true",
    )
