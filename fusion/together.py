"""Images that are asked about and first guesses come in; better log-probabilities go out, from all images at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fusion.aligned import Aligned
from fusion.classgraph import ClassVectors
from fusion.matching import match_groups
from fusion.metric import Ints, learn_metric, unit
from fusion.prototypes import Prototypes, take
from fusion.transduce import TransduceSettings, affinity, log_transduce, softmax

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]

ROUNDS = 2
"""How often groups may be named anew."""
SURE = 0.5
"""Share of each class's images whose labels are believed where nothing else teaches a view. Better than all of them, no
worse than a quarter, on NWPU-12 and EuroSAT with features of a MobileNet and two images a class as first guesses."""
MOST_OFFSET = 10.0
"""Groups are named anew only where all of them together lie no further off than this (`Prototypes.offset`): of images
of another data set that lie elsewhere by far more than the prediction knows, how groups lie to each other says nothing
about their names. Classes left out of NWPU-12 and EuroSAT have 1 to 4, all of the one where the other is seen 6 to 19
with two backbones; a bound of 3 cost one of these what it gained the other
(benchmarks/results.md)."""


def look_twice(images: _F32, guesses: _F32, settings: TransduceSettings) -> _F64:
    """Log-probabilities by looking at all images together, where no class has labelled images.

    What images look like within a class is learned from the first look: the surer half of each class's images teaches
    a view (`fusion.metric`), in which the images are looked at again, with the same first guesses and neighbours.

    Args:
        images: (image, dimension) vectors of unit length.
        guesses: (image, class) first guesses.
        settings: How; with fewer images than `confident` a class on average there is no second look.

    Returns:
        (image, class) float64, up to a constant in each row.
    """
    if len(images) < settings.confident * guesses.shape[1]:
        return log_transduce(images, guesses, settings)
    near = affinity(images, settings.neighbours)
    logs = log_transduce(images, guesses, settings, near=near)
    viewed = learn_metric(images, _surest(logs)).view(images)
    return log_transduce(viewed.astype(np.float32), guesses, settings, near=near)


def _surest(logs: _F64) -> Ints:
    """(image,) best class of the surer images of each class, -1 for the others."""
    best, two = logs.argmax(axis=1), np.partition(logs, -2, axis=1)[:, -2:]
    sure = two[:, 1] - two[:, 0]
    labels = np.full(len(logs), -1, np.int64)
    for each in np.unique(best):
        rows = np.flatnonzero(best == each)
        kept = rows[np.argsort(-sure[rows], kind="stable")]
        labels[kept[: int(np.ceil(SURE * len(rows)))]] = each
    return labels


def look_together(
    viewed: _F32 | _F64,
    guesses: _F32,
    vectors: ClassVectors,
    learned: Prototypes | Aligned,
    temperature: float,
    settings: TransduceSettings,
) -> _F64:
    """Log-probabilities by looking at all images together.

    Images fall into groups by `log_transduce`; then the groups of classes without images of their own are named, all
    at once, by `match_groups`, and where that changes names the images are looked at again with the groups' means as
    first guesses.

    Args:
        viewed: (image, dimension) vectors as `learned` views them.
        guesses: (image, class) first guesses.
        vectors: Class vectors of the candidates.
        learned: What they should look like.
        temperature: Scale of cosines.
        settings: How.

    Returns:
        (image, class) float64, up to a constant in each row.
    """
    single = viewed.astype(np.float32)
    near = affinity(single, settings.neighbours) if len(viewed) > settings.neighbours else None
    logs = log_transduce(single, guesses, settings, near=near)
    for _ in range(ROUNDS):
        members = softmax(logs).astype(np.float64)
        means = unit(members.T @ viewed)
        free = (members.sum(axis=0) >= settings.confident) & (learned.rows(vectors) < 0)
        rows = np.flatnonzero(free)
        if len(rows) < 2 or learned.offset(means[rows], take(vectors, rows)) > MOST_OFFSET:
            break
        spread = learned.covariance(vectors)[np.ix_(rows, rows)]
        order = match_groups(means[rows], learned.predict(vectors)[rows], spread)
        if (order == np.arange(len(rows))).all():
            break
        means[rows] = means[rows][order]
        logs = log_transduce(single, softmax(temperature * viewed @ means.T), settings, near=near)
    return logs
