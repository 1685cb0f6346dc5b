"""Learning in stages: prepared tiles and a calibration come in, weights fitted at their own marginals go out.

Calibration is fitted alone first, as if there were no rules. Weights are then fitted beside it by pseudo-likelihood at
the marginals of the fit so far; the tiles are solved with the new numbers, and so on. So the marginals that the last
fit supposes are (nearly) those that it leads to. At the end biases are moved for the mean IoU, on solved tiles too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reasoning.learning.calibration import Calibration
from reasoning.learning.choices import Choices, Prior, class_weights, maximise, without
from reasoning.learning.fit import Fit, Parameters
from reasoning.learning.polish import polish
from reasoning.learning.prepared import Prepared
from reasoning.learning.samples import choices_of, choose_pixels

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stages:
    """Knobs of learning in stages.

    Attributes:
        rounds: How often the tiles are solved and the weights fitted.
        shrinkage: Pull of weights, strengths and smoothness to where they start, in units of one tile.
        hold: Pull of temperature and biases to the calibration fitted alone, in the same units.
        balance: Exponent of the class weights.
        polished: Whether to move the biases for the mean IoU at the end.
    """

    rounds: int = 2
    shrinkage: float = 1e-3
    hold: float = 1.0
    balance: float = 0.25
    polished: bool = True


def learn_staged(
    tiles: Sequence[Prepared],
    parameters: Parameters,
    calibration: Calibration,
    stages: Stages | None = None,
) -> Fit:
    """Fit weights, strengths and smoothness beside a calibration.

    Args:
        tiles: At least one, prepared with the rules of `parameters`.
        parameters: Where weights start, and what is learned.
        calibration: Fitted alone (`reasoning.learning.calibration.fit_calibration`).
        stages: Knobs.

    Returns:
        The fit. The same input gives the same numbers.
    """
    knobs = stages or Stages()
    start = replace(parameters.expert, calibration=calibration)
    theta = parameters.vector(start)
    prior = _prior(theta, parameters, knobs, len(tiles))
    pixels = [choose_pixels(tile) for tile in tiles]
    for _ in range(knobs.rounds):
        choices = _solved(tiles, parameters, theta, pixels)
        weighed = _weighed(choices, len(parameters.legend), knobs.balance)
        theta = maximise(weighed, prior, theta, precise=False)
    if knobs.polished:
        choices = _solved(tiles, parameters, theta, pixels)
        k = len(parameters.legend)
        theta[1 : 1 + k] += polish(choices.scores(theta), choices.truth, choices.stands_for)
    return parameters.fit(theta)


def _prior(center: Floats, parameters: Parameters, knobs: Stages, tiles: int) -> Prior:
    prior = parameters.prior(knobs.shrinkage, tiles)
    precision = prior.precision.copy()
    precision[: 1 + len(parameters.legend)] = knobs.hold / tiles
    return Prior(center, precision, prior.lower)


def _solved(
    tiles: Sequence[Prepared],
    parameters: Parameters,
    theta: Floats,
    pixels: Sequence[tuple[NDArray[np.intp], NDArray[np.intp], Floats]],
) -> Choices:
    """The sampled pixels at the marginals that the parameters lead to."""
    fit = parameters.fit(theta)
    return Choices.joined(
        [
            choices_of(tile, tile.solve(fit), parameters, drawn)
            for tile, drawn in zip(tiles, pixels, strict=True)
        ]
    )


def _weighed(choices: Choices, classes: int, balance: float) -> Choices:
    """A pixel counts for what it stands for, times the weight of its class; classes never seen are left out."""
    counts = np.bincount(choices.truth, weights=choices.stands_for, minlength=classes)
    weights = class_weights(np.rint(counts).astype(np.int64), balance)
    weight = choices.stands_for * weights[choices.truth]
    return replace(choices, weight=weight, offset=without(choices.offset, counts == 0))
