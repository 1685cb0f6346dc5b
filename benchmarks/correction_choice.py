"""How should class weights and the pull of a calibration be chosen from few scenes? Tiles come in, scores go out.

    python benchmarks/correction_choice.py [korea dubai] [--seeds 0 1 2] [--cache FOLDER]

Each scene (or part of three) is left out in turn. The others choose, holding out one of them in turn again, and teach
a calibration with what they chose, which maps the scene that had no say: nested cross-validation (Stone,
"Cross-validatory choice and assessment of statistical predictions", 1974). Test tiles are never looked at. Controls:
constants, which choose nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from correction import learned_from
from correction_cache import Cache
from correction_table import labelled
from numpy.typing import NDArray
from weak_base import load_tiles

from reasoning.learning.balance import BALANCES
from reasoning.learning.calibration import FLOOR, Calibration, fit_calibration
from reasoning.learning.fit import CALIBRATION_SHRINKAGE
from reasoning.learning.on_demand import only
from reasoning.learning.scores import counts_of, mean_iou
from reasoning.learning.tiles import LabelledTile, folds, spread

Floats = NDArray[np.float64]
Pair = tuple[float, float]
"""Exponent of class weights, pull to "no change"."""
Counts = Mapping[Pair, Sequence[Floats]]
"""Pair -> confusion counts of each scene that was held out."""

EXPONENTS, PULLS = (0.25, 0.5, 0.75, 1.0), (0.01, 0.3, 3.0)
PAIRS = tuple(product(EXPONENTS, PULLS))
NARROW = tuple((balance, CALIBRATION_SHRINKAGE) for balance in BALANCES)
LEARNED, SCORED = 1_500, 8_000
"""Pixels of each tile that are learned from, and scored."""


def score(parts: Sequence[Floats]) -> float:
    return mean_iou(np.sum(parts, axis=0))


def best_of(pairs: Sequence[Pair]) -> Callable[[Counts], Pair]:
    """The pair that held-out scenes prefer, of equal ones the first."""
    return lambda counts: max(pairs, key=lambda pair: score(counts[pair]))


def near_best(counts: Counts) -> list[Pair]:
    """Pairs that are within one standard error (jackknife over scenes, of the difference) of the best."""
    best = best_of(PAIRS)(counts)

    def error(pair: Pair) -> float:
        n = len(counts[pair])
        left = [[i for i in range(n) if i != gone] for gone in range(n)]
        apart = [
            score([counts[best][i] for i in some]) - score([counts[pair][i] for i in some])
            for some in left
        ]
        return float(np.sqrt((n - 1) * np.var(apart)))

    return [p for p in PAIRS if score(counts[best]) - score(counts[p]) <= error(p) or p == best]


def averaged(counts: Counts) -> Pair:
    """Mean exponent and mean logarithm of the pull over `near_best`."""
    balances, pulls = zip(*near_best(counts), strict=True)
    return float(np.mean(balances)), float(np.exp(np.mean(np.log(pulls))))


def firmest(counts: Counts) -> Pair:
    """The strongest pull of `near_best`, and the mildest exponent with it."""
    return min(near_best(counts), key=lambda pair: (-pair[1], pair[0]))


def constant(pair: Pair) -> Callable[[Counts], Pair]:
    return lambda counts: pair


WAYS: Mapping[str, Callable[[Counts], Pair]] = {
    "exponent, the best (learn)": best_of(NARROW),
    "exponent and pull, the best": best_of(PAIRS),
    "mean within one standard error": averaged,
    "firmest within one standard error": firmest,
    "always 0.5, 0.01": constant((0.5, 0.01)),
    "always 0.75, 0.3": constant((0.75, 0.3)),
    "always 0.75, 3": constant((0.75, 3.0)),
}


class Scenes:
    """Tiles in parts, and the calibrations that some of the parts teach."""

    def __init__(self, tiles: Sequence[LabelledTile]) -> None:
        self.tiles, self.parts = tiles, folds(tiles, 6)
        self.places = [spread(tile.known, SCORED) for tile in tiles]
        self._known: dict[tuple[frozenset[int], Pair], Calibration] = {}

    def taught(self, gone: frozenset[int], pair: Pair) -> Calibration:
        """The calibration of all parts but some."""
        if (gone, pair) not in self._known:
            out = {int(i) for part in gone for i in self.parts[part]}
            rest = only(self.tiles, [i for i in range(len(self.tiles)) if i not in out])
            self._known[gone, pair] = fit_calibration(
                rest, balance=pair[0], shrinkage=pair[1], samples=LEARNED
            )
        return self._known[gone, pair]

    def counts(self, part: int, found: Calibration | None) -> Floats:
        """Confusion counts of a part, as given or calibrated."""
        legend = self.tiles[0].prediction.legend
        total = np.zeros((len(legend), len(legend)))
        for i in self.parts[part]:
            tile, (rows, cols) = self.tiles[i], self.places[i]
            p = tile.prediction.probabilities[:, rows, cols].T.astype(np.float64)
            scores = np.log(np.maximum(p, FLOOR))
            scores = scores if found is None else found.scores(scores, legend)
            each = np.full(len(rows), tile.known.sum() / len(rows))
            labels, truth = scores.argmax(axis=1), tile.truth[rows, cols]
            total += counts_of(truth, labels, len(legend), each)
        return total

    def nested(self) -> dict[str, tuple[float, list[Pair]]]:
        """Way of choosing -> mean IoU of scenes that had no say, and what was chosen for each."""
        maps: dict[str, list[Floats]] = {way: [] for way in WAYS}
        picks: dict[str, list[Pair]] = {way: [] for way in WAYS}
        for out in range(len(self.parts)):
            rest = [part for part in range(len(self.parts)) if part != out]
            inner = {
                pair: [self.counts(one, self.taught(frozenset((out, one)), pair)) for one in rest]
                for pair in PAIRS
            }
            for way, pick in WAYS.items():
                picks[way].append(pick(inner))
                found = self.taught(frozenset((out,)), picks[way][-1])
                maps[way].append(self.counts(out, found))
        return {way: (100 * score(maps[way]), picks[way]) for way in WAYS}

    def moved(self) -> float:
        """Mean IoU by the row "calibration" of `correction.py`: biases moved for the mean IoU, nothing chosen."""
        maps = []
        for out in range(len(self.parts)):
            rest = [i for i in range(len(self.tiles)) if i not in self.parts[out]]
            found = fit_calibration(only(self.tiles, rest), balance=0.25, polished=True)
            maps.append(self.counts(out, found))
        return 100 * score(maps)

    def given(self) -> float:
        """Mean IoU of the maps as given."""
        return 100 * score([self.counts(part, None) for part in range(len(self.parts))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", nargs="*", default=["korea", "dubai"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cache", type=Path, help="folder to keep the base's answers in")
    given = parser.parse_args()
    total: dict[str, list[float]] = {way: [] for way in WAYS}
    for name, seed in product(given.data, given.seeds):
        tiles = load_tiles(name)
        predict, seen = Cache(given.cache, f"{name}-{seed}").base(tiles, seed)
        scenes = Scenes(labelled([(tile, predict(tile)) for tile in learned_from(tiles, seen)]))
        print(
            f"\n{name}, seed {seed}: {len(scenes.parts)} parts; as given {scenes.given():.2f}, "
            f"always 0.25, 0.01, biases moved {scenes.moved():.2f}"
        )
        for way, (value, picks) in scenes.nested().items():
            total[way].append(value)
            said = " ".join(f"{balance:.2g}/{pull:.2g}" for balance, pull in picks)
            print(f"{way:34s} {value:6.2f}  {said}", flush=True)
    print("\nmean over all")
    for way, values in total.items():
        print(f"{way:34s} {np.mean(values):6.2f}")


if __name__ == "__main__":
    main()
