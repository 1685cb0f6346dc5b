"""Image vectors and first guesses come in; better guesses go out, made by looking at all images together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from kg.errors import InputError

LEAST = 1e-30
"""Numbers near the least that float32 can hold make products many times slower, and count for nothing."""

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]


@dataclass(frozen=True)
class TransduceSettings:
    """How to look at all images together.

    Attributes:
        rounds: Outer rounds: means and covariance, then memberships.
        inner: Membership updates per round.
        neighbours: Edges per image in the affinity graph.
        confident: Images per class that found the first class means.
    """

    rounds: int = 10
    inner: int = 5
    neighbours: int = 3
    confident: int = 8


def transduce(features: _F32, prior: _F32, settings: TransduceSettings | None = None) -> _F32:
    """Class memberships of a set of images: `log_transduce` as (image, class) float32 probabilities."""
    return softmax(log_transduce(features, prior, settings))


def log_transduce(
    features: _F32,
    prior: _F32,
    settings: TransduceSettings | None = None,
    *,
    near: sparse.csr_matrix | None = None,
) -> _F64:
    """Class memberships of a set of images by expectation maximisation.

    Each class is a Gaussian around its mean with one diagonal covariance shared by all; similar images pull each
    other to the same class; the first guesses stay in force as a prior. Written from the published description of
    RS-TransCLIP (El Khoury et al. 2025, "Enhancing remote sensing vision-language models for zero-shot scene
    classification").

    Args:
        features: (image, dimension) vectors of unit length.
        prior: (image, class) probabilities of the first guess, rows sum to 1.
        settings: Rounds and neighbours; default `TransduceSettings()`.
        near: (image, image) how much images pull each other; default `affinity` of the features.

    Returns:
        (image, class) float64 log-probabilities up to a constant in each row, so that classes that lost far behind
        can still be told apart.

    Raises:
        InputError: The shapes do not fit.
    """
    settings = settings or TransduceSettings()
    if prior.ndim != 2 or len(prior) != len(features):
        raise InputError(
            f"{len(features)} image vectors but first guesses of shape {prior.shape}",
            "give one row per image",
        )
    if len(features) <= settings.neighbours or prior.shape[1] < 2:
        return np.log(np.maximum(prior.astype(np.float64), 1e-30))
    x, y = np.ascontiguousarray(features, np.float32), prior.astype(np.float32)
    near = affinity(x, settings.neighbours) if near is None else near
    log_prior = np.log(np.maximum(y, 1e-10))
    means, variance = (
        _first_means(x, y, settings.confident),
        np.full(x.shape[1], 1 / x.shape[1], np.float32),
    )
    z = logs = y
    for _ in range(settings.rounds):
        before, fit = z, log_prior + _log_likelihood(x, means, variance)
        for _ in range(settings.inner):
            last, logs = z, fit + near @ z
            z = softmax(logs)
            if np.array_equal(z, last):
                break
        if np.array_equal(z, before):
            break
        means, variance = _moments(x, z)
    return logs.astype(np.float64)


def _first_means(x: _F32, y: _F32, count: int) -> _F32:
    top = np.argsort(np.ascontiguousarray(-y.T), axis=1, kind="stable")[:, :count].T
    means: _F32 = x[top].mean(axis=0)
    return means


def _moments(x: _F32, z: _F32) -> tuple[_F32, _F32]:
    mass = z.sum(axis=0)
    means = (z.T @ x) / np.maximum(mass, 1e-6)[:, None]
    second = (x**2).mean(axis=0) - (mass[:, None] * means**2).sum(axis=0) / len(x)
    return means, np.maximum(second, 1e-6).astype(np.float32)


def _log_likelihood(x: _F32, means: _F32, variance: _F32) -> _F32:
    """(image, class) log density without the terms that all classes share."""
    scaled = means / variance
    values: _F32 = x @ scaled.T - 0.5 * (means * scaled).sum(axis=1)
    return values


def affinity(x: _F32, neighbours: int) -> sparse.csr_matrix:
    """Cosine to the nearest neighbours, (image, image), symmetric.

    Args:
        x: (image, dimension) vectors of unit length, more than `neighbours`.
        neighbours: Edges per image.
    """
    n, block = len(x), 2048
    columns = np.empty((n, neighbours), np.int64)
    weights = np.empty((n, neighbours), np.float32)
    for start in range(0, n, block):
        similar = x[start : start + block] @ x.T
        rows = np.arange(len(similar))
        similar[rows, start + rows] = -np.inf
        for edge in range(neighbours):  # for a few, faster than sorting a part
            best = similar.argmax(axis=1)
            columns[start + rows, edge] = best
            weights[start + rows, edge] = np.maximum(similar[rows, best], 0)
            similar[rows, best] = -np.inf
    owner = np.repeat(np.arange(n), neighbours)
    graph = sparse.csr_matrix((weights.ravel(), (owner, columns.ravel())), shape=(n, n))
    return graph.maximum(graph.T).tocsr()


def softmax(values: NDArray[np.floating]) -> _F32:
    """(image, class) float32 probabilities of logits; those below `LEAST` of the largest are 0."""
    out = values - values.max(axis=1, keepdims=True)
    np.exp(out, out=out)
    out *= out >= LEAST
    out /= out.sum(axis=1, keepdims=True)
    return np.asarray(out, np.float32)
