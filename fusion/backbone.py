"""Files of precomputed features come in, unit image vectors (and text vectors of classes) go out."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
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
        made_by: Everything that changed the numbers (`fusion.backbones.protocol.fingerprint`), "" where unknown.
        left_out: (file, why) of images that could not be used.
    """

    items: tuple[str, ...]
    vectors: NDArray[np.float32]
    model: str
    labels: NDArray[np.int64] | None = None
    names: tuple[str, ...] = ()
    texts: NDArray[np.float32] | None = None
    made_by: str = ""
    left_out: tuple[tuple[str, str], ...] = ()

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
        """The first array that the file has of these names."""
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
    name, made_by = (str(arrays.get(key, "")) for key in ("model", "made_by"))
    return FeatureSet(
        items, vectors, chosen or name or Path(path).stem, labels, names, texts, made_by
    )


def save_features(features: FeatureSet, path: Path) -> None:
    """Write image vectors so that `read_features` gives them back; the same features give the same bytes."""
    kept: dict[str, Any] = {
        "images": features.vectors,
        "items": np.array(features.items),
        "names": np.array(features.names),
        "model": np.array(features.model),
        "made_by": np.array(features.made_by),
    }
    more = {"labels": features.labels, "texts": features.texts}
    kept |= {key: value for key, value in more.items() if value is not None}
    np.savez(path, **kept)


def same_backbone(one: FeatureSet, other: FeatureSet) -> None:
    """Refuse vectors that are known to come from different backbones.

    Raises:
        InputError: Another network, other weights or other preprocessing.
    """
    if not one.made_by or not other.made_by or one.made_by == other.made_by:
        return
    a, b = json.loads(one.made_by), json.loads(other.made_by)
    keys = sorted(key for key in a | b if a.get(key) != b.get(key))
    raise InputError(
        f"image vectors of {one.model} and of {other.model} were made differently ({', '.join(keys)})",
        "make both with the same model file, activation and preprocessing",
    )


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
