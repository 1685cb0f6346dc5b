"""Weights come in; how good they are on images that they were not trained on goes out, with controls.

Linear probe: a ridge classifier on frozen vectors of half of each class, accuracy on the other half. Zero-shot: the
classes that the weights carry images of are seen, those of WHU-RS19 that they were not trained on are asked about; rows
with sentence vectors alone and with the graph shuffled stand beside it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from views import pictures

from fusion.backbone import FeatureSet, unit_rows
from fusion.backbones.compact import CompactBackbone
from fusion.classgraph import ClassVectors, class_vectors
from fusion.scene import SceneSettings, classify, fit_scenes
from kg.scenes import SceneKnowledge, load_scenes

RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def embedded(
    backbone: CompactBackbone, archive: Path, batch: int = 64, split: str | None = None
) -> FeatureSet:
    """Vectors of an archive of labelled images."""
    found = [(label, np.asarray(image)) for label, image in pictures(archive, split=split)]
    names = tuple(sorted({label for label, _ in found}))
    rows = [
        backbone.images([p for _, p in found[i : i + batch]]) for i in range(0, len(found), batch)
    ]
    labels = np.array([names.index(label) for label, _ in found])
    items = tuple(str(i) for i in range(len(found)))
    return FeatureSet(
        items, unit_rows(np.concatenate(rows), str(archive)), backbone.name, labels, names
    )


def linear_probe(images: FeatureSet) -> float:
    """Accuracy of a ridge classifier, learned on every second image of each class.

    How strong the ridge is, is chosen by the accuracy of leaving out each image that is learned from in turn.
    """
    labels = images.labels
    assert labels is not None
    order = np.argsort(labels, kind="stable")
    first, second = order[::2], order[1::2]
    x = np.hstack([images.vectors.astype(np.float64), np.full((len(labels), 1), 0.1)])
    wanted, gram = np.eye(len(images.names))[labels[first]], x[first] @ x[first].T
    best, weights = -1.0, np.zeros((len(first), wanted.shape[1]))
    for ridge in RIDGES:
        inverse = np.linalg.inv(gram + ridge * np.eye(len(first)))
        dual = inverse @ wanted
        without = wanted - dual / np.diag(inverse)[:, None]
        right = float((without.argmax(axis=1) == labels[first]).mean())
        if right > best:
            best, weights = right, dual
    return float(((x[second] @ x[first].T @ weights).argmax(axis=1) == labels[second]).mean())


def shuffled(vectors: ClassVectors, seed: int) -> ClassVectors:
    """Every class with the statements of another."""
    order = np.roll(np.random.default_rng(seed).permutation(len(vectors.names)), 1)
    blocks = {n: b[order] if n == "graded" else b for n, b in vectors.blocks.items()}
    return replace(vectors, blocks=blocks)


def unseen_rows(
    backbone: CompactBackbone, images: FeatureSet, knowledge: SceneKnowledge
) -> dict[str, NDArray[np.float32]]:
    """Row -> (image, class) probabilities over the classes that have no training image."""
    seen = backbone.seen()
    known, asked = class_vectors(seen.names, knowledge), class_vectors(images.names, knowledge)
    rows = {}
    for name, blocks in (("text + graded", ("text", "graded")), ("text alone", ("text",))):
        mine = [
            replace(
                v, blocks={b: v.blocks[b] for b in blocks}, scales={b: v.scales[b] for b in blocks}
            )
            for v in (known, asked)
        ]
        fitted = fit_scenes(seen, mine[0])
        rows[name] = classify(images, mine[1], classifier=fitted).scores.scores
        both = SceneSettings(transductive=True)
        rows[f"{name}, transductive"] = classify(
            images, mine[1], classifier=fitted, settings=both
        ).scores.scores
    fitted = fit_scenes(seen, known)
    rows["graph shuffled"] = classify(images, shuffled(asked, 0), classifier=fitted).scores.scores
    return rows


def probe(options: argparse.Namespace) -> None:
    """Print the figures."""
    backbone = CompactBackbone(options.weights)
    whu = embedded(backbone, options.data / "scenes" / "whu_rs19_224_jpg85.zip")
    print(
        f"linear probe, WHU-RS19 (not trained on): {100 * linear_probe(whu):.1f} (frozen MobileNetV2: 95.7)"
    )
    nwpu = embedded(
        backbone, options.data / "scenes" / "nwpu_resisc12_256_orig_220pc.zip", split="test"
    )
    print(
        f"linear probe, NWPU-RESISC45, 12 classes, test images (others of these classes were trained on): "
        f"{100 * linear_probe(nwpu):.1f}"
    )
    knowledge = load_scenes()
    taught = {knowledge.find(name) for name in backbone.seen().names}
    unseen = [name for name in whu.names if knowledge.find(name) not in taught]
    images = whu.only(unseen)
    count = (
        f"{len(images.items)} images of {len(unseen)} classes of WHU-RS19 without training images"
    )
    print(f"zero-shot, {count}, chance {100 / len(unseen):.1f}:")
    for name, scores in unseen_rows(backbone, images, knowledge).items():
        print(f"  {name:28s} {100 * float((scores.argmax(axis=1) == images.labels).mean()):.1f}")
