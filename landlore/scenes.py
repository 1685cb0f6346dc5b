"""Scenes: images or embeddings and class names come in, ranked classes and the triples that spoke for them go out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion.prediction import SceneScores
from kg.errors import InputError
from landlore.classified import Classified, ClassifySettings
from landlore.outputs import keep_inputs, whole_folder

if TYPE_CHECKING:
    from fusion.backbone import FeatureSet
    from fusion.classgraph import ClassVectors
    from kg.embedding import KGEmbedding
    from kg.scenes import SceneKnowledge
    from landlore.scene_images import Way


SHOWN = 20
"""Most class names that a message lists."""


def classify(
    images: str | Path | Sequence[str | Path],
    labels: Sequence[str] = (),
    *,
    seen: str | Path | Sequence[str] | None = None,
    settings: ClassifySettings | None = None,
    out: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Classified:
    """Classify scenes into classes of which there may be no training image.

    Args:
        images: One .npz file of precomputed embeddings, or image files and folders (then `settings.model` is needed).
        labels: Candidate class names; default those of `settings.classes`, or names in the .npz file that are not seen.
        seen: Classes with training images: an .npz file with labels, a folder of images with one folder per class, or
            names of classes in the file `images`, whose rows then train and are not asked about (of classes that are
            both, every second image is). None compares images with the texts of their own backbone.
        settings: How.
        out: Folder for answers.csv, scores.csv, explanations.trig and run.json (`landlore.scene_outputs`); appears
            whole or not at all. Image vectors lie in a folder beside it until then (OUT.part), and a killed run goes on
            with these.
        progress: Told of each stage.

    Raises:
        MissingExtraError: Packages of the `vision` extra are missing.
        InputError: Files, names or blocks that do not fit.
        OutputError: `out` exists or cannot be written.
    """
    from landlore.scene_images import Way
    from landlore.scene_outputs import write_outputs

    settings, tell = settings or ClassifySettings(), progress or (lambda _: None)
    if out is None:
        return _classified(images, labels, seen, settings, Way(tell=tell))
    given = (images,) if isinstance(images, str | Path) else images
    chosen = (settings.model, settings.embedding, settings.parts, settings.map, *settings.concepts)
    keep_inputs([out], (*given, seen, *chosen, *settings.axioms, *settings.add_axioms))
    way = Way(Path(out).with_name(f"{Path(out).name}.part"), tell)
    with way.kept(), whole_folder(out, overwrite=settings.overwrite) as folder:
        done = _classified(images, labels, seen, settings, way)
        write_outputs(done, folder, settings)
    way.done()
    return replace(done, folder=Path(out).absolute())


def _classified(
    images: Any, labels: Sequence[str], seen: Any, settings: ClassifySettings, way: Way
) -> Classified:
    from kg.scenes import load_scenes
    from landlore.scene_images import check_asked, scene_features
    from landlore.scene_parts import explained

    paths, tell = [images] if isinstance(images, (str, Path)) else list(images), way.tell
    check_asked(labels, settings)
    knowledge = load_scenes(settings.concepts)
    if settings.classes:
        knowledge = knowledge.of_list(settings.classes)
    _tell_unknown(labels, knowledge, tell)
    tell("reading features")
    asked, taught = scene_features(paths, labels, seen, settings, knowledge, way)
    if taught is not None:
        _tell_unknown([name for name in taught.names if name not in labels], knowledge, tell)
    listed = knowledge.official_of(asked.names) or knowledge.official
    names = tuple(labels) or listed or asked.names
    embedding = _embedding(settings, knowledge, tell) if "kge" in settings.blocks else None
    if settings.transductive and taught is None:
        tell("no class is seen, so probabilities were not rehearsed: they may be far too sure")
    tell("comparing")
    answer = _answer(asked, taught, names, (knowledge, embedding), settings)
    scores, reasons, knowledge, correction = explained(answer, knowledge, settings)
    return Classified(
        scores,
        _accuracy(asked, scores),
        reasons,
        knowledge,
        settings.concepts,
        correction=correction,
        abstained=settings.abstain is not None,
        vectors=asked if way.read_images else None,
        borrowed=_borrowed(answer.vectors, knowledge),
    )


def _tell_unknown(
    labels: Sequence[str], knowledge: SceneKnowledge, tell: Callable[[str], None]
) -> None:
    """Say before any image is read which class names no concept has, as misspelt ones do."""
    for name in labels:
        if knowledge.find(name) is None:
            near = " or ".join(map(repr, knowledge.spelt_like(name)))
            hint = f"; did you mean {near}?" if near else ""
            tell(f"no concept is called {name!r}, so statements of those nearest stand in{hint}")


def _borrowed(vectors: ClassVectors, knowledge: SceneKnowledge) -> dict[str, tuple[str, ...]]:
    """Labels of the lenders of each class that has no concept of its own."""
    return {
        name: tuple(c.label for c in knowledge.concepts if c.iri in lent)
        for name, own, lent in zip(vectors.names, vectors.concepts, vectors.lenders, strict=True)
        if own is None
    }


def _embedding(
    settings: ClassifySettings, knowledge: SceneKnowledge, tell: Callable[[str], None]
) -> KGEmbedding:
    from kg.embed import EmbedSettings, embed_graph
    from kg.embedding import graph_hash, load_embedding
    from kg.embeddings.content import content_of, shipped_graph

    if settings.embedding:
        found = load_embedding(settings.embedding)
        if found.graph_hash == graph_hash(knowledge.graph):
            return found
        return load_embedding(settings.embedding, triples=content_of(shipped_graph()).triples)
    tell("embedding the scene graph")
    return embed_graph(knowledge.graph, EmbedSettings(seed=settings.seed, held_out=0))


def _answer(
    asked: FeatureSet,
    taught: FeatureSet | None,
    names: tuple[str, ...],
    known: tuple[SceneKnowledge, KGEmbedding | None],
    settings: ClassifySettings,
) -> Any:
    from fusion.classgraph import class_vectors
    from fusion.scene import SceneSettings, fit_scenes
    from fusion.scene import classify as compare

    knowledge, embedding = known
    make = partial(class_vectors, knowledge=knowledge, blocks=settings.blocks, embedding=embedding)
    how = SceneSettings(settings.method, transductive=settings.transductive, lost=settings.abstain)
    classifier = None if taught is None else fit_scenes(taught, make(taught.names), how)
    texts = _texts(asked, names) if taught is None else None
    vectors: ClassVectors = make(names)
    return compare(asked, vectors, classifier=classifier, texts=texts, settings=how)


def _texts(asked: FeatureSet, names: tuple[str, ...]) -> Any:
    """Text vectors of the candidates, None where the backbone made none.

    Raises:
        InputError: The file has text vectors, of other names.
    """
    if asked.texts is None:
        return None
    missing = [name for name in names if name not in asked.names]
    if not missing:
        return asked.texts[[asked.names.index(name) for name in names]]
    shown = ", ".join(asked.names[:SHOWN]) + ", ..." * (len(asked.names) > SHOWN)
    raise InputError(
        f"{asked.model}: no text vector of {', '.join(missing)}; it has those of {shown}",
        "ask for these names, or give --seen with labelled images of other classes",
    )


def _accuracy(asked: FeatureSet, scores: SceneScores) -> float | None:
    if asked.labels is None or asked.names != scores.classes:
        return None
    known = asked.labels >= 0
    if not known.any():
        return None
    right: float = (scores.scores.argmax(axis=1)[known] == asked.labels[known]).mean()
    return float(right)
