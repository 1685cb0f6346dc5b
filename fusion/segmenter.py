"""A segmenter that learned from a product: parts of an image come in; what was learned, and maps of any part, go out.

What holds for the whole image (the networks, the scales of features, how far cells are believed) is learned once; a
part is then mapped by what lies in it and closely around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fusion.features import FeaturePlan
from fusion.field import Field, Part, field_of
from fusion.rake import raise_majority, rake
from fusion.settings import SegmentSettings
from fusion.stack import Moments, Stack
from fusion.surround import cell_board, interpolated_shares
from fusion.weak import CellTrust, TrustFit, trust_by
from kg.legend import Legend

if TYPE_CHECKING:
    from fusion.train import Model

_CHUNK = 500_000  # pixels weighed at a time

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Segmenter:
    """What was learned.

    Attributes:
        plan: Features of a pixel.
        moments: Their mean and deviation, what the cells around say with them.
        around: (feature,) what the cells around say where no cell is; None where that is no feature.
        models: Networks whose answers are averaged.
        fit: How cells are doubted; None: none is.
        prior: (label,) overall shares of the product, where it is coarser than the image.
        trusted: (label,) overall shares of the cells that are believed.
        usual: Pixels of a cell.
        coarse: Whether the product is coarser than the image.
        majority: Whether its cells name their largest class only.
        settings: How it learned.
    """

    plan: FeaturePlan
    moments: Moments
    around: NDArray[np.float32] | None
    models: tuple[Model, ...]
    fit: TrustFit | None
    prior: Floats | None
    trusted: Floats
    usual: float
    coarse: bool
    majority: bool
    settings: SegmentSettings

    def map_part(self, part: Part, legend: Legend) -> NDArray[np.float32]:
        """Map a part of an image.

        Args:
            part: The part; its core holds every cell that touches its inner pixels (of a product of shares their
                neighbours, too), and its image reaches `features.MARGIN` pixels and `surround.REACH` cells farther.
            legend: Labels of the map.

        Returns:
            (label, y, x) float32 probabilities of its inner pixels; all 0 where there is no observation.
        """
        field = field_of(part, legend, coarse=self.coarse, prior=self.prior)
        field = replace(field, targets=replace(field.targets, majority=self.majority))
        row, col, height, width = part.core
        top, left, tall, wide = part.inner
        out = np.zeros((height * width, len(legend)), np.float32)
        if field.valid.any():
            ring = None
            if self.around is not None:
                ring = field.ring(self.settings)
                ring = np.tile(self.around, (len(field.counts), 1)) if ring is None else ring
            stack = Stack(
                field, self.plan, ring, around=self.around, moments=self.moments, keep=False
            )
            found, _, _ = self.agree(look(stack, self.models))
            out[stack.place] = found
        whole = np.moveaxis(out.reshape(height, width, -1), 2, 0)
        whole = whole[:, top - row : top - row + tall, left - col : left - col + wide]
        return np.ascontiguousarray(whole)

    def agree(self, seen: Look) -> tuple[NDArray[np.float32], CellTrust, NDArray[np.bool_]]:
        """Make what the networks say agree with the cells that are believed.

        Returns:
            (pixel, label) probabilities of the valid pixels, the trust in each cell, and which cells were agreed with.
        """
        trust = trust_by(self.fit, seen.means, seen.stack.field.targets)
        raked = self._believed(seen.stack.field, trust)
        found = self._with_surroundings(seen, trust)
        return self._agree(found, seen.stack, raked), trust, raked

    def _believed(self, field: Field, trust: CellTrust) -> NDArray[np.bool_]:
        """(cell,) cells to agree with: coarse, whole, of the same classes, and trusted."""
        if not self.settings.rake or field.board is None:
            return np.zeros(len(field.counts), bool)
        good = field.targets.usable & field.targets.same & (field.counts >= self.usual / 2)
        return good & (trust.trust >= 0.5) if self.settings.trust else good

    def _with_surroundings(self, seen: Look, trust: CellTrust) -> NDArray[np.float32]:
        """Multiply in what trusted cells around each pixel say, beyond the overall shares."""
        found, stack, field = seen.found, seen.stack, seen.stack.field
        if field.board is None or field.targets.majority or self.settings.surroundings == 0:
            return found
        shares = field.targets.shares * (trust.trust >= 0.5)[:, None]
        cell = np.where(field.whole[field.cell], field.cell, -1)
        board = cell_board(cell, shares, self.trusted)
        width = field.cell.shape[1]
        for at in range(0, len(found), _CHUNK):
            rows, cols = np.divmod(stack.place[at : at + _CHUNK], width)
            local = interpolated_shares(board, rows, cols) / np.maximum(board.prior, 1e-9)
            part = found[at : at + _CHUNK] * np.maximum(local, 1e-2) ** self.settings.surroundings
            found[at : at + _CHUNK] = part / part.sum(axis=1, keepdims=True)
        return found

    def _agree(
        self, found: NDArray[np.float32], stack: Stack, raked: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Rake the believed cells; where they name one class, raise it by what they are worth, to be the largest."""
        cell, shares = stack.field.cell.ravel()[stack.place], stack.field.targets.shares
        if not raked.any():
            return found
        if stack.field.targets.majority:
            believed = np.where(raked, shares.argmax(axis=1), -1)
            return raise_majority(found, cell, believed, nats=self.settings.named)
        return rake(found, cell, np.where(raked[:, None], shares, 0.0))


@dataclass(frozen=True)
class Look:
    """What networks say of a part.

    Attributes:
        stack: The part.
        found: (valid pixel, label) probabilities.
        means: (cell, label) their means; NaN where a cell has no pixel.
    """

    stack: Stack
    found: NDArray[np.float32]
    means: Floats


def look(stack: Stack, models: Sequence[Model]) -> Look:
    """Probabilities of all valid pixels of a part, and their means per cell."""
    from fusion.train import predict_together

    found = np.concatenate([predict_together(models, stripe) for stripe in stack.stripes()])
    field = stack.field
    cell = field.cell.ravel()[stack.place]
    there, count = cell >= 0, len(field.counts)
    sums = [np.bincount(cell[there], weights=p[there], minlength=count) for p in found.T]
    with np.errstate(invalid="ignore"):
        means = np.stack(sums, axis=1) / field.counts[:, None]
    return Look(stack, found, means)
