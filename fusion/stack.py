"""Features of an image's valid pixels, standardised, stripe by stripe: large rasters are never held whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fusion.features import FeaturePlan, pixel_features
from kg.raster import Raster

_STRIPE = 400_000  # pixels of a stripe of rows
_CACHED = 3_000_000  # pixels of an image whose features are kept between passes
_CLIP = 8.0  # standard deviations


class Stack:
    """Standardised features of the valid pixels; kept between passes when the image is small.

    Args:
        image: (band, y, x) measurements.
        dem: Elevation on the same grid, or None.
        plan: What to compute.
        ring: (cell, feature) float32 features that every pixel of a cell shares, or None.
        cell: (y, x) int32 cell of each pixel, -1 where there is none.
    """

    def __init__(
        self,
        image: Raster,
        dem: Raster | None,
        plan: FeaturePlan,
        ring: NDArray[np.float32] | None,
        cell: NDArray[np.int32],
    ) -> None:
        self.image, self.dem, self.plan, self.ring, self.cell = image, dem, plan, ring, cell
        self.valid = image.valid
        self.place = np.flatnonzero(self.valid)
        self.mean, self.std = self._moments()
        self._kept: list[NDArray[np.float16]] | None = None

    def _raw(self, first: int, last: int) -> NDArray[np.float32]:
        """(valid pixel, feature) of some rows."""
        valid = self.valid[first:last]
        out = pixel_features(self.image, self.plan, self.dem, rows=(first, last))[valid]
        if self.ring is None:
            return out
        cells = self.cell[first:last][valid]
        around = np.where((cells >= 0)[:, None], self.ring[cells], self.ring.mean(axis=0))
        return np.concatenate([out, around.astype(np.float32)], axis=1)

    def _moments(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and deviation of each feature over a few bands of rows."""
        rows = np.flatnonzero(self.valid.any(axis=1))
        starts = np.unique(rows[np.linspace(0, len(rows) - 1, 8).astype(int)])
        parts = [self._raw(r, min(r + 32, len(self.valid))) for r in starts]
        sample = np.concatenate(parts)
        std = np.maximum(sample.std(axis=0, dtype=np.float64), 1e-6)
        return sample.mean(axis=0, dtype=np.float64).astype(np.float32), std.astype(np.float32)

    def _compute(self) -> Iterator[NDArray[np.float16]]:
        height, width = self.valid.shape
        step = max(64, _STRIPE // width)
        for first in range(0, height, step):
            raw = self._raw(first, min(first + step, height))
            yield np.clip((raw - self.mean) / self.std, -_CLIP, _CLIP).astype(np.float16)

    def stripes(self) -> Iterator[NDArray[np.float16]]:
        """(valid pixel, feature) of each stripe, from the top."""
        if self._kept is None and self.valid.size <= _CACHED:
            self._kept = list(self._compute())
        yield from self._kept if self._kept is not None else self._compute()

    def gather(self, wanted: NDArray[np.int64]) -> NDArray[np.float16]:
        """Features of some valid pixels, given by their sorted positions among the valid ones."""
        parts, at = [], 0
        for stripe in self.stripes():
            low, high = np.searchsorted(wanted, (at, at + len(stripe)))
            parts.append(stripe[wanted[low:high] - at])
            at += len(stripe)
        return np.concatenate(parts)
