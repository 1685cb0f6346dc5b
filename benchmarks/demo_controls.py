"""Does knowledge help on the demo, and does shuffled knowledge not? The demo scene is simulated.

    python benchmarks/demo_controls.py [--seed 7] [--shuffles 5] [--json FILE]

Every row starts from the same prediction (learned from the product, no label of the scene). Shuffled rows replace the
classes in the rules, or the classes that the map features have, by those of a random derangement.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fusion.metrics import confusion, miou, overall_accuracy
from kg.evidence import EvidenceLayer
from kg.expressions import Expression, Named, children, rebuild, walk
from kg.legend import load_legend
from kg.ontology import Axiom, load_ontology
from kg.raster import read_raster
from kg.rules import load_rules
from landlore.graph import known_graph
from landlore.inputs import read_image, read_terrain
from landlore.settings import RunSettings
from landlore.showcase import make_scene
from landlore.sources import Sources, feature_layers, product_layers
from reasoning.correct import CorrectSettings, correct


def derangement(names: Sequence[str], rng: np.random.Generator) -> dict[str, str]:
    """Each name gets another one."""
    order = np.arange(len(names))
    while (order == np.arange(len(names))).any():
        order = rng.permutation(len(names))
    return {name: names[i] for name, i in zip(names, order, strict=True)}


def classes_of(expression: Expression) -> set[str]:
    return {part.iri for part in walk(expression) if isinstance(part, Named)}


def renamed(expression: Expression, names: Mapping[str, str]) -> Expression:
    if isinstance(expression, Named):
        return Named(names.get(expression.iri, expression.iri))
    return rebuild(expression, tuple(renamed(part, names) for part in children(expression)))


def shuffled_rules(
    rules: Sequence[Axiom], kinds: Sequence[str], rng: np.random.Generator
) -> tuple[Axiom, ...]:
    """The rules with their cover classes exchanged: those of the legend among themselves, the others too."""
    tree = load_ontology()
    covers = tree.below("https://w3id.org/landlore/core#LandCover")
    used = sorted(set().union(*(classes_of(a.left) | classes_of(a.right) for a in rules)) & covers)
    names = derangement([n for n in used if n in kinds], rng) | derangement(
        [n for n in used if n not in kinds], rng
    )
    return tuple(
        replace(a, left=renamed(a.left, names), right=renamed(a.right, names)) for a in rules
    )


def shuffled_layer(layer: EvidenceLayer, rng: np.random.Generator) -> EvidenceLayer:
    names = derangement(layer.classes, rng)
    return replace(layer, classes=tuple(names[c] for c in layer.classes))


def run(seed: int, shuffles: int, steps: int) -> dict[str, Any]:
    from fusion.segment import segment
    from fusion.settings import SegmentSettings

    with tempfile.TemporaryDirectory() as folder:
        files = make_scene(Path(folder), seed)
        sources = Sources(
            landcover=f"worldcover={files.product}", osm=str(files.osm), dem=str(files.dem)
        )
        image, legend = read_image(files.image), load_legend("town")
        dem = read_terrain(files.dem, image.grid)
        graph = known_graph(sources, image.grid)
        products, features = product_layers(sources, image.grid), feature_layers(graph, image.grid)
        truth = legend.encode(read_raster(files.truth).values[0])
    before = segment(
        image, products[0], legend, dem=dem, settings=SegmentSettings(seed=seed, steps=steps)
    )
    rules = load_rules(None, load_ontology())
    kinds = [c.kind for c in legend.classes]
    right = before.labels == truth
    knobs = {products[0].name: 0.0}

    def row(
        name: str, layers: Sequence[EvidenceLayer], axioms: Sequence[Axiom], smoothness: float
    ) -> dict[str, Any]:
        start = time.perf_counter()
        done = correct(
            before,
            layers=layers,
            axioms=axioms,
            image=image,
            dem=dem,
            settings=CorrectSettings(smoothness=smoothness, strengths=knobs),
        )
        now = done.after.labels == truth
        table = confusion(truth, done.after.labels, len(legend))
        return {
            "row": name,
            "oa": overall_accuracy(table),
            "miou": miou(table),
            "fixed": int((now & ~right).sum()),
            "broken": int((right & ~now).sum()),
            "seconds": round(time.perf_counter() - start, 1),
        }

    table = confusion(truth, before.labels, len(legend))
    rows = [
        {
            "row": "before",
            "oa": overall_accuracy(table),
            "miou": miou(table),
            "fixed": 0,
            "broken": 0,
            "seconds": 0,
        }
    ]
    known, smooth = (*products, *features), CorrectSettings().smoothness
    rows.append(row("smoothness only", (), (), smooth))
    rows.append(row("rules only", products, rules, 0))
    rows.append(row("evidence only", known, (), 0))
    rows.append(row("all", known, rules, smooth))
    for i in range(shuffles):
        rng = np.random.default_rng(i)
        wrong = shuffled_rules(rules, kinds, rng)
        rows.append(row(f"rules only, shuffled {i}", products, wrong, 0))
        rows.append(row(f"all, rules shuffled {i}", known, wrong, smooth))
        mixed = (*products, *(shuffled_layer(layer, rng) for layer in features))
        rows.append(row(f"all, rules and evidence shuffled {i}", mixed, wrong, smooth))
    return {"simulated": True, "seed": seed, "steps": steps, "rules": len(rules), "rows": rows}


def verdicts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the rows say, in words; the controls must lose."""
    score = {r["row"]: r["miou"] for r in rows}
    before = score["before"]
    lines = [f"knowledge (all): mIoU {before:.4f} -> {score['all']:.4f}"]
    for part in ("rules only, shuffled", "all, rules and evidence shuffled"):
        found = [v for name, v in score.items() if name.startswith(part)]
        if found:
            won = sum(v > before for v in found)
            lines.append(
                f"{part}: best {max(found):.4f}, better than before in {won} of {len(found)} draws"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--shuffles", type=int, default=5)
    parser.add_argument("--steps", type=int, default=RunSettings().steps)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = run(args.seed, args.shuffles, args.steps)
    print(
        f"SIMULATED demo scene, seed {args.seed}, {found['rules']} rules, {platform.machine()}, numpy {np.__version__}"
    )
    print(f"{'row':<40} {'OA':>7} {'mIoU':>7} {'fixed':>8} {'broken':>8} {'s':>6}")
    for r in found["rows"]:
        print(
            f"{r['row']:<40} {r['oa']:7.4f} {r['miou']:7.4f} {r['fixed']:8,} {r['broken']:8,} {r['seconds']:6}"
        )
    for line in verdicts(found["rows"]):
        print(line)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
