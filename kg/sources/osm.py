"""An OpenStreetMap extract comes in, GeoSPARQL features go out. With `kg.sources.assembly` the door to osmium."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kg import vocab
from kg.errors import SourceError
from kg.evidence import FEATURES_RIGHT
from kg.sources import SourceInfo, checksum, no_file
from kg.sources.cases import PAGE
from kg.sources.nodetable import NodeTable
from kg.sources.osm_features import Bounds, FeatureReader
from kg.sources.pbf import DAMAGE, PbfFile, open_pbf
from kg.sources.tags import TagTable, load_tags

_LICENCE = "https://opendatacommons.org/licenses/odbl/1-0/"
_ATTRIBUTION = "© OpenStreetMap contributors"
_SUFFIXES = (".osm.pbf", ".osm", ".osm.gz", ".pbf")
_DATES = ("osmosis_replication_timestamp", "timestamp")


@dataclass(frozen=True)
class OsmSource:
    """An extract of OpenStreetMap as a source of the graph.

    Ways become lines, closed ways and multipolygon relations areas (holes included), tagged nodes
    points. The tag table decides which objects matter, their classes and the usual width of lines
    (see `TagTable`). Objects that cannot be seen from above (tunnels, underground, indoor) are left
    out, and so are multipolygons with members missing.

    Memory: a block of the file and the ways of multipolygons; where nodes lie is kept in a temporary file,
    16 bytes each. Files of other formats than .pbf are rewritten as a temporary one first.

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
            url=PAGE,
            assumed=FEATURES_RIGHT,
            settings=repr((self.bounds, self.table)),
        )

    def ntriples(self) -> Iterator[str]:
        """The features as N-Triples, chunks of some hundred, in the order of the file; multipolygons come last.

        Raises:
            SourceError: The file is missing, empty, truncated or not OSM data, or no object in it
                has a class here (then nothing has been yielded).
        """
        _check(self.path)
        found = False
        try:
            for text in self._features():
                found |= bool(text)
                if text:
                    yield text
        except (RuntimeError, *DAMAGE) as error:
            raise _unreadable(self.path, error) from error
        if not found:
            raise _nothing(self.path, self.bounds)

    def _features(self) -> Iterator[str]:
        with ExitStack() as open_ones:
            file = _opened(self.path, open_ones)
            nodes = open_ones.enter_context(NodeTable())
            yield from FeatureReader(self.table or load_tags(), self.bounds, nodes).features(file)


def _opened(path: Path, open_ones: ExitStack) -> PbfFile:
    """An extract, rewritten by osmium as a temporary file unless it can be read as it is."""
    import osmium

    if path.name.endswith(".pbf"):
        file = open_pbf(open_ones.enter_context(path.open("rb")))
        if file.is_plain:
            return file
    plain = Path(open_ones.enter_context(tempfile.TemporaryDirectory())) / "plain.osm.pbf"
    how = osmium.io.File(str(plain), "pbf,pbf_compression=none,add_metadata=false")
    with osmium.io.Reader(str(path)) as reader, osmium.SimpleWriter(how) as writer:
        try:
            osmium.apply(reader, writer)
        except osmium.InvalidLocationError as error:  # no RuntimeError, unlike its others
            raise ValueError(str(error)) from error
    return open_pbf(open_ones.enter_context(plain.open("rb")))


def osm_areas(path: Path) -> Iterator[Any]:
    """Every closed way and multipolygon of an extract that has tags, as osmium's areas; each lives for one step.

    Raises:
        SourceError: The file is missing, empty, truncated or not OSM data.
    """
    import osmium

    _check(path)
    try:
        for item in osmium.FileProcessor(str(path)).with_areas():
            if item.is_area() and len(item.tags):
                yield item
    except (RuntimeError, OverflowError, osmium.InvalidLocationError, *DAMAGE) as error:
        raise _unreadable(path, error) from error


def _check(path: Path) -> None:
    """Refuse what osmium would only refuse with a riddle."""
    if not path.is_file():
        raise no_file(path)
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
