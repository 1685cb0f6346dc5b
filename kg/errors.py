"""The one tree of errors; each carries a hint that says what to type or change next.

LandloreError
├── InputError            something the user gave is wrong
│   ├── GridError         no CRS, no overlap, different grids
│   ├── RasterError       unreadable, all nodata, NaN, wrong bands
│   │   └── EmptyError     nothing but nodata, where a part was looked at
│   ├── LegendError       unknown legend, unknown class code
│   ├── SourceError       empty, truncated or unreadable source file; broken Turtle
│   ├── OntologyError     an ontology that cannot be read or is inconsistent
│   ├── RuleError         a rule that cannot be compiled, or rules that contradict each other
│   │   └── AxiomError    one axiom of a rule file that cannot be used
│   └── QueryError        SPARQL that cannot be parsed or run
├── OutputError           a folder that cannot be written, a full disk
└── MissingExtraError     an optional dependency is not installed

LandloreWarning           something that the user gave is used, but not as it may have been meant
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from kg.spelling import meant


class LandloreError(Exception):
    """An error that is shown to the user as two lines: what is wrong, and what to do next.

    Args:
        message: What and where, what was found and what was expected.
        hint: What to type or change next.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}"

    def __reduce__(self) -> tuple[Callable[..., LandloreError], tuple[type, dict[str, Any]]]:
        """For the way from one process to another, whatever its class is made from."""
        return _as_it_was, (type(self), self.__dict__)


class LandloreWarning(UserWarning):
    """Something that the user gave is used, but perhaps not as it was meant; the command line prints one line."""


class InputError(LandloreError):
    """Something that the user gave is wrong."""


class GridError(InputError):
    """Rasters without CRS, without overlap, or on different grids."""


class RasterError(InputError):
    """A raster that cannot be read, has no valid pixel, or lacks a band."""


class EmptyError(RasterError):
    """A part of a raster that holds nothing but nodata."""


class LegendError(InputError):
    """A legend that is not known, or a class code that is not in its legend."""


class SourceError(InputError):
    """A source file that is empty, truncated, unreadable or not what its name says."""


class OntologyError(InputError):
    """An ontology that cannot be read or is inconsistent."""


class RuleError(InputError):
    """A rule that cannot be compiled, or hard rules that contradict each other."""


class AxiomError(RuleError):
    """One axiom of a rule file that cannot be used.

    Args:
        file: Path of the file.
        axiom: The axiom in Manchester syntax, or its name where it cannot be written so.
        cause: What is wrong, a sentence that names the axiom.
        hint: What to type or change next.
    """

    def __init__(self, file: str, axiom: str, cause: str, hint: str) -> None:
        super().__init__(f"{file}: {cause}", hint)
        self.file = file
        self.axiom = axiom
        self.cause = cause


class QueryError(InputError):
    """A SPARQL query that cannot be parsed or run."""


class OutputError(LandloreError):
    """An output that could not be written; nothing half-written is left behind."""


class MissingExtraError(LandloreError):
    """An optional dependency is missing.

    Args:
        what: What was asked for, e.g. "landlore classify".
        extra: The extra that brings it, e.g. "vision".
        cause: The import error itself, or the names of what is missing.
    """

    def __init__(self, what: str, extra: str, cause: Exception | str | None = None) -> None:
        reason = f" ({cause})" if cause else ""
        super().__init__(
            f"{what} needs packages that are not installed{reason}",
            f"pip install 'landlore[{extra}]'",
        )


def _as_it_was(kind: type[LandloreError], held: dict[str, Any]) -> LandloreError:
    error = kind.__new__(kind, held["message"])
    error.__dict__.update(held)
    return error


def known_words(word: str, known: Collection[str]) -> str:
    """The hint for a word that is not known: the one that is spelt much like it, else all that are known.

    Example:
        >>> known_words("tabel", ["table", "source"])
        "did you mean 'table'?"
        >>> known_words("colour", ["table", "source"])
        'known: table, source'
    """
    return meant(word, known) or f"known: {', '.join(known) or 'none'}"
