"""Correction of a weak base with *simulated* evidence: made from the masks themselves, so only the mechanism is shown.

    python benchmarks/correction_evidence.py [korea dubai] [--seeds 0 1 2] [--tiles N] [--json FILE]

A vector layer of buildings, roads and water with 40 % of the objects missing, the rest moved by 1-2 pixels, and a
product 10 times coarser with 10 % false cells. How far each source, the network and smoothness can be believed is
learned on train tiles that the base has not seen; rules are kept where held-out scenes of these prefer them. Control:
the evidence of another tile. Real layers will give less: their dates and definitions differ, and their errors are
correlated.
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
from correction_cache import Cache
from correction_table import Case, Table, sum_error
from numpy.typing import NDArray
from smoothers import SMOOTHERS
from weak_base import Tile, load_tiles

from fusion.metrics import confusion, miou
from fusion.prediction import Prediction
from kg import vocab
from kg.evidence import EvidenceLayer
from kg.legend import Legend
from kg.rules import load_rules
from reasoning.correct import CorrectSettings, correct
from reasoning.correction import Corrected
from reasoning.learning.checked import Checks, learn_checked
from reasoning.learning.fit import Fit, expert_fit
from reasoning.learning.prepared import prepare
from reasoning.learning.school import SMOOTHNESS
from reasoning.learning.tiles import LabelledTile
from reasoning.regions.graph import components

SETTINGS = CorrectSettings(tolerance=1e-2, max_steps=12, smoothness=1.0)
MISSING, FALSE, COARSE = 0.4, 0.1, 10
LEARN_TILES, FOLDS = 12, 3
DRAWN = ("Building", "Road", "Water")
VECTOR, PRODUCT = SOURCES = ("simulated vector", "simulated product")
RULES = "rules"
CALM = ("mode filter", "Gaussian", "mean-field Potts")
Pairs = Sequence[tuple[Tile, Prediction]]


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
    return _layer(VECTOR, vocab.OSM_FEATURE, tile, (cell, shares), legend, 2 * pixel)


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
    shares = np.eye(k, dtype=np.float32)[best]
    half = COARSE / 2 * tile.image.grid.pixel_size[0]  # as `kg.sources.product` says of real ones
    return _layer(PRODUCT, vocab.PRODUCT_CELL, tile, (cell, shares), legend, half)


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


class Lesson:
    """Evidence of every tile, what the train tiles teach about it, and the rows of the table."""

    def __init__(self, case: Case, seed: int) -> None:
        self.table, rng, legend = Table(case), np.random.default_rng(seed), case.tiles.legend

        def drawn(pairs: Pairs) -> list[LabelledTile]:
            return [
                LabelledTile(
                    p,
                    t.truth,
                    layers=(vector_layer(t, legend, rng), product_layer(t, legend, rng)),
                    image=t.image,
                    name=t.name,
                    scene=t.scene,
                )
                for t, p in pairs
            ]

        self.test, self.tune = drawn(case.test), drawn(case.tune)
        rules = load_rules()
        self.learned = learn_checked(
            self.tune, {RULES: rules}, SETTINGS, checks=Checks(most_folds=FOLDS)
        )
        scores = {way: f"{100 * score:.1f}" for way, score in self.learned.scores.items()}
        times = f"smoothness {self.learned.smoother:g} times what was fitted"
        print(f"held-out train tiles: {scores}; {times}; chosen: {self.learned.chosen}")

    def rows(self) -> list[dict[str, Any]]:
        """Base, fused evidence and its smoothings, what is learned, and what each part of that is worth."""
        table, fits = self.table, self.learned.fits
        table.add("base", table.base)
        bare = expert_fit((), SOURCES, replace(SETTINGS, smoothness=0.0))
        chosen = fits[SMOOTHNESS]
        for name, fit in (("fused", bare), ("fused, learned", replace(chosen, smoothness=0.0))):
            self.row(name, fit, self.test)
            self.smoothed(name, fit)
        self.row("learned: fused + smoothness", chosen, self.test)
        self.row("learned: the same + rules", fits[self.with_rules], self.test)
        best = self.learned.fit
        self.row(f"chosen ({self.learned.chosen})", best, self.test, reasons=True)
        for place, name in enumerate(("vector layer", "product")):
            less = [replace(one, layers=one.layers[1 - place :][:1]) for one in self.test]
            self.row(f"  without the {name}", best, less)
        self.row("  without evidence", best, [replace(one, layers=()) for one in self.test])
        others = self.test[1:] + self.test[:1]
        moved = [
            replace(one, layers=[_moved(layer, one) for layer in other.layers])
            for one, other in zip(self.test, others, strict=True)
        ]
        self.row("  evidence of another tile", best, moved)
        return table.rows

    @property
    def with_rules(self) -> str:
        """The way with rules that was fitted to all tiles."""
        return next(way for way in self.learned.fits if way.startswith(RULES))

    def row(
        self, name: str, fit: Fit, tiles: Sequence[LabelledTile], *, reasons: bool = False
    ) -> None:
        """Map tiles by a fit; with reasons, say what the contributions of all corrections add up to."""
        if reasons:
            done = [
                correct(
                    one.prediction,
                    layers=one.layers,
                    axioms=fit.axioms,
                    image=one.image,
                    settings=fit.settings(SETTINGS),
                )
                for one in tiles
            ]
            self.table.add(name, [one.after.labels for one in done], **_sums(done))
            return
        self.table.add(name, [one.argmax(axis=0) for one in _chances(fit, tiles)])

    def smoothed(self, name: str, fit: Fit) -> None:
        """The fused probabilities smoothed without knowledge, each with the knob that is best on train tiles."""
        k = len(self.table.case.tiles.legend)
        tune, test = _chances(fit, self.tune), _chances(fit, self.test)
        for smoother in CALM:
            smooth, knobs = SMOOTHERS[smoother]
            score = {}
            for knob in knobs:
                counts = np.zeros((k, k), np.int64)
                for one, p in zip(self.tune, tune, strict=True):
                    counts += confusion(one.truth, smooth(p, one.image, knob), k)
                score[knob] = miou(counts)
            best = max(score, key=lambda knob: score[knob])
            labels = [smooth(p, one.image, best) for one, p in zip(self.test, test, strict=True)]
            self.table.add(f"  {name}, then {smoother} {' '.join(f'{v:g}' for v in best)}", labels)


def _chances(fit: Fit, tiles: Sequence[LabelledTile]) -> list[NDArray[np.float32]]:
    """(class, y, x) probabilities of every tile under a fit."""
    ready = (prepare(one, fit.axioms, SETTINGS) for one in tiles)
    return [np.moveaxis(one.solve(fit).q, -1, 0).astype(np.float32) for one in ready]


def _sums(done: Sequence[Corrected]) -> dict[str, float]:
    """Largest error of the sums of contributions, and nats per changed pixel by kind of contribution."""
    shares: dict[str, float] = {}
    pixels = sum(one.pixels for each in done for one in each.corrections)
    for one in (one for each in done for one in each.corrections):
        for part in one.contributions:
            shares[part.kind] = shares.get(part.kind, 0.0) + one.pixels * part.value
    said = {f"nats by {kind}": value / max(pixels, 1) for kind, value in sorted(shares.items())}
    return {"sums": max(map(sum_error, done)), **said}


def _moved(layer: EvidenceLayer, tile: LabelledTile) -> EvidenceLayer:
    """The layer of another tile, laid on this one's grid."""
    height, width = tile.truth.shape
    cell = np.full((height, width), -1, np.int32)
    part = layer.cell[:height, :width]
    cell[: part.shape[0], : part.shape[1]] = part
    return replace(layer, grid=tile.prediction.grid, cell=cell)


def spread(tiles: Sequence[Tile], most: int) -> list[Tile]:
    """At most so many tiles, evenly."""
    picks = np.unique(np.linspace(0, len(tiles) - 1, min(most, len(tiles))).round().astype(int))
    return [tiles[i] for i in picks]


def run(name: str, seed: int, most: int, folder: Path | None) -> dict[str, Any]:
    """One data set with one base."""
    tiles, start = load_tiles(name), time.perf_counter()
    cache = Cache(folder, f"{name}-{seed}")
    predict, seen = cache.base(tiles, seed)
    fresh = [tile for tile in tiles.train if tile.name not in seen]
    tune = tuple((tile, predict(tile)) for tile in spread(fresh, LEARN_TILES))
    test = tuple((tile, predict(tile)) for tile in spread(tiles.test, most))
    print(
        f"\n{name}, seed {seed}, simulated evidence; learned on {len(tune)}, scored on {len(test)} tiles"
    )
    rows = Lesson(Case(tiles, tune, test), seed).rows()
    seconds = time.perf_counter() - start
    print(f"{seconds:.0f} s")
    return {"data": name, "seed": seed, "rows": rows, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", nargs="*", default=["korea", "dubai"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tiles", type=int, default=18, help="most test tiles, spread evenly")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cache", type=Path, help="folder where the base is kept")
    options, results = parser.parse_args(), []
    for name in options.data:
        for seed in options.seeds:
            results.append(run(name, seed, options.tiles, options.cache))
            if options.json:
                options.json.write_text(json.dumps({"simulated": True, "results": results}))


if __name__ == "__main__":
    main()
