"""Pixels come in as files hold them; the array that a network was trained to see goes out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError

_PIL_FILTERS = frozenset(range(6))  # PIL.Image.Resampling codes, which preprocessor files use
RGB = ("red", "green", "blue")
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_BICUBIC = 3


@dataclass(frozen=True)
class Preprocessing:
    """What is done to pixels before the network sees them.

    Attributes:
        resize: Length of the shorter side after resizing, pixels.
        crop: Side of the central square that the network sees, pixels.
        resample: PIL filter code (3 is bicubic).
        mean: Per band, subtracted after scaling to 0..1.
        std: Per band, divided by.
        bands: What the channels are, in order.
        square: Resized straight to crop x crop, without keeping the shape; no crop.
        rounded: The crop's first pixel is rounded to the nearest even half (open_clip), not down (transformers).
        float_resize: Scaled to 0..1 before resizing, so that nothing is rounded to 8 bits (DINOv3).
    """

    resize: int
    crop: int
    resample: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bands: tuple[str, ...] = RGB
    square: bool = False
    rounded: bool = False
    float_resize: bool = False

    def facts(self) -> dict[str, Any]:
        """Everything that changes a number, for records."""
        return asdict(self)

    def apply(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """(y, x, band) uint8, or floats where 1 is full brightness -> (band, crop, crop) float32.

        8-bit images are resized by PIL in 8 bits, so that the result equals the reference processors.
        """
        height, width = image.shape[:2]
        short = min(height, width)
        size = (int(self.resize * width / short), int(self.resize * height / short))
        small = self._resized(image, (self.crop, self.crop) if self.square else size)
        padded = _pad(small, self.crop)
        top, left = (self._first(n - self.crop) for n in padded.shape[:2])
        pixels = padded[top : top + self.crop, left : left + self.crop]
        scaled = (pixels - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32)

    def _first(self, spare: int) -> int:
        return round(spare / 2) if self.rounded else spare // 2

    def _resized(self, image: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
        """(y, x, band) float32 in 0..1 of another size (width, height)."""
        from PIL import Image

        how = Image.Resampling(self.resample)
        if image.dtype == np.uint8 and not self.float_resize and image.shape[2] == 3:
            small = np.asarray(Image.fromarray(image).resize(size, how))
            return small.astype(np.float32) / np.float32(255)
        values = image.astype(np.float32) / np.float32(255 if image.dtype == np.uint8 else 1)
        bands = [Image.fromarray(band).resize(size, how) for band in np.moveaxis(values, 2, 0)]
        return np.stack([np.asarray(band) for band in bands], axis=2)


def clip_preprocessing(side: int) -> Preprocessing:
    """What open_clip does with images for the models of CLIP: bicubic, central square, the mean of CLIP's images."""
    return Preprocessing(side, side, _BICUBIC, CLIP_MEAN, CLIP_STD, rounded=True)


def _pad(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    missing = [max(0, side - n) for n in image.shape[:2]]
    return (
        np.pad(image, [(m // 2, m - m // 2) for m in missing] + [(0, 0)]) if any(missing) else image
    )


def read_preprocessing(config: dict[str, Any], where: str | Path) -> Preprocessing:
    """The preprocessing that a `preprocessor_config.json` of transformers describes.

    Args:
        config: Its content, of a CLIP, SigLIP, BiT (DINOv2) or DINOv3 processor.
        where: For messages.

    Raises:
        InputError: A step that the reference processors have is switched off, missing or unknown.
    """
    size, crop = config.get("size", 224), config.get("crop_size", 224)
    exact = isinstance(size, dict) and "height" in size and not config.get("do_center_crop")
    resize = (
        _square(size) if exact else size.get("shortest_edge") if isinstance(size, dict) else size
    )
    side = resize if exact else _square(crop) if isinstance(crop, dict) else crop
    steps = ("do_resize", "do_rescale", "do_normalize") + (() if exact else ("do_center_crop",))
    off = [step for step in steps if config.get(step, True) is False]
    mean, std = _three(config.get("image_mean")), _three(config.get("image_std"))
    if (
        off
        or mean is None
        or std is None
        or not isinstance(resize, int)
        or not isinstance(side, int)
        or abs(config.get("rescale_factor", 1 / 255) * 255 - 1) > 1e-6
    ):
        raise InputError(
            f"{where}: unknown preprocessing ({', '.join(off) or 'size, crop, scale, mean or std unclear'})",
            "give a preprocessor_config.json with size, crop_size, image_mean and image_std",
        )
    filter_code = config.get("resample", _BICUBIC)
    if filter_code not in _PIL_FILTERS:
        raise InputError(
            f"{where}: unknown resampling filter {filter_code!r}",
            "give a PIL filter code, 3 is bicubic",
        )
    late = str(config.get("image_processor_type", "")).startswith("DINOv3")
    return Preprocessing(resize, side, int(filter_code), mean, std, square=exact, float_resize=late)


def _square(size: dict[str, Any]) -> Any:
    return size.get("height") if size.get("height") == size.get("width") else None


def _three(values: Any) -> tuple[float, float, float] | None:
    if (
        isinstance(values, list)
        and len(values) == 3
        and all(isinstance(v, int | float) for v in values)
    ):
        return float(values[0]), float(values[1]), float(values[2])
    return None
