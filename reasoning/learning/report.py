"""A report on every rule, from tiles that it was not learned from: effects come in, one line per rule goes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError
from kg.ontology import Axiom
from reasoning.learning.effects import METHODS, TileEffect, tile_effects
from reasoning.learning.fit import Fit
from reasoning.learning.learned import Learned
from reasoning.learning.scores import mean_iou
from reasoning.learning.tiles import LabelledTile, scenes
from reasoning.settings import CorrectSettings

Floats = NDArray[np.float64]

DRAWS = 2000
"""Resamples of the bootstrap."""
FEWEST = 3
"""Scenes in which a rule must have changed pixels before it is proposed for removal."""
WEIGHTS = ("expert", "learned")


@dataclass(frozen=True)
class RuleReport:
    """What one rule did on tiles that its numbers were not learned from.

    Attributes:
        iri: The rule.
        label: Its English name.
        expert: The expert's weight.
        learned: The weight learned from all tiles.
        tiles: Tiles in which it fired.
        regions: Regions that it told at least 0.01 nats between two labels.
        pixels: Their pixels.
        changed: Pixels whose label it changed.
        helped: Pixels that are right with it and wrong without it.
        harmed: Pixels that are wrong with it and right without it.
        net: (low, high) 95 % interval of helped - harmed: bootstrap over scenes.
        gain: Mean IoU of all tiles with it less that without it.
        wilson: (low, high) 95 % interval of helped / (helped + harmed) if pixels were independent. They are not:
            pixels of a region go together, so this is too narrow.
        removal: Whether it is proposed for removal: the whole interval of `net` is below 0, the mean IoU falls too, and
            it changed pixels in at least `FEWEST` scenes.
    """

    iri: str
    label: str
    expert: float
    learned: float
    tiles: int
    regions: int
    pixels: int
    changed: int
    helped: int
    harmed: int
    net: tuple[float, float]
    gain: float
    wilson: tuple[float, float]
    removal: bool


def rule_report(
    tiles: Sequence[LabelledTile],
    learned: Learned,
    *,
    settings: CorrectSettings | None = None,
    weights: str = "expert",
    method: str = METHODS[0],
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[RuleReport, ...]:
    """Report on every soft rule; each tile is corrected by what was learned from the tiles of other folds.

    Args:
        tiles: Those that were learned from, in the same order.
        learned: What `learn_weights` gave.
        settings: How tiles are corrected otherwise; default `CorrectSettings()`.
        weights: "expert" asks whether the rule, as the expert weighed it, helps beside the learned calibration;
            "learned" asks what is left of it after learning.
        method: As `reasoning.learning.effects.tile_effects` takes it.
        progress: Called with what is done, and how much of how much.

    Returns:
        One report per soft rule: those proposed for removal first, then by what they changed.

    Raises:
        InputError: Nothing was held out (tiles of one scene), or an unknown `weights` or `method`.
    """
    for value, known, name in ((weights, WEIGHTS, "weights"), (method, METHODS, "method")):
        if value not in known:
            raise InputError(
                f"{name} is {value!r}, expected one of {', '.join(known)}", f"leave out {name}"
            )
    if not learned.fold_fits:
        raise InputError(
            "no tile was held out (all tiles are of one scene), so a report would judge rules by the tiles that they "
            "were learned from",
            "give tiles of at least two scenes, or cut the scene into parts that lie apart",
        )
    fits = _fits(learned, weights)
    effects = tile_effects(
        tiles, fits, settings or CorrectSettings(), method=method, progress=progress
    )
    scene = scenes(tiles)
    before = {one.iri: one.weight for one in learned.expert.axioms}
    reports = [
        _report(axiom, before[axiom.iri], [e for e in effects if e.iri == axiom.iri], scene)
        for axiom in learned.axioms
        if not axiom.hard
    ]
    return tuple(sorted(reports, key=lambda one: (not one.removal, -one.changed, one.iri)))


def _fits(learned: Learned, weights: str) -> list[Fit]:
    """The fit that each tile is corrected with: of the fold that it was held out in."""
    fits = {tile: fit for held, fit in learned.fold_fits for tile in held}
    ordered = [fits[tile] for tile in sorted(fits)]
    if weights == "expert":
        return [replace(fit, axioms=learned.expert.axioms) for fit in ordered]
    return ordered


def _report(
    axiom: Axiom, expert: float, effects: Sequence[TileEffect], scene: NDArray[np.intp]
) -> RuleReport:
    net = np.zeros(int(scene.max()) + 1)
    touched = np.zeros(len(net), bool)
    for one in effects:
        net[scene[one.tile]] += one.helped - one.harmed
        touched[scene[one.tile]] |= one.changed > 0
    helped, harmed = sum(e.helped for e in effects), sum(e.harmed for e in effects)
    low, high = bootstrap(net)
    gain = _gain(effects)
    return RuleReport(
        iri=axiom.iri,
        label=axiom.label,
        expert=expert,
        learned=axiom.weight,
        tiles=len(effects),
        regions=sum(e.regions for e in effects),
        pixels=sum(e.pixels for e in effects),
        changed=sum(e.changed for e in effects),
        helped=helped,
        harmed=harmed,
        net=(low, high),
        gain=gain,
        wilson=wilson(helped, helped + harmed),
        removal=bool(high < 0 and gain < 0 and touched.sum() >= FEWEST),
    )


def _gain(effects: Sequence[TileEffect]) -> float:
    """Mean IoU with the rule less that without it, over the tiles in which it fires."""
    if not effects:
        return 0.0
    with_it = np.sum([e.counts for e in effects], axis=0)
    return mean_iou(with_it) - mean_iou(np.sum([e.without for e in effects], axis=0))


def bootstrap(values: Floats) -> tuple[float, float]:
    """95 % percentile interval of the sum, units drawn with replacement (Efron, Annals of Statistics 7, 1979).

    Args:
        values: (unit,) one value per independent unit.

    Returns:
        Low and high; the same for the same values. Too narrow for fewer than about ten units.
    """
    draws = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    low, high = np.quantile(values[draws].sum(axis=1), (0.025, 0.975))
    return float(low), float(high)


def wilson(hits: int, total: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson, Journal of the American Statistical Association 22, 1927)."""
    if total == 0:
        return 0.0, 1.0
    z, share = 1.96, hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    return float(middle - half), float(middle + half)
