"""Corrections by columns come in, computed when they are asked for; corrections one by one go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from kg.legend import Legend
from reasoning.correction import Contribution, Correction
from reasoning.logic.hard import Exclusions

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Columns:
    """What is to be said about n corrections, in their order.

    Attributes:
        legend: Names the classes.
        exclusions: What hard axioms removed.
        classes: (3, n) region, row of the class before and row of the class after.
        pixels: (n,) int64.
        measures: (5, n) area in square metres, longitude, latitude, log-odds, confidence.
        terms: (IRI, kind) of each term.
        values: (n, term) nats.
        alike: (n, class) bool: classes as likely as the one after.
        evidence: Number of a correction -> IRIs of features and cells.
    """

    legend: Legend
    exclusions: Exclusions
    classes: NDArray[np.intp]
    pixels: NDArray[np.int64]
    measures: Floats
    terms: Sequence[tuple[str, str]]
    values: Floats
    alike: NDArray[np.bool_]
    evidence: Mapping[int, tuple[str, ...]]

    def made(self, numbers: Sequence[int]) -> list[Correction]:
        """Some of them as values."""
        rows, iris = np.asarray(numbers, np.intp), [one.iri for one in self.legend.classes]
        reasons = _spoken(self.terms, self.values[rows])
        alike = _chosen(self.alike[rows], iris)
        plain = [*self.classes[:, rows], self.pixels[rows], *self.measures[:, rows]]
        columns: list[list[Any]] = [column.tolist() for column in plain]
        return [
            Correction(
                region=region,
                before=iris[old],
                after=iris[new],
                pixels=pixels,
                area=area,
                lon=lon,
                lat=lat,
                log_odds=odds,
                contributions=spoken,
                evidence=self.evidence.get(number, ()),
                confidence=confidence,
                excluded_by=self.exclusions.by(region, old),
                alike=others,
            )
            for number, spoken, others, region, old, new, pixels, area, lon, lat, odds, confidence in zip(
                numbers, reasons, alike, *columns, strict=True
            )
        ]


def _spoken(terms: Sequence[tuple[str, str]], values: Floats) -> Iterator[tuple[Contribution, ...]]:
    """For each row, the contributions that are not 0, largest magnitude first."""
    ranks = np.argsort(-np.abs(values), axis=1, kind="stable")
    ordered = np.take_along_axis(values, ranks, axis=1)
    for rank, row in zip(ranks.tolist(), ordered.tolist(), strict=True):
        yield tuple(
            Contribution(terms[i][0], terms[i][1], v) for i, v in zip(rank, row, strict=True) if v
        )


def _chosen(rows: NDArray[np.bool_], names: Sequence[str]) -> list[tuple[str, ...]]:
    """For each row, the names of the columns that are True."""
    found: list[tuple[str, ...]] = [()] * len(rows)
    for i in np.flatnonzero(rows.any(axis=1)).tolist():
        found[i] = tuple(names[k] for k in np.flatnonzero(rows[i]).tolist())
    return found


class Corrections(Sequence[Correction]):
    """A tuple of corrections whose number is known at once, and whose reasons are computed when one is looked at.

    Equal to any sequence with the same corrections; a copy by pickle is a plain tuple.
    """

    def __init__(self, count: int, columns: Callable[[], Columns]) -> None:
        """How many there are, and how to get them: called once at most, then let go with all that it holds."""
        self._count, self._asked = count, [columns]

    @cached_property
    def _columns(self) -> Columns:
        return self._asked.pop()()

    @cached_property
    def _made(self) -> tuple[Correction, ...]:
        return tuple(self._columns.made(range(self._count)))

    def __len__(self) -> int:
        """How many there are; costs nothing."""
        return self._count

    def __iter__(self) -> Iterator[Correction]:
        """One by one, largest first; all are made and kept."""
        return iter(self._made)

    @overload
    def __getitem__(self, place: int) -> Correction: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Correction, ...]: ...
    def __getitem__(self, place: int | slice) -> Correction | tuple[Correction, ...]:
        """Some of them; only these are made."""
        numbers = range(self._count)[place]
        if isinstance(numbers, int):
            return self._columns.made([numbers])[0]
        return tuple(self._columns.made(numbers))

    def __eq__(self, other: object) -> bool:
        """Whether another sequence holds the same."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """As that of a tuple."""
        return repr(self._made)

    def __reduce__(self) -> tuple[Any, ...]:
        """As a plain tuple: what would have to be asked cannot be sent to another process."""
        return tuple, (self._made,)
