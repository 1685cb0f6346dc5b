"""Does knowledge correct a weak base model on real tiles, and does shuffled knowledge not?

    python benchmarks/correction.py [korea dubai dronedeploy] [--seeds 0 1 2] [--quick] [--draws 1] [--json FILE]

One recipe, fixed before its test scores were seen: pieces of 8 pixels, "amid" reaching 12 pixels, one rule per pair of
classes whose weight is learned beside a calibration, kept only where held-out train tiles prefer it. Everything is
fitted or tuned on train tiles; the table is of test tiles alone.
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
from numpy.typing import NDArray
from smoothers import SMOOTHERS
from weak_base import Tile, TileSet, fit_base, given_labels, load_tiles

from fusion.metrics import confusion, iou, miou, overall_accuracy
from fusion.prediction import Prediction
from kg.files import shipped
from kg.legend import Legend
from kg.ontology import Axiom
from kg.rules import load_rules, schema_of
from reasoning.correct import CorrectSettings, correct
from reasoning.correction import Corrected
from reasoning.learning.calibration import fit_calibration
from reasoning.learning.checked import SMOOTHNESS, learn_checked
from reasoning.learning.context import context_rules, rule_iri
from reasoning.learning.staged import Stages
from reasoning.learning.tiles import LabelledTile

PIECE, REACH = 8, 12
"""Pixels: side of the pieces, and how far "amid" looks."""
LEARN_TILES, FOLDS, BALANCE = 6, 2, 0.25
LOOSE = CorrectSettings(tolerance=2e-2, max_steps=4, smoothness=1.0)
GIVEN = CorrectSettings(tolerance=1e-2, max_steps=12)
FAST = ("mode filter", "Gaussian", "mean-field Potts")
AMID = "https://w3id.org/landlore/rules/benchmark#amid"
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
    own = f"<{AMID}>"
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


def labelled(case: Case) -> list[LabelledTile]:
    return [LabelledTile(p, t.truth, image=t.image, name=t.name) for t, p in case.tune]


def context(case: Case) -> tuple[Axiom, ...]:
    """One rule per pair of classes, to be learned; weight 0 until then."""
    tree = schema_of(rules_for(case.pixel))
    rules = context_rules(case.tiles.legend, tree, role=AMID)
    return tuple(replace(rule, ontology=tree) for rule in rules)


def exchanged(rules: Sequence[Axiom], legend: Legend, rng: np.random.Generator) -> list[Axiom]:
    """Context rules with the weights that were learned for other classes, none for its own."""
    k = len(legend)
    order = np.roll(rng.permutation(k), 1)
    order = order if (order != np.arange(k)).all() else np.roll(np.arange(k), 1)
    place = {rule_iri(legend, i, j): (i, j) for i in range(k) for j in range(k)}
    known = {place[rule.iri]: rule.weight for rule in rules}
    return [
        replace(rule, weight=known.get((int(order[i]), int(order[j])), 0.0))
        for rule in rules
        for i, j in [place[rule.iri]]
    ]


def tuned(
    case: Case, ready: Callable[[Prediction], Prediction], names: Sequence[str]
) -> Iterator[tuple[str, list[Labels]]]:
    """Each smoother with the knob that is best on the train tiles."""
    k = len(case.tiles.legend)
    for name in names:
        smooth, knobs = SMOOTHERS[name]
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
    table, settings, legend = Table(case), settings_for(case), case.tiles.legend
    names = " ".join(one.label[:4] for one in legend.classes)
    print(f"{'':34s}  mIoU    OA  {names}   fixed : broken  ratio  worst class")
    table.add("base", table.base)
    for name, labels in tuned(case, lambda p: p, tuple(SMOOTHERS)):
        table.add(name, labels)
    calibration = fit_calibration(labelled(case), balance=BALANCE, polished=True)
    table.add("calibration", [calibration.apply(p).labels for _, p in case.test])
    for name, labels in tuned(case, calibration.apply, FAST):
        table.add(f"calibration + {name}", labels)
    stages = Stages(balance=BALANCE)
    found = learn_checked(
        labelled(case), {"context": context(case)}, settings, stages=stages, most_folds=FOLDS
    )
    said = ", ".join(f"{name} {100 * score:.1f}" for name, score in found.scores.items())
    print(f"held-out train tiles: {said}; chosen: {found.chosen}", flush=True)
    plain = found.fits[SMOOTHNESS]
    ours(table, f"ours: {SMOOTHNESS}", plain.axioms, plain.settings(settings))
    if found.chosen == "context":
        knobs, rng = found.fit.settings(settings), np.random.default_rng(seed)
        ours(table, "ours: context learned", found.fit.axioms, knobs)
        ours(table, "  the same without its rules", (), knobs)
        for number in range(draws):
            other = exchanged(found.fit.axioms, legend, rng)
            ours(table, f"  weights of other classes {number + 1}", other, knobs)
    ours(table, "ours: rules by hand", rules_for(case.pixel), settings)
    return table.rows


def run_given(tiles: TileSet) -> list[dict[str, Any]]:
    """Labels of a real network, at one confidence, corrected by what ships: is there harm?"""
    test = tuple((tile, given_labels(tile, tiles.legend)) for tile in tiles.test)
    table = Table(Case(tiles, (), test))
    print("\nlabels of the real network, confidence 0.8")
    table.add("labels of the network", table.base)
    ours(table, "ours: rules that ship", load_rules(), GIVEN)
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
    given = run_given(tiles) if name == "korea" and seed == 0 else []
    seconds = time.perf_counter() - start
    return {"data": name, "seed": seed, "rows": rows, "given": given, "seconds": seconds}


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
