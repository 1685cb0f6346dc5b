"""Outlines with columns come in, batch by batch; a GeoPackage or a GeoJSON file goes out, whole or not at all.

With `kg.sources.vector` and `kg.imports.sheets` the door to pyogrio.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import OutputError
from kg.folder import replace_file, unwritable
from kg.outlines import geojson_texts

SUFFIXES = (".gpkg", ".geojson", ".json")
"""Endings of files that are written."""
_WHEN = "1970-01-01T00:00:00.000Z"  # the same input gives the same bytes

Batch = tuple[NDArray[Any], Mapping[str, NDArray[Any]]]
"""(outline,) MultiPolygons as WKB, and column name -> (outline,) values: numbers, or words as objects."""


def check_vector_name(path: Path) -> None:
    """Refuse a file of another kind.

    Raises:
        OutputError: Its name ends neither in .gpkg nor in .geojson or .json.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"{path}: unknown kind of file {path.suffix!r}", "name it .gpkg or .geojson"
        )


def write_vector(
    path: str | Path,
    batches: Iterable[Batch],
    *,
    crs: str,
    layer: str = "features",
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a layer of MultiPolygons.

    Args:
        path: `.gpkg` (in the CRS that is given), or `.geojson` or `.json` (in CRS84, as RFC 7946 has it).
        batches: Outlines and columns; all with the same columns, at least one, which may be empty. Only one is in
            memory at a time.
        crs: Of the outlines, "EPSG:32612" or WKT 2.
        layer: Name of the layer.
        metadata: Said of the layer: licences, sources.

    Raises:
        OutputError: Another kind of file, or it cannot be written; whatever was there is untouched.
    """
    target = Path(path)
    check_vector_name(target)
    said = dict(metadata or {})
    if target.suffix.lower() != ".gpkg":
        replace_file(target, _geojson(batches, crs, {"name": layer, **said}))
        return target
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as room:
            part = Path(room) / target.name
            for number, batch in enumerate(batches):
                _append(part, batch, (crs, layer), None if number else said)
            part.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
    except RuntimeError as error:  # GDAL's
        raise OutputError(
            f"{target}: cannot be written ({error})",
            "choose another place, in a folder that you can write to",
        ) from error
    return target


def _append(
    path: Path, batch: Batch, named: tuple[str, str], metadata: dict[str, str] | None
) -> None:
    """Write a batch; the first one, which makes the file, comes with the metadata."""
    import pyogrio

    (wkb, columns), (crs, layer) = batch, named
    first = metadata is not None
    options = (
        {"DESCRIPTION": metadata["description"]} if metadata and "description" in metadata else None
    )
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _WHEN})
    try:
        pyogrio.raw.write(
            path, wkb, list(columns.values()), list(columns), layer=layer, driver="GPKG", crs=crs,
            geometry_type="MultiPolygon", append=not first, layer_metadata=metadata or None, layer_options=options,
        )  # fmt: skip
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _geojson(batches: Iterable[Batch], crs: str, said: Mapping[str, str]) -> Iterator[str]:
    """A FeatureCollection in pieces; what is said of it are foreign members (RFC 7946, section 6.1)."""
    head = "".join(f"{json.dumps(k)}: {_json(v)},\n" for k, v in said.items())
    yield '{"type": "FeatureCollection",\n' + head + '"features": ['
    comma = "\n"
    for wkb, columns in batches:
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        for outline, row in zip(geojson_texts(wkb, crs), rows, strict=True):
            told = _json(dict(zip(columns, row, strict=True)))
            yield f'{comma}{{"type": "Feature", "properties": {told}, "geometry": {outline}}}'
            comma = ",\n"
    yield "\n]}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def words(values: Iterable[str]) -> NDArray[Any]:
    """A column of words."""
    return np.array([*values], dtype=object)
