"""Rows of OpenStreetMap exports come in (shapefiles, GeoPackages), their tags and identity go out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kg.sources.tags import TagTable

# Columns that hold the value of the tag which the layer's name tells (Geofabrik, BBBike and others).
_VALUE_COLUMNS = ("fclass", "type", "class")
_LAYER_KEYS = {
    "building": "building",
    "road": "highway",
    "rail": "railway",
    "waterway": "waterway",
    "landuse": "landuse",
    "natural": "natural",
    "water": "natural",
}


_IDENTITY = {"osm_id", "osm_way_id", "osm_type", "full_id", "@id", "@type"}
"""Columns of exports (Geofabrik, QuickOSM, HOT, GDAL, Overpass Turbo) that no other file has."""
_WHOLE = re.compile(r"(node|way|relation|n|w|r)/?(\d+)")


def is_export(columns: Iterable[str]) -> bool:
    """Whether the columns of a layer are those of an export of OpenStreetMap."""
    return not _IDENTITY.isdisjoint(columns)


def osm_identity(cells: Mapping[str, str]) -> str:
    """Identity, "way/123", from `osm_type` and `osm_id`, `@id` or `full_id`, or "" where the row does not tell."""
    kind, number = cells.get("osm_type", ""), cells.get("osm_id", "").lstrip("-")
    if kind in ("node", "way", "relation") and number.isdigit():
        return f"{kind}/{number}"
    whole = _WHOLE.fullmatch(cells.get("@id", "") or cells.get("full_id", ""))
    kinds = {"n": "node", "w": "way", "r": "relation"}
    return f"{kinds.get(whole[1], whole[1])}/{whole[2]}" if whole else ""


def tags_of(
    cells: Mapping[str, str], layer: str, table: TagTable, geometry: str
) -> Mapping[str, str]:
    """The row as tags; exports with one value column get the key that their layer's name tells."""
    if any(key in cells for key in table.keys):
        return cells
    key = next((key for word, key in _LAYER_KEYS.items() if word in layer.lower()), "")
    value = next((cells[name] for name in _VALUE_COLUMNS if cells.get(name)), "")
    if not key:
        key = table.key_of(value, geometry)
    return {**cells, key: value or "yes"} if key else cells
