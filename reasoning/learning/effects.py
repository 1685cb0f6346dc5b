"""What single rules do on labelled tiles: tiles and the numbers they are corrected with come in, effects go out.

A rule is left out, the tile is solved again from the same start, and both maps are compared with the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from reasoning.inference.infer import Solution, region_message
from reasoning.learning.fit import Fit
from reasoning.learning.prepared import Prepared, prepare
from reasoning.learning.scores import tile_counts
from reasoning.learning.steps import Arrays, Steps
from reasoning.learning.tiles import LabelledTile
from reasoning.settings import CorrectSettings

Floats = NDArray[np.float64]
Labels = NDArray[np.int16]

SPEAKS = 0.01
"""Nats between two labels of a region from which on a rule is said to fire there."""
METHODS = ("leave-one-out", "one step")


@dataclass(frozen=True, eq=False)
class TileEffect:
    """What one rule did on one tile.

    Attributes:
        iri: The rule.
        tile: Index of the tile.
        regions: Regions that it told at least `SPEAKS` nats between two labels.
        pixels: Their pixels.
        changed: Known pixels that have another label without it.
        helped: Of these, right with it.
        harmed: Of these, right without it.
        counts, without: (class, class) confusion counts with and without it.
    """

    iri: str
    tile: int
    regions: int
    pixels: int
    changed: int
    helped: int
    harmed: int
    counts: Floats
    without: Floats


def tile_effects(
    tiles: Sequence[LabelledTile],
    fits: Sequence[Fit],
    settings: CorrectSettings,
    *,
    method: str = METHODS[0],
    steps: Steps | None = None,
) -> tuple[TileEffect, ...]:
    """Measure every soft rule on every tile.

    Args:
        tiles: Labelled tiles, asked for one after the other.
        fits: One per tile: what it is corrected with.
        settings: How tiles are corrected otherwise.
        method: "leave-one-out" solves each tile again without the rule, neighbours included; "one step" takes its
            contribution off every pixel and holds the neighbours: much faster, and close where rules look at the
            region itself.
        steps: Remembers what is done already.

    Returns:
        One effect per rule and tile in which it fires; a rule that fires nowhere in a tile changes nothing there.
    """
    work, out = steps or Steps(), list[TileEffect]()
    work.at_least(sum(len(_soft(fit)) for fit in fits))
    for i, tile in enumerate(tiles):
        bench = _Bench(tile, fits[i], settings, method)
        for iri in _soft(fits[i]):
            name = f"report, {method}/tile {i + 1}/{iri.rpartition('#')[2]}"
            found = work.do(name, partial(bench.effect, iri))
            if found["numbers"].size:
                regions, pixels, changed, helped, harmed = map(int, found["numbers"])
                maps = found["counts"], found["without"]
                out.append(TileEffect(iri, i, regions, pixels, changed, helped, harmed, *maps))
    return tuple(out)


def _soft(fit: Fit) -> list[str]:
    """IRIs of the rules that are left out in turn."""
    return [axiom.iri for axiom in fit.axioms if not axiom.hard and axiom.weight > 0]


@dataclass(frozen=True, eq=False)
class _Bench:
    """One tile, solved once with all rules when first asked."""

    tile: LabelledTile
    fit: Fit
    settings: CorrectSettings
    method: str

    @cached_property
    def prepared(self) -> Prepared:
        """The tile, prepared once."""
        return prepare(self.tile, self.fit.axioms, self.settings)

    @cached_property
    def solution(self) -> Solution:
        """Where inference ends under the fit."""
        return self.prepared.solve(self.fit)

    @cached_property
    def labels(self) -> Labels:
        """The map under the fit."""
        return self.prepared.labels(self.solution)

    def effect(self, iri: str) -> Arrays:
        """What leaving out one rule changes; no numbers where it does not fire."""
        for one, weight in self.prepared.weighed(self.fit).axioms():
            if one.axiom.iri == iri:
                message = region_message(one, self.solution.means, self.prepared.counts, weight)
                fires = np.ptp(message[: len(self.prepared.terms.regions)], axis=1) >= SPEAKS
                if fires.any():
                    return self._compared(fires, self._without(iri, message))
        return {"numbers": np.zeros(0, np.int64)}

    def _without(self, iri: str, message: Floats) -> Labels:
        if self.method == METHODS[0]:
            return self.prepared.labels(self.prepared.solve(self.fit, without=iri))
        return _one_step(self.prepared, self.solution, message)

    def _compared(self, fires: NDArray[np.bool_], other: Labels) -> Arrays:
        regions, truth = self.prepared.terms.regions, self.tile.truth
        changed = (self.labels != other) & self.tile.known
        helped, harmed = changed & (self.labels == truth), changed & (other == truth)
        numbers = (fires, changed, helped, harmed)
        counted = [int(one.sum()) for one in numbers]
        counted.insert(1, int(regions.count[fires].sum()))
        return {
            "numbers": np.array(counted, np.int64),
            "counts": tile_counts(self.tile, self.labels),
            "without": tile_counts(self.tile, other),
        }


def _one_step(prepared: Prepared, solution: Solution, message: Floats) -> Labels:
    """Labels when a rule's message is taken off every pixel, all else held."""
    label = prepared.terms.regions.label
    with np.errstate(divide="ignore"):
        scores = np.log(solution.q) + message[label]
    return np.where(label >= 0, scores.argmax(axis=2), -1).astype(np.int16)
