"""Regions and a layer of features come in; which RCC-8 relation each region has to each kind of feature goes out.

RCC-8: D. A. Randell, Z. Cui and A. G. Cohn, "A spatial logic based on regions and connection", KR 1992. Region A and
feature B are sets of pixels whose outlines are known to a tolerance of `tolerance` metres (default: one pixel), by
Euclidean distance between pixel centres. Exactly one relation holds, the first of these that can:

- eq: they meet, and neither has a pixel farther than the tolerance from the other.
- tpp, ntpp: half of A or more lies in B, and no pixel of A is farther than the tolerance from B; ntpp where every pixel
  of A is farther than the tolerance from what is not B.
- tppi, ntppi: the same with A and B exchanged.
- po: a pixel of both is farther than the tolerance from what is not A, or from what is not B.
- ec: a pixel of one is no farther than the tolerance from a pixel of the other.
- dc: else.

Ground beyond the image edge and nodata count as more of the same. A feature is what can be seen of it on the grid:
features drawn over it (`kg.spatial.features_layer`) take their pixels away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.evidence import EvidenceLayer
from reasoning.regions.graph import RegionGraph

Floats = NDArray[np.float64]

_EQ, _DC, _EC, _PO, _TPP, _TPPI, _NTPP, _NTPPI = range(8)
BOTH, DEEP_REGION, DEEP_FEATURE, DEEP, NEAR_FEATURE, NEAR_REGION = range(6)
"""What is counted per pair, in pixels; see `reasoning.space.rcc_kernels.meetings`."""


EVENTS = 4_000_000
"""What pixels say that is kept at a time (16 bytes each)."""


@dataclass(frozen=True)
class Meetings:
    """Pairs of a region and a feature that are not disconnected.

    Attributes:
        region: (pair,) int64.
        feature: (pair,) int64 cell of the layer.
        relation: (pair,) int8 index into `vocab.RCC8`.
    """

    region: NDArray[np.int64]
    feature: NDArray[np.int64]
    relation: NDArray[np.int8]


def meetings(
    regions: RegionGraph, layer: EvidenceLayer, tolerance: float | None = None
) -> Meetings:
    """How regions and the features of a layer lie to each other; all pairs that are not named are disconnected.

    Args:
        regions: Regions, on the grid of the layer.
        layer: Features as cells.
        tolerance: Metres; default the longer side of a pixel.
    """
    from reasoning.space.rcc_kernels import steps_within

    dx, dy = layer.grid.pixel_size
    steps = steps_within(dy, dx, max(dx, dy) if tolerance is None else tolerance)
    pairs, counts = _counted(regions.label, layer.cell, steps, len(layer.shares))
    region, feature = np.divmod(pairs, max(len(layer.shares), 1))
    inside = (layer.cell >= 0) & (regions.label >= 0)
    size = np.bincount(layer.cell[inside], minlength=len(layer.shares))
    return Meetings(region, feature, _relation(counts, regions.count[region], size[feature]))


def _counted(
    label: NDArray[np.int32], cell: NDArray[np.int32], steps: NDArray[np.int64], cells: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(pair,) region * cells + feature, and (pair, 6) pixels of each kind; read by strips, to bound the memory."""
    from reasoning.space.rcc_kernels import meet

    height, width = label.shape
    most = width * (4 + 2 * len(steps))
    strip = max(1, EVENTS // most)
    events = np.empty((most * min(strip, height), 2), np.int64)
    keys, counts = np.empty(0, np.int64), np.empty((0, 6), np.int64)
    for top in range(0, height, strip):
        used = meet(label, cell, steps, cells, (top, min(top + strip, height)), events)
        both, place = np.unique(np.append(keys, events[:used, 0]), return_inverse=True)
        added = np.zeros((len(both), 6), np.int64)
        added[place[: len(keys)]] = counts
        told = place[len(keys) :] * 6 + events[:used, 1]
        added += np.bincount(told, minlength=6 * len(both)).reshape(-1, 6)
        keys, counts = both, added
    return keys, counts


def _relation(
    counts: NDArray[np.int64], region: NDArray[np.int64], feature: NDArray[np.int64]
) -> NDArray[np.int8]:
    """(pair,) relation from counts of pixels and the pixels of each region and feature."""
    both = counts[:, BOTH]
    in_feature = counts[:, BOTH] + counts[:, NEAR_FEATURE] == region
    in_region = counts[:, BOTH] + counts[:, NEAR_REGION] == feature
    part, whole = in_feature & (2 * both >= region), in_region & (2 * both >= feature)
    return np.select(
        [
            (both > 0) & in_feature & in_region,
            part & (counts[:, DEEP_FEATURE] == region),
            part,
            whole & (counts[:, DEEP_REGION] == feature),
            whole,
            counts[:, DEEP] > 0,
        ],
        [_EQ, _NTPP, _TPP, _NTPPI, _TPPI, _PO],
        _EC,
    ).astype(np.int8)


def topology(
    regions: RegionGraph, layer: EvidenceLayer, shares: Mapping[str, Floats]
) -> dict[tuple[str, str, str], Floats]:
    """Truth of `rcc8... some (KIND and CLASS)` for each region.

    Args:
        regions: Regions, on the grid of the layer.
        layer: Features as cells.
        shares: Core class IRI -> (cell,) share of the class in each feature.

    Returns:
        (role IRI, kind IRI, class IRI) -> (region,) the largest share of the class in a feature that has this
        relation to the region, 0 where there is none.
    """
    found, n = meetings(regions, layer), len(regions)
    out = {}
    for cls, share in sorted(shares.items()):
        for number, role in enumerate(vocab.RCC8):
            truth = np.zeros(n)
            if number == _DC:
                truth = _apart(found, share, n)
            else:
                mine = found.relation == number
                np.maximum.at(truth, found.region[mine], share[found.feature[mine]])
            out[role, layer.kind, cls] = truth
    return out


def _apart(found: Meetings, share: Floats, n: int) -> Floats:
    """(region,) largest share of a class in a feature that does not meet the region."""
    truth = np.zeros(n)
    for value in np.unique(share[share > 0]):
        least = share >= value
        met = np.bincount(found.region[least[found.feature]], minlength=n)
        truth[met < least.sum()] = value
    return truth
