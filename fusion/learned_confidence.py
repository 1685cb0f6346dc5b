"""How far labels can be believed, as learned from tiles with truth: labels and image come in, probabilities go out.

No torch here; `fusion.confidence_lesson` learns it. A network errs in its own way: it misses thin roads, or takes
shadows for water. The probability of each class follows from the label, the labels around it and the look of the
pixel, by multinomial logistic regression (Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
4.4), divided by (share of the class) ** exponent, because the mean IoU asks for rare classes (logit adjustment, Menon
et al., 2021).
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from fusion.confidence import appearance
from fusion.prediction import Lesson, Prediction, prediction_from_labels
from kg.errors import GridError, InputError, LandloreWarning
from kg.folder import replace_file
from kg.legend import Legend
from kg.raster import Raster

Floats = NDArray[np.float64]

WINDOWS = (5, 17, 49)
"""Sides in pixels of the windows in which labels around a pixel are counted."""
STRIP, BEYOND = 256, max(WINDOWS) // 2
"""Rows that are looked at at once, and how far beyond them windows reach: memory does not grow with the image."""
FAR, WIDE = 5.0, 50.0
"""Deviations that the mean of a band may be from that of training, and times that its own deviation may differ:
farther, it is in another unit."""
LEAST_SHARE = 0.01
"""Share of a window below which a class counts as hardly there."""
FORMAT = "landlore-confidence-2"
_ARRAYS = ("mean", "scale", "weights", "share", "held_out")
_TOLD = 4  # words before the names of the bands: format, legend, its hash, tiles


@dataclass(frozen=True, eq=False)
class LearnedConfidence:
    """What was learned.

    Attributes:
        legend: IRI of the legend.
        bands: Names of the bands, in order.
        mean: (feature,) of the training pixels.
        scale: (feature,) standard deviation of the same.
        weights: (feature + 1, class) of the standardised features and of 1.
        share: (class,) of the training pixels.
        exponent: Power of `share` that probabilities are divided by.
        held_out: Mean IoU in % on held-out scenes: of the labels as given, then for each exponent that was tried.
        legend_hash: `legend_hash` of the legend.
        tiles: How many tiles taught it.
    """

    legend: str
    bands: tuple[str, ...]
    mean: Floats
    scale: Floats
    weights: Floats
    share: Floats
    exponent: float
    held_out: Floats
    legend_hash: str
    tiles: int

    @property
    def helps(self) -> bool:
        """Whether held-out scenes were mapped better than by the labels as given."""
        return bool(self.held_out[1:].max() > self.held_out[0])

    def apply(
        self,
        labels: NDArray[np.integer],
        image: Raster,
        legend: Legend,
        *,
        model: str = "labels, confidence learned",
    ) -> Prediction:
        """Probabilities for labels of the same network.

        Args:
            labels: (y, x) class index, -1 where there is none.
            image: The same bands as in training, on the grid of the labels.
            legend: The legend of training.
            model: What made the labels.

        Returns:
            Probabilities; all 0 where there is no label, 0.8 for the label where the image has no observation.

        Raises:
            GridError: Image and labels differ in size.
            InputError: Another legend, or other bands.
        """
        check_sizes(labels, image)
        given = prediction_from_labels(labels, legend, image.grid, model=model)
        return Prediction(self.about(given, image), legend, image.grid, model)

    def beside(self, given: Prediction, image: Raster, *, name: str = "lesson") -> Prediction:
        """A map of labels with what this says of it beside, so that each is a reason of its own.

        Args:
            given: Labels of the same network, as `prediction_from_labels` makes a prediction of them.
            image: As in `apply`.
            name: What holds this lesson; stored as provenance.

        Raises:
            GridError: Image and labels differ in size.
            InputError: Another legend, other bands, or probabilities instead of labels.
        """
        if not given.from_labels or given.lesson is not None:
            raise InputError(
                f"{given.model}: holds probabilities already, expected labels; {name} was learned from labels",
                "correct it without the lesson",
            )
        return replace(given, lesson=Lesson(self.about(given, image), name))

    def about(self, given: Prediction, image: Raster) -> NDArray[np.float32]:
        """(class, y, x) float32 probabilities of given labels; their own where the image has no observation.

        Raises:
            GridError: Image and labels differ in size.
            InputError: Another legend, or other bands.
        """
        labels = given.labels
        check_sizes(labels, image)
        self.check(given.legend, image.bands)
        p, use = given.probabilities.copy(), (labels >= 0) & image.valid
        self._tell_of_other_units(image.values[:, use].astype(np.float64).T)
        for first in range(0, len(labels), STRIP):
            rows = slice(first, first + STRIP)
            around = slice(max(first - BEYOND, 0), first + STRIP + BEYOND)
            seen = features(labels[around], _strip(image, around), len(given.legend))
            here = seen[first - around.start :][:STRIP][use[rows]]
            p[:, rows][:, use[rows]] = self.probabilities(here).T
        return p

    def _tell_of_other_units(self, values: Floats) -> None:
        """Warn of the first band (pixel, band) that cannot be in the unit that it was learned in."""
        for i, name in enumerate(self.bands if len(values) else ()):
            mean, spread = values[:, i].mean(), values[:, i].std() / self.scale[i]
            if abs(mean - self.mean[i]) > FAR * self.scale[i] or not 1 / WIDE < spread < WIDE:
                warnings.warn(
                    f"band {name} is {mean:.4g} +- {values[:, i].std():.2g} here and {self.mean[i]:.4g} +- "
                    f"{self.scale[i]:.2g} where the lesson was learned: give it in the same unit",
                    LandloreWarning,
                    stacklevel=4,
                )
                return

    def check(self, legend: Legend, bands: Sequence[str]) -> None:
        """Make sure that labels and image are of the kind that this was learned from.

        Raises:
            InputError: Another legend, another version of it, or other bands.
        """
        _same("legend", self.legend, legend.iri)
        _same("bands", ", ".join(self.bands), ", ".join(bands))
        _same("codes and classes (hash)", self.legend_hash, legend_hash(legend))

    def probabilities(self, rows: Floats) -> Floats:
        """(pixel, class) of features (pixel, feature)."""
        scores = ((rows - self.mean) / self.scale) @ self.weights[:-1] + self.weights[-1]
        return softmax(scores - self.exponent * np.log(self.share))

    def save(self, path: str | Path) -> None:
        """Write an .npz file, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        told = (FORMAT, self.legend, self.legend_hash, str(self.tiles))
        body, words = io.BytesIO(), np.array([*told, *self.bands])
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        np.savez(body, words=words, exponent=np.array(self.exponent), **arrays)
        replace_file(Path(path), body.getvalue())


def load_confidence(path: str | Path) -> LearnedConfidence:
    """Read what `LearnedConfidence.save` wrote.

    Raises:
        InputError: The file is none of these.
    """
    hint = "landlore confidence LABELS... --truth TRUTH --image IMAGE -o FILE.npz makes one"
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file", hint)
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in ("words", "exponent", *_ARRAYS)}
        words = [str(word) for word in found.pop("words")]
        exponent = found.pop("exponent").item()
        if words[0] != FORMAT:
            raise ValueError(f"format {words[0]}, expected {FORMAT}")
        _, legend, seen, tiles = words[:_TOLD]
        told = {"legend_hash": seen, "tiles": int(tiles), "exponent": exponent}
    except (OSError, KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a file of landlore confidence ({error})", hint) from error
    return LearnedConfidence(legend, tuple(words[_TOLD:]), **told, **found)


def legend_hash(legend: Legend) -> str:
    """Fingerprint of the codes of a legend, their classes and their order."""
    told = [(code, one.iri) for code, one in zip(legend.codes, legend.classes, strict=True)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _strip(image: Raster, rows: slice) -> Raster:
    """Some rows of an image."""
    values = image.values[:, rows]
    grid = image.grid.window(rows.start, 0, values.shape[1], image.grid.width)
    return replace(image, values=values, grid=grid)


def features(labels: NDArray[np.integer], image: Raster, classes: int) -> Floats:
    """(y, x, feature): looks, the label as 0 and 1, and the logarithms of the shares of labels around."""
    planes = [np.moveaxis(appearance(image), -1, 0)]
    each = np.stack([(labels == k).astype(np.float64) for k in range(classes)])
    planes.append(each)
    for side in WINDOWS:
        around = np.stack([uniform_filter(one, side) for one in each])
        planes.append(np.log(np.maximum(around, 0) + LEAST_SHARE))
    return np.moveaxis(np.concatenate(planes), 0, -1)


def softmax(scores: Floats) -> Floats:
    """(pixel, class) probabilities of scores (pixel, class)."""
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def check_sizes(labels: NDArray[np.integer], image: Raster) -> None:
    """Make sure that labels and image have one size.

    Raises:
        GridError: They have not.
    """
    if labels.shape != image.grid.shape:
        raise GridError(
            f"labels have shape {labels.shape}, the image {image.grid.shape} (rows, columns): different grids",
            "put the image onto the grid of the labels",
        )


def _same(what: str, known: str, found: str) -> None:
    if found != known:
        raise InputError(
            f"the confidence was learned with {what} {known}; here: {found}",
            f"give the same {what}, or learn anew",
        )
