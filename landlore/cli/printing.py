"""What commands share when they print: lines come in, standard output and standard error get them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable

from kg.errors import MissingExtraError

Tell = Callable[[str], None]
VISION = (
    "torch",
    "torch_geometric",
    "pykeen",
    "sentence_transformers",
    "transformers",
    "safetensors",
)
"""Packages of the extra `vision`."""


def say(text: str = "") -> None:
    """Print one line on standard output."""
    sys.stdout.write(text + "\n")


def teller(quiet: bool) -> Tell:
    """A function that tells of each stage on standard error, or says nothing."""

    def tell(line: str) -> None:
        if not quiet:
            sys.stderr.write(f"· {line}\n")
            sys.stderr.flush()

    return tell


def need_vision(command: str) -> None:
    """Stop with two lines when the extra is not installed.

    Raises:
        MissingExtraError: A package of the extra is missing.
    """
    missing = [name for name in VISION if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"{command}: {', '.join(missing)}", "vision")
