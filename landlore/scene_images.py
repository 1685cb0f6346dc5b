"""Images or a file of embeddings and names of classes come in; image vectors to ask about and to learn from go out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kg.errors import InputError

if TYPE_CHECKING:
    from fusion.backbone import FeatureSet
    from kg.scenes import SceneKnowledge
    from landlore.scenes import ClassifySettings

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""Endings of image files that are looked for in a folder."""


def scene_features(
    paths: list[Any],
    labels: Sequence[str],
    seen: Any,
    settings: ClassifySettings,
    knowledge: SceneKnowledge,
) -> tuple[FeatureSet, FeatureSet | None]:
    """Image vectors that are asked about, and those that were seen.

    Args:
        paths: One .npz file, or image files and folders.
        labels: Candidate class names; default those of the data set that the knowledge is within, else unseen ones.
        seen: An .npz file with labels, names of classes in the file, or None.
        settings: Backbone.
        knowledge: Says which names a data set has, and how they read in plain words.

    Raises:
        InputError: Files or names that do not fit.
    """
    from fusion.backbone import read_features

    if not (len(paths) == 1 and str(paths[0]).endswith(".npz")):
        wanted = tuple(labels) or knowledge.official
        return _embedded(paths, wanted, settings, knowledge), _seen_file(seen, None)
    everything = read_features(paths[0], model=settings.model)
    listed = knowledge.official_of(everything.names)
    if isinstance(seen, (list, tuple)):
        unseen = tuple(n for n in listed or everything.names if n not in seen)
        return _shared_out(everything, tuple(labels) or unseen, tuple(seen))
    wanted = tuple(labels) or listed
    asked = (
        everything.only(wanted) if wanted and set(wanted) <= set(everything.names) else everything
    )
    return asked, _seen_file(seen, settings.model)


def _shared_out(
    everything: FeatureSet, wanted: tuple[str, ...], seen: tuple[str, ...]
) -> tuple[FeatureSet, FeatureSet]:
    """Images to ask about and to learn from; those of classes that are both go in turn to either."""
    asked, taught = everything.only(wanted), everything.only(seen)
    both = set(wanted) & set(seen)
    if not both:
        return asked, taught

    def turn(images: FeatureSet, rest: int) -> FeatureSet:
        kept = np.ones(len(images.items), bool)
        for name in both:
            rows = np.flatnonzero(images.labels == images.names.index(name))
            kept[rows[rest::2]] = False
        return images.subset(kept)

    return turn(asked, 0), turn(taught, 1)


def _seen_file(seen: Any, model: str | None) -> FeatureSet | None:
    from fusion.backbone import read_features

    if seen is None:
        return None
    if not str(seen).endswith(".npz"):
        raise InputError(
            f"seen classes {seen!r}: expected an .npz file of labelled embeddings",
            "give --seen FILE.npz",
        )
    return read_features(seen, model=model)


def _embedded(
    paths: list[Any], labels: Sequence[str], settings: ClassifySettings, knowledge: SceneKnowledge
) -> FeatureSet:
    from fusion.backbone import embed_images
    from fusion.backbones.choice import open_backbone
    from fusion.backbones.protocol import class_texts
    from fusion.text import read_prompts

    if settings.model is None:
        raise InputError(
            "no backbone for images: expected a model folder or a checkpoint file",
            "give --model PATH, or one .npz file of embeddings instead of images",
        )
    if not labels:
        raise InputError("no class name given", "add -l NAME for each class")
    backbone = open_backbone(settings.model, settings.reading)
    words = [knowledge.words(name) for name in labels]
    texts = class_texts(backbone, words, read_prompts()) if backbone.reads_text else None
    found = embed_images(sorted(_pictures(paths)), backbone.images, model=backbone.name)
    return replace(found, names=tuple(labels), texts=texts)


def _pictures(paths: list[Any]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from (p for p in path.rglob("*") if p.suffix.lower() in PICTURES)
        elif path.is_file():
            yield path
        else:
            raise InputError(f"{path}: no such file or folder", "check the path")
