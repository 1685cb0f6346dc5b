"""Label-free mapping of another place: what was learned from the left half's 300 m shares maps the right half of Zion.

    python benchmarks/labelfree_half.py [--data ../shared/data/geo/zion] [--seeds 3] [--json FILE]

Area, product, legend and scores are those of `labelfree.py`; only the right half is scored. Rows: the product itself
(nearest); ours without a look at the right half's product; ours raked to it. Control: raked to its cells shuffled.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from labelfree import CELL, LEGEND, Area, Row, coarse_layer, read_area, score, show
from numpy.typing import NDArray

from fusion.rake import rake
from fusion.segment import segment_cells
from fusion.settings import SegmentSettings

Scores = tuple[float, float]


def one_seed(area: Area, settings: SegmentSettings) -> tuple[dict[str, Scores], float]:
    """Scores by row, and seconds of learning and mapping."""
    layer, _ = coarse_layer(area, majority=False, false=0.0, seed=0)
    height, width = area.truth.shape
    right = np.arange(width) >= width // (2 * CELL) * CELL
    cells = np.unique(layer.cell[:, right])
    known, mixed = layer.shares.copy(), layer.shares.copy()
    known[cells] = 0.0
    mixed[cells] = layer.shares[np.random.default_rng(settings.seed).permutation(cells)]
    start = time.perf_counter()
    found = segment_cells(
        area.image, replace(layer, shares=known), LEGEND, dem=area.dem, settings=settings
    )
    seconds = time.perf_counter() - start
    pixels = found.prediction.probabilities.reshape(len(LEGEND), -1).T
    cell = layer.cell.ravel()
    maps = {
        "nearest": layer.shares[cell],
        "ours, its product not seen": pixels,
        "ours, raked": rake(pixels, cell, layer.shares),
        "control: cells shuffled": rake(pixels, cell, mixed),
    }
    half = replace(area, truth=np.where(right, area.truth, -1))
    scored = {name: score(half, p.argmax(1).reshape(height, width)) for name, p in maps.items()}
    return scored, seconds


def compare(area: Area, seeds: int) -> list[Row]:
    """The table, means over the seeds."""
    runs = [one_seed(area, SegmentSettings(seed=seed)) for seed in range(seeds)]
    rows, seconds = [], float(np.median([seconds for _, seconds in runs]))
    for name in runs[0][0]:
        scores: NDArray[np.float64] = np.array([scored[name] for scored, _ in runs])
        accuracy, iou = (float(v) for v in scores.mean(axis=0))
        spread = float(np.ptp(scores[:, 0]))
        rows.append(Row("left half -> right half", name, accuracy, iou, spread, seconds))
        show(rows[-1])
    return rows


def main() -> None:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    root = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "geo" / "zion"
    parser.add_argument("--data", type=Path, default=root)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    print(f"settings: {asdict(SegmentSettings())}, seeds 0..{args.seeds - 1}")
    rows = compare(read_area(args.data), args.seeds)
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
