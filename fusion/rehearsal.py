"""Seen classes come in, some of them taken for unseen in turn; knobs that need no image of an unseen class go out.

In each round a third of the seen classes is left out, prototypes are learned from every second image of the others, and
the images left over are classified. So temperature, penalty, margin and trust are chosen where the task is the same and
the truth is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.aligned import Aligned
from fusion.classgraph import ClassVectors
from fusion.metric import Ints, unit
from fusion.prototypes import Prototypes, take
from fusion.transduce import log_transduce, softmax

_F64 = NDArray[np.float64]

Learn = Callable[[ClassVectors, NDArray[np.float32], Ints], Prototypes | Aligned]

ROUNDS = 3
TEMPERATURES = np.geomspace(2.0, 400.0, 49)
PENALTIES = np.linspace(0.0, 0.4, 81)
TRUSTS = np.geomspace(0.003, 1.0, 31)


@dataclass(frozen=True)
class Rehearsal:
    """What was learned by taking seen classes for unseen.

    Attributes:
        temperature: Scale of cosines at which probabilities of unseen classes are right on average.
        penalty: Cosine taken off seen classes where both kinds are asked about, so that unseen ones have a chance
            (calibrated stacking, Chao et al., ECCV 2016); best harmonic mean of both accuracies.
        margins: Sorted: by how much the cosine to the (right) best unseen class exceeds that to the nearest seen
            class, for each image that was answered right.
        trust: What log-probabilities are multiplied by after looking at all images together; 1 where that was not
            rehearsed.
    """

    temperature: float
    penalty: float
    margins: _F64
    trust: float = 1.0

    def least_margin(self, lost: float) -> float:
        """The margin below which a share `lost` of right answers lies."""
        return float(np.quantile(self.margins, lost)) if len(self.margins) else -np.inf


@dataclass(frozen=True)
class _Round:
    """One round: cosines (image, class) of the images left over, their vectors, and which classes had been left out."""

    cosines: _F64
    labels: Ints
    unseen: NDArray[np.bool_]
    viewed: _F64

    def asked(self) -> tuple[_F64, Ints, _F64]:
        """Cosines, labels and vectors of the images of classes left out, among these classes alone."""
        rows = self.unseen[self.labels]
        labels = (np.cumsum(self.unseen) - 1)[self.labels[rows]]
        return self.cosines[rows][:, self.unseen], labels, self.viewed[rows]


def rehearse(
    vectors: ClassVectors,
    images: NDArray[np.float32],
    labels: Ints,
    learn: Learn,
    *,
    transductive: bool = False,
) -> Rehearsal:
    """Rehearse zero-shot classification on the seen classes.

    Args:
        vectors: Class vectors of the seen classes.
        images: (image, dimension) unit vectors.
        labels: (image,) row of the class, -1 unknown.
        learn: Learns what classes look like from class vectors, images and labels.
        transductive: Also rehearse looking at all images together.
    """
    known = labels >= 0
    rounds = [
        _round(vectors, images[known], labels[known], out, learn)
        for out in _turns(len(vectors.names))
    ]
    asked = [one.asked() for one in rounds]
    losses = [
        sum(_log_loss(scale * cosines, of) for cosines, of, _ in asked) for scale in TEMPERATURES
    ]
    temperature = float(TEMPERATURES[int(np.argmin(losses))])
    means = [np.mean([_harmonic(one, penalty) for one in rounds]) for penalty in PENALTIES]
    margins = np.sort(np.concatenate([_margins(one) for one in rounds]))
    return Rehearsal(
        temperature,
        float(PENALTIES[int(np.argmax(means))]),
        margins,
        _trust(asked, temperature) if transductive else 1.0,
    )


def _trust(asked: list[tuple[_F64, Ints, _F64]], temperature: float) -> float:
    """How far log-probabilities can be believed after looking at all images together."""
    found = [
        log_transduce(viewed.astype(np.float32), softmax(temperature * cosines))
        for cosines, _, viewed in asked
    ]
    losses = [
        sum(_log_loss(scale * logs, of) for logs, (_, of, _) in zip(found, asked, strict=True))
        for scale in TRUSTS
    ]
    return float(TRUSTS[int(np.argmin(losses))])


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
    learn: Learn,
) -> _Round:
    kept = np.flatnonzero(~out)
    learns = ~out[labels] & (_ordinal(labels) % 2 == 0)
    row = np.cumsum(~out) - 1
    fitted = learn(take(vectors, kept), images[learns], row[labels[learns]])
    viewed = fitted.view(images[~learns])
    return _Round(viewed @ unit(fitted.predict(vectors)).T, labels[~learns], out, viewed)


def _ordinal(labels: Ints) -> Ints:
    """0, 1, 2 ... within each class."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    out = np.empty_like(labels)
    out[order] = np.arange(len(labels)) - starts
    return out


def _log_loss(values: _F64, labels: Ints) -> float:
    """Log loss of logits (image, class); each class weighs the same."""
    top = values.max(axis=1)
    log_sum = top + np.log(np.exp(values - top[:, None]).sum(axis=1))
    loss = log_sum - values[np.arange(len(labels)), labels]
    return float((loss / np.bincount(labels)[labels]).sum())


def _harmonic(one: _Round, penalty: float) -> float:
    """Harmonic mean of the accuracies of classes with and without images, when all are asked about."""
    hit = (one.cosines - penalty * ~one.unseen).argmax(axis=1) == one.labels
    count = np.bincount(one.labels, minlength=len(one.unseen))
    right = np.bincount(one.labels, hit, len(one.unseen)) / np.maximum(count, 1)
    asked = [right[kind & (count > 0)] for kind in (~one.unseen, one.unseen)]
    with_images, without = (each.mean() if len(each) else 0.0 for each in asked)
    return float(2 * with_images * without / max(with_images + without, 1e-12))


def _margins(one: _Round) -> _F64:
    asked = one.unseen[one.labels]
    cosines, labels = one.cosines[asked], one.labels[asked]
    unseen = np.where(one.unseen, cosines, -np.inf)
    right = unseen.argmax(axis=1) == labels
    margins: _F64 = (unseen.max(axis=1) - np.where(one.unseen, -np.inf, cosines).max(axis=1))[right]
    return margins
