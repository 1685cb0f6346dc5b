"""Images or files of precomputed features come in, unit image vectors (and text vectors of classes) go out."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError

_IMAGES = ("images", "features", "image_features", "embeddings", "X", "x")
_TEXTS = ("texts", "text_features", "text_embeddings")
_LABELS = ("labels", "y", "targets")
_NAMES = ("names", "classes", "class_names")
_ITEMS = ("items", "paths", "files", "filenames", "ids")


@dataclass(frozen=True)
class FeatureSet:
    """Image vectors with what is known about them.

    Attributes:
        items: One name per image.
        vectors: (image, dimension) float32, rows of unit length.
        model: Backbone that made them.
        labels: (image,) int64 row of `names`, -1 unknown; None where the file has no labels.
        names: Class names that labels and texts refer to.
        texts: (class, dimension) float32 text vectors of `names` by the same backbone, unit length, or None.
    """

    items: tuple[str, ...]
    vectors: NDArray[np.float32]
    model: str
    labels: NDArray[np.int64] | None = None
    names: tuple[str, ...] = ()
    texts: NDArray[np.float32] | None = None

    def subset(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> FeatureSet:
        """The images of some rows; names and texts stay."""
        index = np.arange(len(self.items))[rows]
        labels = None if self.labels is None else self.labels[index]
        return replace(
            self,
            items=tuple(self.items[i] for i in index),
            vectors=self.vectors[index],
            labels=labels,
        )

    def only(self, names: Sequence[str]) -> FeatureSet:
        """The images of some classes; labels and texts follow the given order.

        Raises:
            InputError: No labels, or a name that is not among `names`.
        """
        row = {name: i for i, name in enumerate(self.names)}
        if missing := [name for name in names if name not in row]:
            raise InputError(
                f"{self.model}: no class called {', '.join(missing)}; found {', '.join(self.names)}",
                "use the class names of the file",
            )
        if self.labels is None:
            raise InputError(f"{self.model}: the images have no labels", "add an array 'labels'")
        index = np.array([row[name] for name in names], np.int64)
        place = np.full(len(self.names) + 1, -1, np.int64)  # label -1 reads the last entry
        place[index] = np.arange(len(index))
        kept = self.subset(place[self.labels] >= 0)
        texts = None if self.texts is None else self.texts[index]
        old = kept.labels if kept.labels is not None else self.labels
        return replace(kept, labels=place[old], names=tuple(names), texts=texts)


def unit_rows(values: NDArray[Any], what: str) -> NDArray[np.float32]:
    """Rows brought to unit length, float32.

    Raises:
        InputError: Not a table, empty, or with NaN, infinite or all-zero rows.
    """
    if values.dtype.kind not in "iufb":
        raise InputError(
            f"{what}: numbers of type {values.dtype}, expected floats", "save them as float32"
        )
    rows = np.asarray(values, np.float32)
    if rows.ndim != 2 or 0 in rows.shape:
        raise InputError(
            f"{what}: has shape {values.shape}, expected (image, dimension)",
            "give one vector per image",
        )
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(length[:, 0]) | (length[:, 0] == 0))
    if len(bad):
        raise InputError(
            f"{what}: {len(bad)} of {len(rows)} vectors are zero, NaN or infinite, first in row {bad[0]}",
            "compute these vectors again",
        )
    unit: NDArray[np.float32] = rows / length
    return unit


def read_features(path: str | Path, *, model: str | None = None) -> FeatureSet:
    """Read precomputed features.

    Understood are: `images`, `features` or `embeddings` (image, dimension); the same with a prefix `MODEL_` for files
    with several backbones; optional `texts` (class, dimension) or (prompt, class, dimension, then averaged), `labels`,
    `names`, `items`.

    Args:
        path: A `.npz` file.
        model: Which backbone, where the file holds several ("CLIP_ViT-B-32").

    Raises:
        InputError: The file is missing, unreadable, of another layout, or `model` has to be given.
    """
    arrays = _arrays(path)
    keys = {key: k for key in arrays for k in _IMAGES if key == k or key.endswith("_" + k)}
    prefixes = sorted({key[: -len(k)].rstrip("_") for key, k in keys.items()})
    if not prefixes:
        raise InputError(
            f"{path}: no image vectors; found arrays {', '.join(sorted(arrays)) or '(none)'}",
            "name the array of shape (image, dimension) 'images'",
        )
    chosen = model if model is not None else prefixes[0]
    if chosen not in prefixes or (model is None and len(prefixes) > 1):
        shown = ", ".join(p or "(unnamed)" for p in prefixes)
        raise InputError(
            f"{path}: holds features of {shown}; asked for {model or 'none by name'}",
            "give --model NAME",
        )

    def take(names: Sequence[str], own: bool) -> NDArray[Any] | None:
        found = [f"{chosen}_{n}" for n in names if chosen] * own + list(names)
        return next((arrays[key] for key in found if key in arrays), None)

    vectors = unit_rows(_needed(take(_IMAGES, True)), f"{path}: image vectors")
    names = tuple(str(n) for n in np.ravel(_optional(take(_NAMES, False), ())))
    items = tuple(
        str(i) for i in _optional(take(_ITEMS, False), [f"row{i}" for i in range(len(vectors))])
    )
    labels, names = _labels(take(_LABELS, False), names, len(vectors), path)
    texts = _texts(take(_TEXTS, True), len(names), vectors.shape[1], path)
    if len(items) != len(vectors):
        raise InputError(
            f"{path}: {len(vectors)} vectors but {len(items)} names of images",
            "give one name per image",
        )
    return FeatureSet(items, vectors, chosen or Path(path).stem, labels, names, texts)


def _arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files} if hasattr(file, "files") else {}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: not a readable .npz file ({error})", "save features with numpy.savez"
        ) from error


def _needed(values: NDArray[Any] | None) -> NDArray[Any]:
    return values if values is not None else np.zeros((0, 0))


def _optional(values: NDArray[Any] | None, default: Sequence[str]) -> Sequence[Any]:
    return default if values is None else list(values)


def _labels(
    values: NDArray[Any] | None, names: tuple[str, ...], count: int, path: str | Path
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    if values is None:
        return None, names
    if values.shape != (count,):
        raise InputError(
            f"{path}: {count} vectors but labels of shape {values.shape}",
            "give one label per image",
        )
    if values.dtype.kind in "US":
        names = names or tuple(sorted({str(v) for v in values}))
        row = {name: i for i, name in enumerate(names)}
        return np.array([row.get(str(v), -1) for v in values], np.int64), names
    labels = values.astype(np.int64)
    if names and labels.max(initial=-1) >= len(names):
        raise InputError(
            f"{path}: label {labels.max()} but {len(names)} class names", "give a name per label"
        )
    return labels, names or tuple(f"class{i}" for i in range(int(labels.max(initial=-1)) + 1))


def _texts(
    values: NDArray[Any] | None, classes: int, width: int, path: str | Path
) -> NDArray[np.float32] | None:
    if values is None:
        return None
    if values.ndim == 3:
        rows = np.asarray(values, np.float32)
        values = (rows / np.linalg.norm(rows, axis=2, keepdims=True)).mean(axis=0)
    if values.shape != (classes, width):
        raise InputError(
            f"{path}: text vectors of shape {values.shape}, expected {(classes, width)} for {classes} class names",
            "give one text vector per class name, or leave texts out",
        )
    return unit_rows(values, f"{path}: text vectors")


def embed_images(
    paths: Sequence[str | Path],
    encode: Callable[[list[NDArray[np.uint8]]], NDArray[np.float32]],
    *,
    model: str,
    batch: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> FeatureSet:
    """Vectors of image files.

    Args:
        paths: 8-bit RGB (or grey, palette) image files.
        encode: Turns (y, x, 3) uint8 images into (image, dimension) float32, e.g. `ClipFolder.images`.
        model: Name of the backbone.
        batch: Images per call.
        progress: Called with (images done, images in all).

    Raises:
        InputError: No image, or one that cannot be read as 8-bit RGB.
    """
    if not paths:
        raise InputError("no image to classify", "give image files or a folder that holds some")
    chunks = []
    for start in range(0, len(paths), batch):
        chunks.append(encode([read_rgb(p) for p in paths[start : start + batch]]))
        if progress:
            progress(min(start + batch, len(paths)), len(paths))
    return FeatureSet(
        tuple(str(p) for p in paths), unit_rows(np.concatenate(chunks), "image vectors"), model
    )


def read_rgb(path: str | Path) -> NDArray[np.uint8]:
    """(y, x, 3) uint8 pixels of an 8-bit image file.

    Raises:
        InputError: Missing, unreadable or truncated, or not 8 bits per channel.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.mode not in {"RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr"}:
                raise InputError(
                    f"{path}: pixels of mode {image.mode}, expected 8-bit RGB",
                    "convert it to 8-bit RGB first",
                )
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: not a readable image ({error})", "check the file") from error
