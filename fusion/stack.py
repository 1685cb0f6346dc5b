"""Features of the valid pixels of a part, standardised, stripe by stripe: large rasters are never held whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fusion.features import FeaturePlan, pixel_features
from fusion.field import Field

_STRIPE = 400_000  # pixels of a stripe of rows
_CACHED = 3_000_000  # pixels of an image whose features are kept between passes
_CLIP = 8.0  # standard deviations
_BANDS, _BAND = 8, 32  # bands of rows, and rows of each, that moments are taken from

Moments = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Mean and deviation of each feature."""


class Stack:
    """Standardised features of the valid pixels of a part; kept between passes when the image is small.

    Args:
        field: Image, elevation and cells.
        plan: What to compute.
        ring: (cell, feature) float32 features that every pixel of a cell shares, or None.
        around: (feature,) the same for pixels without a cell; None: the mean over the cells.
        moments: Mean and deviation of each feature; None: as they are here.
        keep: Whether features of a small part are kept.
    """

    def __init__(
        self,
        field: Field,
        plan: FeaturePlan,
        ring: NDArray[np.float32] | None,
        *,
        around: NDArray[np.float32] | None = None,
        moments: Moments | None = None,
        keep: bool = True,
    ) -> None:
        self.field, self.plan, self.ring = field, plan, ring
        self.valid = field.valid
        self.place = np.flatnonzero(self.valid)
        self.around: NDArray[np.float32] | None = around
        if around is None and ring is not None:
            self.around = ring.mean(axis=0)
        self.mean, self.std = moments or moments_of([self.sample()])
        self._keep = keep and self.valid.size <= _CACHED
        self._kept: list[NDArray[np.float16]] | None = None

    def _raw(self, first: int, last: int) -> NDArray[np.float32]:
        """(valid pixel, feature) of some rows."""
        field, valid = self.field, self.valid[first:last]
        row, col, _, width = field.core
        found = pixel_features(
            field.image, self.plan, field.dem, rows=(row + first, row + last)
        )  # fmt: skip
        out = found[:, col : col + width][valid]
        if self.ring is None or self.around is None:
            return out
        cells = field.cell[first:last][valid]
        around = np.where((cells >= 0)[:, None], self.ring[cells], self.around)
        return np.concatenate([out, around.astype(np.float32)], axis=1)

    def sample(self) -> NDArray[np.float32]:
        """(pixel, feature) of a few bands of rows, not standardised."""
        rows = np.flatnonzero(self.valid.any(axis=1))
        starts = np.unique(rows[np.linspace(0, len(rows) - 1, _BANDS).astype(int)])
        parts = [self._raw(r, min(r + _BAND, len(self.valid))) for r in starts]
        return np.concatenate(parts)

    def _compute(self) -> Iterator[NDArray[np.float16]]:
        height, width = self.valid.shape
        step = max(64, _STRIPE // width)
        for first in range(0, height, step):
            raw = self._raw(first, min(first + step, height))
            yield np.clip((raw - self.mean) / self.std, -_CLIP, _CLIP).astype(np.float16)

    def stripes(self) -> Iterator[NDArray[np.float16]]:
        """(valid pixel, feature) of each stripe, from the top."""
        if self._kept is None and self._keep:
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


def moments_of(samples: list[NDArray[np.float32]]) -> Moments:
    """Mean and deviation of each feature over samples (pixel, feature)."""
    sample = np.concatenate(samples)
    std = np.maximum(sample.std(axis=0, dtype=np.float64), 1e-6)
    return sample.mean(axis=0, dtype=np.float64).astype(np.float32), std.astype(np.float32)
