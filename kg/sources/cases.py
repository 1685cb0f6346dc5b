"""Tags of OpenStreetMap objects come in; what each combination means as area, line or node goes out, looked up once."""

from __future__ import annotations

from functools import cached_property

from kg.sources.columns import Tags
from kg.sources.geosparql import Frame, feature_frame, feature_pairs
from kg.sources.tags import TagMatch, TagTable
from kg.sources.varints import Numbers

PAGE = "https://www.openstreetmap.org/"


class TagCase:
    """What one combination of tags means.

    Args:
        table: The tag table.
        tags: All tags of an object with this combination.
    """

    def __init__(self, table: TagTable, tags: dict[str, str]) -> None:
        self._table, self._tags = table, tags
        self._matches: dict[str, TagMatch | None] = {}

    @cached_property
    def is_area(self) -> bool:
        """Whether a closed way is a known area rather than a ring-shaped line."""
        return self._table.is_area(self._tags, self._match)

    @cached_property
    def area(self) -> Frame | None:
        """As a closed way or multipolygon."""
        return self._found("area")

    @cached_property
    def line(self) -> Frame | None:
        """As a way."""
        return self._found("line")

    @cached_property
    def node(self) -> Frame | None:
        """As a point."""
        return self._found("node")

    def _match(self, geometry: str) -> TagMatch | None:
        if geometry not in self._matches:
            self._matches[geometry] = self._table.match(self._tags, geometry)
        return self._matches[geometry]

    def _found(self, geometry: str) -> Frame | None:
        match = self._match(geometry)
        if match is None:
            return None
        return feature_frame(PAGE, feature_pairs(match.classes, match.tags), match.width)


class TagCases:
    """The combinations met so far.

    Args:
        table: The tag table.
    """

    def __init__(self, table: TagTable) -> None:
        self._table, self._deciding = table, table.deciding
        self._known: dict[tuple[tuple[str, str], ...], TagCase] = {}

    def of(self, tags: dict[str, str]) -> TagCase:
        """What these tags mean; objects that differ only in tags that decide nothing share the answer."""
        deciding = self._deciding
        key = tuple([pair for pair in tags.items() if pair[0] in deciding])
        case = self._known.get(key)
        if case is None:
            case = self._known[key] = TagCase(self._table, tags)
        return case

    def of_rows(self, tags: Tags, rows: Numbers) -> list[TagCase]:
        """What the tags of some objects of a block mean; each combination of the block is looked up once."""
        codes = tags.codes(rows, self._deciding)
        first = dict(zip(reversed(codes), reversed(range(len(codes))), strict=True))
        told = tags.of(rows[list(first.values())], self._deciding)
        cases = {code: self.of(some) for code, some in zip(first, told, strict=True)}
        return list(map(cases.__getitem__, codes))
