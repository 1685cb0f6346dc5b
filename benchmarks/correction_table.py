"""Scores of one data set: base, truth and labels come in, a printed row per way of mapping goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from weak_base import Tile, TileSet

from fusion.metrics import confusion, iou, miou, overall_accuracy
from fusion.prediction import Prediction
from reasoning.correction import Corrected
from reasoning.learning.tiles import LabelledTile

Labels = NDArray[np.integer]
COLUMNS = ("row", "miou", "oa", "iou", "fixed", "broken", "worst class")
"""What every row has."""


@dataclass(frozen=True)
class Case:
    """One data set with one base: what is tuned on, what is scored."""

    tiles: TileSet
    tune: tuple[tuple[Tile, Prediction], ...]
    test: tuple[tuple[Tile, Prediction], ...]

    @property
    def pixel(self) -> float:
        return float(self.test[0][1].grid.pixel_size[0])


class Table:
    """Rows of one case, scored on the test tiles."""

    def __init__(self, case: Case) -> None:
        self.case, self.rows = case, []
        self.rows: list[dict[str, Any]] = []
        self.base = [p.labels for _, p in case.test]
        self.base_iou: NDArray[np.float64] | None = None

    def add(self, name: str, labels: Sequence[Labels], **more: Any) -> None:
        k = len(self.case.tiles.legend)
        counts = np.zeros((k, k), np.int64)
        fixed = broken = 0
        for (tile, _), mine, base in zip(self.case.test, labels, self.base, strict=True):
            counts += confusion(tile.truth, mine, k)
            known = tile.truth >= 0
            fixed += int((known & (base != tile.truth) & (mine == tile.truth)).sum())
            broken += int((known & (base == tile.truth) & (mine != tile.truth)).sum())
        each = 100 * np.where(counts.sum(axis=1) > 0, iou(counts), np.nan)
        if self.base_iou is None:
            self.base_iou = each
        row = {
            "row": name, "miou": 100 * miou(counts), "oa": 100 * overall_accuracy(counts),
            "iou": [None if np.isnan(v) else round(float(v), 1) for v in each],
            "fixed": fixed, "broken": broken,
            "worst class": float(np.nanmin(each - self.base_iou)), **more,
        }  # fmt: skip
        self.rows.append(row)
        show(row)


def show(row: Mapping[str, Any]) -> None:
    """Print a row."""
    fixed, broken = row["fixed"], row["broken"]
    ratio = fixed / broken if broken else float("nan")
    shown = " ".join("   -" if v is None else f"{v:4.1f}" for v in row["iou"])
    extra = " ".join(f"{key} {value:.1e}" for key, value in row.items() if key not in COLUMNS)
    print(
        f"{row['row']:34s} {row['miou']:5.1f} {row['oa']:5.1f}  {shown}  {fixed:7d} : {broken:<7d} {ratio:5.2f}"
        f"  {row['worst class']:+5.1f}  {extra}",
        flush=True,
    )


def labelled(pairs: Sequence[tuple[Tile, Prediction]]) -> list[LabelledTile]:
    """Tiles with what the base says of them, as the learner takes them."""
    return [LabelledTile(p, t.truth, image=t.image, name=t.name, scene=t.scene) for t, p in pairs]


def sum_error(done: Corrected) -> float:
    """Largest difference between a correction's log-odds and the sum of its contributions."""
    errors = [
        abs(sum(part.value for part in one.contributions) - one.log_odds)
        for one in done.corrections
    ]
    return max(errors, default=0.0)
