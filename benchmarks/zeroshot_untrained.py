"""Zero-shot without a training image: a model's own answers over all 19 classes of WHU-RS19, and what corrects them.

    python benchmarks/zeroshot_untrained.py [--json FILE] [--data ../shared/data] [--features FILE.npz ...]

Precomputed ViT-B/32 embeddings of images and of 107 prompts a class; accuracy over all images, percent. One image at a
time: similarity to the mean prompt; prompts taken for images of seen classes (`fusion.prototypes`), in the metric that
they teach, classes as their prompts say or as the graph predicts from all prompts. All images together: one look
(`fusion.transduce`), two looks (`fusion.together.look_twice`), with the graph prior (`fusion.scene.graph_prior`).
Controls: graph shuffled over classes (mean of three), a prior in which no two classes are alike.

With --features (labelled embeddings of any set, benchmarks/mobilenet_features.py) the second look alone is compared,
by the share of images whose labels are believed; first guesses come from two images of each class, drawn eight times.
The share (`fusion.together.SURE`) was chosen there. That the view helps at all was seen on WHU-RS19 in some ten trials;
where the graph prior starts and its temperature were chosen there too.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from zeroshot import MODELS, plain, shuffled

from fusion import together
from fusion.backbone import FeatureSet, read_features
from fusion.classgraph import ClassVectors, class_vectors
from fusion.metric import unit
from fusion.prototypes import Prototypes, fit_prototypes
from fusion.scene import SceneSettings, classify, graph_prior
from fusion.together import look_twice
from fusion.transduce import TransduceSettings, softmax, transduce
from kg.scenes import load_scenes

SHUFFLES = (0, 1, 2)
SHARES = (1.0, 0.75, 0.5, 0.25)
DRAWS = 8
Scores = NDArray[Any]


def alone(
    features: FeatureSet, prompts: NDArray[np.float32], full: ClassVectors
) -> dict[str, list[Scores]]:
    """Scores of each image by itself; several where a row is a mean over shuffles."""
    assert features.texts is not None
    rows = unit(prompts.reshape(-1, prompts.shape[-1]).astype(np.float64)).astype(np.float32)
    labels = np.tile(np.arange(prompts.shape[1]), len(prompts))
    wrong = [shuffled(full, tuple(full.blocks), seed) for seed in SHUFFLES]

    def learned(vectors: ClassVectors) -> Prototypes:
        return fit_prototypes(vectors, rows, labels, "", ridge=SceneSettings().ridge)

    def seen_by(found: Prototypes, prototypes: NDArray[np.float64]) -> Scores:
        return found.view(features.vectors) @ unit(prototypes).T

    def predicted(vectors: ClassVectors) -> Scores:
        found = learned(vectors)
        return seen_by(found, replace(found, own=0.0).predict(vectors))

    right = learned(full)
    return {
        "image-text": [features.vectors @ features.texts.T],
        "prompts as images": [seen_by(right, right.means)],
        "prompts as images, graph": [predicted(full)],
        "prompts as images, graph shuffled": [predicted(v) for v in wrong],
    }


def all_at_once(features: FeatureSet, full: ClassVectors) -> dict[str, list[Scores]]:
    """Scores by all images together."""
    both, how = SceneSettings(transductive=True), TransduceSettings()
    text = both.text_temperature * features.vectors.astype(np.float64) @ features.texts.T
    prior = graph_prior(features, softmax(text), full, both)
    assert prior is not None
    guided = softmax(text + prior.logits(prior.prototypes.view(features.vectors), full))
    nothing = plain(full.names, np.eye(len(full.names)))

    def corrected(vectors: ClassVectors) -> Scores:
        answer = classify(features, vectors, texts=features.texts, settings=both)
        return answer.logs

    wrong = [shuffled(full, tuple(full.blocks), seed) for seed in SHUFFLES]
    return {
        "one look": [transduce(features.vectors, softmax(text))],
        "one look, graph prior": [transduce(features.vectors, guided)],
        "two looks": [look_twice(features.vectors, softmax(text), how)],
        "two looks, graph prior": [corrected(full)],
        "two looks, prior without graph": [corrected(nothing)],
        "two looks, graph shuffled": [corrected(vectors) for vectors in wrong],
    }


def second_look(path: Path) -> dict[str, list[float]]:
    """Accuracy of each share over draws, percent."""
    images, found = read_features(path), {}
    labels, how = images.labels, TransduceSettings()
    assert labels is not None
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        two = [
            rng.choice(np.flatnonzero(labels == c), 2, replace=False)
            for c in range(len(images.names))
        ]
        means = unit(
            np.stack([images.vectors[rows].mean(axis=0) for rows in two]).astype(np.float64)
        )
        cosines = images.vectors @ means.T
        guesses = min(
            (softmax(scale * cosines) for scale in (5, 10, 15, 20, 30, 40)),
            key=lambda p: -np.log(p[np.arange(len(labels)), labels] + 1e-9).mean(),
        )  # as well calibrated as a model's own similarities are
        looks = {"first guesses": guesses, "one look": transduce(images.vectors, guesses, how)}
        usual = together.SURE
        for together.SURE in SHARES:
            looks[f"two, {together.SURE:g} believed"] = look_twice(images.vectors, guesses, how)
        together.SURE = usual
        for name, scores in looks.items():
            found.setdefault(name, []).append(accuracy(scores, labels))
    return found


def accuracy(scores: Scores, labels: NDArray[np.int64]) -> float:
    return 100 * float((scores.argmax(axis=1) == labels).mean())


def main() -> None:
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--json", type=Path)
    words.add_argument("--features", type=Path, nargs="*", default=[])
    words.add_argument(
        "--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data"
    )
    given = words.parse_args()
    result: dict[str, Any] = {}
    for path in given.features:
        found = second_look(path)
        base = np.array(found["one look"])
        print(f"{path.stem}, {DRAWS} draws of two images a class")
        for name, values in found.items():
            apart = np.array(values) - base
            error = apart.std(ddof=1) / len(apart) ** 0.5
            print(f"  {name:24s} {np.mean(values):5.1f}  {apart.mean():+.1f} (se {error:.1f})")
        result[path.stem] = found
    if not given.features:
        result = untrained(given.data / "features" / "whu_rs19_vlm_b32_fp16.npz")
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def untrained(path: Path) -> dict[str, dict[str, float]]:
    """Print one line a row, the four models and their mean; the same figures by row and model."""
    table: dict[str, dict[str, float]] = {}
    with np.load(path) as file:
        prompts = {m: file[f"{m}_ViT-B-32_texts"].astype(np.float32) for m in MODELS}
    for model in MODELS:
        features = read_features(path, model=f"{model}_ViT-B-32")
        full = class_vectors(features.names, load_scenes())
        rows = alone(features, prompts[model], full) | all_at_once(features, full)
        for name, versions in rows.items():
            mean = np.mean([accuracy(scores, features.labels) for scores in versions])
            table.setdefault(name, {})[model] = float(mean)
    print(
        f"{'all 19 classes, no training':36s} " + " ".join(f"{m:>10s}" for m in MODELS) + "    mean"
    )
    for name, row in table.items():
        cells = " ".join(f"{row[m]:10.2f}" for m in MODELS)
        print(f"{name:36s} {cells} {np.mean(list(row.values())):7.2f}")
    return table


if __name__ == "__main__":
    main()
