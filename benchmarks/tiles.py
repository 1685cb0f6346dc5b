"""A map corrected tile by tile beside the same map corrected at once: what differs, where, and what it costs.

    python benchmarks/tiles.py DEMO [--tiles 256 512] [--json FILE]

DEMO: a folder that `landlore demo` made (a simulated town of 1024 x 1024 pixels with probabilities, image, elevation,
OpenStreetMap and a product). Each way runs in a process of its own. Printed: pixels whose class differs from the map
made at once, how many of these lie farther than 64 pixels from an edge between tiles, mean IoU against the simulated
truth, processor seconds and peak memory. The control: the map before correction.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.legend import load_legend
from kg.raster import read_raster

FAR = 64
RUN = """
import resource, sys
import landlore as ll
home, out, tile = sys.argv[1], sys.argv[2], int(sys.argv[3])
inputs = f"{home}/inputs/"
sources = ll.Sources(osm=inputs + "town.osm", landcover="worldcover=" + inputs + "product.tif",
                     image=inputs + "image.tif", dem=inputs + "dem.tif")
settings = ll.RunSettings(tile=tile or 2048)
run = ll.correct_tiles if tile else ll.correct
run(home + "/before.tif", legend="town", sources=sources, settings=settings, out=out)
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def miou(labels: NDArray[np.int16], truth: NDArray[np.int16]) -> float:
    """Mean IoU over the classes of the truth."""
    shares = []
    for k in np.unique(truth[truth >= 0]):
        both = ((labels == k) & (truth == k)).sum()
        shares.append(both / ((labels == k) | (truth == k)).sum())
    return float(np.mean(shares))


def far_from_edges(shape: tuple[int, int], tile: int) -> NDArray[np.bool_]:
    """Pixels farther than `FAR` from every edge between tiles."""
    away = []
    for length in shape:
        edges = np.arange(tile, length, tile)
        at = np.arange(length)[:, None] + 0.5
        away.append(np.abs(at - edges).min(axis=1, initial=length) > FAR)
    return away[0][:, None] & away[1]


def measure(demo: Path, tile: int, folder: Path) -> tuple[NDArray[np.int16], dict[str, Any]]:
    """Labels of one way, and what it cost."""
    out = folder / f"tiles-{tile}"
    told = subprocess.run(
        [sys.executable, "-c", RUN, str(demo), str(out), str(tile)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds, peak = map(float, told.stdout.split()[-2:])
    codes = read_raster(out / "corrected.tif")
    labels = load_legend("town").encode(codes.values[0], nodata=codes.nodata)
    return labels, {"tile": tile, "processor_s": seconds, "peak_mib": peak}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("demo", type=Path)
    parser.add_argument("--tiles", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    legend = load_legend("town")
    truth = legend.encode(read_raster(options.demo / "inputs" / "truth.tif").values[0])
    before = read_raster(options.demo / "before.tif").values.argmax(axis=0).astype(np.int16)
    print(f"before correction: mean IoU {miou(before, truth):.4f}")
    rows: list[dict[str, Any]] = []
    whole: NDArray[np.int16] | None = None
    with tempfile.TemporaryDirectory() as folder:
        for tile in (0, *options.tiles):
            labels, row = measure(options.demo, tile, Path(folder))
            whole = labels if whole is None else whole
            other = labels != whole
            far = far_from_edges((labels.shape[0], labels.shape[1]), tile or max(labels.shape))
            row |= {"differ": int(other.sum()), "differ_far": int((other & far).sum())}
            row |= {"changed": int((labels != before).sum()), "miou": miou(labels, truth)}
            rows.append(row)
            way = f"tiles of {tile}" if tile else "at once"
            print(
                f"{way:13} mean IoU {row['miou']:.4f}, {row['changed']:,} changed, "
                f"{row['differ']:,} differ ({row['differ_far']:,} far from edges), "
                f"{row['processor_s']:.0f} s, {row['peak_mib']:,.0f} MiB",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
