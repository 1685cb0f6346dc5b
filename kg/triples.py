"""Weighted triples: the form in which knowledge is counted, embedded and compared."""

from __future__ import annotations

from typing import NamedTuple

from kg.errors import SourceError


class Triple(NamedTuple):
    """One weighted statement; names are those of the KG-embedding field.

    Attributes:
        head: Subject IRI.
        relation: Predicate IRI.
        tail: Object IRI.
        weight: Strength in (0, 1]; 1 for a plain triple.
    """

    head: str
    relation: str
    tail: str
    weight: float = 1.0


def weight_of(word: str, about: object) -> float:
    """A weight that stands in a graph as a number, whatever its range.

    Args:
        word: The literal.
        about: What the statement is about, for the message.

    Raises:
        SourceError: It is no number.
    """
    try:
        return float(word)
    except ValueError as error:
        raise SourceError(
            f"a statement about {about} has the weight {word!r}, expected a number in (0, 1]",
            "correct it where it comes from, such as ll:weight 0.5",
        ) from error
