"""Zero-shot as it is used: seen beside unseen classes, few images of a class, none of these, honest probabilities.

    python benchmarks/generalised.py [--draws 60] [--json FILE] [--data ../shared/data]

WHU-RS19, precomputed ViT-B/32 embeddings, draws of data/splits/whu_rs19_14_5.json (14 seen, 5 unseen classes). All
knobs are chosen on the seen classes (`fusion.rehearsal`), none on test images.

Generalised: every second image of the seen classes trains; the others and all images of the unseen classes are
classified among all 19. S, U: mean accuracy per seen and unseen class; H: their harmonic mean. Few shots: n images of
each unseen class train beside the seen classes, the rest is told apart among the 5; "images only" is the nearest mean
of the n images. None of these: the 5 unseen classes are asked about; kept: images of these that get an answer; let in:
images of the seen classes that do. Calibration: expected calibration error (15 bins) over the unseen classes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from zeroshot import MODELS, shuffled

from fusion.backbone import FeatureSet, read_features
from fusion.classgraph import ClassVectors, class_vectors
from fusion.metric import unit
from fusion.prototypes import take
from fusion.scene import SceneSettings, classify, fit_scenes
from fusion.splits import Splits, read_splits
from kg.files import shipped
from kg.scenes import load_scenes

SHOTS = (1, 2, 4, 8, 16)
LOST = 0.05
Floats = NDArray[np.float64]


def rows_of(names: tuple[str, ...], chosen: tuple[str, ...]) -> list[int]:
    return [names.index(name) for name in chosen]


def split(images: FeatureSet, seen: tuple[str, ...], first: int, step: int) -> FeatureSet:
    """Every `step`-th image of each seen class from the `first` on."""
    found = images.only(seen)
    assert found.labels is not None
    kept = np.zeros(len(found.items), bool)
    for c in range(len(seen)):
        kept[np.flatnonzero(found.labels == c)[first::step]] = True
    return found.subset(kept)


def generalised(
    images: FeatureSet, vectors: ClassVectors, seen: tuple[str, ...]
) -> dict[str, float]:
    known = take(vectors, rows_of(images.names, seen))
    fitted = fit_scenes(split(images, seen, 0, 2), known)
    trained = set(split(images, seen, 0, 2).items)
    asked = images.subset(np.array([item not in trained for item in images.items]))
    free = replace(fitted, rehearsal=replace(fitted.rehearsal, penalty=0.0))
    out = {}
    for name, classifier in (("", fitted), ("free ", free)):
        scores = classify(asked, vectors, classifier=classifier).scores.scores
        found = harmonic_means(scores, asked, np.isin(images.names, seen))
        out |= {name + key: value for key, value in found.items()}
    return out


def harmonic_means(
    scores: NDArray[Any], images: FeatureSet, seen: NDArray[np.bool_]
) -> dict[str, float]:
    """S and U: mean accuracy per seen and unseen class, percent; H: their harmonic mean."""
    hit, labels = scores.argmax(axis=1) == images.labels, images.labels
    each = np.array([hit[labels == c].mean() for c in range(len(images.names))])
    s, u = 100 * float(each[seen].mean()), 100 * float(each[~seen].mean())
    return {"S": s, "U": u, "H": 2 * s * u / max(s + u, 1e-9)}


def few_shots(
    images: FeatureSet, vectors: ClassVectors, unseen: tuple[str, ...], shots: int, seed: int
) -> dict[str, float]:
    rng, labels = np.random.default_rng(seed), images.labels
    assert labels is not None
    rows = rows_of(images.names, unseen)
    drawn = [rng.choice(np.flatnonzero(labels == c), shots, replace=False) for c in rows]
    trains = ~np.isin(labels, rows)
    trains[np.concatenate(drawn)] = True
    fitted = fit_scenes(images.subset(trains), vectors)
    rest = images.subset(~trains).only(unseen)
    ours = classify(rest, take(vectors, rows), classifier=fitted).scores.scores
    means = unit(np.stack([images.vectors[one].mean(axis=0) for one in drawn]).astype(np.float64))
    plain = (rest.vectors @ means.T).argmax(axis=1) == rest.labels
    return {
        f"{shots} ours": 100 * float((ours.argmax(axis=1) == rest.labels).mean()),
        f"{shots} images only": 100 * float(plain.mean()),
    }


def none_of_these(
    images: FeatureSet, vectors: ClassVectors, unseen: tuple[str, ...]
) -> dict[str, float]:
    seen = tuple(name for name in images.names if name not in unseen)
    fitted = fit_scenes(split(images, seen, 0, 2), take(vectors, rows_of(images.names, seen)))
    asked = take(vectors, rows_of(images.names, unseen))
    settings = SceneSettings(lost=LOST)
    found = []
    for some in (images.only(unseen), split(images, seen, 1, 2)):
        answer = classify(some, asked, classifier=fitted, settings=settings)
        assert answer.outside is not None
        found.append(100 * float((~answer.outside).mean()))
    return {"kept": found[0], "let in": found[1]}


def calibration(
    images: FeatureSet, vectors: ClassVectors, unseen: tuple[str, ...]
) -> dict[str, float]:
    seen = tuple(name for name in images.names if name not in unseen)
    known, both = take(vectors, rows_of(images.names, seen)), SceneSettings(transductive=True)
    fitted = fit_scenes(images.only(seen), known, both)
    asked, some = take(vectors, rows_of(images.names, unseen)), images.only(unseen)
    out = {}
    for name, settings in (
        ("", SceneSettings()),
        ("transductive ", both),
    ):
        scores = classify(some, asked, classifier=fitted, settings=settings).scores.scores
        out |= {name + "accuracy": 100 * float((scores.argmax(1) == some.labels).mean())}
        out |= {name + "ECE": 100 * calibration_error(scores, some)}
    return out


def calibration_error(scores: NDArray[np.float32], images: FeatureSet, bins: int = 15) -> float:
    sure, hit = scores.max(axis=1), scores.argmax(axis=1) == images.labels
    place = np.minimum((sure * bins).astype(int), bins - 1)
    groups = [place == b for b in range(bins) if (place == b).any()]
    return float(sum(g.mean() * abs(sure[g].mean() - hit[g].mean()) for g in groups))


def run(images: FeatureSet, vectors: ClassVectors, splits: Splits, draws: int) -> dict[str, Floats]:
    """Figure -> (draw,) values."""
    found: dict[str, list[float]] = {}
    for draw in range(draws):
        seen, unseen = splits.seen(draw), splits.unseen[draw]
        row = generalised(images, vectors, seen) | none_of_these(images, vectors, unseen)
        row |= calibration(images, vectors, unseen)
        for shots in SHOTS:
            row |= few_shots(images, vectors, unseen, shots, draw)
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--draws", type=int, default=60)
    words.add_argument("--json", type=Path)
    words.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    chosen = words.parse_args()
    splits = read_splits(shipped("data/splits/whu_rs19_14_5.json"))
    file = chosen.data / "features" / "whu_rs19_vlm_b32_fp16.npz"
    knowledge, results = load_scenes(), {}
    for model in MODELS:
        images = read_features(file, model=f"{model}_ViT-B-32")
        default = class_vectors(images.names, knowledge)
        text = replace(
            default,
            blocks={"text": default.blocks["text"]},
            scales={"text": default.scales["text"]},
        )
        kinds = {
            "text + graded": default,
            "text alone": text,
            "graph shuffled": shuffled(default, ("graded",), 0),
        }
        for kind, vectors in kinds.items():
            found = run(images, vectors, splits, chosen.draws)
            results[f"{model}, {kind}"] = show(f"{model}, {kind}", found)
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")


def show(name: str, found: dict[str, Floats]) -> dict[str, Any]:
    mean = {key: float(values.mean()) for key, values in found.items()}
    wins = {n: int((found[f"{n} ours"] > found[f"{n} images only"]).sum()) for n in SHOTS}
    losses = {n: int((found[f"{n} ours"] < found[f"{n} images only"]).sum()) for n in SHOTS}
    print(name)
    print(
        f"  generalised: S {mean['S']:.1f}  U {mean['U']:.1f}  H {mean['H']:.1f} (sd {found['H'].std():.1f}); "
        f"without the penalty S {mean['free S']:.1f}  U {mean['free U']:.1f}  H {mean['free H']:.1f}"
    )
    shots = "  ".join(
        f"{n}: {mean[f'{n} ours']:.1f} / {mean[f'{n} images only']:.1f} (+{wins[n]} -{losses[n]})"
        for n in SHOTS
    )
    print(f"  few shots, ours / images only (draws won, lost): {shots}")
    print(
        f"  none of these ({100 * LOST:g} % may be lost): kept {mean['kept']:.1f} %, let in {mean['let in']:.1f} %"
    )
    print(
        f"  calibration error {mean['ECE']:.1f} at accuracy {mean['accuracy']:.1f}; "
        f"transductive {mean['transductive ECE']:.1f} at {mean['transductive accuracy']:.1f}",
        flush=True,
    )
    return mean | {"wins": wins, "losses": losses, "H sd": float(found["H"].std())}


if __name__ == "__main__":
    main()
