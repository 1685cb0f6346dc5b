"""Correction of a weak base with *simulated* evidence: made from the masks themselves, so only the mechanism is shown.

    python benchmarks/correction_evidence.py [korea dubai] [--seeds 0 1 2] [--tiles 4] [--json FILE]

A vector layer of buildings, roads and water with 40 % of the objects missing, the rest moved by 1-2 pixels, and a
product 10 times coarser with 10 % false cells. Control: the evidence of another tile. Real layers will give less: their
dates and definitions differ, and their errors are correlated.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from correction_table import Case, Table, sum_error
from numpy.typing import NDArray
from smoothers import potts
from weak_base import Tile, fit_base, load_tiles

from fusion.prediction import Prediction
from kg import vocab
from kg.evidence import EvidenceLayer
from kg.legend import Legend
from kg.rules import load_rules
from reasoning.correct import CorrectSettings, correct
from reasoning.learning.checked import fit_rules
from reasoning.learning.tiles import LabelledTile
from reasoning.regions.graph import components

LOOSE = CorrectSettings(tolerance=1e-2, max_steps=12, smoothness=1.0)
MISSING, FALSE, COARSE = 0.4, 0.1, 10
LEARN_TILES = 4
DRAWN = ("Building", "Road", "Water")


def vector_layer(tile: Tile, legend: Legend, rng: np.random.Generator) -> EvidenceLayer:
    """Objects of the mask as features: 40 % left out, the others moved by 1-2 pixels."""
    codes = [i for i, c in enumerate(legend.classes) if c.kind.endswith(DRAWN)]
    part, n = components(np.where(np.isin(tile.truth, codes), tile.truth, -1))
    cell = np.full(part.shape, -1, np.int32)
    cls = np.zeros(n, int)
    inside = part >= 0
    cls[part[inside]] = tile.truth[inside]
    kept = rng.random(n) >= MISSING
    moves = rng.choice([-2, -1, 1, 2], (n, 2))
    rows, cols = np.nonzero(inside)
    mine = part[rows, cols]
    rows, cols = rows + moves[mine, 0], cols + moves[mine, 1]
    good = kept[mine] & (rows >= 0) & (cols >= 0) & (rows < part.shape[0]) & (cols < part.shape[1])
    cell[rows[good], cols[good]] = mine[good]
    shares = np.eye(len(legend), dtype=np.float32)[cls]
    pixel = tile.image.grid.pixel_size[0]
    return _layer("simulated vector", vocab.OSM_FEATURE, tile, (cell, shares), legend, 2 * pixel)


def product_layer(tile: Tile, legend: Legend, rng: np.random.Generator) -> EvidenceLayer:
    """The majority of the mask in cells of 10 x 10 pixels; 10 % of the cells say another class."""
    height, width = tile.truth.shape
    columns = -(-width // COARSE)
    rows, cols = np.indices((height, width)) // COARSE
    cell = (rows * columns + cols).astype(np.int32)
    n, k = int(cell.max()) + 1, len(legend)
    known = tile.truth >= 0
    counts = np.bincount(cell[known] * k + tile.truth[known], minlength=n * k).reshape(n, k)
    best = counts.argmax(axis=1)
    false = rng.random(n) < FALSE
    best[false] = (best[false] + rng.integers(1, k, int(false.sum()))) % k
    cell[(counts.sum(axis=1) == 0)[cell]] = -1
    return _layer(
        "simulated product",
        vocab.PRODUCT_CELL,
        tile,
        (cell, np.eye(k, dtype=np.float32)[best]),
        legend,
        0.0,
    )


def _layer(
    name: str,
    kind: str,
    tile: Tile,
    cells: tuple[NDArray[np.int32], NDArray[np.float32]],
    legend: Legend,
    tolerance: float,
) -> EvidenceLayer:
    cell, shares = cells
    graph = f"https://w3id.org/landlore/benchmark/{name.replace(' ', '-')}"
    return EvidenceLayer(
        name=name, kind=kind, source=graph, grid=tile.image.grid, cell=cell, shares=shares,
        classes=tuple(c.iri for c in legend.classes), entities=tuple(f"{graph}/{i}" for i in range(len(shares))),
        tolerance=tolerance,
    )  # fmt: skip


def run_case(case: Case, seed: int) -> list[dict[str, Any]]:
    legend, rng, table = case.tiles.legend, np.random.default_rng(seed), Table(case)
    evidence = [
        (vector_layer(tile, legend, rng), product_layer(tile, legend, rng)) for tile, _ in case.test
    ]
    table.add("base", table.base)
    bare = replace(LOOSE, smoothness=0.0)

    def row(name: str, layers: Sequence[Sequence[EvidenceLayer]], **knobs: Any) -> list[Prediction]:
        rules, settings = knobs.get("rules", ()), knobs.get("settings", bare)
        done = [
            correct(p, layers=each, axioms=rules, image=tile.image, settings=settings)
            for (tile, p), each in zip(case.test, layers, strict=True)
        ]
        shares: dict[str, float] = {}
        for one in (c for d in done for c in d.corrections):
            for part in one.contributions:
                shares[part.kind] = shares.get(part.kind, 0.0) + one.pixels * part.value
        pixels = sum(c.pixels for d in done for c in d.corrections)
        said = {f"nats by {kind}": value / max(pixels, 1) for kind, value in sorted(shares.items())}
        table.add(name, [d.after.labels for d in done], sums=max(map(sum_error, done)), **said)
        return [d.after for d in done]

    fused = row("fused", evidence)
    best = [
        potts(p.probabilities, t.image, (3, 1.5))
        for (t, _), p in zip(case.test, fused, strict=True)
    ]
    table.add("fused, then mean-field Potts", best)
    row("fused + smoothness", evidence, settings=LOOSE)
    rules = load_rules()
    drawn = [
        (t, p, vector_layer(t, legend, rng), product_layer(t, legend, rng)) for t, p in case.tune
    ]
    teachers = [
        LabelledTile(p, t.truth, layers=e, image=t.image, name=t.name) for t, p, *e in drawn
    ]
    for name, axioms in (("", ()), (" + rules", rules)):
        fit = fit_rules(teachers, axioms, LOOSE)
        row(f"learned{name}", evidence, rules=fit.axioms, settings=fit.settings(LOOSE))
    row("fused + smoothness + rules", evidence, rules=rules, settings=LOOSE)
    row("  without the vector layer", [e[1:] for e in evidence], rules=rules, settings=LOOSE)
    row("  without the product", [e[:1] for e in evidence], rules=rules, settings=LOOSE)
    row("  without evidence", [() for _ in evidence], rules=rules, settings=LOOSE)
    other = [
        tuple(_moved(layer, tile) for layer in each)
        for (tile, _), each in zip(case.test, evidence[1:] + evidence[:1], strict=True)
    ]
    row("  evidence of another tile", other, rules=rules, settings=LOOSE)
    return table.rows


def _moved(layer: EvidenceLayer, tile: Tile) -> EvidenceLayer:
    """The layer of another tile, laid on this one's grid."""
    height, width = tile.truth.shape
    cell = np.full((height, width), -1, np.int32)
    part = layer.cell[:height, :width]
    cell[: part.shape[0], : part.shape[1]] = part
    return replace(layer, grid=tile.image.grid, cell=cell)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", nargs="*", default=["korea", "dubai"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tiles", type=int, default=4, help="test tiles, spread evenly")
    parser.add_argument("--json", type=Path)
    options, results = parser.parse_args(), []
    for name in options.data:
        tiles = load_tiles(name)
        picks = np.linspace(0, len(tiles.test) - 1, options.tiles).round().astype(int)
        for seed in options.seeds:
            start = time.perf_counter()
            predict, _ = fit_base(tiles, seed)
            test = tuple((tiles.test[i], predict(tiles.test[i])) for i in picks)
            step = max(1, len(tiles.train) // LEARN_TILES)
            tune = tuple((t, predict(t)) for t in tiles.train[::step][:LEARN_TILES])
            print(f"\n{name}, seed {seed}, simulated evidence, {len(test)} test tiles")
            rows = run_case(Case(tiles, tune, test), seed)
            seconds = time.perf_counter() - start
            results.append({"data": name, "seed": seed, "rows": rows, "seconds": seconds})
    if options.json:
        options.json.write_text(json.dumps({"simulated": True, "results": results}, indent=1))


if __name__ == "__main__":
    main()
