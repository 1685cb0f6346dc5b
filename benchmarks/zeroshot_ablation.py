"""Zero-shot scenes: what each block of the class vectors and each relation of the graph is worth, beside shuffles.

    python benchmarks/zeroshot_ablation.py [--data ../shared/data] [--features FILE.npz ...] [--draws 60]
        [--concepts FILE.ttl] [--kge TransE RGCN ... [--seed 0] | --strengths | --candidates]

Without --features: WHU-RS19, four backbones, data/splits/whu_rs19_14_5.json. With it: labelled embeddings of any scene
data set (benchmarks/mobilenet_features.py makes some), a third of their classes unseen, drawn with seed 19. Inductive:
ridge from class vectors to mean images of the seen classes, as in benchmarks/zeroshot.py. Each row stands beside the
mean of three shuffles of its graded attributes over the classes (of all it has, where there are none), which keep
everything but what belongs to which class. Chance is one over the number of unseen classes. "se": standard error over
draws of the difference to the first row (draws overlap, so it is too small). With --strengths: text + graded, by how
much weights are flattened (`kg.scenes.strength`) and how much covers count. With --candidates: defaults with fewer
relations, and what each of their blocks is worth; wins = draws of each backbone in which a row beats "text: prompt".
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from embeddings import words_of
from numpy.typing import NDArray
from zeroshot import (
    BASELINE,
    CANDIDATES,
    LITTLE,
    blocks_of,
    graded,
    plain,
    shuffled,
    weighed,
    without,
)
from zeroshot import MODELS as BACKBONES

from fusion.backbone import FeatureSet, read_features
from fusion.classgraph import SCALES, ClassVectors, class_vectors
from fusion.metric import Metric, learn_metric, unit
from fusion.prototypes import fit_prototypes, take
from fusion.scene import SceneSettings
from fusion.splits import Splits, draw_splits, read_splits
from fusion.text import SentenceEncoder
from kg import scenes, vocab
from kg.embed import MODELS, Beside, EmbedSettings, embed_graph
from kg.embeddings.content import content_of, shipped_graph
from kg.files import shipped
from kg.scenes import RELATIONS, SceneKnowledge, load_scenes

ALL = "all relations"
SHUFFLES = (0, 1, 2)
BAREST = "covers, patterns; text 0.7"
LEFT_OUT = (*((r,) for r in RELATIONS), LITTLE, (*LITTLE, RELATIONS[3]))
"""Relations that are left out of text + graded together."""


def make_rows(
    names: tuple[str, ...], knowledge: SceneKnowledge, *, kge: Sequence[str] = (), seed: int = 0
) -> dict[str, ClassVectors]:
    """Class vectors of each row."""
    rows = {ALL: graded(names, knowledge, RELATIONS)}
    for relation in () if kge else RELATIONS:
        short = vocab.curie(relation).removeprefix("ll:")
        rest = [r for r in RELATIONS if r != relation]
        rows[f"without {short}"] = graded(names, knowledge, rest)
        rows[f"{short} alone"] = graded(names, knowledge, [relation])
    full = class_vectors(names, knowledge)
    rows |= {"block text": blocks_of(full, "text"), "text + graded": full}
    for left_out in () if kge else LEFT_OUT:
        short = ", ".join(vocab.curie(r).removeprefix("ll:has") for r in left_out)
        rows[f"default, no {short}"] = without(full, knowledge, left_out)
    for model in kge:
        embedding = embed_graph(
            knowledge.graph, EmbedSettings(model, held_out=0, seed=seed), beside=told()
        )
        full = class_vectors(names, knowledge, blocks=tuple(SCALES), embedding=embedding)
        rows[f"block {model}"] = blocks_of(full, "kge")
        rows[f"graded + {model}"] = blocks_of(full, "graded", "kge")
        rows[f"text + graded + {model}"] = full
    return rows


def by_strength(names: tuple[str, ...], knowledge: SceneKnowledge) -> dict[str, ClassVectors]:
    """Text + graded, with weights by several powers and several strengths of covers."""
    full, rows = class_vectors(names, knowledge), {}
    usual, cover = scenes._FLAT, scenes._STRENGTH[RELATIONS[0]]
    for scenes._FLAT in (1.0, 0.85, 0.75, 0.5):
        for scenes._STRENGTH[RELATIONS[0]] in (1.0, 0.7, 0.5):
            blocks = {**full.blocks, **class_vectors(names, knowledge, blocks=("graded",)).blocks}
            what = f"weight^{scenes._FLAT:g}, covers {scenes._STRENGTH[RELATIONS[0]]:g}"
            rows[what] = replace(full, blocks=blocks)
    scenes._FLAT, scenes._STRENGTH[RELATIONS[0]] = usual, cover
    return rows


@cache
def told() -> Beside:
    """Sentence vectors and numbers of what the knowledge that ships names."""
    return words_of(content_of(shipped_graph()))


def by_candidate(names: tuple[str, ...], knowledge: SceneKnowledge) -> dict[str, ClassVectors]:
    """The default, defaults with fewer relations, the barest of these without each of its blocks, and the text bar."""
    full = class_vectors(names, knowledge)
    rows = {"text + graded": full}
    for name, (counts, text) in CANDIDATES.items():
        rows[name] = weighed(full, knowledge, counts, text)
    bare = rows[BAREST]
    (covers, *_), text = CANDIDATES[BAREST]
    rows["  its patterns and text"] = weighed(full, knowledge, (0, 0, 1, 0, 0), text)
    rows["  its covers and text"] = weighed(full, knowledge, (covers, 0, 0, 0, 0), text)
    rows["  its covers and patterns"] = replace(bare, scales={**bare.scales, "text": 0.0})
    prompts = SentenceEncoder().encode([f"an aerial photo of a {name}" for name in names])
    return rows | {BASELINE: plain(names, prompts)}


def accuracies(
    images: FeatureSet, rows: Sequence[ClassVectors], splits: Splits, draws: int
) -> NDArray[Any]:
    """(row, draw) percent of right answers among the unseen classes; the view of a draw's images is made once."""
    ridge, place = SceneSettings().ridge, {name: i for i, name in enumerate(splits.classes)}
    found = np.zeros((len(rows), draws))
    for draw in range(draws):
        seen, unseen = splits.seen(draw), splits.unseen[draw]
        taught, asked = images.only(seen), images.only(unseen)
        metric = learn_metric(taught.vectors, taught.labels)
        shown, told = metric.view(taught.vectors).astype(np.float32), metric.view(asked.vectors)
        for i, vectors in enumerate(rows):
            known, new = (take(vectors, [place[n] for n in names]) for names in (seen, unseen))
            fitted = fit_prototypes(known, shown, taught.labels, "", ridge=ridge, metric=Metric())
            right = (told @ unit(fitted.predict(new)).T).argmax(axis=1) == asked.labels
            found[i, draw] = 100 * right.mean()
    return found


def control(vectors: ClassVectors, seed: int) -> ClassVectors:
    """What belongs to which class, lost: the blocks of the graph, or all where there is only text."""
    names = tuple(b for b in vectors.blocks if b != "text") or tuple(vectors.blocks)
    return shuffled(vectors, names, seed)


def table(
    sets: Sequence[FeatureSet], splits: Splits, rows: dict[str, ClassVectors], draws: int
) -> None:
    """Print one line a row: accuracy on each set, their mean, its difference to all relations, the shuffled mean."""
    every = [v for row in rows.values() for v in (row, *(control(row, seed) for seed in SHUFFLES))]
    values = np.array([accuracies(s, every, splits, draws) for s in sets])
    values = values.reshape(len(sets), len(rows), 1 + len(SHUFFLES), draws)
    base = values[:, 0, 0].mean(axis=0)
    for i, name in enumerate(rows):
        mean = values[:, i, 0].mean(axis=0)
        error = (mean - base).std(ddof=1) / draws**0.5
        cells = " ".join(f"{v:6.1f}" for v in values[:, i, 0].mean(axis=1))
        more = [values[:, i, 0] > values[:, n, 0] for n, row in enumerate(rows) if row == BASELINE]
        wins = f"  wins {more[0].sum(axis=1)}" if more else ""
        print(f"{name:42s} {cells} | mean {mean.mean():5.1f}  {(mean - base).mean():+5.1f} (se {error:.1f})"
              f"  shuffled {values[:, i, 1:].mean():5.1f}{wins}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--features", type=Path, nargs="*", default=[])
    parser.add_argument("--concepts", type=Path, help="scene concepts instead of those that ship")
    parser.add_argument(
        "--kge",
        nargs="*",
        default=[],
        choices=MODELS,
        help="embeddings of the graph as further blocks, instead of the rows by relation",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the embeddings")
    parser.add_argument("--strengths", action="store_true", help="rows by strength instead")
    parser.add_argument("--candidates", action="store_true", help="rows by candidate instead")
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data"
    )
    given = parser.parse_args()
    knowledge = load_scenes([given.concepts], alone=True) if given.concepts else load_scenes()

    def rows(names: tuple[str, ...]) -> dict[str, ClassVectors]:
        if given.strengths or given.candidates:
            return (by_strength if given.strengths else by_candidate)(names, knowledge)
        return make_rows(names, knowledge, kge=given.kge, seed=given.seed)

    if not given.features:
        path = given.data / "features" / "whu_rs19_vlm_b32_fp16.npz"
        sets = [read_features(path, model=f"{m}_ViT-B-32") for m in BACKBONES]
        splits = read_splits(shipped("data/splits/whu_rs19_14_5.json"))
        print(f"WHU-RS19, 14 seen / 5 unseen, {given.draws} draws: {', '.join(BACKBONES)}")
        table(sets, splits, rows(splits.classes), given.draws)
    for path in given.features:
        images = read_features(path)
        unseen = len(images.names) // 3
        splits = draw_splits(path.stem, images.names, unseen=unseen, draws=given.draws, seed=19)
        print(
            f"{path.stem}, {len(images.names) - unseen} seen / {unseen} unseen, {given.draws} draws"
        )
        table([images], splits, rows(images.names), given.draws)


if __name__ == "__main__":
    main()
