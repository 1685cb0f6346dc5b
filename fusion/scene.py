"""Image vectors and class names come in; ranked classes go out, with the statements that spoke for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusion.aligned import Aligned, fit_aligned
from fusion.backbone import FeatureSet
from fusion.classgraph import ClassVectors
from fusion.metric import unit
from fusion.prediction import SceneScores
from fusion.prototypes import Prototypes, checked_labels, fit_prototypes, keys, take
from fusion.rehearsal import Learn, Rehearsal, rehearse
from fusion.together import look_together, look_twice
from fusion.transduce import TransduceSettings, softmax
from kg.errors import InputError

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]

METHODS = ("prototypes", "vae")


@dataclass(frozen=True)
class SceneSettings:
    """How scenes are classified.

    Attributes:
        method: How classes are learned from seen ones: "prototypes" (closed form), or "vae" (`fusion.aligned`).
        ridge: Regularisation of the map from class vectors to image vectors (prototypes).
        text_temperature: Scale of image-text cosines before the softmax (CLIP's own is 100).
        transductive: Look at all images together after the first guess.
        transduce: How.
        lost: Share of right answers that may be lost so that "none of these" can be said; None: never said.
    """

    method: str = "prototypes"
    ridge: float = 0.3
    text_temperature: float = 100.0
    transductive: bool = False
    transduce: TransduceSettings = field(default_factory=TransduceSettings)
    lost: float | None = None


@dataclass(frozen=True)
class SceneClassifier:
    """What seen classes taught.

    Attributes:
        prototypes: What each class should look like.
        rehearsal: Knobs chosen by taking seen classes for unseen.
    """

    prototypes: Prototypes | Aligned
    rehearsal: Rehearsal

    @property
    def backbone(self) -> str:
        """What made the image vectors."""
        return self.prototypes.backbone

    def penalties(self, vectors: ClassVectors) -> _F64:
        """(class,) cosine taken off each candidate: `Rehearsal.penalty` for seen ones where both kinds are asked."""
        seen = self.prototypes.rows(vectors) >= 0
        taken: _F64 = np.where(seen & ~seen.all(), self.rehearsal.penalty, 0.0)
        return taken

    def logits(self, viewed: _F32 | _F64, vectors: ClassVectors) -> _F64:
        """(image, class) temperature times cosine of image (viewed by `prototypes`) and prototype, less the penalty."""
        cosines = viewed @ unit(self.prototypes.predict(vectors)).T
        values: _F64 = self.rehearsal.temperature * (cosines - self.penalties(vectors))
        return values

    def margins(self, viewed: _F32 | _F64, vectors: ClassVectors) -> _F64:
        """(image,) by how much the best candidate is nearer than the nearest seen class that is no candidate."""
        cosines = viewed @ unit(self.prototypes.predict(vectors)).T
        asked = np.isin(keys(self.prototypes.seen), keys(vectors))
        others = viewed @ self.prototypes.means[~asked].T
        margins: _F64 = cosines.max(axis=1) - others.max(axis=1, initial=-1.0)
        return margins


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
    settings, labels = settings or SceneSettings(), checked_labels(seen, vectors)
    learn = _learner(settings, seen.model)
    return SceneClassifier(
        learn(vectors, seen.vectors, labels),
        rehearse(vectors, seen.vectors, labels, learn, transductive=settings.transductive),
    )


def _learner(settings: SceneSettings, backbone: str) -> Learn:
    if settings.method not in METHODS:
        raise InputError(f"unknown method {settings.method!r}", f"choose from {', '.join(METHODS)}")
    if settings.method == "vae":
        return lambda vectors, images, labels: fit_aligned(vectors, images, labels, backbone)
    return lambda vectors, images, labels: fit_prototypes(
        vectors, images, labels, backbone, ridge=settings.ridge
    )


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
        outside: (image,) whether an image looks more like a seen class than like any candidate; None: not asked.
        logs: (image, class) float64 log-probabilities up to a constant in each row.
    """

    scores: SceneScores
    images: FeatureSet
    vectors: ClassVectors
    classifier: SceneClassifier | None
    ridge_logits: _F64
    text_logits: _F64
    settings: SceneSettings
    outside: NDArray[np.bool_] | None
    logs: _F64


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
        InputError: Neither classifier nor texts, made by a backbone of another width, or "none of these" is wanted
            where no seen class is left to be it.
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
        classifier = graph_prior(images, softmax(text), vectors, settings)
    viewed = images.vectors if classifier is None else classifier.prototypes.view(images.vectors)
    outside = (
        None if settings.lost is None else _outside(viewed, vectors, classifier, settings.lost)
    )
    ridge = zeros if classifier is None else classifier.logits(viewed, vectors)
    logs = ridge + text
    if settings.transductive and (classifier is None or texts is not None):
        logs = look_twice(images.vectors, softmax(logs), settings.transduce)
    elif settings.transductive and classifier is not None:
        logs = _together(viewed, logs, vectors, classifier, settings)
    taught = [] if classifier is None or texts is not None else keys(classifier.prototypes.seen)
    unseen = ~np.isin(keys(vectors), taught)
    how = f"{images.model} + {', '.join(vectors.blocks)}{' + transduction' if settings.transductive else ''}"
    answer = SceneScores(images.items, vectors.names, vectors.iris, softmax(logs), unseen, how)
    return SceneAnswer(answer, images, vectors, classifier, ridge, text, settings, outside, logs)


def _together(
    viewed: _F32 | _F64,
    logs: _F64,
    vectors: ClassVectors,
    classifier: SceneClassifier,
    settings: SceneSettings,
) -> _F64:
    """(image, class) log-probabilities by all images together, as far as they can be believed."""
    learned, knobs = classifier.prototypes, classifier.rehearsal
    found = look_together(
        viewed, softmax(logs), vectors, learned, knobs.temperature, settings.transduce
    )
    return knobs.trust * found


def _outside(
    viewed: _F32 | _F64, vectors: ClassVectors, classifier: SceneClassifier | None, lost: float
) -> NDArray[np.bool_]:
    """(image,) whether none of the candidates fits, by the margin that rehearsal found."""
    if not 0 <= lost < 1:
        raise InputError(
            f"share of right answers that may be lost: {lost}", "give 0 or more, below 1"
        )
    if classifier is None or set(keys(classifier.prototypes.seen)) <= set(keys(vectors)):
        raise InputError(
            "'none of these' needs seen classes that are not asked about: there is none",
            "give --seen with further classes, or leave --abstain out",
        )
    margins = classifier.margins(viewed, vectors)
    found: NDArray[np.bool_] = margins < classifier.rehearsal.least_margin(lost)
    return found


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
    precision: _F64 = np.linalg.inv(gram + settings.ridge * np.eye(len(rows))).astype(np.float64)
    return SceneClassifier(
        Prototypes(found, precision @ prototypes, precision, prototypes, 0.0, images.model),
        Rehearsal(settings.text_temperature / 4, 0.0, np.empty(0)),
    )


def check_candidates(names: Sequence[str]) -> None:
    """Make sure that there is something to choose from.

    Raises:
        InputError: One class.
    """
    if len(names) == 1:
        raise InputError(
            f"one class to choose from ({names[0]}), at least 2 expected",
            "name more classes, for example -l airport -l beach",
        )


def _check(
    images: FeatureSet,
    vectors: ClassVectors,
    classifier: SceneClassifier | None,
    texts: _F32 | None,
) -> None:
    width = images.vectors.shape[1]
    check_candidates(vectors.names)
    if classifier is None and texts is None:
        raise InputError(
            "nothing to compare the images with: no seen classes and no text vectors",
            "give --seen FEATURES.npz with labels, or a backbone that reads text",
        )
    if classifier is not None and classifier.prototypes.width != width:
        raise InputError(
            f"image vectors have {width} numbers, the classifier was learned on {classifier.prototypes.width}",
            f"use the backbone it was learned with ({classifier.backbone})",
        )
    if texts is not None and texts.shape != (len(vectors.names), width):
        raise InputError(
            f"text vectors of shape {texts.shape}, expected {(len(vectors.names), width)}",
            "make them with the backbone that made the image vectors, one per class",
        )
