"""Learning in stages: prepared tiles and a calibration come in, weights fitted at their own marginals go out.

Calibration is fitted alone first, as if there were no rules. Weights are then fitted beside it by pseudo-likelihood at
the marginals of the fit so far; the tiles are solved with the new numbers, and so on. So the marginals that the last
fit supposes are (nearly) those that it leads to. At the end biases are moved for the mean IoU, on solved tiles too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reasoning.learning.calibration import Calibration
from reasoning.learning.choices import (
    Choices,
    Prior,
    class_weights,
    maximise,
    quieted,
    standard_errors,
    without,
)
from reasoning.learning.fit import Fit, Parameters
from reasoning.learning.prepared import PER_TILE, Prepared, choices_of, choose_pixels
from reasoning.learning.scores import polish
from reasoning.learning.steps import Arrays, Steps

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROOM = 16_000_000
"""Most features (pixels x classes x parameters) that are held at a time; about 0.5 GB while they are fitted."""
FEWEST = 100
"""Pixels that are looked at in each tile, however many tiles there are."""
SPEAKS = 0.01
"""Nats per unit of weight from which on a rule is said to speak about a region."""


@dataclass(frozen=True)
class Stages:
    """Knobs of learning in stages.

    Attributes:
        rounds: How often the tiles are solved and the weights fitted.
        shrinkage: Pull of weights, strengths and smoothness to where they start, in units of one tile.
        hold: Pull of temperature and biases to the calibration fitted alone, in the same units.
        balance: Exponent of the class weights.
        polished: Whether to move the biases for the mean IoU at the end.
        loose: A weaker pull, in the same units, that sets of rules are tried with as well where an expert weighed all
            of them; None: none.
    """

    rounds: int = 1
    shrinkage: float = 0.06
    hold: float = 0.1
    balance: float = 0.5
    polished: bool = False
    loose: float | None = None

    @property
    def solves(self) -> int:
        """How often each tile is solved."""
        return self.rounds + self.polished


@dataclass(frozen=True, eq=False)
class Staged:
    """What some tiles teach.

    Attributes:
        fit: The numbers.
        errors: (parameter,) standard errors with regions as clusters; NaN where no pixel says anything.
        spoken: (rule, tile) sampled regions that a rule tells at least `SPEAKS` nats per unit of its weight.
    """

    fit: Fit
    errors: Floats
    spoken: Ints


def learn_staged(
    tiles: Sequence[Prepared],
    parameters: Parameters,
    calibration: Calibration,
    stages: Stages | None = None,
    *,
    steps: Steps | None = None,
    name: str = "fit",
) -> Staged:
    """Fit weights, strengths and smoothness beside a calibration.

    Args:
        tiles: At least one, prepared with the rules of `parameters`; asked for one after the other, several times.
        parameters: Where weights start, and what is learned.
        calibration: Fitted alone (`reasoning.learning.calibration.fit_calibration`).
        stages: Knobs.
        steps: Remembers what is done already.
        name: Of this fit, among the steps.

    Returns:
        What was learned. The same input gives the same numbers.
    """
    course = _Course(tiles, parameters, calibration, stages or Stages(), steps or Steps())
    found = course.steps.do(
        name, lambda: course.taught(name), count=len(tiles) * course.stages.solves
    )
    return Staged(parameters.fit(found["theta"]), found["errors"], found["spoken"])


@dataclass(frozen=True, eq=False)
class _Course:
    """One fit: its tiles, what is learned, and how."""

    tiles: Sequence[Prepared]
    parameters: Parameters
    calibration: Calibration
    stages: Stages
    steps: Steps

    def taught(self, name: str) -> Arrays:
        """Parameters after all rounds, as arrays."""
        start = self.parameters.vector(
            replace(self.parameters.expert, calibration=self.calibration)
        )
        prior = self._prior(start)
        found: Arrays = {"theta": start}
        for number in range(self.stages.rounds):
            theta = found["theta"]
            found = self._round(f"{name}/round {number + 1}", theta, self._fitted(theta, prior))
        if not self.stages.polished:
            return found
        theta = found["theta"]
        moved = self._round(f"{name}/biases", theta, lambda parts: self._polished(parts, theta))
        return {**found, **moved}

    def _prior(self, center: Floats) -> Prior:
        prior = self.parameters.prior(self.stages.shrinkage, len(self.tiles))
        precision = prior.precision.copy()
        precision[: 1 + len(self.parameters.legend)] = self.stages.hold / len(self.tiles)
        return Prior(center, precision, prior.lower)

    def _round(self, name: str, theta: Floats, learn: Callable[[list[Choices]], Arrays]) -> Arrays:
        """Solve every tile with the numbers so far, then learn from their pixels."""
        fit = self.parameters.fit(theta)

        def seen(place: int) -> Choices:
            """The choices of one tile."""
            return Choices(
                **self.steps.do(
                    f"{name}/tile {place + 1} of {len(self.tiles)}",
                    lambda: vars(self._pixels(place, fit)),
                )
            )

        return self.steps.do(
            name, lambda: learn([seen(i) for i in range(len(self.tiles))]), count=len(self.tiles)
        )

    def _pixels(self, place: int, fit: Fit) -> Choices:
        """The sampled pixels of a tile at the marginals that the numbers lead to."""
        tile = self.tiles[place]
        each = len(self.parameters) * len(self.parameters.legend) * len(self.tiles)
        drawn = choose_pixels(tile, per_tile=int(np.clip(ROOM // each, FEWEST, PER_TILE)))
        return choices_of(tile, tile.solve(fit), self.parameters, drawn)

    def _fitted(self, theta: Floats, prior: Prior) -> Callable[[list[Choices]], Arrays]:
        first = self.parameters.smoothness + 1

        def learn(parts: list[Choices]) -> Arrays:
            """Parameters fitted to the choices, with their errors."""
            every, k = Choices.joined(parts), len(self.parameters.legend)
            both = _weighed(every, k, self.stages.balance)
            found = maximise(both, prior, theta, precise=False)
            found = quieted(found, every, np.bincount(every.truth, minlength=k) == 0)
            spoken = np.array([_spoken(one, first) for one in parts], np.int64).T
            return {
                "theta": found, "errors": standard_errors(found, both, prior), "spoken": spoken,
            }  # fmt: skip

        return learn

    def _polished(self, parts: list[Choices], theta: Floats) -> Arrays:
        both, k, moved = Choices.joined(parts), len(self.parameters.legend), theta.copy()
        moved[1 : 1 + k] += polish(both.scores(theta), both.truth, both.stands_for)
        return {"theta": moved}


def _weighed(choices: Choices, classes: int, balance: float) -> Choices:
    """A pixel counts for what it stands for, times the weight of its class; classes never seen are left out."""
    counts = np.bincount(choices.truth, weights=choices.stands_for, minlength=classes)
    weights = class_weights(np.rint(counts).astype(np.int64), balance)
    weight = choices.stands_for * weights[choices.truth]
    return replace(choices, weight=weight, offset=without(choices.offset, counts == 0))


def _spoken(choices: Choices, first: int) -> list[int]:
    """For each rule, the sampled regions to which its feature tells two classes apart."""
    features = choices.features[:, :, first:]
    speaks = np.ptp(features, axis=1) >= SPEAKS
    return [len(np.unique(choices.cluster[mine])) for mine in speaks.T]
