"""How a graph is to be embedded: what was asked for comes in, and is refused where it cannot be meant."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real

from kg.errors import InputError, known_words

RATES = {
    "TransE": 0.02, "RotatE": 0.02, "ComplEx": 0.05, "DistMult": 0.05, "DistMultLiteral": 0.02,
    "CompGCN": 0.01, "RGCN": 0.005,
}  # fmt: skip
FIXED = ("text", "graded")
MODELS = (*RATES, *FIXED)
"""Models that are trained, then two kinds of vectors that are not: of the words, and straight from the triples."""


@dataclass(frozen=True)
class EmbedSettings:
    """How to embed.

    Attributes:
        model: One of `MODELS`.
        dim: Dimension; RotatE and ComplEx use that many complex numbers, text vectors keep their own.
        epochs: Passes over all triples.
        rate: Learning rate of Adam; None takes one that suits the model.
        candidates: Entities that each true answer is held against in an epoch.
        held_out: Share of triples kept for the metrics; 0 skips the measurement (and halves the time).
        seed: Seed of everything random.
    """

    model: str = "TransE"
    dim: int = 64
    epochs: int = 200
    rate: float | None = None
    candidates: int = 256
    held_out: float = 0.1
    seed: int = 0


_WHOLE = {"dim": 1, "epochs": 1, "candidates": 1, "seed": 0}
"""Whole numbers among the settings, and the least of each."""
_MOST = 2**31


def check_settings(settings: EmbedSettings) -> None:
    """Let settings pass that an embedding can be made by.

    Raises:
        InputError: Not `EmbedSettings`, an unknown model, a number that is none or out of its range.
    """
    if not isinstance(settings, EmbedSettings):
        raise InputError(
            f"settings of an embedding: {settings!r}, expected EmbedSettings",
            'kg.embed.EmbedSettings(model="TransE", dim=64)',
        )
    if settings.model not in MODELS:
        raise InputError(
            f"unknown embedding model {settings.model!r}", known_words(str(settings.model), MODELS)
        )
    for name, least in _WHOLE.items():
        value = getattr(settings, name)
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not is_whole or not least <= value < _MOST:
            raise InputError(
                f"settings of an embedding: {name} is {value!r}, expected a whole number of {least} or more",
                f"{name}={getattr(EmbedSettings(), name)}",
            )
    if not isinstance(settings.held_out, Real) or not 0 <= settings.held_out < 1:
        raise InputError(
            f"settings of an embedding: held_out is {settings.held_out!r}, expected a share from 0 to below 1",
            "held_out=0.1, or 0 for no measure",
        )
    rate = settings.rate
    if rate is not None and not (isinstance(rate, Real) and 0 < rate < float("inf")):
        raise InputError(
            f"settings of an embedding: rate is {rate!r}, expected a number above 0", "rate=0.02"
        )
