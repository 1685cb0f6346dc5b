"""Image files come in, with names of bands and scale where they do not say these; pixels go out."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError

GREY = ("grey", "gray", "pan")
_COLOUR = frozenset({"RGB", "RGBA", "P", "PA", "CMYK", "YCbCr"})
_ONE_BAND = frozenset({"L", "LA", "1"})


@dataclass(frozen=True)
class ReadSettings:
    """What checkpoint and image files do not say themselves.

    Attributes:
        activation: "quick_gelu" or "gelu", for checkpoint files that leave it in doubt.
        tokenizer: File with CLIP's byte pairs, for checkpoint files.
        bands: Names of the bands of every image, in file order; None: the files' own names.
        white: Value that is full brightness, for values of more than 8 bits.
        strict: Stop at the first image that cannot be used, instead of leaving it out and listing it.
    """

    activation: str | None = None
    tokenizer: str | None = None
    bands: tuple[str, ...] | None = None
    white: float | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        if self.white is not None and not 0 < self.white < np.inf:
            raise InputError(
                f"--white {self.white:g}: full brightness has to be above 0",
                "give the value that is white, e.g. 3000 or 65535",
            )
        twice = sorted({b for b in self.bands or () if (self.bands or ()).count(b) > 1})
        if twice:
            raise InputError(f"--bands: {', '.join(twice)} twice", "name each band once")

    def facts(self) -> dict[str, Any]:
        """What changes the pixels, for records."""
        kept = asdict(self)
        return {key: kept[key] for key in ("bands", "white")}


def read_pixels_of(
    path: str | Path, wanted: tuple[str, ...], reading: ReadSettings
) -> NDArray[Any]:
    """Pixels of an image file in the bands that a network wants.

    Bands are found by name, never by position. Colours of 8 bits need no names.

    Args:
        path: PNG, JPEG, WebP, BMP or any raster that GDAL reads.
        wanted: Bands of the network, e.g. ("red", "green", "blue").
        reading: Names of bands and full brightness, where the file does not say.

    Returns:
        (y, x, band) uint8, or float32 where 1 is full brightness; no observation is 0.

    Raises:
        InputError: Missing, truncated, without observation, or bands or scale that nobody named.
    """
    mode = _mode(path)
    if reading.bands is None and mode in _COLOUR and wanted == ("red", "green", "blue"):
        return _colours(path)
    if reading.bands is None and mode in _ONE_BAND:
        raise InputError(
            f"{path}: one band without a name (grey), expected {', '.join(wanted)}",
            "add --bands grey to use it for all of them, or leave grey images out",
        )
    return _raster(path, wanted, reading)


def _mode(path: str | Path) -> str | None:
    """PIL's word for the pixels of a file; None where only GDAL may read it."""
    from PIL import Image, UnidentifiedImageError

    logging.getLogger("PIL.TiffImagePlugin").addFilter(_no_count_of_bands)
    try:
        with Image.open(path) as image:
            return str(image.mode)
    except UnidentifiedImageError:
        return None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable image ({error})", "check the file") from error


def _no_count_of_bands(record: logging.LogRecord) -> bool:
    """PIL logs a line for each TIFF of more bands than it reads, before GDAL reads it."""
    return not str(record.msg).startswith("More samples per pixel")


def _colours(path: str | Path) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: not a readable image ({error})", "check the file") from error


def _raster(path: str | Path, wanted: tuple[str, ...], reading: ReadSettings) -> NDArray[Any]:
    from kg.raster import read_pixels

    values, names, nodata = read_pixels(path, bands=reading.bands)
    chosen = _chosen(tuple(n.lower() for n in names), wanted)
    if chosen is None:
        count = f"{len(values)} band{'s' * (len(values) > 1)} of {values.dtype}"
        example = "grey" if len(values) == 1 else "coastal,blue,green,red,..."
        scale = "" if values.dtype == np.uint8 else ", and full brightness: --white 3000"
        raise InputError(
            f"{path}: {count} called {_short(names)}; expected {', '.join(wanted)}",
            f"name the bands in file order: --bands {example}{scale}",
        )
    if values.dtype != np.uint8 and reading.white is None:
        raise InputError(
            f"{path}: values of {values.dtype} up to {np.nanmax(values):g}, and nobody said what full brightness is",
            "add --white VALUE, e.g. 3000 for Sentinel-2 (reflectance 0.3), 1 for floats in 0..1",
        )
    picked = values[chosen]
    known = np.isfinite(picked) & ((picked != nodata) if nodata is not None else True)
    if not known.any():
        raise InputError(f"{path}: no pixel has an observation", "check its nodata value")
    if values.dtype == np.uint8:
        return np.moveaxis(np.where(known, picked, 0).astype(np.uint8), 0, 2)
    bright = np.where(known, picked, 0).astype(np.float32) / np.float32(reading.white or 1)
    return np.moveaxis(np.clip(bright, 0, 1), 0, 2)


def _chosen(names: tuple[str, ...], wanted: tuple[str, ...]) -> list[int] | None:
    """Rows of the wanted bands; the only grey band stands for all of them; None where one is missing."""
    if len(names) == 1 and names[0] in GREY:
        return [0] * len(wanted)
    found = [names.index(name) for name in wanted if names.count(name) == 1]
    return found if len(found) == len(wanted) else None


def _short(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} ... {names[-1]}"
