"""Images of seen classes come in; what any class, seen or not, should look like to the backbone goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusion.backbone import FeatureSet
from fusion.classgraph import ClassVectors
from fusion.metric import Ints, Metric, learn_metric, unit
from kg.errors import InputError

_F64 = NDArray[np.float64]

CONSTANT = 1.0
"""Variance of what all classes share: class vectors need not say what any scene looks like."""


@dataclass(frozen=True)
class Prototypes:
    """A map from class vectors to image vectors, learned from the images of seen classes.

    Gaussian process regression with one output per dimension of the images. The prototype of a class is a linear
    function of its class vector, plus a part of its own (variance `own`) that only its own images can tell; the mean
    of n images is the prototype plus noise / n. So a class with images is mostly what these look like, one without is
    what its statements say, and one with a single image is in between. Without noise, what it says of unseen classes
    is kernel ridge regression. Image vectors are looked at in the view of `metric`.

    Attributes:
        seen: Class vectors of the seen classes.
        dual: (seen, dimension) float64 coefficients: class vector `a` has `sum_s (a . a_s) dual_s`.
        precision: (seen, seen) float64 inverse of the covariance of the seen classes' means.
        means: (seen, dimension) float64 mean image vector of each seen class, unit length.
        own: Variance of a class's own part, in units of the class vectors' products; 0 where a class with images is
            to be predicted from its statements like any other.
        backbone: What made the image vectors.
        shared: Variance of what all classes share, in the same units.
        metric: The view of image vectors in which all this holds.
    """

    seen: ClassVectors
    dual: _F64
    precision: _F64
    means: _F64
    own: float
    backbone: str
    shared: float = 0.0
    metric: Metric = field(default_factory=Metric)

    def predict(self, vectors: ClassVectors) -> _F64:
        """(class, dimension) prototypes, not brought to unit length.

        Raises:
            InputError: The class vectors have other blocks than those seen.
        """
        if list(vectors.blocks) != list(self.seen.blocks):
            raise InputError(
                f"classes have blocks {', '.join(vectors.blocks)}, the classifier {', '.join(self.seen.blocks)}",
                "make both with the same blocks",
            )
        predicted: _F64 = (vectors.stacked @ self.seen.stacked.T + self.shared) @ self.dual
        rows = self.rows(vectors)
        predicted[rows >= 0] += self.own * self.dual[rows[rows >= 0]]
        return predicted

    def covariance(self, vectors: ClassVectors) -> _F64:
        """(class, class) covariance of the predictions' errors for classes without images, equal in each dimension."""
        across = vectors.stacked @ self.seen.stacked.T + self.shared
        alike = vectors.stacked @ vectors.stacked.T + self.shared
        spread: _F64 = alike + self.own * np.eye(len(alike)) - across @ self.precision @ across.T
        return spread

    def offset(self, means: _F64, vectors: ClassVectors) -> float:
        """How far all classes together lie from where they are predicted; about 1 for images like the seen ones.

        Args:
            means: (class, dimension) mean image vector of each class, found without labels; which is which does not
                matter.
            vectors: Class vectors of classes without images.

        Returns:
            Squared distance between the mean of the means and that of the predictions, as a share of what `covariance`
            makes of it and of how the seen classes lie.
        """
        scale = float((self.means * (self.precision @ self.means)).sum()) / len(self.means)
        apart = means.mean(axis=0) - self.predict(vectors).mean(axis=0)
        return float(apart @ apart) / max(scale * float(self.covariance(vectors).mean()), 1e-12)

    def rows(self, vectors: ClassVectors) -> Ints:
        """(class,) row among the seen classes, -1 for a class without images."""
        return class_rows(self.seen, vectors)

    def view(self, images: NDArray[np.float32] | _F64) -> _F64:
        """(image, dimension) image vectors in the view of `metric`, unit length."""
        return self.metric.view(images)

    @property
    def width(self) -> int:
        """Numbers of an image vector."""
        return int(self.dual.shape[1])


def class_rows(seen: ClassVectors, vectors: ClassVectors) -> Ints:
    """(class,) row of each class among the seen ones, -1 for a class without images."""
    place = {name: i for i, name in enumerate(keys(seen))}
    return np.array([place.get(name, -1) for name in keys(vectors)], np.int64)


def keys(vectors: ClassVectors) -> list[str]:
    """What a class is known by: its concept, or its name where it has none."""
    return [iri or name for iri, name in zip(vectors.iris, vectors.names, strict=True)]


def fit_prototypes(
    vectors: ClassVectors,
    images: NDArray[np.float32],
    labels: Ints,
    backbone: str,
    *,
    ridge: float,
    metric: Metric | None = None,
) -> Prototypes:
    """Learn the map.

    Args:
        vectors: Class vectors of the seen classes.
        images: (image, dimension) unit vectors.
        labels: (image,) row of the seen class, -1 unknown; each class occurs.
        backbone: What made the image vectors.
        ridge: Variance of a class's own part.
        metric: The view of the images; None learns it from them.
    """
    count = np.bincount(labels[labels >= 0], minlength=len(vectors.names))
    metric = metric or learn_metric(images, labels)
    viewed = metric.view(images)
    plain = np.stack([viewed[labels == c].mean(axis=0) for c in range(len(count))])
    stacked = vectors.stacked
    gram = stacked @ stacked.T + CONSTANT + ridge * np.eye(len(count))
    noise = _spread(plain, count) * float(np.diag(gram).mean()) / count
    precision: _F64 = np.linalg.inv(gram + np.diag(noise)).astype(np.float64)
    means = unit(plain)
    return Prototypes(
        vectors, precision @ means, precision, means, ridge, backbone, CONSTANT, metric
    )


def _spread(means: _F64, count: Ints) -> float:
    """Variance of single images around their class's mean, as a share of its squared length.

    From the lengths of the means alone: unit vectors with variance v have a mean of squared length 1 - v + v / n.
    """
    several = count > 1
    if not several.any():
        return 0.0
    squared = (means[several] ** 2).sum(axis=1)
    n = count[several]
    variance = float(np.average((1 - squared) * n / (n - 1), weights=n))
    return max(0.0, variance) / max(1 - variance, 1e-6)


def checked_labels(seen: FeatureSet, vectors: ClassVectors) -> Ints:
    """The labels of the seen images.

    Raises:
        InputError: No labels, fewer than 2 classes with images, or class vectors of other classes.
    """
    if seen.labels is None:
        raise InputError("the seen images have no labels", "add an array 'labels' to the .npz file")
    if tuple(seen.names) != vectors.names:
        raise InputError(
            f"{len(seen.names)} seen classes but {len(vectors.names)} class vectors of other names",
            "make the class vectors from the names of the seen classes",
        )
    counts = np.bincount(seen.labels[seen.labels >= 0], minlength=len(seen.names))
    if len(counts) < 2 or not counts.all():
        empty = [seen.names[i] for i in np.flatnonzero(counts == 0)]
        raise InputError(
            f"seen classes without an image: {', '.join(empty) or '(fewer than 2 classes)'}",
            "give at least one image for each seen class, and 2 classes",
        )
    return seen.labels


def take(vectors: ClassVectors, rows: Sequence[int] | Ints) -> ClassVectors:
    """The class vectors of some classes."""
    index = [int(r) for r in rows]
    return ClassVectors(
        tuple(vectors.names[i] for i in index),
        tuple(vectors.concepts[i] for i in index),
        tuple(vectors.statements[i] for i in index),
        {name: block[index] for name, block in vectors.blocks.items()},
        vectors.scales,
        vectors.norms[index],
    )
