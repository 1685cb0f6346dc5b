"""Answers about scenes come in; a folder goes out: tables for people, the answers and their reasons as RDF, a record.

answers.csv: one line per image, its likeliest classes with probabilities and a sentence that says why. scores.csv: the
probability of each class. Of images also features.npz (their vectors) and left_out.csv (those that cannot be used).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg import vocab
from kg.statements import trig
from kg.store import KnowledgeGraph

if TYPE_CHECKING:
    from fusion.backbone import FeatureSet
    from fusion.prediction import SceneScores
    from landlore.classified import Classified, ClassifySettings

LANGUAGES = ("en", "zh")
"""Languages of sentences, in the order in which `scene_sentences` gives them."""


def write_outputs(done: Classified, folder: Path, settings: ClassifySettings) -> None:
    """Write all files of a run.

    Args:
        done: The answers.
        folder: An empty folder.
        settings: How many classes per image answers.csv names, and in which language its sentences are.
    """
    _graphs(done, folder)
    _table(folder / "answers.csv", *_answers(done, settings))
    head = ["item", *done.scores.classes, *_OUTSIDE * done.abstained]
    rows = (
        [item, *(f"{value:.6f}" for value in row), *[int(reason.outside)] * done.abstained]
        for item, row, reason in zip(
            done.scores.items, done.scores.scores, done.reasons, strict=True
        )
    )
    _table(folder / "scores.csv", head, rows)
    summary: dict[str, Any] = {
        "images": len(done.reasons),
        "classes": list(done.scores.classes),
        "borrowed": done.borrowed,
        "model": done.scores.model,
    }
    if done.abstained:
        summary["none_of_these"] = sum(reason.outside for reason in done.reasons)
    summary |= {"accuracy": done.accuracy}
    if done.vectors is not None:
        summary |= _write_images(done.vectors, folder)
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    (folder / "run.json").write_text(text + "\n", encoding="utf-8")


_OUTSIDE = ["none of these"]


def ranked(scores: SceneScores, top: int) -> list[list[tuple[str, float]]]:
    """The likeliest classes of each image with their probabilities, the likeliest first."""
    best = (-scores.scores).argsort(axis=1, kind="stable")[:, :top]
    return [
        [(scores.classes[k], round(float(row[k]), 6)) for k in order]
        for row, order in zip(scores.scores, best, strict=True)
    ]


def _answers(done: Classified, settings: ClassifySettings) -> tuple[list[str], Iterable[list[Any]]]:
    """Head and rows of answers.csv."""
    from reasoning.scenes.scene import scene_sentences

    language = LANGUAGES.index(settings.lang)
    count = min(settings.top, len(done.scores.classes))
    head = [f"{what} {n}" for n in range(1, count + 1) for what in ("class", "probability")]
    rows = (
        [
            reason.item,
            *(cell for name, value in best for cell in (name, f"{value:.6f}")),
            *[int(reason.outside)] * done.abstained,
            scene_sentences(reason, done.knowledge)[language],
        ]
        for best, reason in zip(ranked(done.scores, count), done.reasons, strict=True)
    )
    return ["item", *head, *_OUTSIDE * done.abstained, "why"], rows


def _table(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(head)
        table.writerows(rows)


def _graphs(done: Classified, folder: Path) -> None:
    """The run and the concepts that it used, as RDF."""
    from kg.scenes import scene_files
    from reasoning.scenes.scene import scene_graph, scene_statements

    name = "scenes"
    lines = scene_statements(done.reasons, done.knowledge, run=name, model=done.scores.model)
    (folder / "explanations.trig").write_text(
        "".join(trig(lines, scene_graph(name))), encoding="utf-8"
    )
    known = KnowledgeGraph()
    for path in scene_files():
        known.load(path, graph=vocab.GRAPH + "scenes")
    for path in map(Path, done.concepts):
        known.load(path, graph=f"{vocab.GRAPH}{path.stem}")
    known.save(folder / "graph.trig")


def _write_images(vectors: FeatureSet, folder: Path) -> dict[str, Any]:
    """Image vectors for further questions, and the images that could not be used; facts for the record."""
    from fusion.backbone import save_features

    save_features(vectors, folder / "features.npz")
    if vectors.left_out:
        rows = [(item, why.partition("\n")[0]) for item, why in vectors.left_out]
        _table(folder / "left_out.csv", ("item", "why"), rows)
    return {"made_by": json.loads(vectors.made_by), "left_out": len(vectors.left_out)}
