"""Zero-shot scenes on WHU-RS19 embeddings: what each kind of class vector is worth, with shuffled knowledge beside it.

    python benchmarks/zeroshot.py [--json FILE] [--draws 60] [--data ../shared/data] [--no-kge] [--vae]
        [--rows ROW ...] [--concepts FILE.ttl]

Protocol: data/splits/whu_rs19_14_5.json (14 seen, 5 unseen, 60 draws); ridge from class vector to mean image vector of
the seen classes; top-1 accuracy over all images of the unseen classes, chosen among these (percent); mean and standard
deviation over draws; "centred": the mean over all concepts (or all 70 SR-RSKG classes) is taken off the class vectors;
wins = draws in which a row beats "text: prompt". Transductive: all images of the unseen classes together
(`fusion.together`), without the labels. All 19 classes without a training image: zeroshot_untrained.py. Rows with kge
are means over four seeds of the embedding, rows with random or shuffled vectors over three.

What was chosen while looking at this data set, so that the figures flatter: rating all scenes on one list of patterns
(the overall accuracy rose by 4 points), the strength of each relation, square roots of cover shares, block scales, the
scatter between classes in the metric (see zeroshot_metric.py), and that groups are matched. The draws used then were
others; images and classes were the same.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.backbone import FeatureSet, read_features
from fusion.classgraph import SCALES, ClassVectors, class_vectors
from fusion.prototypes import take
from fusion.scene import SceneSettings, classify, fit_scenes
from fusion.splits import Splits, read_splits
from fusion.text import SentenceEncoder
from kg import scenes
from kg.embed import EmbedSettings, embed_graph
from kg.embedding import KGEmbedding
from kg.files import shipped
from kg.scenes import RELATIONS, SceneKnowledge, load_scenes, strength

MODELS = ("CLIP", "RemoteCLIP", "GeoRSCLIP", "SkyCLIP50")
BASELINE = "text: prompt"
DEFAULT = "text + graded (default)"
VAE = "aligned VAEs: "
KGE_SEEDS = (0, 1, 2, 3)
# Row of each WHU-RS19 class (file order) in sr-rskg.npy, by the nearest of its 70 class names.
SR_RSKG = (1, 6, 7, 13, 19, 43, 21, 48, 26, 24, 32, 37, 38, 28, 25, 42, 18, 45, 67)
LITTLE = (RELATIONS[1], RELATIONS[4])
"""Relations that add least: parts and surroundings."""
CANDIDATES: Mapping[str, tuple[tuple[float, ...], float]] = {
    "no parts, surroundings": ((0.7, 0.0, 1.0, 0.5, 0.0), 0.5),
    "no parts, surroundings; covers 0.8": ((0.8, 0.0, 1.0, 0.5, 0.0), 0.5),
    "covers, patterns": ((0.7, 0.0, 1.0, 0.0, 0.0), 0.5),
    "covers, patterns; text 0.7": ((0.7, 0.0, 1.0, 0.0, 0.0), 0.7),
    "covers 0.6, patterns; text 0.7": ((0.6, 0.0, 1.0, 0.0, 0.0), 0.7),
}
"""Defaults with fewer relations: how much covers, parts, patterns, functions, surroundings count; scale of the text."""
Rows = dict[str, list[ClassVectors]]


def plain(names: tuple[str, ...], values: NDArray[Any], around: Any = 0.0) -> ClassVectors:
    """Class vectors that are one table of numbers, less what is around them."""
    rows = np.asarray(values, np.float64) - around
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    nothing = ((),) * len(names)
    return ClassVectors(
        names, (None,) * len(names), nothing, {"all": rows}, {"all": 1.0}, np.ones(len(names))
    )


def blocks_of(vectors: ClassVectors, *names: str) -> ClassVectors:
    return replace(
        vectors, blocks={n: vectors.blocks[n] for n in names}, scales={n: SCALES[n] for n in names}
    )


def shuffled(vectors: ClassVectors, names: tuple[str, ...], seed: int) -> ClassVectors:
    """The same vectors, some blocks dealt out to the wrong classes (no class keeps its own)."""
    rng = np.random.default_rng(seed)
    order = np.arange(len(vectors.names))
    while (order == np.arange(len(order))).any():
        order = rng.permutation(len(order))
    return replace(
        vectors, blocks={n: b[order] if n in names else b for n, b in vectors.blocks.items()}
    )


def graded(
    names: Sequence[str], knowledge: SceneKnowledge, relations: Sequence[str]
) -> ClassVectors:
    """Graded attributes of some relations alone."""
    stated = [knowledge.find(name) for name in names]
    pairs = [[(t, strength(t)) for t in c.triples if t.relation in relations] for c in stated if c]
    return plain(tuple(names), knowledge.attributes(pairs))


def weighed(
    full: ClassVectors, knowledge: SceneKnowledge, counts: Sequence[float], text: float
) -> ClassVectors:
    """The same class vectors, relations and text of other strengths."""
    factors = {r: c / scenes._STRENGTH[r] for r, c in zip(RELATIONS, counts, strict=True)}
    pairs = [[(t, a * factors[t.relation]) for t, a in stated] for stated in full.statements]
    table = knowledge.attributes(pairs)
    rows = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    blocks = {**full.blocks, "graded": rows}
    return replace(full, blocks=blocks, scales={**full.scales, "text": text})


def without(
    full: ClassVectors, knowledge: SceneKnowledge, relations: Sequence[str]
) -> ClassVectors:
    """The same class vectors, graded without some relations."""
    rest = graded(full.names, knowledge, [r for r in RELATIONS if r not in relations])
    return replace(full, blocks={**full.blocks, "graded": rest.blocks["all"]})


def unnamed(full: ClassVectors, knowledge: SceneKnowledge) -> ClassVectors:
    """Each class as if its own concept were not in the ontology: statements borrowed from the nearest others."""
    found = []
    for name in full.names:
        own = knowledge.find(name)
        rest = replace(knowledge, concepts=tuple(c for c in knowledge.concepts if c is not own))
        found.append(class_vectors([name], rest))
    table = knowledge.attributes([v.statements[0] for v in found])
    graded = table / np.linalg.norm(table, axis=1, keepdims=True)
    return replace(
        full, blocks={"text": np.vstack([v.blocks["text"] for v in found]), "graded": graded}
    )


def make_rows(
    names: tuple[str, ...], knowledge: SceneKnowledge, embeddings: list[KGEmbedding], anchors: Path
) -> Rows:
    """Class vectors of every row; several where a row is a mean over seeds."""
    encoder, seeds = SentenceEncoder(), (0, 1, 2)
    default = class_vectors(names, knowledge, encoder=encoder)
    graded = blocks_of(default, "graded")
    rows: Rows = {
        "random, 50-d": [
            plain(names, np.random.default_rng(s).normal(size=(len(names), 50))) for s in seeds
        ]
    }
    if anchors.exists():
        field = np.load(anchors)
        rows["SR-RSKG vectors"] = [plain(names, field[list(SR_RSKG)])]
        rows["SR-RSKG vectors, centred"] = [plain(names, field[list(SR_RSKG)], field.mean(axis=0))]
    prompts = encoder.encode([f"an aerial photo of a {n}" for n in names])
    others = encoder.encode([f"an aerial photo of a {c.label}" for c in knowledge.concepts])
    rows |= {
        "text: name": [plain(names, encoder.encode(names))],
        BASELINE: [plain(names, prompts)],
        f"{BASELINE}, centred": [plain(names, prompts, others.mean(axis=0))],
        "text: name + definition": [blocks_of(default, "text")],
        "graded": [graded],
        "graded, shuffled": [shuffled(graded, ("graded",), s) for s in seeds],
        DEFAULT: [default],
        "default, graph shuffled": [shuffled(default, ("graded",), s) for s in seeds],
        "default, unseen names unknown": [unnamed(default, knowledge)],
    }
    for name, (counts, text) in CANDIDATES.items():
        rows[f"default, {name}"] = [weighed(default, knowledge, counts, text)]
    return rows | (kge_rows(names, knowledge, embeddings) if embeddings else {})


def kge_rows(
    names: tuple[str, ...], knowledge: SceneKnowledge, embeddings: list[KGEmbedding]
) -> Rows:
    """Rows with the embedding of the graph, one version for each seed."""
    fulls = [class_vectors(names, knowledge, blocks=tuple(SCALES), embedding=e) for e in embeddings]
    return {
        "kge": [blocks_of(f, "kge") for f in fulls],
        "graded + kge": [blocks_of(f, "graded", "kge") for f in fulls],
        "text + kge": [blocks_of(f, "text", "kge") for f in fulls],
        "text + graded + kge": fulls,
    }


def one_draw(
    features: FeatureSet,
    vectors: ClassVectors,
    test: ClassVectors,
    splits: Splits,
    draw: int,
    method: str = "prototypes",
) -> list[float]:
    """[inductive, transductive] accuracy of a draw, percent; `test` holds the vectors of classes when unseen."""
    row = {name: i for i, name in enumerate(splits.classes)}
    seen, unseen = splits.seen(draw), splits.unseen[draw]
    known = take(vectors, [row[n] for n in seen])
    classifier = fit_scenes(features.only(seen), known, SceneSettings(method))
    images, candidates = features.only(unseen), take(test, [row[n] for n in unseen])
    both = (SceneSettings(method, transductive=t) for t in (False, True))
    answers = [classify(images, candidates, classifier=classifier, settings=s) for s in both]
    return [100 * float((a.logs.argmax(axis=1) == images.labels).mean()) for a in answers]


def zero_shot(
    features: Mapping[str, FeatureSet], rows: Rows, splits: Splits, draws: int
) -> dict[str, NDArray[Any]]:
    """Row -> (model, draw, inductive | transductive) accuracies, percent."""
    default = rows[DEFAULT][0]
    table: dict[str, list[Any]] = {name: [] for name in rows}
    for model, images in features.items():
        for draw in range(draws):  # rows inside, so that what the images teach is kept between rows
            for name, versions in rows.items():
                pairs = [(default if "unknown" in name else v, v) for v in versions]
                how = "vae" if name.startswith(VAE) else "prototypes"
                each = [one_draw(images, known, asked, splits, draw, how) for known, asked in pairs]
                table[name].append(np.mean(each, axis=0))
        print(f"  {model} done", flush=True)
    return {name: np.array(v).reshape(len(features), draws, 2) for name, v in table.items()}


def report(table: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Print the table; the same figures as one object."""
    result: dict[str, Any] = {"unseen": {}}
    base = table[BASELINE]
    print(
        f"\n{'class vectors':32s} "
        + " ".join(f"{m:>13s}" for m in MODELS)
        + "          mean    sd   wins"
    )
    for name, values in table.items():
        means, overall = values.mean(axis=1), values.mean(axis=(0, 1))
        sd = values.mean(axis=0).std(axis=0, ddof=1) if values.shape[1] > 1 else np.zeros(2)
        wins = [int((values[m, :, 0] > base[m, :, 0]).sum()) for m in range(len(means))]
        cells = " ".join(f"{a:5.1f} | {b:5.1f}" for a, b in means)
        print(f"{name:32s} {cells} {overall[0]:5.1f} | {overall[1]:5.1f} {sd[0]:4.1f} {wins}")
        result["unseen"][name] = {
            "models": {
                m: {"inductive": float(a), "transductive": float(b)} for m, (a, b) in zip(MODELS, means, strict=True)
            },
            "inductive": float(overall[0]), "transductive": float(overall[1]),
            "sd": float(sd[0]), "wins_over_text": dict(zip(MODELS, wins, strict=True)),
        }  # fmt: skip
    return result


def embedded(knowledge: SceneKnowledge) -> list[KGEmbedding]:
    """The embedding of the graph by each seed; prints how good and how slow the first is."""
    start = time.perf_counter()
    first = embed_graph(knowledge.graph)
    seconds, found = time.perf_counter() - start, first.metrics
    print(f"{first.model} {first.vectors.shape} in {seconds:.1f} s, mrr {found['mrr']:.3f} "
          f"(guess {found['random_mrr']:.3f}), hits@10 {found['hits_at_10']:.3f}")  # fmt: skip
    more = [embed_graph(knowledge.graph, EmbedSettings(seed=s, held_out=0)) for s in KGE_SEEDS[1:]]
    return [first, *more]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--concepts", type=Path, help="scene concepts instead of those that ship")
    parser.add_argument("--vae", action="store_true", help="also two rows by aligned autoencoders")
    parser.add_argument("--no-kge", action="store_true", help="leave out the rows with kge")
    parser.add_argument(
        "--rows", nargs="*", help="only these rows (and the two that others are held against)"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data"
    )
    given = parser.parse_args()
    path = given.data / "features" / "whu_rs19_vlm_b32_fp16.npz"
    if not path.exists():
        raise SystemExit(f"{path}: not there; give the folder of the evaluation data with --data")
    start = time.perf_counter()
    features = {m: read_features(path, model=f"{m}_ViT-B-32") for m in MODELS}
    knowledge = load_scenes([given.concepts], alone=True) if given.concepts else load_scenes()
    print(f"{len(knowledge.concepts)} concepts, {len(knowledge.triples)} weighted triples")
    embeddings = [] if given.no_kge else embedded(knowledge)
    splits = read_splits(shipped("data/splits/whu_rs19_14_5.json"))
    rows = make_rows(splits.classes, knowledge, embeddings, given.data / "anchors" / "sr-rskg.npy")
    wanted = {BASELINE, DEFAULT, *(given.rows or rows)}
    rows = {name: row for name, row in rows.items() if name in wanted}
    if given.vae:
        rows |= {f"{VAE}{name}": rows[name] for name in (BASELINE, DEFAULT)}
    table = zero_shot(features, rows, splits, min(given.draws, len(splits.unseen)))
    result = report(table) | {
        "seconds": time.perf_counter() - start,
        "embedding": dict(embeddings[0].metrics) if embeddings else {},
        "draws": given.draws,
    }
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
