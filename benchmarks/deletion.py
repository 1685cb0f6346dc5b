"""Are the reasons the reasons? The largest reason of each correction is dropped and the map solved again.

    python benchmarks/deletion.py [--seed 7] [--json FILE]

For every correction (a patch of changed pixels of one region) the term with the largest positive contribution is
dropped, everything else kept: one solution per term serves all corrections that name it. A correction moves as stated
if the mean log-odds of after against before over its pixels fall; a class that a hard rule had taken away must become
possible again when that rule is dropped. Counted apart: where the contribution is larger than the log-odds, so that the
sum without it is negative, do they fall below 0? Not always, because neighbours and smoothness answer to the change;
the margin column asks the same where the contribution is larger by half. Control: the same question about a term that
was dropped in another solution, but said nothing about the correction (under 0.001 nats).

The demo scene is simulated; the other is a real aerial tile of Dubai with the weak base of `weak_base.py`.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.legend import load_legend
from landlore.graph import known_graph
from landlore.inputs import read_image, read_terrain
from landlore.showcase import make_scene
from landlore.sources import Sources, feature_layers, product_layers
from reasoning.correct import CorrectSettings, solve
from reasoning.correction import Correction
from reasoning.solved import Solved, solve_terms
from reasoning.terms import Change

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "segmentation"
DUBAI = DATA / "dubai_mbrsc_1024.zip"
SLIGHT = 1e-3
SHOWN = 10


def demo_scene(seed: int) -> Solved:
    """The demo's map as `interpret` corrects it."""
    from fusion.segment import segment
    from fusion.settings import SegmentSettings

    with tempfile.TemporaryDirectory() as folder:
        files = make_scene(Path(folder), seed)
        sources = Sources(
            landcover=(f"worldcover={files.product}",), osm=(str(files.osm),), dem=str(files.dem)
        )
        image = read_image(files.image)
        dem = read_terrain(files.dem, image.grid)
        (product,) = product_layers(sources, image.grid)
        features = feature_layers(known_graph(sources, image.grid), image.grid)
    knobs = SegmentSettings(seed=seed, steps=400)
    prediction = segment(image, product, load_legend("town"), dem=dem, settings=knobs)
    settings = CorrectSettings(strengths={product.name: 0.0}, max_steps=200)
    return solve(prediction, layers=(product, *features), image=image, dem=dem, settings=settings)


def dubai_tile(seed: int) -> Solved:
    """The first test tile of Dubai: the weak base of `weak_base.py`, corrected by the rules that ship."""
    from weak_base import fit_base, load_tiles

    tiles = load_tiles("dubai")
    predict, _ = fit_base(tiles, seed)
    tile = tiles.test[0]
    return solve(predict(tile), image=tile.image, settings=CorrectSettings(max_steps=200))


def stated(one: Correction) -> tuple[str, float]:
    """The term that is dropped, and what it is said to have contributed."""
    if one.excluded_by:
        return one.excluded_by[0], np.inf
    best = max((c for c in one.contributions if c.kind != "network"), key=lambda c: c.value)
    return best.term, best.value


def odds_of(run: Solved, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """(correction,) mean log-odds of after against before over its pixels."""
    done = run.corrected
    rows, cols = np.nonzero(done.index >= 0)
    number = done.index[rows, cols]
    old, new = (p.labels[rows, cols] for p in (done.before, done.after))
    here = np.log(np.maximum(q[rows, cols, new], 1e-300))
    here -= np.log(np.maximum(q[rows, cols, old], 1e-300))
    count = np.bincount(number, minlength=len(done.corrections))
    return np.bincount(number, here, len(done.corrections)) / count


def measure(name: str, run: Solved) -> dict[str, Any]:
    done, start = run.corrected, time.perf_counter()
    told = [stated(one) for one in done.corrections]
    sums = [abs(sum(c.value for c in one.contributions) - one.log_odds) for one in done.corrections]
    was = odds_of(run, run.solution.q)
    terms = sorted({term for term, _ in told})
    dropped = {
        term: odds_of(run, solve_terms(run.terms, Change({term: 0.0}))[1].q) for term in terms
    }
    left, fallen, control = [], [], []
    flips: dict[str, list[bool]] = {"stated": [], "margin": []}
    for i, (one, (term, value)) in enumerate(zip(done.corrections, told, strict=True)):
        now = dropped[term][i]
        fell = was[i] - now
        moved = now < 300 if one.excluded_by else fell > 0
        if not one.excluded_by:
            fallen.append(fell / value)
            flips["stated"] += [now < 0] if value > was[i] else []
            flips["margin"] += [now < 0] if value > 1.5 * was[i] else []
        if not moved:
            left.append((i, one, term, value, was[i], now))
        said = {c.term for c in one.contributions if abs(c.value) >= SLIGHT} | set(one.excluded_by)
        control += [bool(was[i] - dropped[t][i] > 0.5 * value) for t in terms if t not in said]
    count = len(done.corrections)
    return {
        "scene": name,
        "pixels": int(done.after.valid.sum()),
        "corrections": count,
        "changed_pixels": int(done.changed.sum()),
        "terms_dropped": len(terms),
        "largest_gap_of_sums": max(sums, default=0.0),
        "moved": (count - len(left)) / max(count, 1),
        "stated_flips": len(flips["stated"]),
        "flipped": float(np.mean(flips["stated"])) if flips["stated"] else None,
        "margin_flips": len(flips["margin"]),
        "margin_flipped": float(np.mean(flips["margin"])) if flips["margin"] else None,
        "fall_of_stated_median": float(np.median(fallen)) if fallen else None,
        "control_moved": float(np.mean(control)) if control else None,
        "control_cases": len(control),
        "inference": done.trace.stopped,
        "seconds": time.perf_counter() - start,
        "left": [
            f"correction {i}: {one.pixels} px, {term_name(run, term)} stated {value:+.3f}, "
            f"log-odds {before:+.3f} -> {now:+.3f}"
            for i, one, term, value, before, now in left
        ],
    }


def term_name(run: Solved, term: str) -> str:
    return vocab.curie(term)


def report(row: dict[str, Any]) -> None:
    print(f"{row['scene']}: {row['pixels']:,} pixels, {row['changed_pixels']:,} changed in "
          f"{row['corrections']:,} corrections; inference {row['inference']}")  # fmt: skip
    print(f"  contributions sum to the log-odds within {row['largest_gap_of_sums']:.1e} (bar 1e-6)")
    print(f"  log-odds fall as stated: {row['moved']:.2%} (bar 99 %); "
          f"{row['terms_dropped']} terms dropped in {row['seconds']:.0f} s")  # fmt: skip
    if not row["corrections"]:
        return
    for key, what in (("flip", "contribution > log-odds"), ("margin_flip", "> 1.5 x log-odds")):
        share = row["flipped" if key == "flip" else "margin_flipped"]
        of = row["stated_flips" if key == "flip" else "margin_flips"]
        print(
            f"  decision flips where {what}: {'-' if share is None else f'{share:.2%}'} of {of:,}"
        )
    print(f"  median fall / stated contribution: {row['fall_of_stated_median']:.2f}")
    print(f"  control, a term that said nothing there: {row['control_moved']:.2%} of "
          f"{row['control_cases']:,} fell by half as much")  # fmt: skip
    for line in row["left"][:SHOWN]:
        print(f"    not as stated: {line}")
    if len(row["left"]) > SHOWN:
        print(f"    ... and {len(row['left']) - SHOWN} more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    if DUBAI.exists():
        rows.append(measure("Dubai, weak base", dubai_tile(args.seed)))
    else:
        print(f"Dubai: skipped, {DUBAI} is absent")
    rows.append(measure("demo (simulated)", demo_scene(args.seed)))
    for row in rows:
        report(row)
    if args.json:
        told = {"python": platform.python_version(), "numpy": np.__version__, "rows": rows}
        args.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
