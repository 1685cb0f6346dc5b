"""The table [source] of a mapping comes in; it is refused where it cannot be meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kg.errors import SourceError

_ADDRESS = re.compile(r"(https?://[^\s/<>\"{}|\\^`]+|urn:[\w-]+:)[^\s<>\"{}|\\^`]*\Z")


@dataclass(frozen=True)
class Origin:
    """The table [source]: where the graph comes from and what may be done with it.

    Attributes:
        title: Name for people.
        citation: Whom to cite; a mapping without it can only be tried out.
        licence: IRI of the licence, or words, or "".
        attribution: The line that the licence asks for, or "".
        url: Where it can be had, or "".
        date: When it was issued, "2021" or "2021-06-30", or "".
        confidence: Share of its statements that are right, as far as anybody says, or None.
    """

    title: str = ""
    citation: str = ""
    licence: str = ""
    attribution: str = ""
    url: str = ""
    date: str = ""
    confidence: float | None = None


def check_origin(path: Path, found: Origin) -> Origin:
    """The table as it is, if it can be meant.

    Args:
        path: The mapping, for messages.
        found: What it says.

    Raises:
        SourceError: A confidence outside of 0..1, a date that is none, an address that is none.
    """
    sure = found.confidence
    if sure is not None and (isinstance(sure, bool) or not 0 <= sure <= 1):
        raise _wrong(path, "confidence", sure, "a share in 0..1", "confidence = 0.8")
    if found.date and not _is_date(found.date):
        raise _wrong(path, "date", found.date, "2021, 2021-06 or 2021-06-30", 'date = "2021-06-30"')
    if found.url and not _ADDRESS.match(found.url):
        raise _wrong(path, "url", found.url, "an address", 'url = "https://example.org/edges"')
    if ":" in found.licence and not _ADDRESS.match(found.licence):
        example = 'licence = "https://creativecommons.org/licenses/by/4.0/", or "CC BY 4.0"'
        raise _wrong(path, "licence", found.licence, "an address, or words without ':'", example)
    return found


def _wrong(path: Path, key: str, value: object, expected: str, hint: str) -> SourceError:
    return SourceError(f"{path}: [source] {key} is {value!r}, expected {expected}", hint)


def _is_date(text: str) -> bool:
    """Whether a text is a year, a month or a day (ISO 8601), with or without a time."""
    parts = text.partition("T")[0].split("-")
    try:
        numbers = [int(part) for part in parts]
        date(numbers[0], *numbers[1:], *[1] * (3 - len(parts)))
    except (TypeError, ValueError):
        return False
    return len(parts[0]) == 4
