"""Features of the valid pixels of a part, standardised, stripe by stripe: large rasters are never held whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

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

    def _of_pixels(self, first: int, last: int) -> NDArray[np.float32]:
        """(valid pixel, feature) of some rows, without those that the pixels of a cell share."""
        row, col, _, width = self.field.core
        found = pixel_features(
            self.field.image, self.plan, self.field.dem, rows=(row + first, row + last)
        )  # fmt: skip
        found = found[:, col : col + width]
        valid = self.valid[first:last]
        return found.reshape(-1, found.shape[2]) if valid.all() else found[valid]

    def _rows(self, first: int, last: int) -> NDArray[np.int32]:
        """(valid pixel,) rows of what cells share: -1 where there is no cell."""
        rows: NDArray[np.int32] = self.field.cell[first:last][self.valid[first:last]]
        return rows

    @cached_property
    def _shared(self) -> NDArray[np.float32]:
        """(cell + 1, feature) what pixels of a cell share; the last row is for pixels without one."""
        if self.ring is None or self.around is None:
            return np.zeros((len(self.field.counts) + 1, 0), np.float32)
        return np.concatenate([self.ring, self.around[None]]).astype(np.float32)

    def sample(self) -> NDArray[np.float32]:
        """(pixel, feature) of a few bands of rows, not standardised."""
        rows = np.flatnonzero(self.valid.any(axis=1))
        starts = np.unique(rows[np.linspace(0, len(rows) - 1, _BANDS).astype(int)])
        bands = [(first, min(first + _BAND, len(self.valid))) for first in starts]
        own = np.concatenate([self._of_pixels(*band) for band in bands])
        return np.concatenate(
            [own, self._shared[np.concatenate([self._rows(*band) for band in bands])]], axis=1
        )

    def _compute(self) -> Iterator[NDArray[np.float16]]:
        height, width = self.valid.shape
        step = max(64, _STRIPE // width)
        own = len(self.plan.names)
        shared = self._standardised(self._shared.copy(), slice(own, None))
        for first in range(0, height, step):
            last = min(first + step, height)
            points = self._standardised(self._of_pixels(first, last), slice(own))
            yield np.concatenate([points, shared[self._rows(first, last)]], axis=1)

    def _standardised(self, values: NDArray[np.float32], which: slice) -> NDArray[np.float16]:
        """Some of the features, in place, as they are seen by a network."""
        values -= self.mean[which]
        values /= self.std[which]
        return np.clip(values, -_CLIP, _CLIP, out=values).astype(np.float16)

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
