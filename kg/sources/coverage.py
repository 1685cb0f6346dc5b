"""An OpenStreetMap extract comes in; how much of its tagged ground gets a class, and the tags of the rest, go out."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from kg.errors import SourceError
from kg.sources.osm import OsmSource, osm_areas
from kg.sources.tags import TagTable, load_tags

_RADIUS = 6_371_007.2  # metres, sphere of the same area as WGS 84
_SAME = 1e-9  # radians
# Tags that describe a thing without saying what it is; with nothing else, an object is not tagged.
_ASIDE = frozenset(
    {
        "name", "source", "note", "fixme", "FIXME", "created_by", "ref", "type", "layer", "description", "website",
        "url", "wikidata", "wikipedia", "operator", "phone", "email", "opening_hours", "start_date", "end_date",
        "attribution", "comment", "ele", "height", "level", "area", "access", "fee", "import_uuid", "image", "year",
        "date", "resolution", "alt_name", "old_name", "int_name", "loc_name", "official_name", "short_name", "lit",
        "population", "postal_code", "is_in", "wheelchair", "capacity",
    }
)  # fmt: skip
# Families of such tags, and of tags of what is gone or only planned.
_FAMILIES = (
    "name:", "addr:", "source:", "contact:", "note:", "ref:", "gnis:", "tiger:", "is_in:", "openGeoDB:", "kms:",
    "was:", "demolished:", "razed:", "removed:", "destroyed:", "proposed:", "planned:",
)  # fmt: skip
# Extents of names, law and traffic, which say nothing of what is on the ground.
_EXTENTS = frozenset(
    {
        "boundary", "admin_level", "place", "political_division", "land_area", "route", "site", "network",
        "restriction",
    }
)  # fmt: skip


@dataclass(frozen=True)
class TagCoverage:
    """How much of the tagged ground of an extract gets a class.

    Attributes:
        path: The extract.
        polygons: How many tagged areas there are; rings that are lines (a round hedge) and extents of names, law and
            traffic are not counted.
        area: Their area in m2; ground that several cover counts for each.
        classified: Area in m2 of those that get a class, or that the table leaves out because they cannot be seen.
        rest: (tags that might say what it is, number, area in m2) of the others, the largest first.
        extents: Area in m2 of the extents that are not counted.
    """

    path: Path
    polygons: int
    area: float
    classified: float
    rest: tuple[tuple[str, int, float], ...]
    extents: float

    @property
    def share(self) -> float:
        """Share of the area that gets a class, 0..1; 1 where nothing is tagged."""
        return self.classified / self.area if self.area else 1.0


def tag_coverage(path: str | Path, table: TagTable | None = None) -> TagCoverage:
    """Measure how much of the tagged ground of an extract gets a class.

    Args:
        path: `.osm.pbf`, `.osm` or `.osm.gz`.
        table: Tag table; None is the one that ships.

    Raises:
        SourceError: The file is missing, empty, truncated or not OSM data, or holds no tagged polygon.
    """
    OsmSource(Path(path)).describe()
    rows = table or load_tags()
    total = known = extents = 0.0
    polygons, numbers, areas = 0, Counter[str](), defaultdict[str, float](float)
    for tags, size, way in _areas(Path(path)):
        telling = _telling(tags)
        matched = rows.match(tags, "area") is not None
        ring = way and not rows.is_area(tags) and rows.match(tags, "line") is not None
        if not telling or ring or tags.get("natural") == "coastline":
            continue
        if not matched and _EXTENTS & tags.keys():
            extents += size
            continue
        polygons, total = polygons + 1, total + size
        if matched or rows.is_hidden(tags):
            known += size
        else:
            numbers[telling] += 1
            areas[telling] += size
    if not polygons and not extents:
        raise SourceError(
            f"{path}: no closed way or multipolygon that is tagged",
            "give an extract with buildings, land use ...",
        )
    largest = sorted(areas, key=lambda tag: (-areas[tag], tag))
    rest = tuple((tag, numbers[tag], areas[tag]) for tag in largest)
    return TagCoverage(Path(path), polygons, total, known, rest, extents)


def _telling(tags: Mapping[str, str]) -> str:
    """The tags that might say what a thing is, as one text."""
    kept = (
        f"{k}={v}"
        for k, v in sorted(tags.items())
        if k not in _ASIDE and not k.startswith(_FAMILIES)
    )
    return " ".join(kept)


def _areas(path: Path) -> Iterator[tuple[dict[str, str], float, bool]]:
    """Tags, area in m2 and whether it is a closed way, of every closed way and multipolygon with tags."""
    for item in osm_areas(path):
        rings = [(1.0, ring) for ring in item.outer_rings()]
        rings += [(-1.0, hole) for _, ring in rings for hole in item.inner_rings(ring)]
        size = max(0.0, sum(sign * _ring_area(ring) for sign, ring in rings))
        yield dict(item.tags), size, item.from_way()


def _ring_area(ring: Iterable[Any]) -> float:
    """Area in m2 on the sphere (Chamberlain and Duquette 2007, equation 1, by trapezoids).

    Pieces of more than 180 degrees lead the shorter way; of the two sides of a ring around a pole the smaller counts.
    """
    points = [
        (math.radians(n.lon), math.sin(math.radians(n.lat))) for n in ring if n.location.valid()
    ]
    steps = [(_shorter(b[0] - a[0]), 2 + a[1] + b[1]) for a, b in pairwise(points)]
    size = abs(sum(turn * height for turn, height in steps)) / 2
    return min(size, 4 * math.pi - size) * _RADIUS**2


def _shorter(turn: float) -> float:
    """A turn in radians by the shorter way; a whole turn, as of a box around the world, as it is."""
    if math.pi < abs(turn) < 2 * math.pi - _SAME:
        return turn - math.copysign(2 * math.pi, turn)
    return turn
