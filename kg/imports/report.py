"""What an import meets comes in, one by one; a report of what was understood goes out, as text and as a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from kg import vocab
from kg.counted import counted
from kg.statements import Statements

MOST = 100_000
"""Different unknown terms that are kept apart; further ones are counted together."""
SHARES = "percent = true, and no number is above 1: if they are shares already, leave percent out"
_SHOWN = 20
_REST = "(further terms)"


@dataclass(frozen=True)
class UnknownTerm:
    """A term that nobody explained.

    Attributes:
        kind: "term" or "relation".
        term: As it stands in the file.
        count: How often.
        label: English label of the nearest of ours, "" where nothing is like it.
        iri: Its IRI, or "".
    """

    kind: str
    term: str
    count: int
    label: str
    iri: str


@dataclass(frozen=True)
class KnownTerm:
    """A term that was understood.

    Attributes:
        kind: "term" or "relation".
        term: As it stands in the file.
        count: How often.
        by: How it was understood (`kg.imports.vocabulary.Meaning.by`), or "left out" as the mapping says.
        iri: What it was taken for, "" where it was left out.
    """

    kind: str
    term: str
    count: int
    by: str
    iri: str


@dataclass(frozen=True)
class ImportReport:
    """What was understood of somebody's graph or table.

    Attributes:
        file: Its name.
        name: Named graph that comes of it.
        unit: What was counted: "rows" or "triples".
        read: How many there are.
        understood: How many became statements of ours.
        statements: N-Triples that came of them.
        left_out: Reason -> how many.
        known: Terms that were understood, most frequent first.
        means: "terms" or "relations" -> way of understanding -> (different ones, times).
        unknown: Terms that nobody explained, most frequent first, each with the nearest of ours.
        unused: Columns of a table that are nothing of what a column may be: names, or numbers from 1 without a header.
        shares: Whether all numbers that the mapping takes for percentages are 1 or less, as shares are.
        cited: Whether the mapping says where the file comes from, which `-o` and `build` need; True without one.
    """

    file: str
    name: str
    unit: str
    read: int
    understood: int
    statements: int
    left_out: dict[str, int]
    known: tuple[KnownTerm, ...]
    means: dict[str, dict[str, tuple[int, int]]]
    unknown: tuple[UnknownTerm, ...]
    unused: tuple[str, ...] = ()
    shares: bool = False
    cited: bool = True

    def to_record(self) -> dict[str, Any]:
        """As one JSON-ready mapping."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """For people: what was read, how it was understood, what was left out and the nearest of ours."""
        share = f" ({100 * self.understood / self.read:.1f} %)" if self.read else ""
        yield f"{self.file}: {self.understood:,} of {counted(self.read, self.unit.removesuffix('s'))} understood{share}"
        yield f"{_column(self.statements, 'statement')} in <{vocab.GRAPH}{self.name}>"
        for kind, found in self.means.items():
            for by, (different, times) in found.items():
                yield f"{_column(different, kind.removesuffix('s'))} by {by} ({counted(times, 'time')})"
        for reason, count in self.left_out.items():
            yield f"{_column(count, self.unit.removesuffix('s'))} left out: {reason}"
        if self.unused:
            yield f"{_column(len(self.unused), 'column')} not used: {' '.join(', '.join(self.unused).split())}"
        if self.shares:
            yield f"{'':>10} {SHARES}"
        for one in self.unknown[:_SHOWN]:
            near = f"; nearest: {one.label} ({vocab.curie(one.iri)})" if one.iri else ""
            yield f"{one.count:>10,} x unknown {one.kind} {one.term!r}{near}"
        if len(self.unknown) > _SHOWN:
            yield f"           ... and {len(self.unknown) - _SHOWN} more unknown; --json lists all"
        if not self.cited:
            yield 'nothing is cited yet: -o and build need citation = "Author (year): title" below [source]'


def _column(number: int, noun: str) -> str:
    """How many of what, in a column for up to ten figures."""
    figures, _, rest = counted(number, noun).partition(" ")
    return f"{figures:>10} {rest}"


@dataclass
class Tally:
    """Counts while an import runs.

    Attributes:
        read, understood, statements: See `ImportReport`.
        left_out: Reason -> how many.
        largest_percent: Largest number that was divided by 100, or None.
        known: (kind, way, term, ours) -> times.
        unknown: (kind, term) -> times.
    """

    read: int = 0
    understood: int = 0
    statements: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    largest_percent: float | None = None
    known: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, found: list[Statements] | str) -> list[Statements]:
        """The statements of one row or triple, or none and the reason why, which is counted."""
        self.read += 1
        if isinstance(found, str):
            self.left_out[found] += 1
            return []
        self.understood += 1
        return found

    @property
    def are_shares(self) -> bool:
        """Whether numbers were taken for percentages, and none is above 1."""
        return self.largest_percent is not None and self.largest_percent <= 1

    def read_percent(self, value: float) -> None:
        """A number is divided by 100 because the mapping says so."""
        self.largest_percent = max(value, self.largest_percent or 0.0)

    def met(self, kind: str, term: str, by: str = "", iri: str = "") -> None:
        """A term was understood in some way and taken for one of ours; by "" nobody knows it."""
        if by and len(self.known) < MOST:
            self.known[kind, by, term, iri] += 1
        elif by:
            self.known[kind, by, _REST, ""] += 1
        else:
            self.unknown[kind, term if len(self.unknown) < MOST else _REST] += 1

    def report(
        self, file: str, name: str, unit: str, nearest: Callable[[str, bool], tuple[str, str]]
    ) -> ImportReport:
        """The counts as a report.

        Args:
            file: Name of the file.
            name: Name of the graph.
            unit: "rows" or "triples".
            nearest: (term, whether it is a relation) -> label and IRI of the nearest of ours.
        """
        means: dict[str, dict[str, tuple[int, int]]] = {"relations": {}, "terms": {}}
        for (kind, by, _, _), times in sorted(self.known.items()):
            different, before = means[f"{kind}s"].get(by, (0, 0))
            means[f"{kind}s"][by] = (different + 1, before + times)
        order = sorted(self.unknown.items(), key=lambda item: (-item[1], item[0]))
        unknown = tuple(
            UnknownTerm(
                kind, term, count, *(nearest(term, kind == "relation") if i < 200 else ("", ""))
            )
            for i, ((kind, term), count) in enumerate(order)
        )
        often = sorted(self.known.items(), key=lambda item: (-item[1], item[0]))
        known = tuple(KnownTerm(kind, t, count, by, iri) for (kind, by, t, iri), count in often)
        left = dict(sorted(self.left_out.items(), key=lambda item: (-item[1], item[0])))
        return ImportReport(
            file,
            name,
            unit,
            self.read,
            self.understood,
            self.statements,
            left,
            known,
            means,
            unknown,
        )
