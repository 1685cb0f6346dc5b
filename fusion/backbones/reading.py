"""How images are read for a backbone, as the user said it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadSettings:
    """What the files do not say themselves.

    Attributes:
        activation: "quick_gelu" or "gelu", for checkpoint files that leave it in doubt.
        tokenizer: File with CLIP's byte pairs, for checkpoint files.
    """

    activation: str | None = None
    tokenizer: str | None = None
