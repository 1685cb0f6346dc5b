"""A whole WorldCover tile (36,000 x 36,000 pixels) as a source, and corrected by its regions: seconds and peak memory.

    python benchmarks/worldcover_tile.py [--tile FILE] [--repeats 5] [--json FILE]

Five tasks, each in a process of its own, taken in turn: reading every block and nothing else (the control), counting
each class straight from the blocks (the check of the shares), the source (class shares per cell, class boundaries in
metres, all as N-Triples), and the correction by strips (labels -> region graph -> rules -> corrected COG and reasons;
the rules: what is below a hectare and surrounded by one cover alone is that cover, weight 6), and the same with the
rules that ship, which ask for minimum widths too. Check of both: pixels counted straight in both files differ in
exactly as many places as they say (outside the clocks). Printed: medians of wall and processor time, their ratio to
the control, the peak memory of each.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TILE = "../shared/data/geo/sao_tome/ESA_WorldCover_10m_2021_v200_N00E006_Map.tif"
START = """
import json, resource, sys, time
import numpy as np
from kg.raster import read_blocks
from kg.sources.landcover import LandCoverSource
path, found = sys.argv[1], {}
start = time.perf_counter()
"""
END = """
found.setdefault("seconds", time.perf_counter() - start)
found.setdefault("cpu", time.process_time())
found.setdefault("mebibytes", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(json.dumps(found))
"""
TASKS = {
    "read": """
found["pixels"] = sum(block.values.size for _, _, block in read_blocks(path, 2048))
""",
    "count": """
counts = np.zeros(256, np.int64)
for _, _, block in read_blocks(path, 2048):
    counts += np.bincount(block.values.ravel(), minlength=256)
found["pixels"] = {int(code): int(counts[code]) for code in np.flatnonzero(counts) if code}
""",
    "source": """
source = LandCoverSource(path, "worldcover")
cells = source.count()
source.count = lambda: cells
found["statements"] = sum(chunk.count("\\n") for chunk in source.ntriples())
total = cells.counts.sum((0, 1), dtype=np.int64).tolist()
found["pixels"] = {code: n for code, n in zip(source.legend.codes, total) if n}
found["cells"], found["cell"] = int(cells.counts.any(axis=2).sum()), cells.cell
found["boundary_km"] = float(cells.boundary.sum() / 2000)
""",
}

TASKS["correct"] = """
import tempfile
from pathlib import Path
from kg import vocab
from kg.axiom import Axiom
from kg.expressions import And, Facet, Named, Only
from reasoning.streaming.large import correct_large
def enclosed(name):
    around = Named(vocab.CORE + name)
    small = Facet(vocab.CORE + "area", "<", 10_000.0, 0.0)
    left = And((small, Only(vocab.CORE + "surroundedBy", around)))
    iri = vocab.RULE + "enclosed-" + name
    return Axiom(iri, "specks in " + name, "", left, around, 6.0, False, "benchmark", "")
rules = [enclosed(name) for name in ("TreeCover", "Grassland", "Cropland", "BuiltUp", "Water")]
with tempfile.TemporaryDirectory() as folder:
    start = time.perf_counter()
    done, _ = correct_large(path, "worldcover", Path(folder) / "run", axioms=rules)
    found["seconds"], found["cpu"] = time.perf_counter() - start, time.process_time()
    found["mebibytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pairs = zip(read_blocks(path, 4096), read_blocks(Path(folder) / "run" / "corrected.tif", 4096))
    differ = sum(int((a[2].values != b[2].values).sum()) for a, b in pairs)
found["pixels"], found["regions"] = done.place.height * done.place.width, len(done.regions)
found["changed_regions"], found["changed_pixels"] = done.changed_regions, done.changed_pixels
found["explained"], found["differ"] = len(done.corrections), differ
"""
TASKS["shipped"] = TASKS["correct"].replace("axioms=rules", "axioms=None")
CORRECT = ("correct", "shipped")


def run(task: str, tile: Path) -> dict[str, Any]:
    """One task in a fresh process."""
    code = START + TASKS[task] + END
    words = [sys.executable, "-c", code, str(tile)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(tile: Path, repeats: int) -> dict[str, Any]:
    """All tasks in turn, `repeats` times."""
    runs: dict[str, list[dict[str, Any]]] = {task: [] for task in TASKS}
    for _ in range(repeats):
        for task in TASKS:
            runs[task].append(run(task, tile))
    last = {task: found[-1] for task, found in runs.items()}
    seconds = {task: median(one["seconds"] for one in found) for task, found in runs.items()}
    return {
        "seconds": seconds,
        "cpu_seconds": {task: median(one["cpu"] for one in found) for task, found in runs.items()},
        "ratio_to_read": {task: seconds[task] / seconds["read"] for task in TASKS},
        "megapixels_per_second": last["read"]["pixels"] / 1e6 / seconds["source"],
        "peak_mebibytes": {
            task: max(one["mebibytes"] for one in found) for task, found in runs.items()
        },
        "correct_megapixels_per_second": {
            task: last[task]["pixels"] / 1e6 / seconds[task] for task in CORRECT
        },
        **{
            task: {
                name: last[task][name]
                for name in ("regions", "changed_regions", "changed_pixels", "explained", "differ")
            }
            for task in CORRECT
        },
        "same_counts": last["source"]["pixels"] == last["count"]["pixels"],
        **{
            name: last["source"][name]
            for name in ("statements", "cells", "cell", "boundary_km", "pixels")
        },
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--tile", type=Path, default=ROOT / TILE)
    words.add_argument("--repeats", type=int, default=5)
    words.add_argument("--json", type=Path)
    chosen = words.parse_args()
    if not chosen.tile.is_file():
        sys.exit(f"{chosen.tile}: no such file\ngive a WorldCover tile with --tile")
    found = measure(chosen.tile.resolve(), chosen.repeats)
    found |= {"tile": chosen.tile.name, "repeats": chosen.repeats, "machine": platform.machine()}
    found["versions"] = {name: version(name) for name in ("numpy", "rasterio")}
    for task, seconds in found["seconds"].items():
        ratio, peak = found["ratio_to_read"][task], found["peak_mebibytes"][task]
        cpu = found["cpu_seconds"][task]
        print(f"{task:8}{seconds:8.1f} s (cpu {cpu:6.1f})  x{ratio:5.2f}  peak {peak:6.0f} MiB")
    print(
        f"{found['megapixels_per_second']:.0f} megapixels/s; {found['statements']} statements, {found['cells']} cells"
    )
    for task in CORRECT:
        said, speed = found[task], found["correct_megapixels_per_second"][task]
        print(
            f"{task}: {speed:.0f} megapixels/s; {said['regions']} regions, {said['changed_regions']} changed "
            f"({said['changed_pixels']} pixels, {said['differ']} differ in the files), {said['explained']} explained"
        )
    print(f"counts equal a straight count: {found['same_counts']}")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
