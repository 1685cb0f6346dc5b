"""What single rules do on labelled tiles: tiles and the numbers they are corrected with come in, effects go out.

A rule is left out, the tile is solved again from the same start, and both maps are compared with the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.inference.infer import Solution, region_message
from reasoning.learning.fit import Fit
from reasoning.learning.prepared import Prepared, prepare
from reasoning.learning.scores import tile_counts
from reasoning.learning.steps import Arrays, Steps
from reasoning.learning.tiles import LabelledTile
from reasoning.logic.axioms import CompiledAxiom
from reasoning.settings import CorrectSettings

Floats = NDArray[np.float64]
Labels = NDArray[np.int16]

SPEAKS = 0.01
"""Nats between two labels of a region from which on a rule is said to fire there."""
METHODS = ("leave-one-out", "one step")
_COLUMNS = ("iri", "numbers", "counts", "without")


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
    work.plan(len(tiles))
    for i, tile in enumerate(tiles):

        def measured(tile: LabelledTile = tile, fit: Fit = fits[i]) -> Arrays:
            return _arrays(list(_effects(tile, fit, settings, method)))

        found = work.do(f"report, {method}/tile {i + 1}", measured)
        for iri, n, with_it, without in zip(*(found[name] for name in _COLUMNS), strict=True):
            regions, pixels, changed, helped, harmed = map(int, n)
            out.append(
                TileEffect(str(iri), i, regions, pixels, changed, helped, harmed, with_it, without)
            )
    return tuple(out)


def _effects(
    tile: LabelledTile, fit: Fit, settings: CorrectSettings, method: str
) -> Iterator[TileEffect]:
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
        yield _effect(prepared, one, fires, (labels, other))


def _arrays(rows: Sequence[TileEffect]) -> Arrays:
    """The effects of one tile as columns."""
    numbers = [(e.regions, e.pixels, e.changed, e.helped, e.harmed) for e in rows]
    return {
        "iri": np.array([e.iri for e in rows], np.str_),
        "numbers": np.array(numbers, np.int64),
        "counts": np.array([e.counts for e in rows]),
        "without": np.array([e.without for e in rows]),
    }


def _one_step(prepared: Prepared, solution: Solution, message: Floats) -> Labels:
    """Labels when a rule's message is taken off every pixel, all else held."""
    label = prepared.terms.regions.label
    with np.errstate(divide="ignore"):
        scores = np.log(solution.q) + message[label]
    return np.where(label >= 0, scores.argmax(axis=2), -1).astype(np.int16)


def _effect(
    prepared: Prepared,
    one: CompiledAxiom,
    fires: NDArray[np.bool_],
    maps: tuple[Labels, Labels],
) -> TileEffect:
    truth, (labels, other) = prepared.tile.truth, maps
    changed = (labels != other) & prepared.tile.known
    return TileEffect(
        iri=one.axiom.iri,
        tile=0,
        regions=int(fires.sum()),
        pixels=int(prepared.terms.regions.count[fires].sum()),
        changed=int(changed.sum()),
        helped=int((changed & (labels == truth)).sum()),
        harmed=int((changed & (other == truth)).sum()),
        counts=tile_counts(prepared.tile, labels),
        without=tile_counts(prepared.tile, other),
    )
