"""Region graph of a 4096 x 4096 label image with 10 bands: ours beside scikit-image, in one interleaved run.

    python benchmarks/regions.py [--size 4096] [--bands 10] [--repeats 5] [--peer-repeats 1] [--json FILE]

Ours: components, areas, perimeters, widths (distance transform), elongation, band means, adjacency with boundary
lengths, from probabilities of 8 classes. "statistics": its part that finds components and adds up pixels, boxes,
moments and bands, from labels. "strips": the same graph by strips of 512 rows, compared with ours to the bit. Peer:
`skimage.measure.label`, `regionprops_table` (area, axes, mean intensity, bbox) and the region adjacency graph of
`skimage.graph.RAG`; left out with a message when scikit-image is not installed. Control: one numpy pass that reads
every band (their means).
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
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fusion.prediction import Prediction, prediction_from_labels
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster
from reasoning.regions.graph import RegionGraph, build_regions, region_graph
from reasoning.streaming.scan import scan
from reasoning.streaming.strip import Source, fixed_point, magnitude
from reasoning.streaming.threads import in_threads, rows_for, strips_of


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


def statistics(labels: NDArray[np.int16], image: Raster) -> int:
    from reasoning.streaming.runs import add_shapes
    from reasoning.streaming.strip import band_sums, find_components

    strips = strips_of(len(labels), rows_for(len(labels)))
    scales = scales_of(image)

    def one(rows: tuple[int, int]) -> int:
        runs, part, n = find_components(labels, *rows, diagonal=False)
        add_shapes(runs, part, rows[0], np.zeros((n, 9), np.int64), np.zeros((n, 5), np.int32))
        band_sums(image.values, (runs, part, n), (rows[0], np.array(scales), np.nan))
        return n

    return sum(in_threads(one, strips))


def scales_of(image: Raster) -> tuple[float, ...]:
    rows = strips_of(image.grid.height, rows_for(image.grid.height))
    return tuple(
        fixed_point(max(in_threads(lambda r, b=b: magnitude(b[slice(*r)]), rows)), b.dtype, b.size)
        for b in image.values
    )


def by_strips(labels: NDArray[np.int16], image: Raster, prediction: Prediction) -> int:
    grid, scales = prediction.grid, scales_of(image)
    source = Source(
        *labels.shape, lambda a, b: labels[a:b], lambda a, b: (image.values, a), scales, np.nan,
        grid.pixel_size,
    )  # fmt: skip
    graph = region_graph(scan(source, 512), np.empty((0, 0), np.int32), grid, image.bands, scales)
    GRAPHS["strips"] = graph
    return len(graph)


def ours(prediction: Prediction, image: Raster) -> int:
    GRAPHS["ours"] = build_regions(prediction, image)
    return len(GRAPHS["ours"])


GRAPHS: dict[str, RegionGraph] = {}


def same() -> bool:
    """Whether the two graphs are equal to the bit."""
    one, two = GRAPHS["ours"], GRAPHS["strips"]
    names = ("count", "perimeter", "min_width", "elongation", "bbox", "means", "cls")
    columns = [(getattr(one, name), getattr(two, name)) for name in names]
    columns += [
        (one.adjacency.data, two.adjacency.data),
        (one.adjacency.indices, two.adjacency.indices),
    ]
    return all(a.tobytes() == b.tobytes() for a, b in columns)


def tasks(prediction: Prediction, image: Raster, *, beside: bool) -> dict[str, Callable[[], Any]]:
    labels = prediction.labels
    found: dict[str, Callable[[], Any]] = {
        "read": lambda: image.values.mean(axis=(1, 2)),
        "statistics": lambda: statistics(labels, image),
        "strips": lambda: by_strips(labels, image, prediction),
        "ours": lambda: ours(prediction, image),
    }
    if not beside:
        return found
    try:
        import skimage  # noqa: F401
    except ImportError:
        print("scikit-image is not installed, the peer is left out: pip install 'landlore[bench]'")
        return found
    return found | {"skimage": lambda: peer(prediction, image)}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (
        ("size", 4096),
        ("bands", 10),
        ("repeats", 5),
        ("peer-repeats", 1),
        ("seed", 0),
    ):
        words.add_argument(f"--{name}", type=int, default=value)
    words.add_argument("--json", type=Path)
    chosen = words.parse_args()
    beside = chosen.peer_repeats > 0
    for task in tasks(*scene(64, 1, chosen.seed), beside=beside).values():
        task()  # compile once, outside the clock
    todo = tasks(*scene(chosen.size, chosen.bands, chosen.seed), beside=beside)
    seconds: dict[str, list[float]] = {name: [] for name in todo}
    cpu: dict[str, list[float]] = {name: [] for name in todo}
    regions = {}
    for i in range(chosen.repeats):
        for name, task in todo.items():
            if name == "skimage" and i >= chosen.peer_repeats:
                continue
            start, used = time.perf_counter(), time.process_time()
            regions[name] = task()
            seconds[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - used)
    middle, work = ({n: median(v) for n, v in table.items()} for table in (seconds, cpu))
    found: dict[str, Any] = {
        "seconds": middle,
        "cpu_seconds": work,
        "regions": {n: regions[n] for n in regions if n not in ("read", "statistics")},
        "strips_equal_to_the_bit": same(),
        "statistics_to_read": middle["statistics"] / middle["read"],
        "statistics_to_read_cpu": work["statistics"] / work["read"],
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
        regions_found = found["regions"].get(name, "")
        print(f"{name:11}{value:9.2f} s (cpu {work[name]:6.2f})  x{ratio:6.2f}  {regions_found}")
    both = (found[name] for name in ("statistics_to_read", "statistics_to_read_cpu"))
    print("statistics x{:.2f} of one read (processor time x{:.2f})".format(*both))
    print(f"strips equal: {same()}")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
