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
    """What is needed of a compiled hard axiom (`reasoning.logic.axioms.CompiledAxiom` has it)."""

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
        if not self.axioms:
            return ()
        return tuple(
            iri
            for iri, gone in zip(self.axioms, self.removed[:, region, label], strict=True)
            if gone
        )


def exclude(
    axioms: Sequence[Judged],
    regions: int,
    legend: Legend,
    *,
    rows: int = 0,
    before: NDArray[np.integer] | None = None,
) -> Exclusions:
    """Apply hard axioms that look at one region only: label k goes where left holds and right does not.

    Args:
        axioms: Compiled hard axioms without neighbours; truths of one half and more count as true.
        regions: Number of regions n.
        legend: Labels.
        rows: Rows of the facts that the axioms were compiled on, where they are more than n.
        before: (region,) label of each region before, for the message.

    Raises:
        RuleError: A region keeps no label; it is named with a minimal set of axioms: without any one of them a label
            would be left.
    """
    k = len(legend.classes)
    removed = np.zeros((len(axioms), regions, k), bool)
    for i, axiom in enumerate(axioms):
        left, right = axiom.truth(np.full((max(rows, regions), k), 1.0 / k))
        removed[i] = (left * (1 - right) > 0.5)[:regions]
    allowed: Mask = ~np.any(removed, axis=0)
    empty = np.flatnonzero(~allowed.any(axis=1))
    if len(empty):
        region = int(empty[0])
        label = "" if before is None else f" ({legend.classes[before[region]].label})"
        _contradiction(axioms, removed[:, region], f"region {region}{label}", len(empty))
    return Exclusions(allowed, tuple(one.axiom.iri for one in axioms), removed)


def minimal(removed: Mask) -> list[int]:
    """Rows of `removed` (axiom, class) that together remove every class, none of which can be spared.

    One pass of deletion is enough, because fewer axioms never remove more (Chinneck and Dravnieks, ORSA Journal on
    Computing 3, 1991, the deletion filter).
    """
    needed = list(range(len(removed)))
    for i in range(len(removed)):
        rest = [j for j in needed if j != i]
        if np.any(removed[rest], axis=0).all():
            needed = rest
    return needed


def _contradiction(axioms: Sequence[Judged], removed: Mask, region: str, total: int) -> None:
    """Raise with a set of axioms of which none can be spared."""
    needed = minimal(removed)
    names = ", ".join(f"{axioms[i].axiom.label} ({axioms[i].axiom.file})" for i in needed)
    raise RuleError(
        f"hard rules contradict each other: {names} leave no class for {region}"
        f", one of {total} region{'s' if total > 1 else ''}, expected at least one",
        "give one of them a weight instead of ll:hard true",
    )
