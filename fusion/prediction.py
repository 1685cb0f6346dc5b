"""What a model said: class probabilities of pixels, or class scores of scenes. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.errors import RasterError
from kg.grid import Grid
from kg.legend import Legend


@dataclass(frozen=True)
class Lesson:
    """What labelled tiles teach about the errors of a network, said of one of its maps.

    Attributes:
        probabilities: (class, y, x) float32, what the map's own probabilities become by it; as valid as these.
        name: What holds the lesson; stored as provenance.
    """

    probabilities: NDArray[np.float32]
    name: str


@dataclass(frozen=True)
class Prediction:
    """Class probabilities of every pixel.

    Attributes:
        probabilities: (class, y, x) float32; sums to 1 where valid, all 0 where there is no observation.
        legend: Names the classes, in the order of the first axis.
        grid: Where the pixels lie.
        model: What made the prediction; stored as provenance.
        from_labels: Whether there were labels only, and the probabilities are a guess at how right they are.
        lesson: What is known of the network's errors here, a source of evidence beside the probabilities, or None.
    """

    probabilities: NDArray[np.float32]
    legend: Legend
    grid: Grid
    model: str
    from_labels: bool = False
    lesson: Lesson | None = None

    def __post_init__(self) -> None:
        expected = (len(self.legend.classes), *self.grid.shape)
        both = (self, self.lesson) if self.lesson else (self,)
        for shape in (one.probabilities.shape for one in both):
            if shape != expected:
                raise RasterError(
                    f"probabilities have shape {shape}, expected {expected} (class, y, x)",
                    "give one band per class of the legend",
                )

    @property
    def advised(self) -> Prediction:
        """The prediction as its lesson has it; itself where there is none."""
        if self.lesson is None:
            return self
        return replace(
            self, probabilities=self.lesson.probabilities, from_labels=False, lesson=None
        )

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(y, x): True where there is a prediction."""
        valid: NDArray[np.bool_] = self.probabilities.sum(axis=0) > 0.5
        return valid

    @property
    def labels(self) -> NDArray[np.int16]:
        """(y, x) int16 index of the most probable class (first on ties), -1 where not valid."""
        best = self.confidence
        out = np.full(best.shape, -1, np.int16)
        for label in range(len(self.probabilities) - 1, -1, -1):
            np.copyto(out, np.int16(label), where=self.probabilities[label] == best)
        out[~self.valid] = -1
        return out

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(y, x) float32 probability of the most probable class, 0 where not valid."""
        confidence: NDArray[np.float32] = self.probabilities.max(axis=0)
        return confidence


def prediction_from_labels(
    labels: NDArray[np.integer],
    legend: Legend,
    grid: Grid,
    *,
    confidence: float = 0.8,
    model: str = "labels",
) -> Prediction:
    """A prediction from hard labels: `confidence` on the stated class, the rest spread evenly.

    Args:
        labels: (y, x) class index, -1 where there is none.
        legend: Names the classes.
        grid: Where the pixels lie.
        confidence: Probability given to the stated class, in (1 / classes, 1).
        model: What made the labels.

    Raises:
        RasterError: `confidence` is out of range.
    """
    k = len(legend.classes)
    if not 1 / k < confidence < 1:
        raise RasterError(
            f"confidence {confidence}: expected more than {1 / k:.3f} (chance among {k} classes) and less than 1 "
            "(a label that is sure can never be corrected)",
            "--confidence 0.8, or 0.99 for labels that are hardly ever wrong",
        )
    rest = (1 - confidence) / (k - 1)
    out = np.full((k, *labels.shape), rest, np.float32)
    rows, cols = np.nonzero(labels >= 0)
    out[labels[rows, cols], rows, cols] = confidence
    out[:, labels < 0] = 0
    return Prediction(out, legend, grid, model, from_labels=True)


@dataclass(frozen=True)
class SceneScores:
    """Class scores of whole images.

    Attributes:
        items: One identifier per image (path or row name).
        classes: Class names, in the order of the second axis.
        iris: Class IRIs (empty string for a name outside the ontology).
        scores: (item, class) float32 probabilities; rows sum to 1.
        unseen: (class,) bool: True for classes without training images.
        model: What made the scores.
    """

    items: tuple[str, ...]
    classes: tuple[str, ...]
    iris: tuple[str, ...]
    scores: NDArray[np.float32]
    unseen: NDArray[np.bool_]
    model: str
