"""Class biases for the score that people look at: scores of pixels come in, shifts that raise the mean IoU go out.

The likelihood does not ask for the mean IoU, and no convex fit does. From its answer on, biases are moved in fixed
steps, one class at a time, as long as the mean IoU of the sampled pixels rises: a local search, not a global optimum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoning.learning.scores import counts_of, mean_iou

Floats = NDArray[np.float64]

STEPS = (0.5, 0.5, 0.25, 0.25, 0.125)
"""Nats by which a bias is moved up or down, in turn."""
GAIN = 1e-4
"""Least rise of the mean IoU that a move must bring."""


def polish(scores: Floats, truth: NDArray[np.intp], stands_for: Floats) -> Floats:
    """Shifts of the biases.

    Args:
        scores: (pixel, class) nats.
        truth: (pixel,) true class.
        stands_for: (pixel,) how many pixels each stands for.

    Returns:
        (class,) float64 nats; they sum to 0, and are 0 for classes that no pixel truly is.
    """
    k = scores.shape[1]
    seen = np.unique(truth)
    shift = np.zeros(k)

    def value(trial: Floats) -> float:
        return mean_iou(counts_of(truth, (scores + trial).argmax(axis=1), k, stands_for))

    best = value(shift)
    for step in STEPS:
        for label in seen:
            for move in (step, -step):
                trial = shift.copy()
                trial[label] += move
                found = value(trial)
                if found > best + GAIN:
                    best, shift = found, trial
    shift[seen] -= shift[seen].mean() if len(seen) else 0.0
    return shift
