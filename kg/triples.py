"""Weighted triples: the form in which knowledge is counted, embedded and compared."""

from __future__ import annotations

from typing import NamedTuple


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
