"""What single rules do on labelled tiles: tiles and the numbers they are corrected with come in, effects go out.

A rule is left out, the tile is solved again from the same start, and both maps are compared with the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.inference.infer import Solution, region_message
from reasoning.learning.fit import Fit
from reasoning.learning.prepared import Prepared, prepare
from reasoning.learning.scores import tile_counts
from reasoning.learning.tiles import LabelledTile
from reasoning.logic.axioms import CompiledAxiom
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
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[TileEffect, ...]:
    """Measure every soft rule on every tile.

    Args:
        tiles: Labelled tiles.
        fits: One per tile: what it is corrected with.
        settings: How tiles are corrected otherwise.
        method: "leave-one-out" solves each tile again without the rule, neighbours included; "one step" takes its
            contribution off every pixel and holds the neighbours: much faster, and close where rules look at the
            region itself.
        progress: Called with what is done, and how much of how much.

    Returns:
        One effect per rule and tile in which it fires; a rule that fires nowhere in a tile changes nothing there.
    """
    out: list[TileEffect] = []
    for i, (tile, fit) in enumerate(zip(tiles, fits, strict=True)):
        prepared = prepare(tile, fit.axioms, settings)
        solution = prepared.solve(fit)
        labels = prepared.labels(solution)
        for one, weight in prepared.weighed(fit).axioms():
            if one.axiom.hard or weight == 0:
                continue
            message = weight * region_message(one, solution.means, prepared.counts)
            fires = np.ptp(message[: len(prepared.terms.regions)], axis=1) >= SPEAKS
            if not fires.any():
                continue
            if method == METHODS[0]:
                other = prepared.labels(prepared.solve(fit, without=one.axiom.iri))
            else:
                other = _one_step(prepared, solution, message)
            out.append(_effect(prepared, one, i, fires, (labels, other)))
        if progress is not None:
            progress("tiles reported", i + 1, len(tiles))
    return tuple(out)


def _one_step(prepared: Prepared, solution: Solution, message: Floats) -> Labels:
    """Labels when a rule's message is taken off every pixel, all else held."""
    label = prepared.terms.regions.label
    with np.errstate(divide="ignore"):
        scores = np.log(solution.q) + message[label]
    return np.where(label >= 0, scores.argmax(axis=2), -1).astype(np.int16)


def _effect(
    prepared: Prepared,
    one: CompiledAxiom,
    tile: int,
    fires: NDArray[np.bool_],
    maps: tuple[Labels, Labels],
) -> TileEffect:
    truth, (labels, other) = prepared.tile.truth, maps
    changed = (labels != other) & prepared.tile.known
    return TileEffect(
        iri=one.axiom.iri,
        tile=tile,
        regions=int(fires.sum()),
        pixels=int(prepared.terms.regions.count[fires].sum()),
        changed=int(changed.sum()),
        helped=int((changed & (labels == truth)).sum()),
        harmed=int((changed & (other == truth)).sum()),
        counts=tile_counts(prepared.tile, labels),
        without=tile_counts(prepared.tile, other),
    )
