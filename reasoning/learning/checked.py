"""Which rules are worth having: labelled tiles and sets of rules come in, the fit that held-out tiles prefer goes out.

Calibration alone, and calibration with smoothness, are always among the candidates, so that what is learned is never
worse than these on the tiles that decide. The score of the winner is a little optimistic: it is the best of a few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kg.ontology import Axiom
from reasoning.learning.calibration import fit_calibration
from reasoning.learning.fit import Fit, Parameters, expert_fit
from reasoning.learning.prepared import Prepared, prepare
from reasoning.learning.scores import Floats, mean_iou, tile_counts
from reasoning.learning.staged import Stages, learn_staged
from reasoning.learning.tiles import LabelledTile, check_tiles, folds
from reasoning.settings import CorrectSettings

CALIBRATION, SMOOTHNESS = "calibration", "calibration + smoothness"
MARGIN = 0.001
"""Mean IoU by which rules must beat what needs none."""


@dataclass(frozen=True)
class Checked:
    """What held-out tiles prefer.

    Attributes:
        chosen: Name of the candidate.
        fit: That candidate, fitted to all tiles.
        scores: Name -> mean IoU of all held-out tiles together.
        fits: Name -> candidate fitted to all tiles; of those with rules only the chosen one.
    """

    chosen: str
    fit: Fit
    scores: Mapping[str, float]
    fits: Mapping[str, Fit]


def learn_checked(
    tiles: Sequence[LabelledTile],
    candidates: Mapping[str, Sequence[Axiom]],
    settings: CorrectSettings,
    *,
    stages: Stages | None = None,
    most_folds: int = 3,
) -> Checked:
    """Fit each set of rules to the tiles of the other folds, and keep what maps the held-out tiles best.

    Args:
        tiles: Of one legend, of at least two scenes.
        candidates: Name -> rules; each with the weights that it starts from.
        settings: How tiles are corrected.
        stages: Knobs of each fit.
        most_folds: Most parts that the tiles are held out in.

    Returns:
        The choice. Rules are kept only where they beat calibration, with and without smoothness, by `MARGIN`.

    Raises:
        InputError: No tile, no known pixel, or one scene only.
    """
    check_tiles(tiles)
    knobs, everything = stages or Stages(), range(len(tiles))
    courses = {SMOOTHNESS: _Course.of(tiles, (), settings, knobs)}
    courses |= {
        name: _Course.of(tiles, rules, settings, knobs) for name, rules in candidates.items()
    }
    parts = [[int(i) for i in part] for part in folds(tiles, most_folds)]
    scores = {CALIBRATION: courses[SMOOTHNESS].held_out(parts, alone=True)}
    scores |= {name: course.held_out(parts) for name, course in courses.items()}
    chosen = choose(scores)
    fits = {SMOOTHNESS: courses[SMOOTHNESS].fit(everything)}
    fits[CALIBRATION] = courses[SMOOTHNESS].alone(everything)
    if chosen not in fits:
        fits[chosen] = courses[chosen].fit(everything)
    return Checked(chosen, fits[chosen], scores, fits)


def fit_rules(
    tiles: Sequence[LabelledTile],
    rules: Sequence[Axiom],
    settings: CorrectSettings,
    stages: Stages | None = None,
) -> Fit:
    """Fit one set of rules to all tiles, whether it is worth it or not; arguments are those of `learn_checked`."""
    return _Course.of(tiles, rules, settings, stages or Stages()).fit(range(len(tiles)))


def choose(scores: Mapping[str, float]) -> str:
    """The best name, or the better one without rules where no set of rules beats it by `MARGIN`."""
    plain = max((CALIBRATION, SMOOTHNESS), key=lambda name: scores[name])
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= scores[plain] + MARGIN else plain


@dataclass(frozen=True, eq=False)
class _Course:
    """One set of rules, and the tiles prepared with it."""

    tiles: Sequence[Prepared]
    parameters: Parameters
    stages: Stages

    @staticmethod
    def of(
        tiles: Sequence[LabelledTile],
        rules: Sequence[Axiom],
        settings: CorrectSettings,
        stages: Stages,
    ) -> _Course:
        names = sorted({layer.name for tile in tiles for layer in tile.layers})
        expert = expert_fit(rules, names, settings)
        prepared = [prepare(tile, expert.axioms, settings) for tile in tiles]
        active = {iri for one in prepared for iri in one.rules}
        return _Course(prepared, Parameters.of(check_tiles(tiles), expert, active), stages)

    def alone(self, chosen: Sequence[int]) -> Fit:
        """Calibration without rules and smoothness."""
        tiles = [self.tiles[i].tile for i in chosen]
        found = fit_calibration(tiles, balance=self.stages.balance, polished=self.stages.polished)
        return replace(self.parameters.expert, axioms=(), calibration=found, smoothness=0.0)

    def fit(self, chosen: Sequence[int]) -> Fit:
        """Weights beside that calibration."""
        calibration = self.alone(chosen).calibration
        assert calibration is not None
        return learn_staged(
            [self.tiles[i] for i in chosen], self.parameters, calibration, self.stages
        )

    def held_out(self, parts: Sequence[Sequence[int]], *, alone: bool = False) -> float:
        """Mean IoU of all tiles together, each mapped by what the other folds teach."""
        k = len(self.parameters.legend)
        counts: Floats = np.zeros((k, k))
        for part in parts:
            rest = [i for i in range(len(self.tiles)) if i not in part]
            fit = self.alone(rest) if alone else self.fit(rest)
            for i in part:
                tile = self.tiles[i]
                counts += tile_counts(tile.tile, tile.labels(tile.solve(fit)))
        return mean_iou(counts)
