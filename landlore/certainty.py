"""How far labels can be believed, from files: labels, images and truth come in; lessons and probabilities go out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg.cog import write_raster
from kg.errors import InputError, LandloreWarning, OutputError
from kg.folder import check_place
from kg.legend import load_legend
from kg.raster import Raster, read_raster
from landlore.inputs import read_image, read_prediction
from landlore.labelled import TileFiles, read_tiles
from landlore.outputs import keep_inputs

if TYPE_CHECKING:
    from fusion.confidence_lesson import Example
    from fusion.learned_confidence import LearnedConfidence
    from kg.legend import Legend

UNITS = "probability, landlore"
"""Unit of the bands of a file of `estimate_confidence`: how such a file is told from anybody else's."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Estimate(Prediction):
    """Probabilities that an image made of labels.

    Attributes:
        given: (y, x) class index of each label, -1 where there is none.
        seen: (y, x) bool: where the image has an observation.
    """

    given: NDArray[np.int16]
    seen: NDArray[np.bool_]

    @property
    def other(self) -> int:
        """How many pixels have a likeliest class that is not the label."""
        return int(((self.given != self.labels) & (self.given >= 0)).sum())

    @property
    def unseen(self) -> int:
        """How many labels stand where the image has no observation: they keep one confidence."""
        return int(((self.given >= 0) & ~self.seen).sum())


def learn_confidence(
    files: TileFiles, out: str | Path, *, progress: Progress | None = None
) -> LearnedConfidence:
    """Learn from labelled tiles how far the labels of a network can be believed, and write it as an .npz file.

    Args:
        files: Labels, truth and images of tiles from two scenes or more.
        out: File for `estimate_confidence`.
        progress: Called with what was done, and how much of how much.

    Returns:
        What was learned; `held_out` and `helps` say whether it maps held-out scenes better than the labels as given.

    Raises:
        InputError: As `landlore.labelled.read_tiles`; no images, or one scene only.
        OutputError: The file cannot be written, or is there already and no lesson; found out before the work.
    """
    from fusion.confidence_lesson import learn_confidence as learn

    if not files.images:
        raise InputError(
            "no images: confidence is learned from labels and what the ground looks like",
            "add --image IMAGE for every file of labels",
        )
    target = _place(out, ".npz", files.paths)
    learned = learn(_examples(files, progress), load_legend(files.legend), progress=progress)
    learned.save(target)
    return learned


def estimate_confidence(
    labels: str | Path,
    image: str | Path,
    out: str | Path,
    *,
    legend: str = "worldcover",
    bands: Sequence[str] | None = None,
    learned: str | Path | None = None,
) -> Estimate:
    """Turn labels into probabilities by their image, and write them as a GeoTIFF that `landlore correct` takes.

    Args:
        labels: GeoTIFF of class codes.
        image: Image on the same grid.
        out: GeoTIFF to write, one band of float32 per class; NaN where there is no label.
        legend: Name or file of the legend of the codes.
        bands: Names of the image's bands, or None for the file's own.
        learned: File of `learn_confidence`; None judges by this one image alone (`fusion.confidence`).

    Raises:
        InputError: A file that cannot be read, lies on another grid, or was learned with another legend or other bands.
        OutputError: The file cannot be written, or is there already and not from here; found out before the work.
    """
    from fusion.confidence import estimate_confidence as estimate

    target = _place(out, ".tif", [labels, image, legend, learned])
    known, names = load_legend(legend), Path(labels).name
    given = read_prediction(labels, known)
    if not given.from_labels:
        raise _probabilities(labels)
    pixels = read_image(image, bands=bands, grid=given.grid)
    if learned is None:
        found = estimate(given.labels, pixels, known, model=names)
    else:
        found = read_lesson(learned).apply(given.labels, pixels, known, model=names)
    values = np.where(found.valid, found.probabilities, np.float32(np.nan)).astype(np.float32)
    layers = Raster(values, found.grid, np.nan, tuple(one.label for one in known.classes), UNITS)
    write_raster(target, layers, overviews="average")
    return Estimate(
        probabilities=found.probabilities, legend=known, grid=found.grid, model=found.model,
        given=given.labels, seen=pixels.valid,
    )  # fmt: skip


def read_lesson(path: str | Path) -> LearnedConfidence:
    """A lesson from its file.

    Raises:
        InputError: The file is none.

    Warns:
        LandloreWarning: Held-out scenes were mapped no better with it.
    """
    from fusion.learned_confidence import load_confidence

    lesson = load_confidence(path)
    if not lesson.helps:
        warnings.warn(
            f"{path}: held-out scenes were mapped no better with it than by the labels as given",
            LandloreWarning,
            stacklevel=2,
        )
    return lesson


def check_lesson(path: str | Path, legend: Legend, image: Raster | None) -> None:
    """Make sure, before the work, that a lesson can be used in a run.

    Raises:
        InputError: The file is no lesson, there is no image, or the lesson was learned with another legend or bands.
    """
    from fusion.learned_confidence import load_confidence

    if image is None:
        raise _no_image(path)
    load_confidence(path).check(legend, image.bands)


def with_lesson(given: Prediction, image: Raster | None, path: str) -> Prediction:
    """Labels with what a lesson says of them beside, as a source of evidence of its own.

    Args:
        given: Labels of the network that the lesson is about.
        image: Image on their grid.
        path: File of `learn_confidence`; "" leaves the labels as they are.

    Raises:
        InputError: As `check_lesson`; probabilities instead of labels.
    """
    if not path:
        return given
    if image is None:
        raise _no_image(path)
    return read_lesson(path).beside(given, image, name=Path(path).name)


def _no_image(path: str | Path) -> InputError:
    return InputError(
        f"--lesson {path}: no image; a lesson goes by labels and what the ground looks like",
        "add --image IMAGE with the bands that it was learned with",
    )


def _probabilities(name: str | Path) -> InputError:
    return InputError(
        f"{name}: holds probabilities already, expected one band of codes",
        "landlore correct takes them as they are",
    )


def _place(out: str | Path, suffix: str, read: Sequence[object]) -> Path:
    """The file to write, refused before the work where it cannot be, or where somebody else's is."""
    target = Path(out)
    if target.suffix != suffix:
        raise OutputError(f"{out}: expected a name that ends in {suffix}", f"-o OUT{suffix}")
    keep_inputs([target], read)
    if target.is_file() and target.stat().st_size and not _ours(target):
        raise OutputError(
            f"{target}: is there already, and landlore confidence did not write it",
            "choose another place with -o, or delete the file",
        )
    check_place(target)
    return target


def _ours(path: Path) -> bool:
    """Whether a file is a lesson, or probabilities that `estimate_confidence` wrote."""
    from fusion.learned_confidence import load_confidence

    try:
        if path.suffix == ".npz":
            return bool(load_confidence(path))
        return read_raster(path, window=(0, 0, 1, 1)).units == UNITS
    except InputError:
        return False


def _examples(files: TileFiles, progress: Progress | None) -> Iterator[Example]:
    from fusion.confidence_lesson import Example

    tiles = read_tiles(files)
    for i, tile in enumerate(tiles):
        given = tile.prediction
        if not given.from_labels:
            raise _probabilities(tile.name)
        if tile.image is None or not (given.valid & (tile.truth >= 0) & tile.image.valid).any():
            raise InputError(
                f"{tile.name}: no pixel has a label, an observation and a truth",
                "leave the tile out, or give files that overlap and have the same codes",
            )
        yield Example(given.labels, tile.image, tile.truth, tile.scene or tile.name)
        if progress is not None:
            progress("tiles looked at", i + 1, len(tiles))
