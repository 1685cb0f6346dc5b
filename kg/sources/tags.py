"""OpenStreetMap tags come in, core classes and line widths go out, by a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path

from kg.errors import SourceError
from kg.features import is_use
from kg.files import shipped
from kg.sources.tag_rows import TagRow, read_rows

# Keys whose closed ways are lines unless `area=yes` says otherwise, and values that are areas all the same, or never
# (OSM wiki, Key:area; Overpass turbo, polygon features).
_LINEAR = frozenset({"highway", "railway", "barrier", "waterway"})
_FILLED = frozenset(
    {"platform", "services", "rest_area", "station", "turntable", "dam", "riverbank", "dock"}
)
_THIN = frozenset({"cliff", "ridge", "arete", "tree_row", "earth_bank"})
_HIDDEN = {
    "tunnel": frozenset({"yes", "building_passage", "culvert", "flooded", "covered"}),
    "location": frozenset({"underground", "indoor"}),
    "indoor": frozenset({"yes", "room", "corridor", "area"}),
}
# Values of things that are not there, in capitals or not; "*" does not mean them. Tables write "no" in other ways.
_GONE = frozenset(
    {"no", "proposed", "razed", "demolished", "dismantled", "removed", "destroyed", "planned"}
)
_NO = frozenset({"0", "0.0", "false", "f", "n", "none", "null", "nil", "nan"})
_ABSENT = _GONE | _NO
_WIDTH = re.compile(r"^\s*(\d+(?:[.,]\d+)?)\s*(m|metres|meters|ft|feet|')?\s*$")
_FEET = 0.3048
_WIDEST = 1000.0


@dataclass(frozen=True)
class TagMatch:
    """What the tags of one object say.

    Attributes:
        classes: Core class IRIs: at most one cover or object, then at most one mere use.
        tags: The tags that decided, "building=yes", in the order of `classes`.
        width: Width in metres of a line (its `width` tag, else the table's usual width), or None.
    """

    classes: tuple[str, ...]
    tags: tuple[str, ...]
    width: float | None


@dataclass(frozen=True)
class TagTable:
    """Rows of the tag table.

    Which row wins, once among covers and objects and once among mere uses of land: (1) a row whose class lies above the
    class of another row that fits is dropped (natural=water beside water=river); (2) a row that names the value beats a
    row with "*"; (3) the earlier row. So the building of a school is both a PublicBuilding and a School. A row that
    says `where` it counts fits nowhere else; of the rows of one tag, one whose other tags are there comes first.

    Attributes:
        rows: In table order.
    """

    rows: tuple[TagRow, ...]

    @cached_property
    def keys(self) -> frozenset[str]:
        """Every key with a row."""
        return frozenset(row.key for row in self.rows)

    @cached_property
    def deciding(self) -> frozenset[str]:
        """Every key that can change what `match` returns."""
        beside = {key for row in self.rows for key, _ in row.beside}
        return self.keys | beside | _HIDDEN.keys() | {"area", "width", "est_width"}

    @cached_property
    def _index(self) -> dict[tuple[str, str, str], list[TagRow]]:
        index: dict[tuple[str, str, str], list[TagRow]] = {}
        for row in sorted(self.rows, key=lambda row: not row.beside):
            index.setdefault((row.geometry, row.key, row.value), []).append(row)
        return index

    def match(self, tags: Mapping[str, str], geometry: str) -> TagMatch | None:
        """Classify an object.

        Args:
            tags: All its tags.
            geometry: "area", "line" or "node".

        Returns:
            None where no row fits, or where the object cannot be seen from above (tunnels,
            underground, indoor).
        """
        if self.is_hidden(tags):
            return None
        found = _counting([hit for key in tags if (hit := self._row(key, tags, geometry))])
        if not found:
            return None
        hits = found if len(found) == 1 else _best(found)
        classes = tuple(dict.fromkeys(row.cls for row, _ in hits))
        return TagMatch(classes, tuple(tag for _, tag in hits), _width(tags, hits[0][0], geometry))

    def is_hidden(self, tags: Mapping[str, str]) -> bool:
        """Whether an object cannot be seen from above: tunnels, underground, indoor."""
        return not tags.keys().isdisjoint(_HIDDEN) and any(
            tags.get(key) in values for key, values in _HIDDEN.items()
        )

    def is_area(
        self, tags: Mapping[str, str], matched: Callable[[str], TagMatch | None] | None = None
    ) -> bool:
        """Whether a closed way with these tags is a known area rather than a ring-shaped line.

        Args:
            tags: All its tags.
            matched: geometry -> what `match` says of them, where the caller has it already.
        """
        look = matched or partial(self.match, tags)
        match = look("area")
        if match is None or tags.get("area") == "no":
            return False
        linear = all(_is_linear(tag) for tag in match.tags)
        return tags.get("area") == "yes" or not linear or look("line") is None

    def key_of(self, value: str, geometry: str) -> str:
        """The key of the first row with this value ("forest" -> "landuse"), or ""."""
        hits = (r.key for r in self.rows if (r.value, r.geometry) == (value, geometry))
        return next(hits, "") if value not in ("", "*", "yes") else ""

    def keys_of(self, *geometries: str) -> list[str]:
        """Every key with a row for one of these geometries, sorted."""
        return sorted({row.key for row in self.rows if row.geometry in geometries})

    def _row(self, key: str, tags: Mapping[str, str], geometry: str) -> tuple[TagRow, str] | None:
        if key not in self.keys:
            return None
        first = tags[key].partition(";")[0].strip()
        rows = self._index.get((geometry, key, first), [])
        row = next((row for row in rows if row.beside <= tags.items()), None)
        if row is None and first.lower() not in _ABSENT:
            rows = self._index.get((geometry, key, "*"), [])
            row = next((row for row in rows if row.beside <= tags.items()), None)
        return None if row is None else (row, f"{key}={tags[key]}")


def _counting(found: Sequence[tuple[TagRow, str]]) -> Sequence[tuple[TagRow, str]]:
    """Without rows that need a class that no other row says, and those that count alone but are not."""
    if not any(row.where for row, _ in found):
        return found
    said = {row.cls for row, _ in found if not row.where}
    found = [hit for hit in found if hit[0].within <= said]
    taken = {is_use(row.cls) for row, _ in found if not row.is_last}
    return [hit for hit in found if not hit[0].is_last or is_use(hit[0].cls) not in taken]


def _best(found: Iterable[tuple[TagRow, str]]) -> list[tuple[TagRow, str]]:
    """The best row among covers and objects, and the best among mere uses of land, with their tags."""
    less = frozenset().union(*(row.above for row, _ in found))
    told = sorted((hit for hit in found if hit[0].cls not in less), key=_rank)
    best = (next((hit for hit in told if is_use(hit[0].cls) is use), None) for use in (False, True))
    return [hit for hit in best if hit is not None]


def _is_linear(tag: str) -> bool:
    key, _, value = tag.partition("=")
    return value in _THIN or (key in _LINEAR and value not in _FILLED)


def _rank(hit: tuple[TagRow, str]) -> tuple[bool, int]:
    return hit[0].rank


def _width(tags: Mapping[str, str], row: TagRow, geometry: str) -> float | None:
    if geometry != "line":
        return None
    for key in ("width", "est_width"):
        width = parse_width(tags.get(key, ""))
        if width is not None:
            return width
    return row.width


def parse_width(text: str) -> float | None:
    """Metres in a `width` tag ("6", "6.5 m", "20 ft"), None if unclear (OSM wiki, Key:width)."""
    found = _WIDTH.match(text.lower())
    if found is None:
        return None
    metres = float(found[1].replace(",", ".")) * (_FEET if found[2] in ("ft", "feet", "'") else 1.0)
    return round(metres, 3) if 0 < metres <= _WIDEST else None


def load_tags(path: str | Path | None = None) -> TagTable:
    """Read a tag table.

    Args:
        path: CSV with the columns key, value, geometry, class, width_m, note, where (the last two may be
            absent); default `ontologies/osm-tags.csv`.

    Raises:
        SourceError: The file is missing, lacks a column, or a row makes no sense; the message names
            file and line.
    """
    return _shipped_table() if path is None else _read_table(Path(path))


@cache
def _shipped_table() -> TagTable:
    return _read_table(shipped("ontologies/osm-tags.csv"))


def _read_table(file: Path) -> TagTable:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return TagTable(tuple(read_rows(lines, file)))
    except OSError as error:
        raise SourceError(f"{file}: cannot be read ({error.strerror})", "check the path") from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{file}: is not UTF-8 text ({error.reason})", "save the table as UTF-8 CSV"
        ) from error
