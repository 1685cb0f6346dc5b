"""Does a map become better when the rules teach it too? On the simulated demo scene; no label of it is used.

    python benchmarks/knowledge_loss.py [--seed 7] [--weights 0.1 1.0] [--json FILE]

The map is learned from the 20 m product, then again with the rules as a further loss (`landlore.knowledge_loss`).
Printed: mean IoU of the map, and after the usual correction (always by the true rules). Control: the classes in the
rules of the loss replaced by those of a random derangement.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from demo_controls import shuffled_rules

from fusion.metrics import confusion, miou
from fusion.prediction import Prediction
from fusion.segment import segment
from fusion.settings import SegmentSettings
from kg.legend import load_legend
from kg.raster import read_raster
from landlore.graph import known_graph
from landlore.inputs import read_image, read_terrain
from landlore.knowledge_loss import knowledge_loss
from landlore.reason import Known, chosen_axioms, reason, terms_known
from landlore.settings import RunSettings
from landlore.showcase import make_scene
from landlore.sources import Sources, feature_layers, product_layers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.1, 1.0])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = run(Path(folder), args.seed, args.weights)
    if args.json:
        args.json.write_text(json.dumps({"seed": args.seed, "rows": rows}, indent=2) + "\n")


def run(folder: Path, seed: int, weights: list[float]) -> list[dict[str, float | str]]:
    files, town = make_scene(folder, seed), load_legend("town")
    sources = Sources(
        landcover=(f"worldcover={files.product}",), osm=(str(files.osm),), dem=str(files.dem),
        image=str(files.image),
    )  # fmt: skip
    image, settings = read_image(files.image), RunSettings(seed=seed)
    dem = read_terrain(files.dem, image.grid)
    products = product_layers(sources, image.grid)
    features = feature_layers(known_graph(sources, image.grid), image.grid)
    known = Known(products, features, chosen_axioms(sources, settings), image, dem)
    truth = town.encode(read_raster(files.truth).values[0])
    knobs = SegmentSettings(seed=seed, steps=settings.steps)
    rows: list[dict[str, float | str]] = []

    def score(found: Prediction) -> float:
        return float(miou(confusion(truth, found.labels, len(town))))

    def row(name: str, taught: SegmentSettings) -> Prediction:
        start = time.perf_counter()
        found = segment(image, products[0], town, dem=dem, settings=taught)
        took = time.perf_counter() - start
        corrected = reason(found, known, sources, settings, learned=True).corrected.after
        rows.append(
            {"row": name, "map": score(found), "corrected": score(corrected), "seconds": took}
        )
        print(f"{name:32} map {rows[-1]['map']:.4f}   corrected {rows[-1]['corrected']:.4f}   "
              f"learning {took:.0f} s", flush=True)  # fmt: skip
        return found

    first = row("without", knobs)
    kinds = [one.kind for one in town.classes]
    mixed = replace(
        known, axioms=tuple(shuffled_rules(known.axioms, kinds, np.random.default_rng(seed)))
    )
    for weight in weights:
        for name, told in (
            (f"loss {weight:g}", known),
            (f"loss {weight:g}, rules shuffled", mixed),
        ):
            terms = terms_known(first, told, sources, settings)
            row(name, replace(knobs, losses=(knowledge_loss(terms, weight),)))
    return rows


if __name__ == "__main__":
    main()
