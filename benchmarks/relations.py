"""How long does each relation take on a tile of 1024 x 1024 pixels with about 35,000 regions?

    python benchmarks/relations.py [--distance 100]

The tile is smooth noise of six classes with 2 % of single pixels, at 10 m. Processor seconds, median of three; the
first call, which compiles, is left out. `rcc8` is all eight relations to 19,000 features at once. Control: one numpy
pass that reads the labels and adds them up per region.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import load_legend
from reasoning.regions.graph import build_regions, components
from reasoning.space.rcc import meetings
from reasoning.space.relations import BASE, Measurer, Role

SIDE, CLASSES, ROUNDS = 1024, 6, 3


def _labels(rng: np.random.Generator) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Smooth labels, and the same with specks."""
    planes = [gaussian_filter(rng.normal(size=(SIDE, SIDE)), 3) for _ in range(CLASSES)]
    smooth = np.argmax(planes, axis=0).astype(np.int16)
    noise = rng.integers(0, CLASSES, smooth.shape).astype(np.int16)
    return smooth, np.where(rng.random(smooth.shape) < 0.02, noise, smooth)


def _seconds(call: Callable[[], object]) -> float:
    call()
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--distance", type=float, default=100.0)
    given = parser.parse_args()
    smooth, labels = _labels(np.random.default_rng(0))
    grid = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), SIDE, SIDE)
    regions = build_regions(prediction_from_labels(labels, load_legend("town"), grid))
    elevation = np.random.default_rng(1).uniform(0, 100, len(regions))
    print(
        f"{len(regions)} regions, {given.distance:g} m, numpy {np.__version__}, {platform.machine()}"
    )
    notes = {vocab.CORE + "distance": given.distance, vocab.CORE + "rise": 5.0}
    for base in sorted(BASE):
        role = Role(base, base, notes)
        found = Measurer(regions, grid, (role,), elevation).relations()[base]
        taken = _seconds(lambda role=role: Measurer(regions, grid, (role,), elevation).relations())
        print(f"{vocab.curie(base):<18} {taken:6.3f} s  {found.nnz:>9,} pairs")
    cell, n = components(np.roll(smooth, 3, axis=0))
    cell[smooth == 1] = -1
    layer = EvidenceLayer(
        "osm", vocab.OSM_FEATURE, "", grid, cell, np.ones((n, 1), np.float32), ("",), ("",) * n
    )
    pairs = len(meetings(regions, layer).region)
    print(
        f"{'rcc8':<18} {_seconds(lambda: meetings(regions, layer)):6.3f} s  {pairs:>9,} pairs that meet"
    )
    flat = regions.label.ravel()
    print(
        f"{'one numpy pass':<18} {_seconds(lambda: np.bincount(flat, minlength=len(regions))):6.3f} s"
    )


if __name__ == "__main__":
    main()
