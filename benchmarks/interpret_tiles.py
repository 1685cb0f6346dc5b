"""A map without labels made by tiles beside the same map made at once: accuracy, processor time, peak memory by size.

    python benchmarks/interpret_tiles.py [--data ../shared/data/geo/zion] [--sides 0 4000 8000] [--once 0]
                                         [--controls 0] [--map-only 8000] [--windows N]
                                         [--sample N] [--tile N] [--seed S] [--json FILE]

Zion: Landsat 8 in four bands, SRTM, NLCD 2011. Side 0 is the scene itself (1420 x 1120 pixels); larger sides are
mosaics of its mirror images. The product is the largest NLCD class of each cell of 10 x 10 pixels (300 m); NLCD itself
at 30 m is used for scoring only, in ten groups of classes, as in `benchmarks/labelfree.py`. Each way runs in a process
of its own through the public interface, with the rules that ship. `--once`: sides that are also interpreted at once;
`--map-only`: sides of which the tiles are not corrected, only mapped, and `--windows N` stops these after N windows;
`--controls`: sides that are also scored with the product as it is, and mapped from cells that are dealt out anew.
Printed: accuracy and mean IoU before and after correction, and processor seconds and peak memory from the start until
the end of each stage.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from labelfree import CELL, GROUPS
from numpy.typing import NDArray

from fusion.metrics import confusion, miou, overall_accuracy
from kg.by_blocks import write_blocks
from kg.cog import write_raster
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster, read_grid, read_raster

BANDS = ("blue", "green", "red", "nir")
STRIP = 500
RUN = """
import json, resource, sys
import landlore as ll
home, out, way, sample, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
most = int(sys.argv[6])
class Mapped(Exception):
    pass
found = {}
def used(stage):
    now = resource.getrusage(resource.RUSAGE_SELF)
    found[stage] = [now.ru_utime + now.ru_stime, now.ru_maxrss / 1024]
def told(line):
    if line.startswith("learning a map") and "learning" not in found:
        used("surveyed")
    if line.startswith("mapping window 1 "):
        used("learned")
    if most and line.startswith("mapping window") and int(line.split()[2]) >= most:
        used("mapped")
        raise Mapped
    if line.startswith("putting the windows"):
        used("mapped")
    if line.startswith("tile 1 of") and way == "map":
        raise Mapped
sources = ll.Sources(landcover="nlcd=" + home + "/product.tif", dem=home + "/dem.tif")
settings = ll.RunSettings(sample=sample, seed=seed, tile=int(sys.argv[7]))
used("imported")
try:
    run = ll.interpret if way == "once" else ll.interpret_tiles
    run(home + "/image.tif", sources=sources, settings=settings, out=out, progress=told)
except Mapped:
    pass
used("done")
print(json.dumps(found))
"""


def mirrored(values: NDArray[Any], side: int, rows: tuple[int, int]) -> NDArray[Any]:
    """(band, y, x) some rows of a mosaic of mirror images; side 0 is the scene itself."""
    _, high, wide = values.shape
    y, x = np.arange(*rows), np.arange(side or wide)
    places = [np.where(at // n % 2, n - 1 - at % n, at % n) for at, n in ((y, high), (x, wide))]
    return values[:, places[0][:, None], places[1][None]]


def make_scene(data: Path, home: Path, side: int, seed: int | None) -> None:
    """Write image, elevation, product and truth; with a seed, the cells of the product are dealt out anew."""
    names = ("zion_landsat8_b2345.tif", "zion_srtm_30m.tif", "zion_nlcd2011_30m.tif")
    files = [read_raster(data / name) for name in names]
    high, wide = (n // CELL * CELL for n in files[0].grid.shape)
    first = files[0].grid.window(0, 0, side or high, side or wide)
    for name, file, bands in zip(
        ("image", "dem", "truth"), files, (BANDS, ("elevation",), ("class",)), strict=True
    ):
        values = file.values[:, :high, :wide]
        write_blocks(home / f"{name}.tif", first, strips(values, side, first), bands, values.dtype)
    product = largest(home / "truth.tif", first)
    if seed is not None:
        flat = np.random.default_rng(seed).permutation(product.ravel())
        product = flat.reshape(product.shape)
    write_raster(home / "product.tif", Raster(product[None], first.coarser(CELL), 0))


def strips(values: NDArray[Any], side: int, grid: Grid) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """A mosaic strip by strip."""
    for row in range(0, grid.height, STRIP):
        yield row, 0, mirrored(values, side, (row, min(row + STRIP, grid.height)))


def largest(truth: Path, grid: Grid) -> NDArray[np.uint8]:
    """(row, column) largest class of each cell."""
    rows = []
    for row in range(0, grid.height, STRIP):
        high = min(STRIP, grid.height - row)
        codes = read_raster(truth, window=(row, 0, high, grid.width)).values[0]
        cells = codes.reshape(high // CELL, CELL, grid.width // CELL, CELL).transpose(0, 2, 1, 3)
        cells = cells.reshape(high // CELL, -1, CELL * CELL)
        known = np.unique(codes)
        counts = np.stack([(cells == code).sum(axis=2) for code in known])
        rows.append(known[counts.argmax(axis=0)])
    return np.concatenate(rows).astype(np.uint8)


def score(truth: Path, found: Path, *, shares: bool) -> tuple[float, float]:
    """Overall accuracy and mean IoU in ten groups, per cent, strip by strip."""
    group = np.full(256, -1)
    for index, codes in enumerate(GROUPS.values()):
        group[list(codes)] = index
    legend = load_legend("nlcd")
    of_label = group[np.array(legend.codes)]
    grid, counts = read_grid(truth), np.zeros((len(GROUPS), len(GROUPS)))
    for row in range(0, grid.height, STRIP):
        window = (row, 0, min(STRIP, grid.height - row), grid.width)
        true = group[read_raster(truth, window=window).values[0]]
        raw = read_raster(found, window=window).values
        said = of_label[raw.argmax(axis=0)] if shares else group[raw[0]]
        counts += confusion(true, said, len(GROUPS))
    return 100 * overall_accuracy(counts), 100 * miou(counts)


def measure(home: Path, way: str, options: argparse.Namespace) -> dict[str, Any]:
    """One way: accuracy before and after correction, and what each stage cost."""
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        out = Path(folder) / "run"
        words = [str(home), str(out), way, str(options.sample), str(options.seed)]
        words += [str(options.windows if way == "map" else 0), str(options.tile)]
        told = subprocess.run(
            [sys.executable, "-c", RUN, *words], check=True, capture_output=True, text=True
        )
        row: dict[str, Any] = {"way": way, "stages": json.loads(told.stdout.splitlines()[-1])}
        if not (out / "before.tif").is_file():
            return row
        row["before"] = score(home / "truth.tif", out / "before.tif", shares=True)
        row["before_mb"] = (out / "before.tif").stat().st_size / 1e6
        if way != "map":
            row["after"] = score(home / "truth.tif", out / "corrected.tif", shares=False)
    return row


def show(side: int, name: str, row: dict[str, Any]) -> None:
    """One line."""
    text = f"side {side or 'scene':>5} {name:24}"
    text += " before {:5.2f} {:5.2f}".format(*row["before"]) if "before" in row else ""
    text += " after {:5.2f} {:5.2f}".format(*row["after"]) if "after" in row else ""
    for stage in ("learned", "mapped", "done"):
        if stage in row.get("stages", {}):
            text += "  {}: {:.0f} s, {:,.0f} MiB".format(stage, *row["stages"][stage])
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    root = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "geo" / "zion"
    parser.add_argument("--data", type=Path, default=root)
    parser.add_argument("--sides", type=int, nargs="+", default=[0, 4000, 8000])
    parser.add_argument("--once", type=int, nargs="*", default=[0])
    parser.add_argument("--map-only", type=int, nargs="*", default=[8000])
    parser.add_argument("--windows", type=int, default=0)
    parser.add_argument("--controls", type=int, nargs="*", default=[0])
    parser.add_argument("--sample", type=int, default=2_000_000)
    parser.add_argument("--tile", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = []
    print(
        f"sample {options.sample:,}, tiles of {options.tile}, seed {options.seed}; accuracy and mean IoU, ten groups, "
        "per cent; seconds of processor time and peak memory until the end of each stage"
    )
    for side in options.sides:
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            home = Path(folder)
            make_scene(options.data, home, side, None)
            ways = ["once"] if side in options.once else []
            ways += ["map" if side in options.map_only else "tiles"]
            for way in ways:
                name = {"once": "at once", "map": "by windows, uncorrected"}.get(way, "by tiles")
                rows.append({"side": side, "name": name, **measure(home, way, options)})
                show(side, name, rows[-1])
            if side in options.controls:
                grid = read_grid(home / "truth.tif")
                near = np.kron(
                    read_raster(home / "product.tif").values[0], np.ones((CELL, CELL), np.uint8)
                )
                write_raster(home / "near.tif", Raster(near[None], grid, 0))
                alone = score(home / "truth.tif", home / "near.tif", shares=False)
                rows.append({"side": side, "name": "control: product", "before": alone})
                show(side, "control: product", rows[-1])
                make_scene(options.data, home, side, options.seed)
                name = "control: cells shuffled"
                rows.append({"side": side, "name": name, **measure(home, "map", options)})
                show(side, name, rows[-1])
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
