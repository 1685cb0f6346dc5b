"""How should shared boundary become a degree of adjacency, and what do cut regions do to rules? Measured, then decided.

    python benchmarks/adjacency.py

1. For regions of the weak base that have label A, how well does "adjacent to some C" tell right ones from wrong ones?
   Area under the ROC curve, mean over all pairs (A, C) that occur in train and test tiles, the direction of each pair
   taken from train tiles. 0.5 = says nothing; the control shuffles right and wrong within each label.
2. What the rules that ship take from the *true* labels (nats per pixel), with and without the ranges of facts of
   regions that the image edge or nodata cuts (`reasoning.regions.unseen`): all of it is harm.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import rankdata
from weak_base import Tile, fit_base, load_tiles

from fusion.prediction import Prediction, prediction_from_labels
from kg.ontology import load_ontology
from kg.rules import load_rules
from reasoning.facts import Beside, gather_facts
from reasoning.logic.axioms import compile_axioms
from reasoning.regions.graph import RegionGraph, build_regions
from reasoning.space.relations import boundary_shares

Floats = NDArray[np.float64]
SMALLEST = 5
"""Pixels of the regions that are judged."""
FEWEST = 20
"""Right ones, and wrong ones, that a pair needs."""


def _share(regions: RegionGraph, _: float) -> csr_matrix:
    return boundary_shares(regions)


def _capped(regions: RegionGraph, _: float) -> csr_matrix:
    shares = boundary_shares(regions)
    shares.data = np.minimum(shares.data / 0.1, 1.0)
    return shares


def _ramp(pixels: int) -> Callable[[RegionGraph, float], csr_matrix]:
    def metres(regions: RegionGraph, pixel: float) -> csr_matrix:
        out = regions.adjacency.copy()
        out.data = np.minimum(out.data / (pixels * pixel), 1.0)
        return out

    return metres


def _any(regions: RegionGraph, _: float) -> csr_matrix:
    out = regions.adjacency.copy()
    out.data = np.ones_like(out.data)
    return out


WAYS = {
    "share of the boundary": _share,
    "min(1, share / 0.1)": _capped,
    "min(1, metres / 3 pixels)": _ramp(3),
    "min(1, metres / 10 pixels)": _ramp(10),
    "any boundary (0 or 1)": _any,
}


def _judged(
    tiles: Iterable[tuple[Tile, Prediction]], classes: int
) -> tuple[NDArray[np.int16], NDArray[np.bool_], dict[str, Floats]]:
    """(region,) label and whether most of it is right; way -> (region, class) truth of "adjacent to some class"."""
    labels, right = [], []
    truths: dict[str, list[Floats]] = {name: [] for name in WAYS}
    for tile, prediction in tiles:
        regions = build_regions(prediction)
        seen = (tile.truth >= 0) & (regions.label >= 0)
        n = len(regions)
        hits = np.bincount(
            regions.label[seen], tile.truth[seen] == regions.cls[regions.label[seen]], n
        )
        known = np.bincount(regions.label[seen], minlength=n)
        kept = (regions.count >= SMALLEST) & (known > regions.count / 2)
        labels.append(regions.cls[kept])
        right.append((hits > known / 2)[kept])
        one_hot = np.eye(classes)[regions.cls]
        for name, way in WAYS.items():
            matrix = way(regions, max(prediction.grid.pixel_size))
            matrix.data = np.log1p(-np.minimum(matrix.data, 1 - 1e-12))
            truths[name].append((1 - np.exp(matrix @ one_hot))[kept])
    return (
        np.concatenate(labels),
        np.concatenate(right),
        {k: np.concatenate(v) for k, v in truths.items()},
    )


def _auc(values: Floats, right: NDArray[np.bool_]) -> float:
    good, bad = right.sum(), (~right).sum()
    return float((rankdata(values)[right].sum() - good * (good + 1) / 2) / (good * bad))


def _compare(name: str, seed: int) -> None:
    tiles = load_tiles(name)
    predict, _ = fit_base(tiles, seed)
    k = len(tiles.legend)
    train, test = (
        _judged(((t, predict(t)) for t in part), k) for part in (tiles.train, tiles.test)
    )
    rng = np.random.default_rng(seed)
    for way in WAYS:
        areas, control = [], []
        for a, c in permutations(range(k), 2):
            sides = [
                (part[2][way][part[0] == a, c], part[1][part[0] == a]) for part in (train, test)
            ]
            if any(min(r.sum(), (~r).sum()) < FEWEST or not v.any() for v, r in sides):
                continue
            sign = 1 if _auc(*sides[0]) >= 0.5 else -1
            values, right = sides[1]
            areas.append(_auc(sign * values, right))
            control.append(_auc(sign * values, rng.permutation(right)))
        print(
            f"{name:<12} {way:<28} AUC {np.mean(areas):.3f}  shuffled {np.mean(control):.3f}  ({len(areas)} pairs)"
        )


def _harm(name: str) -> None:
    """Nats per pixel that the rules that ship take from true labels."""
    tiles, tree, rules = load_tiles(name), load_ontology(), load_rules()
    total = {"without ranges": 0.0, "with ranges": 0.0}
    pixels = 0
    for tile in tiles.test:
        prediction = prediction_from_labels(tile.truth, tiles.legend, tile.image.grid)
        regions = build_regions(prediction)
        facts = gather_facts(regions, prediction, (), tree, beside=Beside(tile.image))
        q = np.eye(len(tiles.legend))[regions.cls]
        pixels += int(regions.count.sum())
        for way, used in (("with ranges", facts), ("without ranges", replace(facts, ranges={}))):
            for one in compile_axioms(rules, tiles.legend, tree, used):
                if one.active:
                    total[way] += one.axiom.weight * float(one.penalty(q) @ regions.count)
    print(
        f"{name:<12} nats per 1000 true pixels: "
        + ", ".join(f"{w} {1000 * v / pixels:.3f}" for w, v in total.items())
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=["korea", "dubai"])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for name in given.sets:
        _compare(name, given.seed)
    for name in given.sets:
        _harm(name)


if __name__ == "__main__":
    main()
