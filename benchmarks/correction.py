"""Does knowledge correct a weak base model on real tiles, and does shuffled knowledge not?

    python benchmarks/correction.py [korea dubai dronedeploy] [--seeds 0 1 2] [--quick] [--draws 1] [--json FILE]

One recipe, fixed on train tiles: pieces of 8 pixels, "amid" reaching 12 pixels, the rules that ship and those of
`ontologies/rules/pieces`. Everything is fitted or tuned on train tiles; the table is of test tiles alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from demo_controls import shuffled_rules
from numpy.typing import NDArray
from smoothers import SMOOTHERS
from weak_base import Tile, TileSet, fit_base, load_tiles

from fusion.metrics import confusion, iou, miou, overall_accuracy
from fusion.prediction import Prediction
from kg.files import shipped
from kg.ontology import Axiom
from kg.rules import load_rules
from reasoning.correct import CorrectSettings, correct
from reasoning.correction import Corrected
from reasoning.learning.calibration import Calibration, fit_calibration
from reasoning.learning.fit import Fit, Parameters, expert_fit
from reasoning.learning.prepared import prepare
from reasoning.learning.school import LearnSettings, School
from reasoning.learning.tiles import LabelledTile
from reasoning.learning.weights import _pupil

PIECE, REACH = 8, 12
"""Pixels: side of the pieces, and how far "amid" looks."""
LEARN_TILES = 6
SHRINKAGE, BALANCE = 1e-3, 0.25
LOOSE = CorrectSettings(tolerance=1e-2, max_steps=12, smoothness=1.0)
Labels = NDArray[np.integer]


@dataclass(frozen=True)
class Case:
    """One data set with one base: what is tuned on, what is scored."""

    tiles: TileSet
    tune: tuple[tuple[Tile, Prediction], ...]
    test: tuple[tuple[Tile, Prediction], ...]

    @property
    def pixel(self) -> float:
        return float(self.test[0][1].grid.pixel_size[0])


def rules_for(pixel: float) -> tuple[Axiom, ...]:
    """Rules that ship and those about what lies around, which look `REACH` pixels far."""
    own = "<https://w3id.org/landlore/rules/benchmark#amid>"
    text = Path(shipped("ontologies/rules/pieces/context.ttl")).read_text()
    text = text.replace(
        "ll:amid a owl:ObjectProperty .",
        f"{own} a owl:ObjectProperty ; rdfs:subPropertyOf ll:amid ; ll:distance {REACH * pixel:.1f} .",
    ).replace("owl:onProperty ll:amid", f"owl:onProperty {own}")
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "context.ttl"
        context.write_text(text)
        files = sorted(Path(shipped("ontologies/rules")).glob("*.ttl"))
        return load_rules([*files, context])


def settings_for(case: Case) -> CorrectSettings:
    return replace(LOOSE, superpixel=PIECE * case.pixel)


class Table:
    """Rows of one case, scored on the test tiles."""

    def __init__(self, case: Case) -> None:
        self.case, self.rows = case, []
        self.rows: list[dict[str, Any]] = []
        self.base = [p.labels for _, p in case.test]
        self.base_iou: NDArray[np.float64] | None = None

    def add(self, name: str, labels: Sequence[Labels], **more: Any) -> None:
        k = len(self.case.tiles.legend)
        counts = np.zeros((k, k), np.int64)
        fixed = broken = 0
        for (tile, _), mine, base in zip(self.case.test, labels, self.base, strict=True):
            counts += confusion(tile.truth, mine, k)
            known = tile.truth >= 0
            fixed += int((known & (base != tile.truth) & (mine == tile.truth)).sum())
            broken += int((known & (base == tile.truth) & (mine != tile.truth)).sum())
        each = 100 * np.where(counts.sum(axis=1) > 0, iou(counts), np.nan)
        if self.base_iou is None:
            self.base_iou = each
        row = {
            "row": name, "miou": 100 * miou(counts), "oa": 100 * overall_accuracy(counts),
            "iou": [None if np.isnan(v) else round(float(v), 1) for v in each],
            "fixed": fixed, "broken": broken,
            "worst class": float(np.nanmin(each - self.base_iou)), **more,
        }  # fmt: skip
        self.rows.append(row)
        ratio = fixed / broken if broken else float("nan")
        shown = " ".join("   -" if np.isnan(v) else f"{v:4.1f}" for v in each)
        extra = " ".join(f"{key} {value:.1e}" for key, value in more.items())
        print(
            f"{name:34s} {row['miou']:5.1f} {row['oa']:5.1f}  {shown}  {fixed:7d} : {broken:<7d} {ratio:5.2f}"
            f"  {row['worst class']:+5.1f}  {extra}",
            flush=True,
        )


def sum_error(done: Corrected) -> float:
    """Largest difference between a correction's log-odds and the sum of its contributions."""
    errors = [
        abs(sum(part.value for part in one.contributions) - one.log_odds)
        for one in done.corrections
    ]
    return max(errors, default=0.0)


def scores_of(p: Prediction) -> NDArray[np.float64]:
    return np.log(np.maximum(p.probabilities.astype(np.float64), 1e-4))


def best_bias(
    scores: NDArray[np.float64], truth: Labels, weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Class biases that raise the mean IoU of (pixel, class) scores, by coordinate ascent."""
    k = scores.shape[1]

    def value(bias: NDArray[np.float64]) -> float:
        index = truth * k + (scores + bias).argmax(axis=1)
        counts = np.bincount(index, weights=weight, minlength=k * k).reshape(k, k)
        right = np.diag(counts)
        union = counts.sum(axis=0) + counts.sum(axis=1) - right
        return float(np.mean((right / np.maximum(union, 1e-9))[counts.sum(axis=1) > 0]))

    bias = np.zeros(k)
    best = value(bias)
    for step in (0.5, 0.5, 0.25, 0.25):
        for j in range(k):
            for move in (step, -step):
                trial = bias.copy()
                trial[j] += move
                found = value(trial)
                if found > best + 1e-5:
                    best, bias = found, trial
    return bias


def with_bias(calibration: Calibration, bias: NDArray[np.float64]) -> Calibration:
    both = np.array(calibration.bias) + bias
    return replace(calibration, bias=tuple(float(v) for v in both - both.mean()))


def labelled(case: Case) -> list[LabelledTile]:
    return [LabelledTile(p, t.truth, image=t.image, name=t.name) for t, p in case.tune]


def calibrate(case: Case) -> Calibration:
    """Temperature and biases by likelihood, then biases by mean IoU."""
    fitted = fit_calibration(labelled(case), balance=BALANCE)
    scores, truth = [], []
    for tile, p in case.tune:
        known = np.flatnonzero(tile.truth.ravel() >= 0)[::7]
        scores.append(scores_of(fitted.apply(p)).reshape(len(p.legend), -1)[:, known].T)
        truth.append(tile.truth.ravel()[known])
    both = np.concatenate(truth)
    return with_bias(fitted, best_bias(np.concatenate(scores), both, np.ones(len(both))))


def learn(tiles: Sequence[LabelledTile], rules: Sequence[Axiom], settings: CorrectSettings) -> Fit:
    """Weights, smoothness and calibration by likelihood (shrunk to the expert's), then biases by mean IoU."""
    names = sorted({layer.name for tile in tiles for layer in tile.layers})
    expert = expert_fit(rules, names, settings)
    ready = [prepare(tile, expert.axioms, settings) for tile in tiles]
    active = {iri for one in ready for iri in one.rules}
    parameters = Parameters.of(tiles[0].prediction.legend, expert, active)
    knobs = LearnSettings(correct=settings, shrinkages=(SHRINKAGE,), balances=(BALANCE,))
    school = School(parameters, tuple(_pupil(one, parameters) for one in ready), knobs)
    theta, _, choices = school.learn(np.arange(len(ready)))
    fit = parameters.fit(theta)
    assert fit.calibration is not None
    bias = best_bias(choices.scores(theta), choices.truth, choices.stands_for)
    return replace(fit, calibration=with_bias(fit.calibration, bias))


def tuned(
    case: Case, ready: Callable[[Prediction], Prediction]
) -> Iterator[tuple[str, list[Labels]]]:
    """Each smoother with the knob that is best on the train tiles."""
    k = len(case.tiles.legend)
    for name, (smooth, knobs) in SMOOTHERS.items():
        score = {}
        for knob in knobs:
            counts = np.zeros((k, k), np.int64)
            for tile, p in case.tune[:4]:
                counts += confusion(tile.truth, smooth(ready(p).probabilities, tile.image, knob), k)
            score[knob] = miou(counts)
        best = max(score, key=lambda knob: score[knob])
        label = f"{name} {' '.join(f'{v:g}' for v in best)}"
        yield (
            label,
            [smooth(ready(p).probabilities, tile.image, best) for tile, p in case.test],
        )


def ours(table: Table, name: str, rules: Sequence[Axiom], settings: CorrectSettings) -> None:
    done = [
        correct(p, axioms=rules, image=tile.image, settings=settings) for tile, p in table.case.test
    ]
    error = max(map(sum_error, done))
    table.add(name, [one.after.labels for one in done], sums=error)


def run_case(case: Case, draws: int, seed: int) -> list[dict[str, Any]]:
    table, settings = Table(case), settings_for(case)
    rules = rules_for(case.pixel)
    kinds = [one.kind for one in case.tiles.legend.classes]
    names = " ".join(one.label[:4] for one in case.tiles.legend.classes)
    print(f"{'':34s}  mIoU    OA  {names}   fixed : broken  ratio  worst class")
    table.add("base", table.base)
    for name, labels in tuned(case, lambda p: p):
        table.add(name, labels)
    calibration = calibrate(case)
    table.add("calibration", [calibration.apply(p).labels for _, p in case.test])
    for name, labels in tuned(case, calibration.apply):
        table.add(f"calibration + {name}", labels)
    ours(table, "ours: smoothness only", (), settings)
    fit = learn(labelled(case), rules, settings)
    ours(table, "ours: learned + calibration", fit.axioms, fit.settings(settings))
    ours(table, "  the same without its rules", (), fit.settings(settings))
    ours(table, "ours: rules by hand", rules, settings)
    rng = np.random.default_rng(seed)
    shuffles = [shuffled_rules(rules, kinds, rng) for _ in range(draws)]
    for number, shuffled in enumerate(shuffles):
        ours(table, f"  the same, shuffled {number + 1}", shuffled, settings)
    for number, shuffled in enumerate(shuffles):
        other = learn(labelled(case), shuffled, settings)
        ours(table, f"  learned, shuffled {number + 1}", other.axioms, other.settings(settings))
    return table.rows


def run(name: str, seed: int, draws: int) -> dict[str, Any]:
    start = time.perf_counter()
    tiles = load_tiles(name)
    predict, seen = fit_base(tiles, seed)
    picks = np.linspace(0, len(tiles.train) - 1, LEARN_TILES).round().astype(int)
    tune = tuple((t, predict(t)) for t in (tiles.train[i] for i in picks))
    test = tuple((t, predict(t)) for t in tiles.test)
    print(
        f"\n{name}, seed {seed}: base from {', '.join(seen)}; tuned on {len(tune)}, scored on {len(test)} tiles"
    )
    rows = run_case(Case(tiles, tune, test), draws, seed)
    return {"data": name, "seed": seed, "rows": rows, "seconds": time.perf_counter() - start}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", nargs="*", default=["korea", "dubai", "dronedeploy"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--quick", action="store_true", help="one seed, one draw")
    parser.add_argument("--draws", type=int, default=1, help="draws of shuffled rules")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds, draws = (options.seeds[:1], 1) if options.quick else (options.seeds, options.draws)
    print(f"Python {sys.version.split()[0]}, {platform.machine()}, numpy {np.__version__}")
    results = [run(name, seed, draws) for name in options.data for seed in seeds]
    if options.json:
        options.json.write_text(json.dumps({"results": results}, indent=1))


if __name__ == "__main__":
    main()
