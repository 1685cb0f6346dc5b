"""Corrections without knowledge, to be compared with: class probabilities of a tile come in, smoother labels go out.

Each takes probabilities (class, y, x), the image and one knob from its grid; the knob is chosen on train tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

from kg.raster import Raster

Floats = NDArray[np.float32]
Labels = NDArray[np.int16]
Knob = tuple[float, ...]


def mode_filter(p: Floats, image: Raster, knob: Knob) -> Labels:
    """The most frequent label in a square window; knob: its side in pixels."""
    labels = p.argmax(axis=0)
    votes = [uniform_filter((labels == k).astype(np.float32), int(knob[0])) for k in range(len(p))]
    return np.argmax(votes, axis=0).astype(np.int16)


def gaussian(p: Floats, image: Raster, knob: Knob) -> Labels:
    """Probabilities averaged with a Gaussian; knob: its deviation in pixels."""
    return np.argmax([gaussian_filter(plane, knob[0]) for plane in p], axis=0).astype(np.int16)


def slic_mean(p: Floats, image: Raster, knob: Knob) -> Labels:
    """Probabilities averaged over SLIC superpixels (scikit-image); knob: pixels in one."""
    from skimage.segmentation import slic

    rgb = np.moveaxis(image.values[:3], 0, -1)
    pieces = int(rgb.shape[0] * rgb.shape[1] / knob[0])
    where = slic(rgb, n_segments=pieces, compactness=10, start_label=0)
    count = np.maximum(np.bincount(where.ravel()), 1)
    means = [np.bincount(where.ravel(), weights=plane.ravel()) / count for plane in p]
    return np.argmax(means, axis=0).astype(np.int16)[where]


def sieve(p: Floats, image: Raster, knob: Knob) -> Labels:
    """Patches below a size take the label of their largest neighbour (GDAL); knob: the size in pixels."""
    from rasterio.features import sieve as sieved

    labels: Labels = sieved(p.argmax(axis=0).astype(np.int16), int(knob[0]), connectivity=4)
    return labels


def potts(p: Floats, image: Raster, knob: Knob) -> Labels:
    """Mean-field Potts model with a Gaussian window; knob: nats of a wholly agreeing window, deviation in pixels.

    Krähenbühl and Koltun, "Efficient inference in fully connected CRFs", NeurIPS 2011, with the spatial kernel.
    """
    weight, deviation = knob
    unary = np.log(np.maximum(p, 1e-4))
    q = p
    for _ in range(5):
        pull = np.stack([gaussian_filter(plane, deviation, truncate=3.0) for plane in q])
        score = unary + weight * pull
        q = np.exp(score - score.max(axis=0))
        q /= q.sum(axis=0)
    return np.asarray(q.argmax(axis=0), np.int16)


Smoother = Callable[[Floats, Raster, Knob], Labels]

SMOOTHERS: Mapping[str, tuple[Smoother, tuple[Knob, ...]]] = {
    "mode filter": (mode_filter, ((3,), (7,), (11,))),
    "Gaussian": (gaussian, ((1,), (2,), (4,))),
    "SLIC mean": (slic_mean, ((20,), (60,))),
    "sieve": (sieve, ((4,), (16,), (64,))),
    "mean-field Potts": (potts, ((1, 1.5), (3, 1.5), (3, 3), (6, 3))),
}
