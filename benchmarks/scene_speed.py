"""How long do 10,000 precomputed embeddings against 200 classes take, looked at all together, and one explanation?

    python benchmarks/scene_speed.py [--images 10000] [--classes 200] [--repeats 3] [--json FILE]

Embeddings are invented (seeded): clusters around random means of 512 numbers; texts are the means with noise, so that
first guesses are right in some two thirds. Rows: texts alone with the graph prior and two looks; a hundred seen
classes of 20 images each. Printed: wall and processor seconds (medians), right before and after looking together, and
milliseconds of explaining one answer, and each of a thousand in a row. Control: the same with the texts dealt out anew
over the classes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.backbone import FeatureSet, unit_rows
from fusion.classgraph import class_vectors
from fusion.reasons import SceneExplainer, explain_scene
from fusion.scene import SceneAnswer, SceneSettings, classify, fit_scenes
from kg.scenes import load_scenes

Vectors = NDArray[np.float32]
WIDTH, SPREAD, DOUBT, SEEN = 512, 1.6, 5.0, 20


def feature_set(rows: Vectors, labels: NDArray[np.int64], names: tuple[str, ...]) -> FeatureSet:
    """Rows as a backbone would give them."""
    items = tuple(map(str, range(len(rows))))
    return FeatureSet(items, unit_rows(rows, "invented"), "invented", labels, names)


def around(means: Vectors, labels: NDArray[np.int64], rng: np.random.Generator) -> Vectors:
    """Images around the means of their classes."""
    noise = rng.normal(size=(len(labels), WIDTH))
    return (means[labels] + SPREAD * noise).astype(np.float32)


def timed(
    task: Callable[[], SceneAnswer], labels: NDArray[np.int64], repeats: int
) -> tuple[SceneAnswer, dict[str, float]]:
    """An answer, its seconds and how often it is right."""
    wall, used = [], []
    for _ in range(repeats):
        start, spent = time.perf_counter(), time.process_time()
        answer = task()
        wall.append(time.perf_counter() - start)
        used.append(time.process_time() - spent)
    first = (answer.ridge_logits + answer.text_logits).argmax(axis=1)
    return answer, {
        "seconds": median(wall), "processor": median(used), "first guesses": float((first == labels).mean()),
        "right": float((answer.scores.scores.argmax(axis=1) == labels).mean()),
    }  # fmt: skip


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, value in (("images", 10_000), ("classes", 200), ("repeats", 3), ("seed", 0)):
        words.add_argument(f"--{name}", type=int, default=value)
    words.add_argument("--json", type=Path)
    chosen = words.parse_args()
    rng, knowledge = np.random.default_rng(chosen.seed), load_scenes()
    names = tuple(one.label for one in knowledge.concepts[: chosen.classes])
    vectors = class_vectors(names, knowledge)
    means = rng.normal(size=(len(names), WIDTH)).astype(np.float32)
    labels = rng.integers(0, len(names), chosen.images)
    images = feature_set(around(means, labels, rng), labels, names)
    texts = unit_rows((means + DOUBT * rng.normal(size=means.shape)).astype(np.float32), "texts")
    half = len(names) // 2
    taught = np.repeat(np.arange(half), SEEN)
    seen = feature_set(around(means, taught, rng), taught, names[:half])
    known = class_vectors(names[:half], knowledge)
    settings = SceneSettings(transductive=True)
    fitted = fit_scenes(seen, known, settings)
    found: dict[str, Any] = {}
    for name, given in (
        ("texts alone", {"texts": texts}),
        ("texts dealt out anew", {"texts": texts[rng.permutation(len(texts))]}),
        ("a hundred seen classes", {"classifier": fitted}),
    ):
        task = lambda given=given: classify(images, vectors, settings=settings, **given)  # noqa: E731
        answer, found[name] = timed(task, labels, chosen.repeats)
        start = time.perf_counter()
        for i in range(20):
            explain_scene(answer, i, knowledge)
        found[name]["explained in ms"] = 50 * (time.perf_counter() - start)
        some = min(1000, chosen.images)
        start, explainer = time.perf_counter(), SceneExplainer(answer, knowledge)
        for i in range(some):
            explainer.explain(i)
        found[name]["each of many"] = 1000 * (time.perf_counter() - start) / some
        print(f"{name:24s}" + "  ".join(f"{k} {v:.2f}" for k, v in found[name].items()), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
