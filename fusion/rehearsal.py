"""Seen classes come in, some of them taken for unseen in turn; knobs that need no image of an unseen class go out.

In each round a third of the seen classes is left out, prototypes are learned from every second image of the others, and
the images left over are classified. So temperature, penalty and margin are chosen where the task is the same and the
truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.classgraph import ClassVectors
from fusion.prototypes import Ints, fit_prototypes, take, unit

_F64 = NDArray[np.float64]

ROUNDS = 3
TEMPERATURES = np.geomspace(2.0, 400.0, 49)
PENALTIES = np.linspace(0.0, 0.4, 81)


@dataclass(frozen=True)
class Rehearsal:
    """What was learned by taking seen classes for unseen.

    Attributes:
        temperature: Scale of cosines at which probabilities of unseen classes are right on average.
        penalty: Cosine taken off seen classes where both kinds are asked about, so that unseen ones have a chance
            (calibrated stacking, Chao et al., ECCV 2016); best harmonic mean of both accuracies.
        margins: Sorted: by how much the cosine to the (right) best unseen class exceeds that to the nearest seen
            class, for each image that was answered right.
    """

    temperature: float
    penalty: float
    margins: _F64

    def least_margin(self, lost: float) -> float:
        """The margin below which a share `lost` of right answers lies."""
        return float(np.quantile(self.margins, lost)) if len(self.margins) else -np.inf


@dataclass(frozen=True)
class _Round:
    """One round: cosines (image, class) of the images left over, and which classes had been left out."""

    cosines: _F64
    labels: Ints
    unseen: NDArray[np.bool_]


def rehearse(
    vectors: ClassVectors, images: NDArray[np.float32], labels: Ints, *, ridge: float, centred: bool
) -> Rehearsal:
    """Rehearse zero-shot classification on the seen classes.

    Args:
        vectors: Class vectors of the seen classes.
        images: (image, dimension) unit vectors.
        labels: (image,) row of the class, -1 unknown.
        ridge: As in `fit_prototypes`.
        centred: As in `fit_prototypes`.
    """
    known = labels >= 0
    rounds = [
        _round(vectors, images[known], labels[known], out, ridge, centred)
        for out in _turns(len(vectors.names))
    ]
    losses = [_loss(rounds, scale) for scale in TEMPERATURES]
    means = [np.mean([_harmonic(one, penalty) for one in rounds]) for penalty in PENALTIES]
    margins = np.sort(np.concatenate([_margins(one) for one in rounds]))
    return Rehearsal(
        float(TEMPERATURES[int(np.argmin(losses))]),
        float(PENALTIES[int(np.argmax(means))]),
        margins,
    )


def _turns(count: int) -> list[NDArray[np.bool_]]:
    """Which classes are left out in each round: every class once, at least two others remain."""
    order = np.random.default_rng(0).permutation(count)
    rounds = min(max(ROUNDS, -(-count // max(count - 2, 1))), count)
    return [np.isin(np.arange(count), order[turn::rounds]) for turn in range(rounds)]


def _round(
    vectors: ClassVectors,
    images: NDArray[np.float32],
    labels: Ints,
    out: NDArray[np.bool_],
    ridge: float,
    centred: bool,
) -> _Round:
    kept = np.flatnonzero(~out)
    learns = ~out[labels] & (_ordinal(labels) % 2 == 0)
    row = np.cumsum(~out) - 1
    fitted = fit_prototypes(
        take(vectors, kept), images[learns], row[labels[learns]], "", ridge=ridge, centred=centred
    )
    prototypes = unit(fitted.predict(vectors))
    return _Round(images[~learns] @ prototypes.T, labels[~learns], out)


def _ordinal(labels: Ints) -> Ints:
    """0, 1, 2 ... within each class."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    out = np.empty_like(labels)
    out[order] = np.arange(len(labels)) - starts
    return out


def _loss(rounds: list[_Round], scale: float) -> float:
    """Log loss of the classes left out, told apart from each other; each class weighs the same."""
    total = 0.0
    for one in rounds:
        asked = one.unseen[one.labels]
        values = scale * one.cosines[asked][:, one.unseen]
        labels = (np.cumsum(one.unseen) - 1)[one.labels[asked]]
        top = values.max(axis=1)
        log_sum = top + np.log(np.exp(values - top[:, None]).sum(axis=1))
        loss = log_sum - values[np.arange(len(labels)), labels]
        total += float((loss / np.bincount(labels)[labels]).sum())
    return total


def _harmonic(one: _Round, penalty: float) -> float:
    """Harmonic mean of the accuracies of classes with and without images, when all are asked about."""
    hit = (one.cosines - penalty * ~one.unseen).argmax(axis=1) == one.labels
    with_images, without = (
        np.mean(
            [hit[one.labels == c].mean() for c in np.flatnonzero(kind) if (one.labels == c).any()]
            or [0.0]
        )
        for kind in (~one.unseen, one.unseen)
    )
    return float(2 * with_images * without / max(with_images + without, 1e-12))


def _margins(one: _Round) -> _F64:
    asked = one.unseen[one.labels]
    cosines, labels = one.cosines[asked], one.labels[asked]
    unseen = np.where(one.unseen, cosines, -np.inf)
    right = unseen.argmax(axis=1) == labels
    margins: _F64 = (unseen.max(axis=1) - np.where(one.unseen, -np.inf, cosines).max(axis=1))[right]
    return margins
