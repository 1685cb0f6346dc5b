"""Images or a file of embeddings and names of classes come in; image vectors to ask about and to learn from go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fusion.backbones.reading import ReadSettings
from kg.counted import counted
from kg.errors import InputError
from landlore.own_weights import default_weights, own_seen, tell_own
from landlore.progress import ImageTeller
from landlore.scene_outputs import LANGUAGES

if TYPE_CHECKING:
    from fusion.backbone import FeatureSet
    from fusion.backbones.protocol import Backbone
    from kg.scenes import SceneKnowledge
    from landlore.classified import ClassifySettings

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""Endings of image files that are looked for in a folder."""


@dataclass
class Way:
    """What happens while images are read.

    Attributes:
        keep: Folder for vectors on the way, so that a killed run goes on; None: nothing is kept.
        tell: Told of progress.
        read_images: Whether images were read, not a file of vectors.
    """

    keep: Path | None = None
    tell: Callable[[str], None] = lambda _: None
    read_images: bool = False

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Before and after a run, `keep` goes where it holds no vectors: they are all that it is kept for."""
        from fusion.backbones.kept import drop_empty

        if self.keep is None:
            yield
            return
        drop_empty(self.keep)
        try:
            yield
        finally:
            drop_empty(self.keep)

    def done(self) -> None:
        """The result is there: what was kept on the way goes."""
        from fusion.backbones.kept import drop

        if self.keep is not None:
            drop(self.keep)


def scene_features(
    paths: list[Any],
    labels: Sequence[str],
    seen: Any,
    settings: ClassifySettings,
    knowledge: SceneKnowledge,
    way: Way | None = None,
) -> tuple[FeatureSet, FeatureSet | None]:
    """Image vectors that are asked about, and those that were seen.

    Args:
        paths: One .npz file, or image files and folders.
        labels: Candidate class names; default those of the data set that the knowledge is within, else unseen ones.
        seen: An .npz file with labels, a folder of images with one folder per class, names of classes in the file, or
            None.
        settings: Backbone.
        knowledge: Says which names a data set has, and how they read in plain words.
        way: What happens while images are read.

    Raises:
        InputError: Files or names that do not fit.
    """
    from fusion.backbone import read_features

    if not (len(paths) == 1 and str(paths[0]).endswith(".npz")):
        wanted = tuple(labels) or knowledge.official
        return _from_images(paths, wanted, seen, (settings, knowledge, way or Way()))
    _reads_nothing(settings.reading, paths[0])
    everything = read_features(paths[0], model=settings.model)
    listed = knowledge.official_of(everything.names)
    if isinstance(seen, (list, tuple)):
        unseen = tuple(n for n in listed or everything.names if n not in seen)
        return _shared_out(everything, tuple(labels) or unseen, tuple(seen))
    wanted = tuple(labels) or listed
    labelled = everything.labels is not None and wanted and set(wanted) <= set(everything.names)
    asked = everything.only(wanted) if labelled else everything
    if seen:
        return asked, _seen_file(seen, settings.model, asked)
    own = own_seen(asked)
    if own is not None and way is not None:
        tell_own(way.tell)
    return asked, own


def check_asked(labels: Sequence[str], settings: ClassifySettings) -> None:
    """Refuse before any image is read what could only fail afterwards.

    Raises:
        InputError: One class alone or one named twice, an unknown method, a file that is not there.
    """
    from fusion.classgraph import check_class_names
    from fusion.scene import METHODS, check_candidates
    from kg.folder import is_url

    if labels:
        check_class_names(labels)
        check_candidates(labels)
    if settings.method not in METHODS:
        raise InputError(f"unknown method {settings.method!r}", f"choose from {', '.join(METHODS)}")
    if settings.lang not in LANGUAGES:
        raise InputError(f"language {settings.lang!r}: known are en and zh", "--lang en")
    if settings.top < 1:
        raise InputError(f"{settings.top} classes per image, at least 1 expected", "--top 3")
    named = {"--parts": settings.parts, "--embedding": settings.embedding}
    for option, path in named.items():
        if path and not Path(path).exists():
            raise InputError(f"{option} {path}: no such file", "check the path")
    if settings.map and not (is_url(settings.map) or Path(settings.map).exists()):
        raise InputError(
            f"map {settings.map}: nothing there", "make one with: landlore build GRAPH --osm FILE"
        )


def _reads_nothing(reading: ReadSettings, path: Any) -> None:
    """Refuse settings of checkpoints and images where vectors are given."""
    plain = ReadSettings()
    useless = [
        f.name for f in fields(reading) if getattr(reading, f.name) != getattr(plain, f.name)
    ]
    if useless:
        raise InputError(
            f"{path}: holds vectors, so {', '.join(f'--{name}' for name in useless)} would do nothing",
            "leave it out, or give images",
        )


def _shared_out(
    everything: FeatureSet, wanted: tuple[str, ...], seen: tuple[str, ...]
) -> tuple[FeatureSet, FeatureSet]:
    """Images to ask about and to learn from; those of classes that are both go in turn to either."""
    asked, taught = everything.only(wanted), everything.only(seen)
    both = set(wanted) & set(seen)
    if not both:
        return asked, taught

    def turn(images: FeatureSet, rest: int) -> FeatureSet:
        """Every second image of each class that is seen and asked about."""
        kept = np.ones(len(images.items), bool)
        for name in both:
            rows = np.flatnonzero(images.labels == images.names.index(name))
            kept[rows[rest::2]] = False
        return images.subset(kept)

    return turn(asked, 0), turn(taught, 1)


def _seen_file(seen: Any, model: str | None, asked: FeatureSet) -> FeatureSet | None:
    from fusion.backbone import read_features, same_backbone

    if seen is None:
        return None
    if not str(seen).endswith(".npz"):
        raise InputError(
            f"seen classes {seen!r}: expected an .npz file of labelled embeddings",
            "give --seen FILE.npz",
        )
    taught = read_features(seen, model=model)
    same_backbone(asked, taught)
    return taught


_Given = tuple["ClassifySettings", "SceneKnowledge", Way]


def _from_images(
    paths: list[Any], labels: Sequence[str], seen: Any, given: _Given
) -> tuple[FeatureSet, FeatureSet | None]:
    from fusion.backbones.choice import open_backbone
    from fusion.backbones.compact import CompactBackbone
    from fusion.backbones.protocol import class_texts
    from fusion.text import read_prompts

    settings, knowledge, way = given
    if not labels:
        raise InputError(
            "no class name given",
            "add -l NAME for each class, or --classes DATASET for those of a data set",
        )
    backbone = open_backbone(settings.model or default_weights(), settings.reading)
    if settings.model is None:
        tell_own(way.tell)
    way.read_images, texts = True, None
    known = backbone.seen() if isinstance(backbone, CompactBackbone) and seen is None else None
    if backbone.reads_text or (
        seen is None and known is None
    ):  # refused at once where nothing tells classes apart
        texts = class_texts(backbone, [knowledge.words(n) for n in labels], read_prompts())
    pictures = _pictures(paths)
    found = replace(_embedded(pictures, backbone, settings, way), names=tuple(labels), texts=texts)
    if known is not None:
        return found, known
    if seen is None or not Path(str(seen)).is_dir():
        return found, _seen_file(seen, None, found)
    return found, _seen_folder(Path(seen), backbone, settings, way)


def _embedded(
    pictures: list[Path], backbone: Backbone, settings: ClassifySettings, way: Way
) -> FeatureSet:
    """Vectors of image files."""
    from fusion.backbones.vectors import embed_files

    told, files = ImageTeller(way.tell), sorted(set(pictures))
    return embed_files(files, backbone, settings.reading, keep=way.keep, progress=told)


def _seen_folder(
    folder: Path, backbone: Backbone, settings: ClassifySettings, way: Way
) -> FeatureSet:
    """Labelled images: the folder that a file lies in is its class."""
    keep = None if way.keep is None else way.keep / "seen"
    files = _pictures([folder])
    loose = sorted(path for path in files if path.parent == folder)
    if loose:
        raise InputError(
            f"{folder}: {counted(len(loose), 'image')} in no class, e.g. {loose[0].name}; "
            "expected one folder per class",
            "move them into the folder of their class, or away",
        )
    found = _embedded(files, backbone, settings, replace(way, keep=keep))
    classes = [Path(item).parent.name for item in found.items]
    names = tuple(sorted(set(classes)))
    labels = np.array([names.index(name) for name in classes], np.int64)
    return replace(found, names=names, labels=labels)


def _pictures(paths: list[Any]) -> list[Path]:
    """Image files, and those in folders and the folders inside.

    Raises:
        InputError: A path does not exist, or there is no image in any of them.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += (p for p in path.rglob("*") if p.suffix.lower() in PICTURES)
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path}: no such file or folder", "check the path")
    if not found:
        raise InputError(
            f"{', '.join(map(str, paths))}: no image to classify",
            f"give image files or a folder that holds some ({', '.join(sorted(PICTURES))})",
        )
    return found
