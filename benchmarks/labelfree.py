"""Label-free mapping: a 30 m map is learned from the same map made coarser; the fine one is used for scoring only.

    python benchmarks/labelfree.py [--data ../shared/data/geo/zion] [--seeds 3] [--only PRODUCT] [--json FILE]
                                   [--quick] [--choose]

Zion: Landsat 8 (blue, green, red, near infrared), SRTM, NLCD 2011 grouped to the ten classes below. The product is
NLCD in cells of 10 x 10 pixels (300 m): class shares, or the largest class only; with `false` cells, 15 % of the cells
hold what another random cell says. Smoothing is scored at the width that is best on the truth (in its favour); ours
never sees the truth. Controls: shares shuffled over cells; the product alone (a blank image). `--choose` compares
knobs without truth: learn from cells of 600 m, compare with the 300 m product (soft overlap), as the knobs were chosen.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusion.metrics import confusion, miou, overall_accuracy
from fusion.segment import Segmented, segment_cells
from fusion.settings import QUICK, SegmentSettings
from kg import vocab
from kg.evidence import EvidenceLayer
from kg.legend import LandClass, Legend
from kg.raster import Raster, read_raster

GROUPS = {
    "water": (11,),
    "developed": (21, 22, 23, 24),
    "barren": (31,),
    "deciduous forest": (41,),
    "evergreen forest": (42,),
    "mixed forest": (43,),
    "shrub": (51, 52),
    "grass": (71, 72, 73, 74),
    "crops": (81, 82),
    "wetland": (90, 95),
}
CELL = 10
FALSE = 0.15
LEGEND = Legend(
    vocab.LEGEND + "nlcd-ten",
    "nlcd-ten",
    tuple(LandClass(f"{vocab.LEGEND}nlcd-ten/{i + 1}", name) for i, name in enumerate(GROUPS)),
    tuple(range(1, len(GROUPS) + 1)),
    ((0, 0, 0),) * len(GROUPS),
)
PRODUCTS = {
    "300 m shares": (False, 0.0),
    "300 m shares, 15 % false cells": (False, FALSE),
    "300 m majority": (True, 0.0),
    "300 m majority, 15 % false cells": (True, FALSE),
}
KNOBS: dict[str, dict[str, float]] = {
    "default": {},
    "pixel weight 0.1": {"pixel_weight": 0.1},
    "pixel weight 0.03": {"pixel_weight": 0.03},
    "rate 0.003": {"rate": 3e-3},
    "tempering 0.5": {"tempering": 0.5},
    "tempering 1": {"tempering": 1.0},
    "sharpness 1": {"sharpness": 1.0},
    "sharpness 3": {"sharpness": 3.0},
    "named 0": {"named": 0.0},
    "two networks": {"networks": 2},
    "400 steps": {"steps": 400},
    "warm-up 0.3": {"warm_up": 0.3},
    "no ring": {"ring": False},
    "no surroundings": {"surroundings": 0.0},
    "surroundings 2": {"surroundings": 2.0},
}


@dataclass(frozen=True)
class Area:
    """Image, elevation, truth (class index per pixel)."""

    image: Raster
    dem: Raster
    truth: NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """One line of the table; means over the seeds."""

    product: str
    method: str
    accuracy: float
    miou: float
    spread: float
    seconds: float
    note: str = ""


def read_area(folder: Path) -> Area:
    """Zion, on one grid."""
    image = read_raster(folder / "zion_landsat8_b2345.tif", bands=["blue", "green", "red", "nir"])
    table = np.full(256, -1)
    for index, codes in enumerate(GROUPS.values()):
        table[list(codes)] = index
    nlcd = read_raster(folder / "zion_nlcd2011_30m.tif").values[0]
    return Area(image, read_raster(folder / "zion_srtm_30m.tif"), table[nlcd])


def coarse_layer(
    area: Area, *, majority: bool, false: float, seed: int, size: int = CELL
) -> tuple[EvidenceLayer, NDArray[np.bool_]]:
    """The product, and which of its cells are false."""
    rows, cols = (np.arange(n) // size for n in area.truth.shape)
    cell = rows[:, None] * (cols[-1] + 1) + cols[None, :]
    count, classes = int(cell.max()) + 1, len(LEGEND.classes)
    flat = (cell * classes + area.truth)[area.truth >= 0]
    shares = np.bincount(flat, minlength=count * classes).reshape(count, classes).astype(float)
    shares /= shares.sum(axis=1, keepdims=True)
    if majority:
        shares = np.eye(classes)[shares.argmax(axis=1)]
    rng, true = np.random.default_rng(1000 + seed), shares.copy()
    picked = rng.permutation(count)[: round(false * count)]
    shares[picked] = true[rng.integers(0, count, len(picked))]
    return _layer(area, cell, shares), np.abs(shares - true).sum(axis=1) > 1e-9


def _layer(area: Area, cell: NDArray[np.int64], shares: NDArray[np.float64]) -> EvidenceLayer:
    names = tuple(f"{vocab.ID}nlcd/cell/{i}" for i in range(len(shares)))
    iris = tuple(c.iri for c in LEGEND.classes)
    return EvidenceLayer(
        "nlcd",
        vocab.PRODUCT_CELL,
        vocab.GRAPH + "nlcd",
        area.image.grid,
        cell.astype(np.int32),
        shares.astype(np.float32),
        iris,
        names,
    )


def score(area: Area, labels: NDArray[np.integer]) -> tuple[float, float]:
    """Overall accuracy and mean IoU, per cent."""
    counts = confusion(area.truth, labels, len(LEGEND.classes))
    return 100 * overall_accuracy(counts), 100 * miou(counts)


def best_smoothing(area: Area, layer: EvidenceLayer) -> tuple[tuple[float, float], float]:
    """Gaussian smoothing of the shares at the width that scores best on the truth."""
    from scipy.ndimage import gaussian_filter

    maps = layer.shares[layer.cell].transpose(2, 0, 1)
    found = []
    for sigma in (1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0):
        labels = np.stack([gaussian_filter(m, sigma, truncate=3.0) for m in maps]).argmax(axis=0)
        found.append((score(area, labels), sigma))
    return max(found)


def _found(result: Segmented, false: NDArray[np.bool_]) -> str:
    suspect = result.trust.suspect
    hits = (suspect & false).sum()
    if not false.any():
        return f"{suspect.mean():.3f} of cells suspected"
    return (
        f"false cells: precision {hits / max(suspect.sum(), 1):.2f}, recall {hits / false.sum():.2f}, "
        f"noise {result.trust.noise:.3f} (true {false.mean():.3f})"
    )


def _methods(
    area: Area, product: tuple[EvidenceLayer, NDArray[np.bool_]], settings: SegmentSettings
) -> dict[str, tuple[tuple[float, float], float, str]]:
    """Scores, seconds and a note per method, for one seed."""
    layer, false = product
    out: dict[str, tuple[tuple[float, float], float, str]] = {}
    out["nearest"] = score(area, layer.shares.argmax(axis=1)[layer.cell]), 0.0, ""
    smooth, sigma = best_smoothing(area, layer)
    out["best smoothing"] = smooth, 0.0, f"sigma {sigma:g} px, picked on the truth"
    order = np.random.default_rng(settings.seed).permutation(len(layer.shares))
    blank = replace(area.image, values=np.ones_like(area.image.values[:1]), bands=("blank",))
    runs = {
        "ours without raking": (area.image, layer, replace(settings, rake=False), area.dem),
        "ours": (area.image, layer, settings, area.dem),
        "control: cells shuffled": (
            area.image,
            replace(layer, shares=layer.shares[order]),
            settings,
            area.dem,
        ),
        "control: product only": (blank, layer, settings, None),
    }
    for name, (image, given, options, dem) in runs.items():
        start = time.perf_counter()
        result = segment_cells(image, given, LEGEND, dem=dem, settings=options)
        seconds = time.perf_counter() - start
        note = _found(result, false) if name == "ours" else ""
        out[name] = score(area, result.prediction.labels), seconds, note
    return out


def compare(area: Area, settings: SegmentSettings, seeds: int, only: str | None) -> list[Row]:
    """The table, whole or for one product."""
    rows = []
    for product, (majority, false) in PRODUCTS.items():
        if only not in (None, product):
            continue
        runs = []
        for seed in range(seeds):
            layer = coarse_layer(area, majority=majority, false=false, seed=seed)
            runs.append(_methods(area, layer, replace(settings, seed=seed)))
        for method in runs[0]:
            scores = np.array([run[method][0] for run in runs])
            seconds = float(np.median([run[method][1] for run in runs]))
            accuracy, iou = (float(v) for v in scores.mean(axis=0))
            spread, note = float(np.ptp(scores[:, 0])), runs[0][method][2]
            rows.append(Row(product, method, accuracy, iou, spread, seconds, note))
            show(rows[-1])
    return rows


def show(row: Row) -> None:
    print(
        f"{row.product:33} {row.method:24} {row.accuracy:6.2f} {row.miou:6.2f} "
        f"{row.spread:6.2f} {row.seconds:7.1f}  {row.note}",
        flush=True,
    )


def choose(area: Area, settings: SegmentSettings) -> None:
    """Scale consistency: learn from 600 m cells, compare with the 300 m product; no truth is used."""
    for majority in (False, True):
        fine, _ = coarse_layer(area, majority=majority, false=0.0, seed=0)
        coarse, _ = coarse_layer(area, majority=majority, false=0.0, seed=0, size=2 * CELL)
        for name, knobs in KNOBS.items():
            options = replace(settings, **knobs)  # type: ignore[arg-type]
            found = segment_cells(area.image, coarse, LEGEND, dem=area.dem, settings=options)
            print(f"{'majority' if majority else 'shares':9} {name:20} ", end="")
            print(
                "overlap {:.2f}, by class {:.2f}".format(*_overlap(found, fine, majority)),
                flush=True,
            )


def _overlap(found: Segmented, fine: EvidenceLayer, majority: bool) -> tuple[float, float]:
    """Soft overlap of the map, aggregated to the product's cells, with the product; per cent."""
    classes = len(LEGEND.classes)
    layers = found.prediction.probabilities.reshape(classes, -1)
    cell = fine.cell.ravel()
    means = np.stack([np.bincount(cell, weights=p) for p in layers], axis=1)
    means = means / means.sum(axis=1, keepdims=True)
    if majority:
        means = np.eye(classes)[means.argmax(axis=1)]
    both, either = np.minimum(means, fine.shares), np.maximum(means, fine.shares)
    share = both.sum(axis=0) / np.maximum(either.sum(axis=0), 1e-12)
    return 100 * float(both.sum() / len(means)), 100 * float(share.mean())


def main() -> None:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    root = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "geo" / "zion"
    parser.add_argument("--data", type=Path, default=root)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", choices=PRODUCTS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--choose", action="store_true")
    args = parser.parse_args()
    settings = QUICK if args.quick else SegmentSettings()
    area = read_area(args.data)
    print(f"settings: {asdict(settings)}")
    print(f"numpy {np.__version__}, python {platform.python_version()}, seeds 0..{args.seeds - 1}")
    if args.choose:
        choose(area, settings)
        return
    print(f"{'product':33} {'method':24} {'OA':>6} {'mIoU':>6} {'spread':>6} {'seconds':>7}")
    rows = compare(area, settings, args.seeds, args.only)
    if args.json:
        table = [asdict(row) for row in rows]
        args.json.write_text(json.dumps({"settings": asdict(settings), "rows": table}, indent=1))


if __name__ == "__main__":
    main()
