"""What a source says about each pixel: one compact layer per source, found in the graph or in a product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kg.grid import Grid

PRODUCTS_RIGHT, FEATURES_RIGHT = 0.85, 0.9
"""How often a product, and a mapped feature, is taken to be right where nobody says it; a judgement."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """How a source speaks of places whose class is known.

    Attributes:
        table: (source class, label) float64 probability that the source says this class where the label holds;
            columns sum to 1. A column equal to `usual` says nothing about its label.
        usual: (source class,) float64 probability that it says this class anywhere.
        labels: IRIs of the labels, in the order of the columns.
    """

    table: NDArray[np.float64]
    usual: NDArray[np.float64]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class EvidenceLayer:
    """A source, laid on the grid of the image.

    Each pixel belongs to at most one *cell* (a vector feature, or a cell of a product); a cell has class shares.

    Attributes:
        name: Short name, used in tables ("osm", "nlcd").
        kind: `vocab.OSM_FEATURE` or `vocab.PRODUCT_CELL`; what `coveredBy some (KIND and CLASS)` in a rule looks at.
        source: IRI of the named graph that holds the source and its provenance.
        grid: Grid of `cell`.
        cell: (y, x) int32 row of `shares`; -1 where the source says nothing.
        shares: (cell, class) float32 share of each class in the cell; rows sum to 1.
        classes: Class IRI per column: core classes, or classes of a legend.
        entities: IRI of each cell (the feature or product cell in the graph).
        tolerance: How far a feature may be out of place, in metres.
        reliability: Probability that the cell's class is right where it was observed, 0..1.
        date: Date of observation, "2021" or "2021-06-30", or None.
        change: Share of places that become another class in a year; None for the usual rate of its kind.
        fresh: Probability that a place has not changed between the source and the image, 0..1.
        confusion: What is known of its errors; takes the place of `reliability` and of the crosswalk.
    """

    name: str
    kind: str
    source: str
    grid: Grid
    cell: NDArray[np.int32]
    shares: NDArray[np.float32]
    classes: tuple[str, ...]
    entities: Sequence[str]
    tolerance: float = 0.0
    reliability: float = PRODUCTS_RIGHT
    date: str | None = None
    change: float | None = None
    fresh: float = 1.0
    confusion: Confusion | None = None
