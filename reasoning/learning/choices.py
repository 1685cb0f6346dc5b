"""The convex fit behind all learning: pixels with features per class come in, the most likely parameters go out.

A pixel i has the true class y_i, weight c_i, and scores s_ik = offset_ik + features_ik . theta. Minimised is

    J(theta) = sum_i c_i (log sum_k exp s_ik - s_iy_i) / sum_i c_i  +  1/2 sum_j precision_j (theta_j - center_j)^2

under lower bounds: the multinomial logit (McFadden, "Conditional logit analysis of qualitative choice behavior", 1974)
with a Gaussian prior. J is convex, strictly where the precision is above 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

IMPOSSIBLE = -1e6
"""Score of a class that is left out: its probability is exactly 0."""


@dataclass(frozen=True, eq=False)
class Choices:
    """Pixels with known truth, as columns.

    Attributes:
        features: (pixel, class, parameter) float64, nats per unit of the parameter.
        offset: (pixel, class) float64, nats that no parameter changes.
        truth: (pixel,) true class.
        weight: (pixel,) float64 how much a pixel counts in the fit.
        stands_for: (pixel,) float64 how many pixels of the tile it stands for.
        cluster: (pixel,) pixels of one cluster are not independent; standard errors respect that.
    """

    features: Floats
    offset: Floats
    truth: Ints
    weight: Floats
    stands_for: Floats
    cluster: Ints

    @staticmethod
    def joined(parts: Sequence[Choices]) -> Choices:
        """All pixels of several tiles; their clusters stay apart."""
        starts = np.cumsum([0] + [int(p.cluster.max(initial=-1)) + 1 for p in parts])
        cluster = [p.cluster + start for p, start in zip(parts, starts[:-1], strict=True)]
        return Choices(
            np.concatenate([p.features for p in parts]),
            np.concatenate([p.offset for p in parts]),
            np.concatenate([p.truth for p in parts]),
            np.concatenate([p.weight for p in parts]),
            np.concatenate([p.stands_for for p in parts]),
            np.concatenate(cluster),
        )

    def scores(self, theta: Floats) -> Floats:
        """(pixel, class) scores, nats."""
        scores: Floats = self.offset + self.features @ theta
        return scores

    def chances(self, theta: Floats) -> Floats:
        """(pixel, class) probabilities."""
        scores = self.scores(theta)
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances: Floats = odds / odds.sum(axis=1, keepdims=True)
        return chances


@dataclass(frozen=True, eq=False)
class Prior:
    """What is believed of the parameters before any pixel is seen.

    Attributes:
        center: (parameter,) the expert's values.
        precision: (parameter,) how strongly they are held; per unit of mean log-likelihood.
        lower: (parameter,) lower bounds, -inf for none.
    """

    center: Floats
    precision: Floats
    lower: Floats


def class_weights(counts: NDArray[np.int64], balance: float) -> Floats:
    """(class,) weight of a pixel of each class, (1 / share) ** balance; 1 for classes without pixels."""
    shares = counts / max(int(counts.sum()), 1)
    return np.where(counts > 0, np.maximum(shares, 1e-9) ** -balance, 1.0)


def without(offset: Floats, unseen: NDArray[np.bool_]) -> Floats:
    """The offsets with some classes (class,) left out of the choice."""
    return np.where(unseen, IMPOSSIBLE, offset)


def quieted(theta: Floats, choices: Choices, unseen: NDArray[np.bool_]) -> Floats:
    """Biases of classes that no pixel truly is, lowered until no pixel that the network calls otherwise gets one.

    Such classes are left out of the fit, so that nothing else keeps them from winning where all others are doubted.
    What the network itself calls so is left to it.

    Args:
        theta: (parameter,) 1 / temperature, one bias per class, and others.
        choices: Pixels with these parameters, no class left out; the first feature is log p.
        unseen: (class,) whether no pixel truly is of the class.

    Returns:
        (parameter,) float64; biases of other classes as they were.
    """
    out = theta.copy()
    if not unseen.any() or not len(choices.truth):
        return out
    scores, given = choices.scores(theta), choices.features[:, :, 0].argmax(axis=1)
    best = scores[:, ~unseen].max(axis=1)
    for label in np.flatnonzero(unseen):
        ahead = (best - scores[:, label])[given != label]
        out[1 + label] += ahead.min(initial=0.0)
    return out


def objective(theta: Floats, choices: Choices, prior: Prior) -> tuple[float, Floats]:
    """J and its gradient.

    Args:
        theta: (parameter,) float64.
        choices: Pixels; without any, J is the prior alone.
        prior: Center and precision.
    """
    away = theta - prior.center
    value, gradient = 0.5 * float(prior.precision @ away**2), prior.precision * away
    total = float(choices.weight.sum())
    if total == 0:
        return value, gradient
    scores = choices.scores(theta)
    top = scores.max(axis=1)
    odds = np.exp(scores - top[:, None])
    sums = odds.sum(axis=1)
    each = np.arange(len(scores))
    loss = np.log(sums) + top - scores[each, choices.truth]
    residual = odds / sums[:, None]
    residual[each, choices.truth] -= 1
    residual *= (choices.weight / total)[:, None]
    flat = choices.features.reshape(-1, choices.features.shape[2])
    return value + float(choices.weight @ loss) / total, gradient + residual.ravel() @ flat


def curvature(theta: Floats, choices: Choices) -> Floats:
    """(parameter, parameter) second derivative of the mean log-likelihood's part of J."""
    p, features = choices.chances(theta), choices.features
    centred = features - np.einsum("ik,ikj->ij", p, features)[:, None, :]
    weight = p * (choices.weight / max(float(choices.weight.sum()), 1e-300))[:, None]
    flat = (centred * np.sqrt(weight)[:, :, None]).reshape(-1, features.shape[2])
    bent: Floats = flat.T @ flat
    return bent


def maximise(
    choices: Choices, prior: Prior, start: Floats | None = None, *, precise: bool = True
) -> Floats:
    """The parameters of least J, by L-BFGS-B (Byrd, Lu, Nocedal and Zhu, 1995) in units of equal curvature.

    Args:
        choices: Pixels.
        prior: Center, precision, bounds.
        start: (parameter,) where to start; default the center. The answer does not depend on it.
        precise: Stop at rounding; False, a few times faster, where the numbers are only compared.

    Returns:
        (parameter,) float64; parameters that no pixel says anything about stay at the center.
    """
    from scipy.optimize import minimize

    first = np.maximum(prior.center if start is None else start, prior.lower)
    bent = np.diag(curvature(first, choices)) + prior.precision
    unit = 1 / np.sqrt(np.maximum(bent, 1e-12))

    def scaled(z: Floats) -> tuple[float, Floats]:
        """The objective in parameters of unit curvature."""
        value, gradient = objective(z * unit, choices, prior)
        return value, gradient * unit

    silent = bent <= 1e-12
    bounds = [
        (at, at) if still else (low if np.isfinite(low) else None, None)
        for at, low, still in zip(first / unit, prior.lower / unit, silent, strict=True)
    ]
    ends = {"ftol": 1e-13, "gtol": 1e-8} if precise else {"ftol": 1e-8, "gtol": 1e-5}
    options = {"maxiter": 500, "maxfun": 1000, "maxcor": 20, **ends}
    found = minimize(
        scaled, first / unit, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    best: Floats = np.maximum(found.x * unit, prior.lower)
    return best


def standard_errors(theta: Floats, choices: Choices, prior: Prior) -> Floats:
    """Standard errors that hold when pixels of one cluster are correlated.

    The sandwich A^-1 B A^-1 (White, Econometrica 50, 1982), A the curvature of J, B the sum over clusters of squared
    gradients. The pull of the prior is not counted as an error.

    Returns:
        (parameter,) float64; NaN for a parameter that no pixel says anything about; at a bound, the error that it would
        have without the bound.
    """
    bent = curvature(theta, choices)
    free = np.flatnonzero(np.diag(bent) > 1e-12)
    out = np.full(len(theta), np.nan)
    if not len(free):
        return out
    residual = choices.chances(theta)
    residual[np.arange(len(residual)), choices.truth] -= 1
    residual *= (choices.weight / choices.weight.sum())[:, None]
    each = np.einsum("ik,ikj->ij", residual, choices.features[:, :, free])
    sums = np.zeros((int(choices.cluster.max()) + 1, len(free)))
    np.add.at(sums, choices.cluster, each)
    inverse = np.linalg.pinv(bent[np.ix_(free, free)] + np.diag(prior.precision[free]))
    spread = inverse @ (sums.T @ sums) @ inverse
    out[free] = np.sqrt(np.maximum(np.diag(spread), 0))
    return out
