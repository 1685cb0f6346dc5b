"""Inference: a tile of pixels with the shipped rules, and a hundred thousand regions (or more) as nodes.

    python benchmarks/infer.py [--tile 1024] [--side 316] [--repeats 5] [--vit] [--demo FOLDER] [--json FILE]

Tile: noisy probabilities of 8 classes, an image of 4 bands and terrain (all invented, seeded), default rules,
smoothness, to the fixed point; and the same with whole regions as nodes ("coarse"). With --demo, a folder that
`landlore demo` made, the same two for its map before correction, which a trained network drew. Regions: side x side
regions, each beside its 4 neighbours, 10 classes, 12 axioms (8 about a region itself, 4 about its neighbours), without
pixels. With --vit also a forward pass of ViT-B/16 (random weights, crops of 224 x 224 that cover the tile, two
threads). Printed: medians, processor time, steps, peak memory.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from affine import Affine
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_matrix, csr_matrix

from fusion.prediction import Prediction
from kg import vocab
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import And, Axiom, Expression, Facet, Named, Not, Some, load_ontology
from kg.raster import Raster, read_raster
from reasoning.correct import correct
from reasoning.facts import ADJACENT_TO, Facts
from reasoning.inference.infer import Problem, infer
from reasoning.logic.axioms import compile_axioms
from reasoning.settings import CorrectSettings

LL = vocab.CORE
TILES = ("tile", "coarse", "map", "map coarse")


def tile(size: int, seed: int) -> tuple[Prediction, Raster, Raster]:
    rng = np.random.default_rng(seed)
    legend = load_legend("town")
    shape = (len(legend), size, size)
    scores = np.stack([gaussian_filter(rng.normal(size=shape[1:]), 4) for _ in range(shape[0])])
    scores = 3 * scores / scores.std() + rng.normal(0, 0.5, shape)
    p = np.exp(scores)
    grid = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), size, size)
    prediction = Prediction((p / p.sum(axis=0)).astype(np.float32), legend, grid, "invented")
    image = Raster(
        rng.integers(1, 255, (4, size, size)).astype(np.uint8),
        grid,
        None,
        ("blue", "green", "red", "nir"),
    )
    height = 2000 * np.abs(gaussian_filter(rng.normal(size=shape[1:]), 30)).astype(np.float32)
    return prediction, image, Raster(100 * height[None], grid, None, ("elevation",))


def demo_map(folder: Path) -> tuple[Prediction, Raster, Raster]:
    """What a run of `landlore demo` corrected: probabilities, image, elevation."""
    image, dem = (read_raster(folder / "inputs" / f"{name}.tif") for name in ("image", "dem"))
    before = read_raster(folder / "before.tif").values.astype(np.float32)
    return Prediction(before, load_legend("town"), image.grid, "demo"), image, dem


def corrections(
    scene: tuple[Prediction, Raster, Raster], names: tuple[str, str]
) -> dict[str, Callable[[], Any]]:
    """A tile corrected with pixels as nodes, and with regions."""
    before, image, dem = scene
    coarse = CorrectSettings(nodes="regions")
    return {
        names[0]: lambda: correct(before, image=image, dem=dem),
        names[1]: lambda: correct(before, image=image, dem=dem, settings=coarse),
    }


def rule(i: int, left: Expression, right: Expression) -> Axiom:
    return Axiom(
        f"{vocab.RULE}bench{i}",
        f"bench {i}",
        "",
        left,
        right,
        0.5 + 0.1 * i,
        False,
        "none",
        "bench",
    )


def region_nodes(side: int, seed: int) -> Problem:
    """Nodes are regions; facts and marginals are random."""
    rng, n = np.random.default_rng(seed), side * side
    legend = load_legend("fromglc10")
    where = np.arange(n).reshape(side, side)
    pairs = np.concatenate(
        [
            np.stack([where[:, :-1], where[:, 1:]], -1).reshape(-1, 2),
            np.stack([where[:-1], where[1:]], -1).reshape(-1, 2),
        ]
    )
    half = coo_matrix((np.full(len(pairs), 0.25), pairs.T), shape=(n, n))
    names = [one.kind for one in legend.classes]
    facts = Facts(
        {
            LL + "area": rng.lognormal(7, 1, n),
            LL + "meanSlope": rng.random(n) * 40,
            LL + "meanNdvi": rng.random(n),
        },
        {},
        {ADJACENT_TO: csr_matrix(half + half.T)},
    )
    bounds = [
        ("area", ">=", 900.0),
        ("meanSlope", "<=", 15.0),
        ("meanNdvi", ">=", 0.3),
        ("meanNdvi", "<=", 0.6),
    ]
    rules = [
        rule(i, Named(names[i]), Facet(LL + p, op, v, 0.1 * v))
        for i, (p, op, v) in enumerate(bounds * 2)
    ]
    for i in range(4):
        beside = Some(ADJACENT_TO, Named(names[(i + 5) % len(names)]))
        rules.append(rule(8 + i, And((Named(names[i]), beside)), Not(Named(names[i]))))
    compiled = [one for one in compile_axioms(rules, legend, load_ontology(), facts) if one.active]
    logits = rng.normal(0, 2, (n, 1, len(legend)))
    unary = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    none = np.zeros((n, 1))
    region = np.arange(n, dtype=np.int32)[:, None]
    size = np.maximum(facts.data[LL + "area"] // 100, 1.0)[:, None]
    axioms = tuple((one.axiom.weight, one) for one in compiled)
    return Problem(unary, none, none, region, size, axioms, np.empty((0, len(legend))))


def vision_transformer(size: int) -> Callable[[], Any]:
    """A forward pass over as many crops as cover the tile."""
    import torch
    from transformers import ViTConfig, ViTModel

    model, crops = ViTModel(ViTConfig()).eval(), (-(-size // 224)) ** 2
    image = torch.zeros(5, 3, 224, 224)

    def forward() -> None:
        torch.set_num_threads(2)
        with torch.inference_mode():
            for _ in range(0, crops, 5):
                model(image)

    return forward


def tasks(chosen: argparse.Namespace, problem: Problem) -> dict[str, Callable[[], Any]]:
    """What is timed, by name."""
    runs = corrections(tile(chosen.tile, chosen.seed), ("tile", "coarse"))
    if chosen.demo:
        runs |= corrections(demo_map(chosen.demo), ("map", "map coarse"))
    runs["regions"] = lambda: infer(problem)
    if chosen.vit:
        runs["vit"] = vision_transformer(chosen.tile)
    return runs


def beside_vit(found: dict[str, Any]) -> dict[str, float]:
    """Time of either correction as a part of the forward pass, printed."""
    vit = found["vit"]["seconds"]
    parts = {f"{name}_to_vit": found[name]["seconds"] / vit for name in TILES if name in found}
    for name, part in parts.items():
        print(f"{name} {part:.2f} (bar: 0.10)")
    return parts


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("tile", 1024), ("side", 316), ("repeats", 5), ("seed", 0)):
        words.add_argument(f"--{name}", type=int, default=value)
    words.add_argument("--vit", action="store_true")
    words.add_argument("--demo", type=Path)
    words.add_argument("--json", type=Path)
    chosen = words.parse_args()
    for task in corrections(tile(64, chosen.seed), ("tile", "coarse")).values():
        task()  # compile once, outside the clock
    problem = region_nodes(chosen.side, chosen.seed)
    runs = tasks(chosen, problem)
    found: dict[str, Any] = {}
    spent: dict[str, list[float]] = {name: [] for name in runs}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(chosen.repeats):
        for name, task in runs.items():
            start, used = time.perf_counter(), time.process_time()
            done = task()
            seconds[name].append(time.perf_counter() - start)
            spent[name].append(time.process_time() - used)
            found[name] = {}
            if name != "vit":
                found[name] = {"steps": done.trace.steps, "stopped": done.trace.stopped}
            if name in TILES:
                found[name] |= {
                    "axioms": len(done.axioms),
                    "regions": len(done.regions),
                    "changed": int(done.changed.sum()),
                }
    found["regions"] |= {"axioms": len(problem.axioms), "nodes": chosen.side**2}
    for name in runs:
        found[name] |= {"seconds": median(seconds[name]), "processor": median(spent[name])}
        print(f"{name:11}{found[name]['seconds']:8.2f} s  {found[name]}")
    if chosen.vit:
        found |= beside_vit(found)
    found["peak_mebibytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of both {found['peak_mebibytes']:.0f} MiB")
    found |= {"repeats": chosen.repeats, "seed": chosen.seed, "machine": platform.machine()}
    found["versions"] = {name: version(name) for name in ("numpy", "numba", "scipy")}
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
