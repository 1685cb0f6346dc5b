"""A local CLIP-like model folder comes in; an encoder of images and prompts whose preprocessing is known goes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError, MissingExtraError

_PIL_FILTERS = frozenset(range(6))  # PIL.Image.Resampling codes, which preprocessor files use


@dataclass(frozen=True)
class Preprocessing:
    """What is done to pixels before the network sees them (`preprocessor_config.json`).

    Attributes:
        resize: Length of the shorter side after resizing, pixels.
        crop: Side of the central square, pixels.
        resample: PIL filter code (3 is bicubic).
        mean: Per channel, subtracted after scaling to 0..1.
        std: Per channel, divided by.
    """

    resize: int
    crop: int
    resample: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(y, x, 3) uint8 -> (3, crop, crop) float32; resized by PIL, so equal to the reference processor."""
        from PIL import Image

        height, width = image.shape[:2]
        short = min(height, width)
        size = (int(self.resize * width / short), int(self.resize * height / short))
        small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling(self.resample)))
        padded = _pad(small, self.crop)
        top, left = (padded.shape[0] - self.crop) // 2, (padded.shape[1] - self.crop) // 2
        pixels = padded[top : top + self.crop, left : left + self.crop].astype(
            np.float32
        ) / np.float32(255)
        scaled = (pixels - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32)


def _pad(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    missing = [max(0, side - n) for n in image.shape[:2]]
    return (
        np.pad(image, [(m // 2, m - m // 2) for m in missing] + [(0, 0)]) if any(missing) else image
    )


class ClipFolder:
    """A CLIP-like model in a local folder in the layout of transformers (`CLIPModel.save_pretrained`).

    Nothing is downloaded. Needed are `config.json`, the weights, `preprocessor_config.json`, and for prompts the
    tokenizer files.

    Args:
        folder: The model folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        config = self._json("config.json")
        if config.get("model_type") != "clip":
            raise InputError(
                f"{folder}: model type {config.get('model_type')!r}, expected 'clip'",
                "give a folder of a CLIPModel",
            )
        self.preprocessing = read_preprocessing(self._json("preprocessor_config.json"), self.folder)
        side = int(config.get("vision_config", {}).get("image_size", 224))
        if side != self.preprocessing.crop:
            raise InputError(
                f"{folder}: the network takes {side} px, preprocessor_config.json gives {self.preprocessing.crop} px",
                "take both files from the same release",
            )

    @property
    def name(self) -> str:
        """Name of the folder, for records."""
        return self.folder.name

    def _json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: missing or not JSON ({error})",
                "give a folder saved by transformers, with its processor",
            ) from error
        if not isinstance(found, dict):
            raise InputError(f"{path}: not a JSON object", "copy the file again")
        return found

    @cached_property
    def _model(self) -> Any:
        try:
            import torch  # noqa: F401
            from transformers import CLIPModel
        except ImportError as error:
            raise MissingExtraError(f"the model in {self.folder}", "vision", error) from error
        try:
            model, report = CLIPModel.from_pretrained(
                self.folder, local_files_only=True, output_loading_info=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{self.folder}: cannot be loaded ({error})", "copy the folder again, whole"
            ) from error
        if missing := sorted(report["missing_keys"]):
            raise InputError(
                f"{self.folder}: {len(missing)} weights missing, first {missing[0]}",
                "the weights are of another model",
            )
        return model.eval()

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.folder}: no usable tokenizer ({error})",
                "add the tokenizer files of the model",
            ) from error

    def images(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """(image, dimension) float32 vectors of (y, x, 3) uint8 images."""
        model = self._model
        import torch

        pixels = torch.from_numpy(np.stack([self.preprocessing.apply(image) for image in images]))
        with torch.no_grad():
            found = model.get_image_features(pixel_values=pixels)
        return _array(found)

    def prompts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(text, dimension) float32 vectors of prompts."""
        model, tokenizer = self._model, self._tokenizer
        import torch

        length = int(model.config.text_config.max_position_embeddings)
        tokens = tokenizer(
            list(texts), padding=True, truncation=True, max_length=length, return_tensors="pt"
        )
        with torch.no_grad():
            found = model.get_text_features(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            )
        return _array(found)

    def classes(self, names: Sequence[str], templates: Sequence[str]) -> NDArray[np.float32]:
        """(class, dimension) float32 unit vectors: mean over templates ("an aerial photo of {}") per class name."""
        found = self.prompts([template.format(name) for name in names for template in templates])
        found = found / np.linalg.norm(found, axis=1, keepdims=True)
        mean = found.reshape(len(names), len(templates), -1).mean(axis=1)
        out: NDArray[np.float32] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return out


def _array(found: Any) -> NDArray[np.float32]:
    values = getattr(found, "pooler_output", found)  # transformers 5 wraps the projected vectors
    return np.asarray(values.numpy(), np.float32)


def read_preprocessing(config: dict[str, Any], where: str | Path) -> Preprocessing:
    """The preprocessing that a `preprocessor_config.json` describes.

    Raises:
        InputError: A step that CLIP's reference processor has is switched off or unknown.
    """
    size, crop = config.get("size", 224), config.get("crop_size", 224)
    resize = size.get("shortest_edge") if isinstance(size, dict) else size
    side = crop.get("height") if isinstance(crop, dict) else crop
    steps = ("do_resize", "do_center_crop", "do_rescale", "do_normalize")
    off = [step for step in steps if config.get(step, True) is False]
    mean, std = _three(config.get("image_mean")), _three(config.get("image_std"))
    filter_code = config.get("resample", 3)
    if (
        off
        or mean is None
        or std is None
        or not isinstance(resize, int)
        or not isinstance(side, int)
    ):
        raise InputError(
            f"{where}: preprocessing is not that of CLIP ({', '.join(off) or 'size, crop, mean or std unclear'})",
            "give a preprocessor_config.json with shortest_edge, crop_size, image_mean and image_std",
        )
    if filter_code not in _PIL_FILTERS:
        raise InputError(
            f"{where}: unknown resampling filter {filter_code!r}",
            "give a PIL filter code, 3 is bicubic",
        )
    return Preprocessing(resize, side, int(filter_code), mean, std)


def _three(values: Any) -> tuple[float, float, float] | None:
    if (
        isinstance(values, list)
        and len(values) == 3
        and all(isinstance(v, int | float) for v in values)
    ):
        return float(values[0]), float(values[1]), float(values[2])
    return None
