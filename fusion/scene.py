"""Image vectors and class names come in; ranked classes go out, with the statements that spoke for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusion.backbone import FeatureSet
from fusion.classgraph import ClassVectors
from fusion.prediction import SceneScores
from fusion.transduce import TransduceSettings, transduce
from kg.errors import InputError

_TEMPERATURES = np.geomspace(2.0, 200.0, 25)
_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]


@dataclass(frozen=True)
class SceneSettings:
    """How scenes are classified.

    Attributes:
        ridge: Regularisation of the map from class vectors to image vectors.
        centred: Take the mean of the seen prototypes off images and prototypes first. On WHU-RS19 it helps vectors
            that carry little (SR-RSKG 26 to 38 %) and costs text (62 to 57 %) and the graph.
        text_temperature: Scale of image-text cosines before the softmax (CLIP's own is 100).
        transductive: Look at all images together after the first guess.
        transduce: How.
    """

    ridge: float = 0.3
    centred: bool = False
    text_temperature: float = 100.0
    transductive: bool = False
    transduce: TransduceSettings = field(default_factory=TransduceSettings)


@dataclass(frozen=True)
class SceneClassifier:
    """A map from class vectors to image vectors, learned from seen classes.

    Kernel ridge regression without intercept: the predicted prototype of a class with vector `a` is
    `sum_s (a . a_s) dual_s`, linear in `a`, so that a score splits over the statements of the class exactly.

    Attributes:
        seen: Class vectors of the seen classes.
        dual: (seen, dimension) float64 dual coefficients.
        prototypes: (seen, dimension) float64 mean image vector of each seen class, unit length.
        centre: (dimension,) float64 taken off images and prototypes; zeros unless asked for.
        temperature: Scale of cosines before the softmax, chosen on seen classes left out in turn.
        backbone: What made the image vectors.
        ridge: Regularisation used.
    """

    seen: ClassVectors
    dual: _F64
    prototypes: _F64
    centre: _F64
    temperature: float
    backbone: str
    ridge: float

    def predict(self, vectors: ClassVectors) -> _F64:
        """(class, dimension) predicted prototypes, not brought to unit length.

        Raises:
            InputError: The class vectors have other blocks than those seen.
        """
        if list(vectors.blocks) != list(self.seen.blocks):
            raise InputError(
                f"classes have blocks {', '.join(vectors.blocks)}, the classifier {', '.join(self.seen.blocks)}",
                "make both with the same blocks",
            )
        predicted: _F64 = vectors.stacked @ self.seen.stacked.T @ self.dual
        return predicted

    def logits(self, images: _F32, vectors: ClassVectors) -> _F64:
        """(image, class) temperature times cosine of image and predicted prototype."""
        predicted = self.predict(vectors)
        length = np.linalg.norm(predicted, axis=1, keepdims=True)
        values: _F64 = (
            self.temperature * images.astype(np.float64) @ (predicted / np.maximum(length, 1e-12)).T
        )
        return values


def fit_scenes(
    seen: FeatureSet, vectors: ClassVectors, settings: SceneSettings | None = None
) -> SceneClassifier:
    """Learn from images of seen classes.

    Args:
        seen: Labelled image vectors; `seen.names` are the class names in the order of the labels.
        vectors: Class vectors of the classes that have images, in the order of `seen.names`.
        settings: Default `SceneSettings()`.

    Raises:
        InputError: No labels, fewer than 2 classes with images, or class vectors of other classes.
    """
    settings = settings or SceneSettings()
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
    means = np.stack(
        [seen.vectors[seen.labels == c].mean(axis=0) for c in range(len(counts))]
    ).astype(np.float64)
    prototypes = means / np.linalg.norm(means, axis=1, keepdims=True)
    stacked = vectors.stacked
    inverse = np.linalg.inv(stacked @ stacked.T + settings.ridge * np.eye(len(counts)))
    centre = prototypes.mean(axis=0) * settings.centred
    dual = inverse @ (prototypes - centre)
    left_out = (
        prototypes - centre - dual / np.diag(inverse)[:, None]
    )  # each class predicted from the others
    temperature = _temperature(seen.vectors - centre, seen.labels, left_out)
    return SceneClassifier(
        vectors, dual, prototypes, centre, temperature, seen.model, settings.ridge
    )


def _temperature(vectors: _F64, all_labels: NDArray[np.int64], prototypes: _F64) -> float:
    """Scale at which left-out prototypes explain the seen images best (each class weighs the same)."""
    unit = prototypes / np.maximum(np.linalg.norm(prototypes, axis=1, keepdims=True), 1e-12)
    known = all_labels >= 0
    labels, cosine = all_labels[known], vectors[known] @ unit.T
    weight = 1.0 / np.bincount(labels)[labels]
    losses = []
    for scale in _TEMPERATURES:
        values = scale * cosine
        top = values.max(axis=1)
        log_sum = top + np.log(np.exp(values - top[:, None]).sum(axis=1))
        losses.append((weight * (log_sum - values[np.arange(len(labels)), labels])).sum())
    return float(_TEMPERATURES[int(np.argmin(losses))])


@dataclass(frozen=True)
class SceneAnswer:
    """Scores of images, and all that is needed to say why.

    Attributes:
        scores: Probabilities.
        images: What was classified.
        vectors: Class vectors of the candidate classes.
        classifier: The map from seen classes, or None (image-text similarity).
        ridge_logits: (image, class) float64 logits of the class vectors; zeros without a classifier.
        text_logits: (image, class) float64 logits of image-text similarity; zeros where not used.
        settings: How.
    """

    scores: SceneScores
    images: FeatureSet
    vectors: ClassVectors
    classifier: SceneClassifier | None
    ridge_logits: _F64
    text_logits: _F64
    settings: SceneSettings


def classify(
    images: FeatureSet,
    vectors: ClassVectors,
    *,
    classifier: SceneClassifier | None = None,
    texts: _F32 | None = None,
    settings: SceneSettings | None = None,
) -> SceneAnswer:
    """Classify images among candidate classes.

    With a classifier, images are compared with the prototypes that the class vectors predict. With text vectors,
    they are compared with these too; the logits add up. With text vectors alone and transduction, the class
    graph joins in by `graph_prior`.

    Args:
        images: Image vectors.
        vectors: Class vectors of the candidate classes.
        classifier: Learned from seen classes by the same backbone.
        texts: (class, dimension) float32 text vectors of the candidate classes by the same backbone, unit length.
        settings: Default `SceneSettings()`.

    Raises:
        InputError: Neither classifier nor texts, or made by a backbone of another width.
    """
    settings = settings or SceneSettings()
    _check(images, vectors, classifier, texts)
    zeros = np.zeros((len(images.items), len(vectors.names)))
    text = (
        zeros
        if texts is None
        else settings.text_temperature * images.vectors.astype(np.float64) @ texts.T
    )
    if classifier is None and settings.transductive:
        classifier = graph_prior(images, _softmax(text), vectors, settings)
    ridge = zeros if classifier is None else classifier.logits(images.vectors, vectors)
    scores = _softmax(ridge + text)
    if settings.transductive:
        scores = transduce(images.vectors, scores, settings.transduce)
    seen = set() if classifier is None or texts is not None else _known(classifier.seen)
    unseen = np.array(
        [(iri or name) not in seen for iri, name in zip(vectors.iris, vectors.names, strict=True)]
    )
    how = f"{images.model} + {', '.join(vectors.blocks)}{' + transduction' if settings.transductive else ''}"
    answer = SceneScores(images.items, vectors.names, vectors.iris, scores, unseen, how)
    return SceneAnswer(answer, images, vectors, classifier, ridge, text, settings)


def graph_prior(
    images: FeatureSet, memberships: _F32, vectors: ClassVectors, settings: SceneSettings
) -> SceneClassifier | None:
    """A classifier from first guesses instead of labels: classes that the graph calls alike must look alike.

    Class means of the first guesses (weighted by membership) are regressed on the class vectors; a mean spoilt by
    wrong guesses is pulled to what related classes look like. None when fewer than 2 classes have any image.
    """
    mass = memberships.sum(axis=0)
    rows = np.flatnonzero(mass >= 1.0)
    if len(rows) < 2:
        return None
    means = (memberships.T[rows] @ images.vectors).astype(np.float64)
    prototypes = means / np.linalg.norm(means, axis=1, keepdims=True)
    found = take(vectors, rows)
    gram = found.stacked @ found.stacked.T
    dual = np.linalg.solve(gram + settings.ridge * np.eye(len(rows)), prototypes)
    temperature, centre = settings.text_temperature / 4, np.zeros(prototypes.shape[1])
    return SceneClassifier(
        found, dual, prototypes, centre, temperature, images.model, settings.ridge
    )


def take(vectors: ClassVectors, rows: Sequence[int] | NDArray[np.int64]) -> ClassVectors:
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


def _known(vectors: ClassVectors) -> set[str]:
    return {iri or name for iri, name in zip(vectors.iris, vectors.names, strict=True)}


def _check(
    images: FeatureSet,
    vectors: ClassVectors,
    classifier: SceneClassifier | None,
    texts: _F32 | None,
) -> None:
    width = images.vectors.shape[1]
    if len(vectors.names) < 2:
        raise InputError(
            f"one class to choose from ({vectors.names[0]}), at least 2 expected",
            "name more classes, for example -l airport -l beach",
        )
    if classifier is None and texts is None:
        raise InputError(
            "nothing to compare the images with: no seen classes and no text vectors",
            "give --seen FEATURES.npz with labels, or a backbone that reads text",
        )
    if classifier is not None and classifier.dual.shape[1] != width:
        raise InputError(
            f"image vectors have {width} numbers, the classifier was learned on {classifier.dual.shape[1]}",
            f"use the backbone it was learned with ({classifier.backbone})",
        )
    if texts is not None and texts.shape != (len(vectors.names), width):
        raise InputError(
            f"text vectors of shape {texts.shape}, expected {(len(vectors.names), width)}",
            "make them with the backbone that made the image vectors, one per class",
        )


def _softmax(values: _F64) -> _F32:
    shifted = np.exp(values - values.max(axis=1, keepdims=True))
    out: _F32 = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    return out
