"""Weights of rules from labelled tiles: tiles and axioms come in, learned weights with held-out scores go out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kg.ontology import Axiom
from reasoning.learning.calibration import Calibration, fit_calibration
from reasoning.learning.choices import Choices, standard_errors
from reasoning.learning.fit import Fit, Parameters, expert_fit
from reasoning.learning.learned import HeldOut, Learned, LearnedWeight
from reasoning.learning.prepared import Prepared, prepare
from reasoning.learning.samples import PER_TILE, choices_of, choose_pixels
from reasoning.learning.school import LearnSettings, Pupil, School
from reasoning.learning.scores import tile_counts
from reasoning.learning.tiles import LabelledTile, check_tiles, folds, scenes

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]

MESSAGE = 0.01
"""Nats per unit of weight from which on a rule is said to speak about a region."""


def learn_weights(
    tiles: Sequence[LabelledTile],
    axioms: Sequence[Axiom],
    *,
    settings: LearnSettings | None = None,
    progress: Progress | None = None,
) -> Learned:
    """Learn calibration, strengths of sources, smoothness and weights of rules, and score them on held-out tiles.

    The likelihood of the true labels given the marginals around them is maximised (`reasoning.learning.samples`), held
    to the expert's weights by a Gaussian prior. How strongly, and how far rare classes count more, is chosen by
    cross-validation over tiles; what is claimed is scored on tiles that neither the fit nor that choice has seen.

    Args:
        tiles: Of one legend. With tiles of one scene only, nothing can be held out: shrinkage is the strongest of the
            settings, and `Learned.held_out` is empty.
        axioms: Rules with the expert's weights; hard rules act, but their weights are not learned.
        settings: Knobs.
        progress: Called with what is done, and how much of how much.

    Returns:
        What was learned. The same input gives the same numbers.

    Raises:
        InputError: No tile, or no known pixel.
        LegendError: Tiles with different legends.
        RuleError: A rule that cannot be compiled.
    """
    knobs, say = settings or LearnSettings(), progress or silent
    legend = check_tiles(tiles)
    names = sorted({layer.name for tile in tiles for layer in tile.layers})
    expert = expert_fit(axioms, names, knobs.correct)
    prepared = []
    for i, tile in enumerate(tiles):
        prepared.append(prepare(tile, expert.axioms, knobs.correct))
        say("tiles prepared", i + 1, len(tiles))
    active = {iri for one in prepared for iri in one.rules}
    parameters = Parameters.of(legend, expert, active)
    school = School(parameters, tuple(_pupil(one, parameters) for one in prepared), knobs)
    held, fits = _cross_validate(school, tiles, say) if knobs.held_out else ((), ())
    theta, choice, choices = school.learn(np.arange(len(tiles)))
    fit = parameters.fit(school.finished(theta, choice, choices))
    errors = standard_errors(theta, choices, parameters.prior(choice.shrinkage, len(tiles)))
    weights = _weights(parameters, fit, errors, school)
    return Learned(fit, expert, choice, weights, held, fits)


def silent(what: str, done: int, total: int) -> None:
    """Report no progress."""


def _pupil(tile: Prepared, parameters: Parameters) -> Pupil:
    solution = tile.solve(parameters.expert)
    choices = choices_of(tile, solution, parameters, choose_pixels(tile))
    return Pupil(tile, choices, tile_counts(tile.tile, tile.labels(solution)))


def _cross_validate(
    school: School, tiles: Sequence[LabelledTile], say: Progress
) -> tuple[tuple[HeldOut, ...], tuple[tuple[tuple[int, ...], Fit], ...]]:
    """Map each tile by what the tiles of other folds teach."""
    if scenes(tiles).max() == 0:
        return (), ()
    held: list[HeldOut] = []
    fits: list[tuple[tuple[int, ...], Fit]] = []
    for part in folds(tiles, school.settings.most_folds):
        rest = np.setdiff1d(np.arange(len(tiles)), part)
        theta, choice, choices = school.learn(rest)
        fit = school.parameters.fit(school.finished(theta, choice, choices))
        alone = fit_calibration(
            [tiles[i] for i in rest],
            balance=choice.balance,
            polished=choice.polished,
            samples=PER_TILE,
        )
        fits.append((tuple(int(i) for i in part), fit))
        for i in part:
            held.append(_held_out(int(i), school.pupils[i], fit, alone))
            say("tiles held out", len(held), len(tiles))
    return tuple(sorted(held, key=lambda one: one.tile)), tuple(fits)


def _held_out(index: int, pupil: Pupil, fit: Fit, alone: Calibration) -> HeldOut:
    """Map a tile in each of the ways that are compared."""
    tile = pupil.tile.tile
    before = pupil.tile.terms.before
    counts = {
        "network": tile_counts(tile, before.labels),
        "calibration": tile_counts(tile, alone.apply(before).labels),
        "expert": pupil.expert,
        "learned": tile_counts(tile, pupil.tile.labels(pupil.tile.solve(fit))),
    }
    return HeldOut(index, tile.name or f"tile {index + 1}", counts)


def _weights(
    parameters: Parameters, fit: Fit, errors: Floats, school: School
) -> tuple[LearnedWeight, ...]:
    expert = {axiom.iri: axiom.weight for axiom in parameters.expert.axioms}
    out = []
    for axiom in fit.axioms:
        if axiom.hard:
            continue
        regions, tiles, error = 0, 0, float("nan")
        if axiom.iri in parameters.rules:
            column = parameters.smoothness + 1 + parameters.rules.index(axiom.iri)
            spoken = [_spoken(pupil.choices, column) for pupil in school.pupils]
            regions, tiles = sum(spoken), sum(count > 0 for count in spoken)
            error = float(errors[column])
        out.append(LearnedWeight(axiom.iri, expert[axiom.iri], axiom.weight, error, regions, tiles))
    return tuple(out)


def _spoken(choices: Choices, column: int) -> int:
    """Sampled regions to which a feature tells two classes apart by at least `MESSAGE`."""
    speaks = np.ptp(choices.features[:, :, column], axis=1) >= MESSAGE
    return len(np.unique(choices.cluster[speaks]))
