"""Learning how far labels can be believed: tiles with truth come in, a `LearnedConfidence` goes out. No torch here.

Scenes are held out in turn; they choose the exponent of the class shares, and say whether any of this maps a new place
better than the labels as given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fusion.learned_confidence import (
    Floats,
    LearnedConfidence,
    check_sizes,
    features,
    legend_hash,
    softmax,
)
from fusion.metrics import confusion, miou
from kg.counted import counted
from kg.errors import InputError
from kg.legend import Legend
from kg.raster import Raster

EXPONENTS = tuple(round(0.1 * i, 1) for i in range(7))
LEARNED, SCORED = 6_000, 20_000
"""Pixels of a tile that are learned from, and on which it is scored while it is held out."""
LEAST = 500
"""Pixels without which nothing is learned."""
FOLDS = 6
"""Most parts that scenes are held out in."""
RIDGE, STEPS = 1e-3, 150

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Example:
    """A tile whose truth is known.

    Attributes:
        labels: (y, x) class index as the network says, -1 where there is none.
        image: Bands on the same grid.
        truth: (y, x) class index, -1 where unknown.
        scene: Tiles of one scene are held out together.
    """

    labels: NDArray[np.integer]
    image: Raster
    truth: NDArray[np.integer]
    scene: str


@dataclass(frozen=True)
class _Pixels:
    """Features (pixel, feature), labels and truth of some pixels of a tile, in random order."""

    rows: Floats
    labels: NDArray[np.integer]
    truth: NDArray[np.integer]


def learn_confidence(
    examples: Iterable[Example], legend: Legend, *, seed: int = 0, progress: Progress | None = None
) -> LearnedConfidence:
    """Learn how far labels can be believed.

    Args:
        examples: Tiles with truth, of two scenes or more; gone through once.
        legend: Of labels and truth.
        seed: Of the pixels that are drawn from each tile.
        progress: Told what is done, and how much of how much.

    Returns:
        What was learned from all of them; the same input gives the same bytes.

    Raises:
        GridError: Image and labels of a tile differ in size.
        InputError: One scene only, bands that differ between tiles, or no pixel to learn from.
    """
    tiles: list[_Pixels] = []
    scenes: list[str] = []
    bands: tuple[str, ...] = ()
    for one in examples:
        check_sizes(one.labels, one.image)
        bands = _one_kind(bands, one.image.bands, len(tiles))
        tiles.append(_pixels(one, len(legend), (seed, len(tiles))))
        scenes.append(one.scene)
    fold = _folds(scenes)
    counts = np.zeros((len(EXPONENTS) + 1, len(legend), len(legend)), np.int64)
    parts = int(fold.max()) + 1
    for part in range(parts):
        learned = _fitted([t for t, f in zip(tiles, fold, strict=True) if f != part], legend, bands)
        for tile in (t for t, f in zip(tiles, fold, strict=True) if f == part):
            counts += _scores(learned, tile)
        if progress is not None:
            progress("scenes held out", part + 1, parts)
    held_out = 100 * np.array([miou(one) for one in counts])
    exponent = EXPONENTS[int(held_out[1:].argmax())]
    return replace(_fitted(tiles, legend, bands), exponent=exponent, held_out=held_out)


def _one_kind(bands: tuple[str, ...], found: tuple[str, ...], place: int) -> tuple[str, ...]:
    if place and found != bands:
        raise InputError(
            f"tile {place + 1} has bands {', '.join(found)}; the first one {', '.join(bands)}",
            "give every tile the same bands, named with --bands",
        )
    return found


def _folds(scenes: Sequence[str]) -> NDArray[np.intp]:
    """(tile,) which part each is held out with."""
    names = sorted(set(scenes))
    if len(names) < 2:
        raise InputError(
            f"tiles of {len(names)} scene, expected two or more: some are held out to choose by",
            "give tiles of another place too; --scene says which belong together",
        )
    return np.array([names.index(scene) % FOLDS for scene in scenes])


def _pixels(one: Example, classes: int, seed: tuple[int, int]) -> _Pixels:
    known = np.flatnonzero(((one.truth >= 0) & (one.labels >= 0) & one.image.valid).ravel())
    chosen = np.random.default_rng(seed).permutation(known)[:SCORED]
    rows = features(one.labels, one.image, classes).reshape(one.labels.size, -1)[chosen]
    return _Pixels(rows, one.labels.ravel()[chosen], one.truth.ravel()[chosen])


def _fitted(tiles: Sequence[_Pixels], legend: Legend, bands: tuple[str, ...]) -> LearnedConfidence:
    """Regression on some pixels of each tile, with exponent 0."""
    rows = np.concatenate([tile.rows[:LEARNED] for tile in tiles])
    truth = np.concatenate([tile.truth[:LEARNED] for tile in tiles])
    if len(rows) < LEAST:
        raise InputError(
            f"{len(rows)} pixels with a label, an observation and a truth outside of a held-out part, "
            f"expected {LEAST} or more",
            "give more tiles, or larger ones",
        )
    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
    share = np.bincount(truth, minlength=len(legend)) + 1.0
    weights = _regression((rows - mean) / scale, np.eye(len(legend))[truth])
    return LearnedConfidence(
        legend.iri,
        bands,
        mean,
        scale,
        weights,
        share / share.sum(),
        0.0,
        np.empty(0),
        legend_hash(legend),
        len(tiles),
    )


def _regression(rows: Floats, wanted: Floats) -> Floats:
    """(feature + 1, class) weights of a multinomial logistic regression with a small ridge."""
    rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    shape = rows.shape[1], wanted.shape[1]

    def cost(flat: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood with the ridge, and its derivative."""
        weights = flat.reshape(shape)
        p = softmax(rows @ weights)
        loss = -np.log(np.maximum((p * wanted).sum(axis=1), 1e-300)).mean()
        slope = rows.T @ (p - wanted) / len(rows) + RIDGE * weights
        return float(loss + RIDGE / 2 * (weights**2).sum()), slope.ravel()

    found = minimize(
        cost, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
    )
    return np.asarray(found.x, np.float64).reshape(shape)


def _scores(learned: LearnedConfidence, tile: _Pixels) -> NDArray[np.int64]:
    """(1 + exponent, class, class) pixels by truth and label: as given, then with each exponent."""
    classes = len(learned.share)
    found = [tile.labels] + [
        replace(learned, exponent=power).probabilities(tile.rows).argmax(axis=1)
        for power in EXPONENTS
    ]
    return np.stack([confusion(tile.truth, labels, classes) for labels in found])


def told(learned: LearnedConfidence) -> str:
    """What held-out scenes say of a lesson, in words."""
    given, tried = learned.held_out[0], learned.held_out[1:]
    lines = [
        f"learned from {counted(learned.tiles, 'tile')} with bands {', '.join(learned.bands)}",
        f"mean IoU on held-out scenes: labels as given {given:.1f} %",
    ] + [
        f"  learned, class shares to the power {power:.1f} {score:.1f} %"
        + (" (kept)" if power == learned.exponent and learned.helps else "")
        for power, score in zip(EXPONENTS, tried, strict=True)
    ]
    if not learned.helps:
        lines.append(
            "no better than the labels as given: correct those, without this lesson; "
            "more tiles of more places may teach more"
        )
    return "\n".join(lines)
