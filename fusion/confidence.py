"""How far labels can be believed: labels and their image come in, probabilities that fit both go out. No torch here.

A label map without probabilities is equally sure everywhere. Here a class's look is learned from the pixels that carry
its label (linear discriminant analysis on colour and texture, Hastie, Tibshirani and Friedman, "The Elements of
Statistical Learning", 4.3), each part of the image judged by what the other parts teach, and Bayes' rule weighs the
look against the label. Labels are wrong in places, so looks overlap and stay modest; a label loses its confidence
where the pixel looks like another class, the more so the more frequent that class is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from fusion.prediction import Prediction, prediction_from_labels
from kg.errors import GridError
from kg.legend import Legend
from kg.raster import Raster

Floats = NDArray[np.float64]

BLOCK = 32
"""Side in pixels of the squares that are held out together: neighbouring pixels are copies of each other."""
FOLDS = 4
MOST = 20_000
"""Most pixels that one fold learns from."""
LEAST = 30
"""Classes of fewer pixels have no look of their own: they keep the label's confidence."""
WINDOWS = (3, 7, 15)
"""Sides in pixels of the windows of mean and deviation."""


def estimate_confidence(
    labels: NDArray[np.integer],
    image: Raster,
    legend: Legend,
    *,
    confidence: float = 0.8,
    strength: float = 0.5,
    model: str = "labels, confidence from the image",
) -> Prediction:
    """Turn labels into probabilities by how well the image fits them.

    Args:
        labels: (y, x) class index, -1 where there is none.
        image: Bands on the grid of the labels.
        legend: Names the classes.
        confidence: Probability of the label before the image is looked at, in (1 / classes, 1).
        strength: Share of the look's log-likelihood ratio that counts; pixels of one surface are no independent
            witnesses, so less than 1.
        model: What made the labels.

    Returns:
        Probabilities; all 0 where there is no label. Where the image has no observation, and for classes with too few
        pixels, the label's `confidence`. The same input gives the same bytes.

    Raises:
        GridError: Image and labels differ in size.
        RasterError: `confidence` is out of range.
    """
    if labels.shape != image.grid.shape:
        raise GridError(
            f"labels have shape {labels.shape}, the image {image.grid.shape} (rows, columns): different grids",
            "put the image onto the grid of the labels",
        )
    plain = prediction_from_labels(labels, legend, image.grid, confidence=confidence, model=model)
    use = (labels >= 0) & image.valid
    classes = _frequent(labels, use, len(legend))
    if len(classes) < 2:
        return plain
    look = np.zeros((len(legend), *labels.shape))
    look[classes] = strength * _looks(appearance(image), labels, use, classes)
    logs = np.log(_prior(labels, use, len(legend), confidence)) + look
    odds = np.exp(logs - logs.max(axis=0))
    p = (odds / odds.sum(axis=0)).astype(np.float32)
    return replace(plain, probabilities=np.where(use, p, plain.probabilities))


def _prior(
    labels: NDArray[np.integer], use: NDArray[np.bool_], k: int, confidence: float
) -> Floats:
    """(class, y, x) `confidence` on the label, the rest as frequent as each other class is among the labels."""
    share = np.bincount(labels[use], minlength=k) / max(int(use.sum()), 1) + 1e-3
    rest = (1 - confidence) * share[:, None] * (1 - np.eye(k)) / (share.sum() - share)[None, :]
    table: Floats = rest + confidence * np.eye(k)  # (class, label)
    return np.asarray(table[:, np.where(use, labels, 0)])


def _frequent(labels: NDArray[np.integer], use: NDArray[np.bool_], k: int) -> NDArray[np.intp]:
    """Classes that every fold can learn."""
    folds = _folds(labels.shape)[use]
    counts = np.array([np.bincount(labels[use][folds != f], minlength=k) for f in range(FOLDS)])
    return np.flatnonzero(counts.min(axis=0) >= LEAST)


def _folds(shape: tuple[int, ...]) -> NDArray[np.intp]:
    """(y, x) fold of each pixel: squares of `BLOCK` pixels, in turn."""
    rows, cols = (np.arange(n) // BLOCK for n in shape)
    return (rows[:, None] + 2 * (cols[None, :] % 2) + cols[None, :] // 2) % FOLDS


def appearance(image: Raster) -> Floats:
    """(y, x, feature) bands, shares of bands, and their means and deviations in windows; 0 where not observed."""
    valid = image.valid
    bands = [np.where(valid, band, 0).astype(np.float64) for band in image.values]
    total = np.sum(bands, axis=0)
    planes = [*bands, *(band / np.maximum(total, 1e-9) for band in bands[:-1])]
    for size in WINDOWS:
        for band in bands:
            mean = uniform_filter(band, size)
            planes.append(mean)
            planes.append(np.sqrt(np.maximum(uniform_filter(band * band, size) - mean**2, 0)))
    return np.stack(planes, axis=-1)


def _looks(
    features: Floats, labels: NDArray[np.integer], use: NDArray[np.bool_], classes: NDArray[np.intp]
) -> Floats:
    """(class of `classes`, y, x) log p(look | class) of each pixel, judged by the other folds up to a constant."""
    out = np.zeros((len(classes), *labels.shape))
    folds = _folds(labels.shape)
    for fold in range(FOLDS):
        seen = np.flatnonzero((use & (folds != fold)).ravel())
        seen = seen[:: max(1, len(seen) // MOST)]
        x, y = features.reshape(-1, features.shape[-1])[seen], labels.ravel()[seen]
        center, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
        weights, offset = _discriminant((x - center) / scale, y, classes)
        here = use & (folds == fold)
        score = (features[here] - center) / scale @ weights + offset
        out[:, here] = (score - score.max(axis=1, keepdims=True)).T
    return out


def _discriminant(
    x: Floats, y: NDArray[np.integer], classes: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """(feature, class) weights and (class,) offsets of log p(x | class), up to a constant; one covariance."""
    means = np.stack([_mean(x[y == k]) for k in classes])
    spread = np.asarray(np.eye(x.shape[1]) * 1e-2, np.float64)
    for k, mean in zip(classes, means, strict=True):
        apart = x[y == k] - mean
        spread += np.asarray(apart.T @ apart, np.float64) / len(x)
    weights = np.asarray(np.linalg.solve(spread, means.T), np.float64)
    return weights, -0.5 * np.einsum("kf,fk->k", means, weights)


def _mean(x: Floats) -> Floats:
    mean: Floats = x.mean(axis=0) if len(x) else np.zeros(x.shape[1])
    return mean
