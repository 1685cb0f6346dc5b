"""Vector files come in, GeoSPARQL features go out. With `kg.vector_file` and `kg.imports.sheets` a door to pyogrio."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.counted import counted
from kg.errors import GridError, LandloreWarning, SourceError
from kg.evidence import FEATURES_RIGHT
from kg.globe import wkt_from_wkb
from kg.sources import SourceInfo, checksum
from kg.sources.exports import is_export, osm_identity, tags_of
from kg.sources.geosparql import feature_lines, feature_pairs, name_lines
from kg.sources.tags import TagMatch, TagTable, load_tags

_BATCH = 20_000
Bounds = tuple[float, float, float, float]
_ODBL = "https://opendatacommons.org/licenses/odbl/1-0/"
_ATTRIBUTION = "© OpenStreetMap contributors"
_PAGE = "https://www.openstreetmap.org/"
_GEOMETRIES = {
    "POINT": "node",
    "MULTIPOINT": "node",
    "LINESTRING": "line",
    "MULTILINESTRING": "line",
    "POLYGON": "area",
    "MULTIPOLYGON": "area",
}

_KINDS = {"node": "point", "line": "line", "area": "polygon", "": "geometry collection"}
_OTHERS = {kind: [k for k in ("area", "line", "node") if k != kind] for kind in _KINDS}


@dataclass(frozen=True)
class VectorSource:
    """A vector file (GeoPackage, Shapefile, GeoJSON ...) as a source of the graph.

    Exports of OpenStreetMap are recognised: columns named like tags (`building`, `highway` ...), or
    a column `fclass` or `type` in a layer whose name tells the tag ("aachen_buildings",
    "gis_osm_roads_free_1"); the tag table then decides. Rows with `osm_id` and `osm_type` keep
    their OpenStreetMap identity. A file is said to be OpenStreetMap's, under its licence, only where
    columns tell its objects (`osm_id`, `@id`, `full_id` ...): anybody's file may have a column `building`.

    Attributes:
        path: The file; "/vsizip/..." paths work.
        name: Name of the source's graph; default the file's stem.
        layer: Layer to read; None reads all.
        mapping: "column=value" -> class ("ll:Building"), "column=*" for any value, "*" for every
            row; the first that fits wins. None recognises exports of OpenStreetMap.
        bounds: Keep only rows whose bounding box meets (west, south, east, north), degrees.
        kind: Evidence class IRI; what `coveredBy some (KIND and CLASS)` in rules looks at.
        licence: IRI of the licence; None is the ODbL for exports with identities and unknown for others.
    """

    path: str | Path
    name: str = ""
    layer: str | None = None
    mapping: Mapping[str, str] | None = None
    bounds: Bounds | None = None
    kind: str = vocab.OSM_FEATURE
    licence: str | None = None
    table: TagTable | None = field(default=None, repr=False)

    @property
    def stem(self) -> str:
        """Name of the file without folder and suffix."""
        return Path(self.path).stem

    @property
    def iri(self) -> str:
        """IRI of the named graph."""
        return f"{vocab.GRAPH}{quote(self.name or self.stem)}"

    def describe(self) -> SourceInfo:
        """Title, licence, attribution and checksum.

        Raises:
            SourceError: The file is missing or not a vector file.
        """
        layers = _layers(self.path, self.layer)
        ours = self.mapping is None and any(is_export(_columns(self.path, one)) for one in layers)
        file = Path(self.path)
        licence = self.licence if self.licence is not None else (_ODBL if ours else "")
        return SourceInfo(
            title=f"{'OpenStreetMap, ' if ours else ''}{file.name}",
            licence=licence,
            attribution=_ATTRIBUTION if ours else "",
            path=file,
            sha256=checksum(file) if file.is_file() else "",
            url=_PAGE if ours else "",
            assumed=FEATURES_RIGHT,
            settings=f"{replace(self, name='')!r} {self.table!r}",
        )

    def ntriples(self) -> Iterator[str]:
        """The features as N-Triples, one chunk per 20,000 rows, in the order of layers and rows.

        Raises:
            SourceError: The file is missing, damaged or not a vector file, or no row has a class.
            GridError: A layer has no CRS.
        """
        found, left_out = False, Counter[str]()
        for layer in _layers(self.path, self.layer):
            for rows in _read(self.path, layer, self.bounds, left_out):
                text = "".join(self._lines(rows, layer, left_out))
                found |= bool(text)
                yield text
        if not found:
            raise self._nothing(left_out)
        if left_out.total():
            warnings.warn(f"{self.path}: {_told(left_out)}", LandloreWarning, stacklevel=2)

    def _lines(self, rows: _Rows, layer: str, left_out: Counter[str]) -> Iterator[str]:
        table = self.table or load_tags() if self.mapping is None else None
        known: dict[TagMatch, tuple[str, ...]] = {}
        columns = rows.columns.items()
        for i, wkt in enumerate(rows.wkt):
            cells = {name: text for name, values in columns if (text := _text(values[i]))}
            match = wkt and self._match(cells, wkt, layer, table)
            if not match:
                left_out.update(self._unfitting(cells, wkt, layer, table))
                continue
            if match not in known:
                known[match] = feature_pairs(match.classes, match.tags, kind=self.kind)
            osm_id = osm_identity(cells)
            iri = f"{_PAGE}{osm_id}" if osm_id else f"{vocab.ID}{self._place(layer)}/{rows.fids[i]}"
            yield feature_lines(
                f"<{iri}>", known[match], wkt, osm_id=osm_id, width=match.width
            ) + name_lines(f"<{iri}>", cells)

    def _place(self, layer: str) -> str:
        return f"{quote(self.stem, safe='')}/{quote(layer, safe='')}"

    def _match(
        self, cells: Mapping[str, str], wkt: str, layer: str, table: TagTable | None
    ) -> TagMatch | None:
        geometry = _geometry(wkt)
        if table is not None:
            return table.match(tags_of(cells, layer, table, geometry), geometry)
        for rule, cls in (self.mapping or {}).items():
            key, _, value = rule.partition("=")
            if rule == "*" or (key in cells and value in ("*", "", cells[key])):
                tags = () if rule == "*" else (f"{key}={cells[key]}",)
                return TagMatch((vocab.expand(cls),), tags, None)
        return None

    def _unfitting(
        self, cells: Mapping[str, str], wkt: str, layer: str, table: TagTable | None
    ) -> Iterator[str]:
        """Why a row has no class whose tags would have one as another geometry."""
        if wkt and table is not None:
            geometry = _geometry(wkt)
            for other in _OTHERS[geometry]:
                if table.match(tags_of(cells, layer, table, other), other) is not None:
                    yield f"with a {_KINDS[geometry]} whose tags the table knows of {_KINDS[other]}s alone"
                    return

    def _nothing(self, left_out: Counter[str]) -> SourceError:
        if left_out.total():
            return SourceError(
                f"{self.path}: no row can be used, {_told(left_out)}",
                "mend them in QGIS (Fix geometries, Multipart to singleparts), or give another file",
            )
        if self.bounds is not None:
            place = " ".join(f"{value:.4f}" for value in self.bounds)
            return SourceError(
                f"{self.path}: no row with a class lies in {place} (west south east north)",
                "give a file of the image's area",
            )
        layers = _layers(self.path, self.layer)
        columns = sorted({column for layer in layers for column in _columns(self.path, layer)})
        table = next(iter(layers), self.stem)
        named = f'ogr2ogr named.gpkg {self.path} -sql "SELECT *, \'yes\' AS building FROM \\"{table}\\""'
        return SourceError(
            f"{self.path}: no row has a class; columns found: {', '.join(columns[:12]) or 'none'}",
            f"say what they are in columns named like OpenStreetMap's tags (landuse, natural, building ...): {named}"
            if self.mapping is None
            else "correct the mapping: 'column=value' -> ll:Building, or '*' -> ll:Building for every row",
        )


@dataclass(frozen=True)
class _Rows:
    """Some rows of a layer, as columns."""

    fids: NDArray[np.int64]
    wkt: list[str]
    columns: dict[str, NDArray[Any]]


def _told(left_out: Counter[str]) -> str:
    """How many rows were left out, and why."""
    why = ", ".join(f"{n:,} {reason}" for reason, n in left_out.most_common() if n)
    return f"{counted(left_out.total(), 'row')} left out: {why}"


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return str(value).strip()


def _geometry(wkt: str) -> str:
    return _GEOMETRIES.get(wkt.partition(" ")[0], "")


def _failure(path: str | Path, error: Exception) -> SourceError:
    reason = " ".join(str(error).split())
    return SourceError(
        f"{path}: not a readable vector file ({reason})",
        "give a GeoPackage, Shapefile or GeoJSON; `ogrinfo` shows what it is",
    )


def _layers(path: str | Path, layer: str | None) -> list[str]:
    """Names of the layers with geometry, in file order."""
    import pyogrio

    if not str(path).startswith("/vsi") and not Path(path).exists():
        raise SourceError(f"{path}: no such file", "check the path")
    try:
        with warnings.catch_warnings():  # GDAL's notices: what matters comes as an error
            warnings.simplefilter("ignore", RuntimeWarning)
            names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    except pyogrio.errors.DataSourceError as error:
        raise _failure(path, error) from error
    if layer is not None and layer not in names:
        raise SourceError(
            f"{path}: no layer {layer!r} with geometry, found {', '.join(names) or 'none'}",
            "name one of these layers",
        )
    return names if layer is None else [layer]


def _columns(path: str | Path, layer: str) -> list[str]:
    import pyogrio

    return [str(name) for name in pyogrio.read_info(path, layer=layer)["fields"]]


def _read(
    path: str | Path, layer: str, bounds: Bounds | None, left_out: Counter[str]
) -> Iterator[_Rows]:
    import pyogrio

    start, total = 0, 1
    try:
        total = pyogrio.read_info(path, layer=layer, force_feature_count=True)["features"]
        while start < total:
            with warnings.catch_warnings():  # rows that cannot be used are counted
                warnings.simplefilter("ignore", RuntimeWarning)
                meta, fids, wkb, data = pyogrio.raw.read(
                    path, layer=layer, skip_features=start, max_features=_BATCH, return_fids=True
                )
            if not meta["crs"]:
                raise GridError(
                    f"{path}: layer {layer} has no coordinate reference system",
                    "ogr2ogr -a_srs EPSG:XXXXX fixed.gpkg FILE, then give fixed.gpkg",
                )
            names = [str(name) for name in meta["fields"]]
            texts = wkt_from_wkb(wkb, str(meta["crs"]), bounds, shorter=True, left_out=left_out)
            yield _Rows(fids, texts, dict(zip(names, data, strict=True)))
            start += _BATCH
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise _failure(path, error) from error
