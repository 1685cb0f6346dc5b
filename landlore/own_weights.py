"""The weights that ship come in; their place, the images that they carry, and what is said of them go out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kg.errors import InputError
from kg.files import shipped

if TYPE_CHECKING:
    from fusion.backbone import FeatureSet

_SAID = (
    "images as Landlore's own small network sees them (--model names another): trust little (of ten unseen classes "
    "41.5 % of the images are right, 35.5 % with --transductive, 10.0 % by chance); its card: {card}"
)
"""What is said where the weights that ship are used; the figures are those of their card."""


def default_weights() -> Path:
    """The weights of Landlore's own network, which are used where no model is named.

    Raises:
        InputError: This copy of Landlore has none.
    """
    path = shipped("data/weights/compact.safetensors")
    if not path.exists():
        raise InputError(
            "no backbone for images: expected a model folder or a checkpoint file",
            "give --model PATH, or one .npz file of embeddings instead of images",
        )
    return path


def tell_own(tell: Callable[[str], None]) -> None:
    """Say that these weights are used, how little they can be trusted, and where their card is."""
    tell(_SAID.format(card=default_weights().with_name("README.md")))


def own_seen(asked: FeatureSet) -> FeatureSet | None:
    """The images that Landlore's own weights carry, where the vectors were made with these; else None."""
    from fusion.backbones.compact import FORMAT, CompactBackbone

    made = json.loads(asked.made_by) if asked.made_by else {}
    if made.get("format") != FORMAT:
        return None
    own = CompactBackbone(default_weights())
    return own.seen() if made.get("sha256") == own.facts()["sha256"] else None
