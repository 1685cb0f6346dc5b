"""What comes of a raster that is corrected by strips: knobs, result and reasons as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError
from kg.grid import Grid
from reasoning.correction import Corrected
from reasoning.explanation.explain import Explanation
from reasoning.settings import CorrectSettings
from reasoning.streaming.scan import MOST


@dataclass(frozen=True)
class LargeSettings:
    """Knobs of a correction by strips.

    Attributes:
        correct: Knobs of the correction; regions are its nodes, nothing is smoothed.
        confidence: Probability given to the stated class of every region.
        rows: Rows of a strip; the result does not depend on it.
        listed: Changed regions that are explained one by one, the largest ones; all are counted.
        most: Regions that are too many for memory (about 200 bytes each, and 100 for each class).
        run: Name of the run in the graph.
        when: Date and time of the run, ISO 8601, or None.
    """

    correct: CorrectSettings = field(default_factory=CorrectSettings)
    confidence: float = 0.8
    rows: int = 1024
    listed: int = 1000
    most: int = MOST
    run: str = "large"
    when: str | None = None

    def __post_init__(self) -> None:
        if self.rows < 1 or self.listed < 0:
            raise InputError(
                f"rows {self.rows}, listed {self.listed}: expected 1 or more, and 0 or more",
                "rows=1024",
            )


@dataclass(frozen=True)
class LargeCorrected(Corrected):
    """A corrected raster of any size, as a map of one row whose pixels are the regions; `corrections` are the largest.

    Attributes:
        changed_regions: How many regions changed, those without a correction of their own included.
        pixels: How many pixels changed.
        changes: (class IRI before, after) -> (regions, pixels), most pixels first; every change counts.
        causes: Term IRI -> (regions, pixels) of the changes that it is the strongest reason for.
        place: Grid of the raster.
    """

    changed_regions: int = 0
    pixels: int = 0
    changes: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    causes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    place: Grid | None = None

    @property
    def changed_pixels(self) -> int:
        """How many pixels of the raster changed."""
        return self.pixels


@dataclass(frozen=True, eq=False)
class LargeExplanation(Explanation):
    """Reasons of the listed corrections; each has the bounds of its region, and no outline."""

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """(correction, 4) west, south, east, north, degrees CRS84."""
        done = self.corrected
        place = done.place if isinstance(done, LargeCorrected) else None
        box = done.regions.bbox[[one.region for one in done.corrections]].reshape(-1, 4)
        if place is None or not len(box):
            return np.full((len(box), 4), np.nan)
        lon, lat = place.lonlat(box[:, [0, 0, 2, 2]], box[:, [1, 3, 1, 3]])
        return np.column_stack([lon.min(1), lat.min(1), lon.max(1), lat.max(1)])

    @cached_property
    def outlines(self) -> Mapping[int, str]:
        """None: outlines of regions of this size would need their pixels."""
        return {}
