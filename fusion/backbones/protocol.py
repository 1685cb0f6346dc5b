"""What every backbone offers: images and, where it reads text, prompts come in; vectors go out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fusion.backbones.preprocessing import Preprocessing
from kg.errors import InputError


class Backbone(Protocol):
    """A frozen network that turns images into vectors, and prompts too where it was trained with texts.

    Attributes:
        name: For records and sentences.
        preprocessing: Bands, size, mean and deviation that the network expects.
        reads_text: Whether `prompts` gives vectors in the space of the images.
    """

    @property
    def name(self) -> str:
        """For records and sentences."""
        ...

    @property
    def preprocessing(self) -> Preprocessing:
        """Bands, size, mean and deviation that the network expects."""
        ...

    @property
    def reads_text(self) -> bool:
        """Whether `prompts` gives vectors in the space of the images."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """Everything that changes the numbers: hash of the weights, activation and the like."""
        ...

    def images(self, images: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(image, dimension) vectors of (y, x, band) images: uint8, or floats where 1 is full brightness."""
        ...

    def prompts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(text, dimension) vectors of prompts; only where `reads_text`."""
        ...


def fingerprint(backbone: Backbone) -> str:
    """One line of JSON that differs between any two backbones whose image vectors differ."""
    facts = {**backbone.facts(), "preprocessing": backbone.preprocessing.facts()}
    return json.dumps(facts, sort_keys=True, separators=(",", ":"))


def class_texts(
    backbone: Backbone, names: Sequence[str], templates: Sequence[str]
) -> NDArray[np.float32]:
    """Text vectors of classes.

    Args:
        backbone: One that reads text.
        names: Class names.
        templates: Prompts with one `{}`, such as "an aerial photo of a {}".

    Returns:
        (class, dimension) float32 unit vectors: the mean over the unit vectors of the templates.

    Raises:
        InputError: The backbone sees images only.
    """
    if not backbone.reads_text:
        raise InputError(
            f"{backbone.name}: sees images only, so class names alone mean nothing to it",
            "give --seen FEATURES.npz with labelled image vectors of this backbone, or a CLIP-like model",
        )
    found = backbone.prompts([template.format(name) for name in names for template in templates])
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    mean = found.reshape(len(names), len(templates), -1).mean(axis=1)
    out: NDArray[np.float32] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return out
