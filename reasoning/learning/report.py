"""A report on every rule, from tiles that it was not learned from: effects come in, one line per rule goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError
from reasoning.learning.effects import METHODS, TileEffect, tile_effects
from reasoning.learning.fit import Fit
from reasoning.learning.learned import Learned, LearnedWeight
from reasoning.learning.scores import mean_iou
from reasoning.learning.steps import Steps
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

    @property
    def verdict(self) -> str:
        """What that means, in words."""
        if self.removal:
            return "harms: proposed for removal"
        if not self.changed:
            return "changes no label" if self.tiles else "never fires"
        if self.net[0] > 0 and self.gain > 0:
            return "helps"
        if self.helped > self.harmed:
            fewer = "more pixels right than wrong, but a lower mean IoU"
            return fewer if self.gain < 0 else "maybe helps"
        if self.helped < self.harmed:
            return "harms here, maybe by chance"
        return "harms the mean IoU here" if self.gain < 0 else "as often right as wrong"


def rule_report(
    tiles: Sequence[LabelledTile],
    learned: Learned,
    *,
    settings: CorrectSettings | None = None,
    weights: str = "expert",
    method: str = METHODS[0],
    steps: Steps | None = None,
) -> tuple[RuleReport, ...]:
    """Report on every soft rule of `learned.weights`; each tile is corrected by what other parts of the tiles taught.

    Args:
        tiles: Those that were learned from, in the same order.
        learned: What `reasoning.learning.checked.learn_checked` gave.
        settings: How tiles are corrected otherwise; default `CorrectSettings()`.
        weights: "expert" asks whether the rule, as the expert weighed it, helps beside the learned calibration (one
            whose weight was 0 before learning is judged as learned); "learned" asks what is left of it after learning.
        method: As `reasoning.learning.effects.tile_effects` takes it.
        steps: Remembers what is done already.

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
        raise nothing_held_out()
    fits = _fits(learned, weights)
    effects = tile_effects(tiles, fits, settings or CorrectSettings(), method=method, steps=steps)
    scene = scenes(tiles)
    names = {axiom.iri: axiom.label for axiom in learned.expert.axioms}
    reports = [
        _report(one, names[one.iri], [e for e in effects if e.iri == one.iri], scene)
        for one in learned.weights
    ]
    return tuple(sorted(reports, key=lambda one: (not one.removal, -one.changed, one.iri)))


def nothing_held_out() -> InputError:
    """The error for a report on tiles of one scene."""
    return InputError(
        "no tile was held out (all tiles are of one scene), so a report would judge rules by the tiles that they "
        "were learned from",
        "give tiles of at least two scenes, or cut the scene into parts that lie apart",
    )


def _fits(learned: Learned, weights: str) -> list[Fit]:
    """The fit that each tile is corrected with: of the part that it was held out in."""
    before = {axiom.iri: axiom.weight for axiom in learned.expert.axioms}
    fits = {tile: fit for held, fit in learned.fold_fits for tile in held}
    ordered = [fits[tile] for tile in sorted(fits)]
    if weights == "learned":
        return ordered
    return [
        replace(fit, axioms=tuple(replace(a, weight=before[a.iri] or a.weight) for a in fit.axioms))
        for fit in ordered
    ]


def _report(
    one: LearnedWeight, name: str, effects: Sequence[TileEffect], scene: NDArray[np.intp]
) -> RuleReport:
    net = np.zeros(int(scene.max()) + 1)
    touched = np.zeros(len(net), bool)
    for effect in effects:
        net[scene[effect.tile]] += effect.helped - effect.harmed
        touched[scene[effect.tile]] |= effect.changed > 0
    helped, harmed = sum(e.helped for e in effects), sum(e.harmed for e in effects)
    low, high = bootstrap(net)
    gain = _gain(effects)
    return RuleReport(
        iri=one.iri,
        label=name,
        expert=one.expert,
        learned=one.learned,
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
