"""Zero-shot on several data sets and across them, for embeddings of any one backbone, with controls in each table.

    python benchmarks/zeroshot_sets.py FOLDER [--draws 20] [--rows ROW ...] [--json FILE]

FOLDER holds nwpu12.npz, eurosat.npz and whu_rs19.npz by one backbone (benchmarks/mobilenet_features.py, or
`landlore classify` on images: its features.npz with labels added); what is missing is left out. Protocols:
data/splits/nwpu12_8_4.json, eurosat_7_3.json, and whu_rs19_cross.json: all images of EuroSAT and NWPU-12 train, and
five classes of WHU-RS19 that neither has are asked about; and without draws, one of EuroSAT and NWPU-12 seen, all
classes of the other that it has not asked about. Classes are one where they mean one concept.

Inductive and transductive: accuracy over the images of the unseen classes, percent, mean and standard deviation over
draws; wins: draws above and below "text: prompt" (inductive). S, U, H: seen and unseen classes asked about together
(within a set every second image of the seen classes trains; across sets the seen are the classes of WHU-RS19 that the
training sets have), mean accuracy per class and harmonic mean. All knobs by rehearsal on seen classes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from generalised import generalised, harmonic_means
from numpy.typing import NDArray
from zeroshot import BASELINE, DEFAULT, blocks_of, one_draw, plain, shuffled

from fusion.backbone import FeatureSet, read_features
from fusion.classgraph import ClassVectors, class_vectors
from fusion.prototypes import take
from fusion.scene import SceneClassifier, SceneSettings, classify, fit_scenes
from fusion.splits import Splits, read_splits
from fusion.text import SentenceEncoder
from kg.files import shipped
from kg.scenes import SceneKnowledge, load_scenes

WITHIN = {"nwpu12": "nwpu12_8_4", "eurosat": "eurosat_7_3"}
ACROSS = "whu_rs19"
SHUFFLES = (0, 1, 2)
Figures = dict[str, float]


def make_rows(names: tuple[str, ...], knowledge: SceneKnowledge) -> dict[str, list[ClassVectors]]:
    """Class vectors of each row; several where a row is a mean over seeds."""
    encoder, count = SentenceEncoder(), len(names)
    default = class_vectors(names, knowledge, encoder=encoder)
    words = [c.label if c else n for n, c in zip(names, default.concepts, strict=True)]
    graded = blocks_of(default, "graded")
    randoms = [np.random.default_rng(s).normal(size=(count, 50)) for s in SHUFFLES]
    return {
        "random, 50-d": [plain(names, values) for values in randoms],
        "text: name": [plain(names, encoder.encode(words))],
        BASELINE: [plain(names, encoder.encode([f"an aerial photo of a {w}" for w in words]))],
        "graded": [graded],
        "graded, shuffled": [shuffled(graded, ("graded",), s) for s in SHUFFLES],
        DEFAULT: [default],
        "default, graph shuffled": [shuffled(default, ("graded",), s) for s in SHUFFLES],
    }


def within(images: FeatureSet, vectors: ClassVectors, splits: Splits, draw: int) -> Figures:
    """One draw of a protocol within a data set."""
    alone = one_draw(images, vectors, vectors, splits, draw)
    both = generalised(images, vectors, splits.seen(draw))
    return {"inductive": alone[0], "transductive": alone[1]} | {k: both[k] for k in "SUH"}


def across(
    fitted: SceneClassifier, asked: FeatureSet, vectors: ClassVectors, unseen: tuple[str, ...]
) -> Figures:
    """One draw of the protocol across data sets."""
    rows = [asked.names.index(name) for name in unseen]
    found: Figures = {}
    for name, together in (("inductive", False), ("transductive", True)):
        images, settings = asked.only(unseen), SceneSettings(transductive=together)
        answer = classify(images, take(vectors, rows), classifier=fitted, settings=settings)
        found[name] = 100 * float((answer.logs.argmax(axis=1) == images.labels).mean())
    mine = fitted.prototypes.rows(vectors) >= 0
    names = tuple(n for n, seen in zip(asked.names, mine, strict=True) if seen or n in unseen)
    images, kept = asked.only(names), take(vectors, [asked.names.index(n) for n in names])
    answer = classify(images, kept, classifier=fitted)
    return found | harmonic_means(answer.logs, images, fitted.prototypes.rows(kept) >= 0)


def table(found: dict[str, list[Figures]]) -> dict[str, Any]:
    """Print one line a row; the same figures as one object."""
    print(f"{'class vectors':28s} inductive (sd)  transductive     S     U     H   wins, losses")
    base, result = found[BASELINE], {}
    for name, draws in found.items():
        mean = {key: float(np.mean([d[key] for d in draws])) for key in draws[0]}
        sd = float(np.std([d["inductive"] for d in draws], ddof=1)) if len(draws) > 1 else 0.0
        apart = [d["inductive"] - b["inductive"] for d, b in zip(draws, base, strict=True)]
        wins, losses = sum(a > 0 for a in apart), sum(a < 0 for a in apart)
        alone = f"{mean['inductive']:5.1f} ({sd:4.1f})      {mean['transductive']:5.1f}"
        both = " ".join(f"{mean[key]:5.1f}" for key in "SUH")
        print(f"{name:28s}     {alone}     {both}   +{wins} -{losses} of {len(draws)}", flush=True)
        result[name] = mean | {"sd": sd, "wins": wins, "losses": losses}
    return result


def average(versions: list[Figures]) -> Figures:
    return {key: float(np.mean([v[key] for v in versions])) for key in versions[0]}


def renamed(images: FeatureSet, knowledge: SceneKnowledge) -> FeatureSet:
    """Classes called by their concepts."""
    found = [(knowledge.find(n), n) for n in images.names]
    return replace(images, names=tuple(c.label if c else n for c, n in found))


def joined(sets: list[FeatureSet]) -> FeatureSet:
    """Several labelled sets as one; classes of one name are one."""
    names = tuple(sorted({name for one in sets for name in one.names}))
    labels: list[NDArray[np.int64]] = []
    for one in sets:
        assert one.labels is not None
        labels.append(np.array([names.index(n) for n in one.names])[one.labels])
    items = tuple(f"{k}/{item}" for k, one in enumerate(sets) for item in one.items)
    vectors = np.vstack([one.vectors for one in sets])
    return FeatureSet(items, vectors, sets[0].model, np.concatenate(labels), names)


def cross(
    sets: dict[str, FeatureSet], knowledge: SceneKnowledge, draws: int, wanted: list[str]
) -> dict[str, Any]:
    renames = {name: renamed(images, knowledge) for name, images in sets.items()}
    taught, asked = joined([renames[name] for name in WITHIN]), renames[ACROSS]
    splits = read_splits(shipped(f"data/splits/{ACROSS}_cross.json"))
    names = (*taught.names, *(n for n in asked.names if n not in taught.names))
    found: dict[str, list[Figures]] = {}
    for row, versions in chosen(make_rows(names, knowledge), wanted).items():
        pairs = [
            (fit_scenes(taught, take(v, range(len(taught.names)))), take(v, [names.index(n) for n in asked.names]))
            for v in versions
        ]  # fmt: skip
        found[row] = [
            average([across(f, asked, v, u) for f, v in pairs]) for u in splits.unseen[:draws]
        ]
    print(
        f"\nEuroSAT + NWPU-12 ({len(taught.names)} classes) -> WHU-RS19, 5 classes that neither has"
    )
    return table(found)


def between(
    sets: dict[str, FeatureSet], knowledge: SceneKnowledge, wanted: list[str]
) -> dict[str, Any]:
    """EuroSAT and NWPU-12: one is seen, the classes of the other that it has not are asked about, all at once."""
    result: dict[str, Any] = {}
    for first, second in permutations(WITHIN):
        taught, other = (joined([renamed(sets[name], knowledge)]) for name in (first, second))
        unseen = tuple(n for n in other.names if n not in taught.names)
        asked, count = other.only(unseen), len(taught.names)
        found: dict[str, list[Figures]] = {}
        for row, versions in chosen(make_rows((*taught.names, *unseen), knowledge), wanted).items():
            pairs = [
                (fit_scenes(taught, take(v, range(count))), take(v, range(count, len(v.names))))
                for v in versions
            ]
            found[row] = [average([all_of(f, asked, v) for f, v in pairs])]
        print(f"\n{first} ({count} classes) -> {second}, {len(unseen)} classes that it has not")
        result[f"{first} {second}"] = table(found)
    return result


def all_of(fitted: SceneClassifier, asked: FeatureSet, vectors: ClassVectors) -> Figures:
    """Accuracies over all classes of a set, none of them seen; seen classes are not asked about."""
    found = {name: float("nan") for name in "SUH"}
    for name, together in (("inductive", False), ("transductive", True)):
        settings = SceneSettings(transductive=together)
        answer = classify(asked, vectors, classifier=fitted, settings=settings)
        found[name] = 100 * float((answer.logs.argmax(axis=1) == asked.labels).mean())
    return found


def chosen(rows: dict[str, list[ClassVectors]], wanted: list[str]) -> dict[str, list[ClassVectors]]:
    kept = {BASELINE, DEFAULT, *(wanted or rows)}
    return {name: versions for name, versions in rows.items() if name in kept}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--rows", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    knowledge, result = load_scenes(), {}
    sets = {
        name: read_features(given.folder / f"{name}.npz")
        for name in (*WITHIN, ACROSS)
        if (given.folder / f"{name}.npz").exists()
    }
    for name, protocol in WITHIN.items():
        if name not in sets:
            continue
        splits = read_splits(shipped(f"data/splits/{protocol}.json"))
        draws = min(given.draws, len(splits.unseen))
        rows = chosen(make_rows(splits.classes, knowledge), given.rows)
        images = sets[name].only(splits.classes)
        found: dict[str, list[Figures]] = {row: [] for row in rows}
        for draw in range(draws):
            for row, versions in rows.items():
                found[row].append(average([within(images, v, splits, draw) for v in versions]))
        print(f"\n{protocol}, {len(images.items)} images, chance {100 / len(splits.unseen[0]):.1f}")
        result[protocol] = table(found)
    if set(sets) >= set(WITHIN):
        result["between"] = between(sets, knowledge, given.rows)
    if set(sets) == {*WITHIN, ACROSS}:
        result["cross"] = cross(sets, knowledge, given.draws, given.rows)
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
