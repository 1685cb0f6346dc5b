"""A word that nobody knows and the words that are known come in; those that it may have been meant for go out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

ALIKE = 0.7
"""Least share of letters in common (`difflib.SequenceMatcher.ratio`) of names that are offered; below lie guesses."""
_FEWEST = 3


def near_names(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Names that are spelt much like a word, or that begin with it, the nearest first; none where nothing is near.

    Upper and lower case, hyphens, underscores and spaces make no difference.

    Args:
        word: What was written.
        known: What may be meant.
        count: How many names at most.

    Example:
        >>> near_names("World-Covr", ["worldcover", "corine"]), near_names("modis", ["modis_igbp"])
        (['worldcover'], ['modis_igbp'])
        >>> near_names("map", ["esri", "corine"])
        []
    """
    plain: dict[str, str] = {}
    for name in known:
        plain.setdefault(_plain(name), name)
    sought = _plain(word)
    close = difflib.get_close_matches(sought, plain, count, ALIKE) if sought else []
    begun = [key for key in sorted(plain) if len(sought) >= _FEWEST and key.startswith(sought)]
    return [plain[key] for key in dict.fromkeys([*close, *begun])][:count]


def meant(word: str, known: Iterable[str], count: int = 1) -> str:
    """The question whether one of the near names was meant, "" where nothing is near.

    Example:
        >>> meant("tabel", ["table", "source"])
        "did you mean 'table'?"
    """
    near = near_names(word, known, count)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.casefold())
