"""Regions and the names of roles come in; each relation between regions goes out as a sparse matrix in 0..1.

| role | R[r, s] |
|---|---|
| adjacentTo, surroundedBy | share of r's boundary, in metres, that s takes |
| near | 1 where the gap is at most the distance |
| connectedTo | the same, for regions of one class: a road that a few pixels interrupt |
| amid | share of the ground within the distance of r that s takes |
| within, contains | 1 where r lies in a hole of s (s in a hole of r) |
| northOf, southOf, eastOf, westOf | near, times the squared cosine of the angle between the centroids |
| uphillOf, downhillOf | near, times the difference of mean elevation in units of the rise, at most 1 |

Distances (`ll:distance`), their tolerances (`ll:tolerance`, default half a pixel) and the rise (`ll:rise`) are metres
and come from the ontology. Diagonals are zero. A role below one of these is measured in its way, by its own figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags

from kg import vocab
from kg.errors import RuleError
from kg.grid import Grid
from reasoning.regions.graph import RegionGraph
from reasoning.space.directions import COMPASS, centroids, direction, uphill
from reasoning.space.enclosure import within
from reasoning.space.gaps import Gaps, gaps_up_to, pairs_around, within_distance

Floats = NDArray[np.float64]
Notes = Mapping[str, float | str]

ADJACENT_TO, SURROUNDED_BY, NEAR, CONNECTED_TO, AMID, WITHIN, CONTAINS, UPHILL_OF, DOWNHILL_OF = (
    vocab.CORE + name
    for name in (
        *("adjacentTo", "surroundedBy", "near", "connectedTo", "amid"),
        *("within", "contains", "uphillOf", "downhillOf"),
    )
)
CHEAP = frozenset((ADJACENT_TO, SURROUNDED_BY))
"""Relations that the region graph has anyway."""
BY_GAP = frozenset((NEAR, CONNECTED_TO, UPHILL_OF, DOWNHILL_OF, *COMPASS))
"""Relations that need the gaps between regions."""
BASE = CHEAP | BY_GAP | {AMID, WITHIN, CONTAINS}
"""All roles that are measured here."""


@dataclass(frozen=True, eq=False)
class Role:
    """A role that is to be measured.

    Attributes:
        iri: The role.
        base: The one of `BASE` that says how.
        notes: Its figures, by annotation IRI.
    """

    iri: str
    base: str
    notes: Notes = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Short name, for messages."""
        return vocab.curie(self.iri)

    def metres(self, annotation: str, default: float | None = None) -> float:
        """A figure of the role.

        Raises:
            RuleError: It is missing and has no default, or is no number of 0 and more.
        """
        said = self.notes.get(vocab.CORE + annotation, default)
        try:
            value = float(said)  # type: ignore[arg-type]  # None raises, as it should
        except (TypeError, ValueError):
            value = np.nan
        if not 0 <= value < np.inf:
            raise RuleError(
                f"{self.name} has ll:{annotation} {said}, expected metres, 0 or more",
                f"state it in the ontology: {self.name} ll:{annotation} 100.0 .",
            )
        return value


@dataclass(frozen=True, eq=False)
class Measurer:
    """Measures relations between the regions of one raster; what several relations share is found once.

    Attributes:
        regions: The regions.
        grid: Where their pixels lie.
        roles: What is to be measured.
        elevation: (region,) mean elevation, metres; None without an elevation model.
    """

    regions: RegionGraph
    grid: Grid
    roles: tuple[Role, ...]
    elevation: Floats | None = None

    def relations(self) -> dict[str, csr_matrix]:
        """Role IRI -> (region, region) matrix.

        Roles that need an elevation model where there is none are left out.

        Raises:
            RuleError: A role has no usable distance, or one that is too large for the raster.
        """
        slopes = (UPHILL_OF, DOWNHILL_OF)
        usable = [r for r in self.roles if self.elevation is not None or r.base not in slopes]
        return {role.iri: self._matrix(role) for role in usable}

    def _matrix(self, role: Role) -> csr_matrix:
        if role.base in CHEAP:
            return boundary_shares(self.regions)
        if role.base == WITHIN:
            return self._within
        if role.base == CONTAINS:
            return self._within.T.tocsr()
        if role.base == AMID:
            return amid(self.regions, self.grid, role.metres("distance"), role.name)
        return self._by_gap(role, self._limits(role))

    def _by_gap(self, role: Role, limits: tuple[float, float]) -> csr_matrix:
        if role.base == NEAR:
            return self._paired(limits, lambda gaps: np.ones(len(gaps.gap)))
        if role.base == CONNECTED_TO:
            cls = self.regions.cls
            return self._paired(limits, lambda gaps: 1.0 * (cls[gaps.first] == cls[gaps.second]))
        if role.base in COMPASS:
            return direction(self._gaps, self._middle, COMPASS[role.base], limits)
        rise = max(role.metres("rise"), 1e-9)
        higher = uphill(self._gaps, self._elevation, rise, limits)
        return higher if role.base == UPHILL_OF else higher.T.tocsr()

    def _paired(self, limits: tuple[float, float], factor: Callable[[Gaps], Floats]) -> csr_matrix:
        """A relation that is the same both ways: near, times a factor per pair."""
        values = within_distance(self._gaps.gap, *limits) * factor(self._gaps)
        return self._gaps.both_ways(values, values)

    def _limits(self, role: Role) -> tuple[float, float]:
        """Distance and tolerance of a role, metres."""
        return role.metres("distance"), role.metres("tolerance", max(self.grid.pixel_size) / 2)

    @cached_property
    def _gaps(self) -> Gaps:
        """Gaps up to the farthest reach of any role."""
        reach = {r: self._limits(r) for r in self.roles if r.base in BY_GAP}
        far = max(reach, key=lambda r: sum(reach[r]))
        distance, soft = reach[far]
        return gaps_up_to(
            self.regions, self.grid.pixel_size, distance + min(soft, distance), far.name
        )

    @cached_property
    def _middle(self) -> Floats:
        return centroids(self.regions, self.grid)

    @cached_property
    def _within(self) -> csr_matrix:
        return within(self.regions)

    @property
    def _elevation(self) -> Floats:
        if self.elevation is None:
            raise ValueError("no elevation")
        return self.elevation


def boundary_shares(regions: RegionGraph) -> csr_matrix:
    """R[r, s] = metres of boundary that r and s share / r's perimeter (nodata and the image edge included)."""
    shares = (diags(1 / regions.perimeter) @ regions.adjacency).tocsr()
    shares.sort_indices()
    return shares


def amid(regions: RegionGraph, grid: Grid, distance: float, role: str) -> csr_matrix:
    """R[r, s] = share that s takes of the ground within a distance of r; r itself and nodata left out.

    Raises:
        RuleError: The distance is too large for this raster.
    """
    n = len(regions)
    pairs, _ = pairs_around(regions, grid.pixel_size, distance, role, np.zeros(n, np.int64))
    first, second, pixels = pairs.T
    total = np.bincount(first, weights=pixels, minlength=n)
    matrix = coo_matrix((pixels / total[first], (first, second)), shape=(n, n))
    shares = matrix.tocsr()
    shares.sort_indices()
    return shares


def roles_of(
    wanted: Iterable[str] | None,
    above: Callable[[str], Iterable[str]],
    notes: Mapping[str, Notes],
) -> tuple[Role, ...]:
    """Which of the wanted names are roles that can be measured, and how.

    Args:
        wanted: Role IRIs among others; None for the cheap ones.
        above: Roles over a role, itself included.
        notes: Role IRI -> annotations; what a role below a base does not state is as its base states it. A role
            without any is no measure of its own.

    Returns:
        Roles, sorted by IRI; names that are not measured here are left out.
    """
    found = []
    for iri in sorted(CHEAP if wanted is None else wanted):
        bases = sorted(BASE & ({iri} if iri in BASE else set(above(iri))))
        if bases and (iri in BASE or iri in notes):
            base = SURROUNDED_BY if SURROUNDED_BY in bases else bases[0]
            found.append(Role(iri, base, {**notes.get(base, {}), **notes.get(iri, {})}))
    return tuple(found)
