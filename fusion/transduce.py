"""Image vectors and first guesses come in; better guesses go out, made by looking at all images together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from kg.errors import InputError

LEAST = 1e-30
"""Numbers near the least that float32 can hold make products many times slower, and count for nothing."""
STILL = 1e-6
"""Memberships that move by less stand still: this is how far float32 carries."""

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
    from fusion.transduce_kernels import settle

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
    log_prior, squares = np.log(np.maximum(y, 1e-10)), np.square(x).mean(axis=0)
    means, variance = (
        _first_means(x, y, settings.confident),
        np.full(x.shape[1], 1 / x.shape[1], np.float32),
    )
    z, logs, graph = y.copy(), y, (near.indptr, near.indices, near.data)
    for turn in range(settings.rounds):
        if turn:
            means, variance = _moments(x, z, squares)
        logs = log_prior + _log_likelihood(x, means, variance)
        if not settle(z, logs, graph, settings.inner, np.log(LEAST), STILL):
            break
    return logs.astype(np.float64)


def _first_means(x: _F32, y: _F32, count: int) -> _F32:
    """(class, dimension) mean of the images that are surest to be of each class; of equals the first come first."""
    likely = np.ascontiguousarray(y.T)
    least = -np.partition(-likely, min(count, len(y)) - 1, axis=1)[:, min(count, len(y)) - 1]
    top = np.stack([_first(row, bar, count) for row, bar in zip(likely, least, strict=True)])
    means: _F32 = x[top].mean(axis=1)
    return means


def _first(values: _F32, least: np.float32, count: int) -> NDArray[np.int64]:
    """Places of the `count` largest values, `least` being the last of them."""
    above, equal = np.flatnonzero(values > least), np.flatnonzero(values == least)
    return np.concatenate([above, equal[: count - len(above)]])


def _moments(x: _F32, z: _F32, squares: _F32) -> tuple[_F32, _F32]:
    """Means of classes, and the variance that all share; `squares` is the mean of the images' squares."""
    mass = z.sum(axis=0)
    means = (z.T @ x) / np.maximum(mass, 1e-6)[:, None]
    second = squares - (mass[:, None] * means**2).sum(axis=0) / len(x)
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
    from fusion.transduce_kernels import nearest

    n, block = len(x), 1024
    columns = np.zeros((n, neighbours), np.int32)
    weights = np.full((n, neighbours), -np.inf, np.float32)
    for start in range(0, n, block):
        nearest(x[start : start + block] @ x[start:].T, start, weights, columns)
    weights = np.maximum(weights, 0)
    owner = np.repeat(np.arange(n), neighbours)
    graph = sparse.csr_matrix((weights.ravel(), (owner, columns.ravel())), shape=(n, n))
    return graph.maximum(graph.T).tocsr()


def softmax(values: NDArray[np.floating]) -> _F32:
    """(image, class) float32 probabilities of logits; those below `LEAST` of the largest are 0."""
    out = values - values.max(axis=1, keepdims=True)
    np.copyto(out, -np.inf, where=out < np.log(LEAST))
    np.exp(out, out=out)
    out /= out.sum(axis=1, keepdims=True)
    return np.asarray(out, np.float32)
