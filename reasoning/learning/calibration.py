"""How far a model's probabilities can be believed: labelled tiles come in, a temperature and class biases go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg.errors import InputError, LegendError
from kg.legend import Legend
from reasoning.learning.choices import Choices, Prior, class_weights, maximise, quieted, without
from reasoning.learning.scores import polish
from reasoning.learning.tiles import LabelledTile, check_tiles, class_counts, spread

Floats = NDArray[np.float64]

COLDEST = 0.05
"""Smallest 1 / temperature that is fitted; a model that says nothing right would go to 0."""
FLOOR = 1e-4
"""Smallest probability that is told from 0, as in `reasoning.correct.CorrectSettings`."""


@dataclass(frozen=True)
class Calibration:
    """Scores of a class are `log p / temperature + bias`, up to a constant per pixel, more for the class given.

    Temperature scaling is that of Guo et al., "On calibration of modern neural networks", ICML 2017; with one bias per
    class it is their vector scaling with a shared scale.

    Attributes:
        temperature: Above 1 for a model that is too sure of itself, below 1 for one that is not sure enough.
        bias: (class,) nats per class; they sum to 0.
        classes: IRI of the class of each bias.
        caution: Nats that the likeliest class of the network gets beside: all else must outweigh them before a label
            changes (`reasoning.learning.caution`).

    Raises:
        InputError: A temperature that is not above 0, a caution below 0, a bias that is no number, or not one bias per
            class.
    """

    temperature: float
    bias: tuple[float, ...]
    classes: tuple[str, ...]
    caution: float = 0.0

    def __post_init__(self) -> None:
        if (
            not 0 < self.temperature < np.inf
            or not 0 <= self.caution < np.inf
            or not np.isfinite(self.bias).all()
            or len(self.bias) != len(self.classes)
        ):
            raise InputError(
                f"calibration with temperature {self.temperature}, caution {self.caution} and {len(self.bias)} biases "
                f"for {len(self.classes)} classes; expected a temperature above 0, a caution of 0 or more and one "
                "finite bias per class",
                "fit it again from labelled tiles",
            )

    def biases(self, legend: Legend) -> Floats:
        """(class,) float64 bias in the order of a legend.

        Raises:
            LegendError: The legend has a class that this calibration was not fitted for.
        """
        known = dict(zip(self.classes, self.bias, strict=True))
        missing = [one.iri for one in legend.classes if one.iri not in known]
        if missing:
            raise LegendError(
                f"calibration: no bias for <{missing[0]}> of legend {legend.name}; it was fitted for "
                f"{', '.join(self.classes)}",
                "fit it on tiles of this legend",
            )
        return np.array([known[one.iri] for one in legend.classes])

    def scores(self, logs: Floats, legend: Legend) -> Floats:
        """Calibrated scores, nats.

        Args:
            logs: (..., class) float64 log p, floored.
            legend: Names the last axis.
        """
        scores = logs / self.temperature + self.biases(legend)
        if self.caution:
            given = logs.argmax(axis=-1)[..., None] == np.arange(logs.shape[-1])
            scores += self.caution * given
        return scores

    def apply(self, prediction: Prediction, *, floor: float = FLOOR) -> Prediction:
        """The same prediction with calibrated probabilities.

        Args:
            prediction: Any model's.
            floor: Smallest probability that is told from 0.

        Returns:
            Probabilities that sum to 1 where the prediction is valid, all 0 elsewhere.
        """
        logs = np.log(np.maximum(prediction.probabilities.astype(np.float64), floor))
        scores = self.scores(np.moveaxis(logs, 0, -1), prediction.legend)
        scores -= scores.max(axis=-1, keepdims=True)
        odds = np.exp(scores)
        p = np.moveaxis(odds / odds.sum(axis=-1, keepdims=True), -1, 0).astype(np.float32)
        return replace(
            prediction,
            probabilities=np.where(prediction.valid, p, np.float32(0)),
            model=f"{prediction.model}, calibrated",
        )


def identity(legend: Legend) -> Calibration:
    """The calibration that changes nothing."""
    return Calibration(1.0, (0.0,) * len(legend), tuple(one.iri for one in legend.classes))


def fit_calibration(
    tiles: Sequence[LabelledTile],
    *,
    balance: float = 0.5,
    shrinkage: float = 0.01,
    floor: float = FLOOR,
    samples: int = 20_000,
    polished: bool = False,
) -> Calibration:
    """Fit temperature and biases so that the true labels become as likely as they can be.

    Maximises the mean log-likelihood less `shrinkage / tiles * ((1/T - 1)^2 + sum of bias^2) / 2`, which is concave in
    1/T and the biases: one answer, whatever the start. Pixels are taken evenly over each tile. A class that no pixel
    truly has is left out of the likelihood: few tiles are no proof that it does not exist. Its bias is as low as it
    takes for no pixel that the model calls otherwise to become one.

    Args:
        tiles: At least one; all with the same legend.
        balance: Weight of a pixel is (1 / share of its class) ** balance: 0 maximises the likelihood of pixels, 1 that
            of classes, which favours recall of rare ones over their precision.
        shrinkage: How strongly few tiles are held to "no change", in units of one tile.
        floor: Smallest probability that is told from 0.
        samples: Most pixels per tile that are looked at.
        polished: Move the biases for the mean IoU afterwards (`reasoning.learning.scores`).

    Returns:
        The calibration, rounded to 6 digits so that a file holds the same numbers.

    Raises:
        InputError: No tile, or no pixel whose truth and prediction are both known.
    """
    legend = check_tiles(tiles)
    k, total = len(legend), class_counts(tiles)
    parts = [_pixels(tile, floor, samples, class_weights(total, balance)) for tile in tiles]
    every = Choices.joined(parts)
    both = replace(every, offset=without(every.offset, total == 0))
    prior = Prior(
        center=np.concatenate([[1.0], np.zeros(k)]),
        precision=np.full(1 + k, shrinkage / len(tiles)),
        lower=np.concatenate([[COLDEST], np.full(k, -np.inf)]),
    )
    theta = quieted(maximise(both, prior), every, total == 0)
    if polished:
        theta[1:] += polish(both.scores(theta), both.truth, both.stands_for)
    return from_parameters(theta, legend)


def from_parameters(theta: Floats, legend: Legend) -> Calibration:
    """Calibration of (1/T, bias of each class), rounded."""
    bias = theta[1:] - theta[1:].mean()
    return Calibration(
        round(float(1 / theta[0]), 6),
        tuple(round(float(one), 6) for one in bias),
        tuple(one.iri for one in legend.classes),
    )


def _pixels(tile: LabelledTile, floor: float, samples: int, weights: Floats) -> Choices:
    """The known pixels of a tile as choices between classes that depend on log p and on a bias."""
    rows, cols = spread(tile.known, samples)
    p = tile.prediction.probabilities[:, rows, cols].T.astype(np.float64)
    logs = np.log(np.maximum(p, floor))
    n, k = logs.shape
    features = np.empty((n, k, 1 + k))
    features[:, :, 0] = logs
    features[:, :, 1:] = np.eye(k)
    truth = tile.truth[rows, cols].astype(np.intp)
    each = int(tile.known.sum()) / max(n, 1)
    return Choices(
        features, np.zeros((n, k)), truth, weights[truth] * each, np.full(n, each), np.arange(n)
    )
