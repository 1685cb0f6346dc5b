"""An OpenStreetMap extract comes in, GeoSPARQL features go out. The one door to osmium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from kg import vocab
from kg.errors import SourceError
from kg.sources import SourceInfo, checksum
from kg.sources.cases import Found, TagCase, TagCases
from kg.sources.geosparql import feature_lines, name_lines
from kg.sources.tags import TagTable, load_tags

_PAGE = "https://www.openstreetmap.org/"
_LICENCE = "https://opendatacommons.org/licenses/odbl/1-0/"
_ATTRIBUTION = "© OpenStreetMap contributors"
_SUFFIXES = (".osm.pbf", ".osm", ".osm.gz", ".pbf")
_LARGE = 512 * 1024**2
_CHUNK = 1 << 20
_DIGITS = 7
_DATES = ("osmosis_replication_timestamp", "timestamp")

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class OsmSource:
    """An extract of OpenStreetMap as a source of the graph.

    Ways become lines, closed ways and multipolygon relations areas (holes included), tagged nodes
    points. The tag table decides which objects matter, their classes and the usual width of lines
    (see `TagTable`). Objects that cannot be seen from above (tunnels, underground, indoor) are left
    out, and so are multipolygons with members missing.

    Memory: 16 bytes per node of the file, on disk instead when the file is larger than 512 MB, plus
    the open multipolygons.

    Attributes:
        path: `.osm.pbf`, `.osm` or `.osm.gz`.
        name: Name of the source's graph.
        bounds: Keep only features whose bounding box meets (west, south, east, north), degrees.
        table: Tag table; None is the one that ships.
    """

    path: Path
    name: str = "osm"
    bounds: Bounds | None = None
    table: TagTable | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    @property
    def iri(self) -> str:
        """IRI of the named graph."""
        return f"{vocab.GRAPH}{self.name}"

    def describe(self) -> SourceInfo:
        """Title, licence, attribution, checksum, and the date in the file's header, or None.

        Raises:
            SourceError: The file is missing, empty or not OSM data.
        """
        header = _header(self.path)
        date = next((stamp[:10] for key in _DATES if (stamp := header.get(key))), None)
        return SourceInfo(
            title=f"OpenStreetMap, {self.path.name}",
            licence=_LICENCE,
            attribution=_ATTRIBUTION,
            date=date,
            path=self.path,
            sha256=checksum(self.path),
            url=_PAGE,
            settings=repr((self.bounds, self.table)),
        )

    def ntriples(self) -> Iterator[str]:
        """The features as N-Triples, in chunks of about a megabyte, in the order of the file.

        Raises:
            SourceError: The file is missing, empty, truncated or not OSM data, or no object in it
                has a class here (then nothing has been yielded).
        """
        _check(self.path)
        reader = _Reader(self.table or load_tags(), self.bounds)
        lines: list[str] = []
        size, found = 0, False
        try:
            for text in reader.features(self.path):
                lines.append(text)
                size += len(text)
                if size >= _CHUNK:
                    found = True
                    yield "".join(lines)
                    lines, size = [], 0
        except (ValueError, *reader.broken) as error:
            raise _unreadable(self.path, error) from error
        if not lines and not found:
            raise _nothing(self.path, self.bounds)
        yield "".join(lines)


def osm_areas(path: Path) -> Iterator[Any]:
    """Every closed way and multipolygon of an extract that has tags, as osmium's areas; each lives for one step."""
    import osmium

    objects = osmium.FileProcessor(str(path)).with_areas()
    return (item for item in objects if item.is_area() and len(item.tags))


class _Reader:
    """Turns osmium's objects into lines; keeps the tags of closed ways until their area comes."""

    def __init__(self, table: TagTable, bounds: Bounds | None) -> None:
        import osmium

        self.table, self.bounds = table, bounds
        self.cases = TagCases(table)
        self.rings: dict[int, tuple[dict[str, str], TagCase]] = {}
        self.wkt = osmium.geom.WKTFactory()
        self.broken = (osmium.InvalidLocationError, RuntimeError)

    def features(self, path: Path) -> Iterator[str]:
        """One text per feature."""
        from osmium import FileProcessor, osm

        large = path.stat().st_size > _LARGE
        objects = FileProcessor(str(path)).with_locations(
            "sparse_file_array" if large else "flex_mem"
        )
        read: dict[str, Callable[[Any], str]] = {"n": self._node, "w": self._way, "a": self._area}
        objects.with_areas(self._having(osm.RELATION | osm.WAY, "area"))
        objects.with_filter(self._having(osm.RELATION))
        objects.with_filter(self._having(osm.NODE, "node"))
        objects.with_filter(self._having(osm.WAY | osm.AREA, "area", "line"))
        for item in objects:
            text = read[item.type_str()](item)
            if text:
                yield text

    def _having(self, entities: Any, *geometries: str) -> Any:
        from osmium import filter as filters

        keys = self.table.keys_of(*geometries)
        if not keys:
            return filters.EntityFilter(~entities)
        return filters.KeyFilter(*keys).enable_for(entities)

    def _node(self, item: Any) -> str:
        tags, place = _tags(item), item.location
        found = self.cases.of(tags).node
        if found is None or not place.valid() or self._outside(lambda: [place]):
            return ""
        wkt = f"POINT({place.lon:.{_DIGITS}f} {place.lat:.{_DIGITS}f})"
        return _text(f"node/{item.id}", tags, found, wkt)

    def _way(self, item: Any) -> str:
        tags, case = self._tagged(item)
        if item.is_closed() and case.is_area:
            self.rings[item.id] = tags, case
            return ""
        found = case.line
        if found is None or self._outside(lambda: [node.location for node in item.nodes]):
            return ""
        return _text(f"way/{item.id}", tags, found, self._line(item))

    def _area(self, item: Any) -> str:
        way, number = item.from_way(), item.orig_id()
        kept = self.rings.pop(number, None) if way else self._tagged(item)
        if kept is None or (found := kept[1].area) is None:
            return ""
        if self._outside(lambda: [node.location for ring in item.outer_rings() for node in ring]):
            return ""
        try:
            wkt = self.wkt.create_multipolygon(item)
        except self.broken:
            return ""
        if wkt.find(")),((") < 0:
            wkt = f"POLYGON{wkt[len('MULTIPOLYGON(') : -1]}"
        return _text(f"{'way' if way else 'relation'}/{number}", kept[0], found, wkt)

    def _tagged(self, item: Any) -> tuple[dict[str, str], TagCase]:
        tags = _tags(item)
        return tags, self.cases.of(tags)

    def _line(self, item: Any) -> str:
        """WKT of a way; of the pieces that are left where an extract has lost some of its nodes."""
        try:
            text: str = self.wkt.create_linestring(item)
            return text
        except self.broken:
            runs = [list(run) for valid, run in groupby(item.nodes, _placed) if valid]
        pieces = [
            ", ".join(f"{n.lon:.{_DIGITS}f} {n.lat:.{_DIGITS}f}" for n in run)
            for run in runs
            if len(run) > 1
        ]
        return f"MULTILINESTRING({', '.join(f'({piece})' for piece in pieces)})" if pieces else ""

    def _outside(self, places: Callable[[], list[Any]]) -> bool:
        if self.bounds is None:
            return False
        west, south, east, north = self.bounds
        points = [(place.lon, place.lat) for place in places() if place.valid()]
        if not points:
            return True
        lons, lats = zip(*points, strict=True)
        across = min(lons) <= east and max(lons) >= west
        return not (across and min(lats) <= north and max(lats) >= south)


def _tags(item: Any) -> dict[str, str]:
    """`dict(item.tags)`, four times as fast: without an iterator in Python around the one of osmium."""
    data = getattr(item.tags, "_pyosmium_data", None)
    if data is None:
        return dict(item.tags)
    at, following = data.tags_begin(), data.tags_next
    return dict([following(at) for _ in range(data.tags_size())])


def _text(osm_id: str, tags: dict[str, str], found: Found, wkt: str) -> str:
    if not wkt:
        return ""
    match, pairs = found
    subject = f"<{_PAGE}{osm_id}>"
    lines = feature_lines(subject, pairs, wkt, osm_id=osm_id, width=match.width)
    return lines + name_lines(subject, tags) if "name" in tags else lines


def _placed(node: Any) -> bool:
    return bool(node.location.valid())


def _check(path: Path) -> None:
    """Refuse what osmium would only refuse with a riddle."""
    if not path.is_file():
        raise SourceError(f"{path}: no such file", "check the path")
    if not path.name.endswith(_SUFFIXES):
        raise SourceError(
            f"{path}: does not end in {', '.join(_SUFFIXES)}",
            "give an extract; GeoPackages, shapefiles and GeoJSON are vector files (--vector)",
        )
    if path.stat().st_size == 0:
        raise SourceError(
            f"{path}: is empty, expected OpenStreetMap data", "download the extract again"
        )


def _header(path: Path) -> Any:
    import osmium

    _check(path)
    try:
        with osmium.io.Reader(str(path), osmium.osm.NOTHING) as reader:
            return reader.header()
    except RuntimeError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> SourceError:
    reason = " ".join(str(error).split())
    return SourceError(
        f"{path}: truncated or not OpenStreetMap data ({reason})",
        "download the extract again, then check its size",
    )


def _nothing(path: Path, bounds: Bounds | None) -> SourceError:
    if bounds is None:
        return SourceError(
            f"{path}: no object has tags of the tag table, expected buildings, roads, land use ...",
            "give an extract with tagged objects, or another tag table",
        )
    place = " ".join(f"{value:.4f}" for value in bounds)
    return SourceError(
        f"{path}: no mapped object lies in {place} (west south east north)",
        "give an extract of the image's area",
    )
