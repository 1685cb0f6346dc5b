"""Region graph of a 4096 x 4096 label image with 10 bands: ours beside scikit-image, in one interleaved run.

    python benchmarks/regions.py [--size 4096] [--bands 10] [--repeats 5] [--json FILE]

Ours: components, areas, perimeters, widths (distance transform), elongation, band means, adjacency with boundary
lengths. Peer: `skimage.measure.label`, `regionprops_table` (area, axes, mean intensity, bbox) and the region adjacency
graph of `skimage.graph.RAG`; left out with a message when scikit-image is not installed. Control: one numpy pass that
reads every band (their means).
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from affine import Affine
from scipy.ndimage import gaussian_filter

from fusion.prediction import Prediction, prediction_from_labels
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster
from reasoning.regions import build_regions


def scene(size: int, bands: int, seed: int) -> tuple[Prediction, Raster]:
    """Smooth random fields: the largest of 8 gives the label; bands are noise."""
    rng = np.random.default_rng(seed)
    best = np.full((size, size), -np.inf, np.float32)
    labels = np.zeros((size, size), np.int16)
    for k in range(8):
        field = gaussian_filter(rng.normal(size=(size, size)).astype(np.float32), 4)
        labels[field > best] = k
        best = np.maximum(best, field)
    grid = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), size, size)
    values = rng.normal(size=(bands, size, size)).astype(np.float32)
    image = Raster(values, grid, None, tuple(f"band{i}" for i in range(bands)))
    return prediction_from_labels(labels, load_legend("town"), grid), image


def peer(prediction: Prediction, image: Raster) -> int:
    from skimage.graph import RAG
    from skimage.measure import label, regionprops_table

    regions = label(prediction.labels + 1, connectivity=1)
    wanted = ("area", "bbox", "major_axis_length", "minor_axis_length", "mean_intensity")
    regionprops_table(regions, np.moveaxis(image.values, 0, -1), properties=wanted)
    RAG(regions, connectivity=1)
    return int(regions.max())


def tasks(prediction: Prediction, image: Raster) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {
        "read": lambda: image.values.mean(axis=(1, 2)),
        "ours": lambda: len(build_regions(prediction, image)),
    }
    try:
        import skimage  # noqa: F401
    except ImportError:
        print("scikit-image is not installed, the peer is left out: pip install 'landlore[bench]'")
        return found
    return found | {"skimage": lambda: peer(prediction, image)}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("size", 4096), ("bands", 10), ("repeats", 5), ("seed", 0)):
        words.add_argument(f"--{name}", type=int, default=value)
    words.add_argument("--json", type=Path)
    chosen = words.parse_args()
    build_regions(*scene(64, 1, chosen.seed))  # compile once, outside the clock
    todo = tasks(*scene(chosen.size, chosen.bands, chosen.seed))
    seconds: dict[str, list[float]] = {name: [] for name in todo}
    regions = {}
    for _ in range(chosen.repeats):
        for name, task in todo.items():
            start = time.perf_counter()
            regions[name] = task()
            seconds[name].append(time.perf_counter() - start)
    middle = {name: median(values) for name, values in seconds.items()}
    found: dict[str, Any] = {
        "seconds": middle,
        "regions": {n: regions[n] for n in regions if n != "read"},
    }
    found["ratio_to_ours"] = {name: value / middle["ours"] for name, value in middle.items()}
    found |= {
        "size": chosen.size,
        "bands": chosen.bands,
        "repeats": chosen.repeats,
        "seed": chosen.seed,
    }
    found["versions"] = {name: version(name) for name in ("numpy", "numba")}
    found["machine"] = platform.machine()
    for name, value in middle.items():
        ratio = found["ratio_to_ours"][name]
        print(f"{name:8}{value:9.2f} s  x{ratio:6.2f}  {found['regions'].get(name, '')}")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
