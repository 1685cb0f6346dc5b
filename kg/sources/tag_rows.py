"""The text of a tag table comes in, its rows go out: which tag means which core class, and where."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kg import vocab
from kg.errors import SourceError
from kg.features import ancestors

COLUMNS = ("key", "value", "geometry", "class", "width_m", "note", "where")
_GEOMETRIES = ("area", "line", "node")
_ALONE = "alone"


@dataclass(frozen=True)
class TagRow:
    """One row of the table.

    Attributes:
        key: Tag key ("natural").
        value: Tag value ("water"), or "*" for any value of a thing that is there.
        geometry: "area", "line" or "node".
        cls: Core class IRI.
        width: Usual width of such a line in metres, or None.
        order: Position in the table.
        where: When it counts: tags that must be there too ("leaf_cycle=evergreen") and classes that another row
            must say ("ll:TreeCover"), set apart by spaces; "alone" where no other row says a cover or object (of a
            use: a use); "" always.
    """

    key: str
    value: str
    geometry: str
    cls: str
    width: float | None
    order: int
    where: str = ""

    @property
    def rank(self) -> tuple[bool, int]:
        """Sort key, best first: a named value before "*", then table order."""
        return self.value == "*", self.order

    @cached_property
    def above(self) -> frozenset[str]:
        """Every class above `cls`, itself not."""
        return ancestors(self.cls) - {self.cls}

    @cached_property
    def beside(self) -> frozenset[tuple[str, str]]:
        """Tags that must be there too."""
        return frozenset(
            (key, value)
            for key, is_tag, value in (w.partition("=") for w in self.where.split())
            if is_tag
        )

    @cached_property
    def within(self) -> frozenset[str]:
        """Classes that another row must say."""
        return frozenset(
            vocab.expand(word) for word in self.where.split() if "=" not in word and word != _ALONE
        )

    @cached_property
    def is_last(self) -> bool:
        """Whether it counts only where no other row says as much."""
        return self.where == _ALONE


def read_rows(lines: Iterable[str], file: Path) -> Iterator[TagRow]:
    """Read the rows of a table.

    Args:
        lines: Its text.
        file: Where it comes from, for messages.

    Raises:
        SourceError: It lacks a column, or a row makes no sense.
    """
    reader = csv.DictReader(lines)
    missing = [name for name in COLUMNS[:5] if name not in (reader.fieldnames or ())]
    if missing:
        raise SourceError(
            f"{file}: lacks the column(s) {', '.join(missing)}",
            f"give a CSV with the columns {', '.join(COLUMNS)}",
        )
    for order, row in enumerate(reader):
        yield _read_row(row, order, f"{file}:{reader.line_num}")


def _read_row(row: Mapping[str, str | None], order: int, where: str) -> TagRow:
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if cells["geometry"] not in _GEOMETRIES:
        raise SourceError(
            f"{where}: geometry is {cells['geometry']!r}, expected area, line or node",
            "edit that row of the table",
        )
    if not cells["key"] or not cells["value"] or ":" not in cells["class"]:
        raise SourceError(
            f"{where}: key, value and class must all be given, class as ll:Name",
            "edit that row of the table",
        )
    if any("=" not in word and ":" not in word for word in cells["where"].split()) and (
        cells["where"] != _ALONE
    ):
        raise SourceError(
            f"{where}: where is {cells['where']!r}, expected tags as key=value, classes as ll:Name, or alone",
            "edit that row of the table",
        )
    try:
        width = float(cells["width_m"]) if cells["width_m"] else None
    except ValueError as error:
        raise SourceError(
            f"{where}: width_m is {cells['width_m']!r}, expected metres or nothing",
            "edit that row of the table",
        ) from error
    key, value, geometry, cls = (cells[name] for name in COLUMNS[:4])
    return TagRow(key, value, geometry, vocab.expand(cls), width, order, cells["where"])
