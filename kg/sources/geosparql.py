"""One vector feature comes in, its lines of N-Triples go out (GeoSPARQL 1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kg import vocab
from kg.statements import iri, text

_TYPE = f"<{vocab.RDF}type>"
_GEOMETRY = f"<{vocab.GEO}hasGeometry>"
_WKT = f"<{vocab.GEO}asWKT>"
_LITERAL = f"^^<{vocab.GEO}wktLiteral> .\n"
_LABEL = f"<{vocab.RDFS}label>"
_TAG = f"<{vocab.CORE}tag>"
_OSM_ID = f"<{vocab.CORE}osmId>"
_WIDTH = f"<{vocab.CORE}width>"
_DECIMAL = f"^^<{vocab.XSD}decimal> .\n"
_LANGUAGES = ("en", "zh")


def feature_pairs(
    classes: Iterable[str], tags: Iterable[str] = (), *, kind: str = vocab.OSM_FEATURE
) -> tuple[str, ...]:
    """What many features have in common: the predicate-object halves of their lines, prepared once.

    Args:
        classes: Core class IRIs.
        tags: The tags or attribute values that decided, "building=yes".
        kind: Evidence class IRI.
    """
    types = (f"{vocab.GEO}Feature", kind, *classes)
    return tuple(f" {_TYPE} <{name}> .\n" for name in types) + tuple(
        f" {_TAG} {text(tag)} .\n" for tag in tags
    )


def feature_lines(
    subject: str, pairs: Iterable[str], wkt: str, *, osm_id: str = "", width: float | None = None
) -> str:
    """N-Triples lines of one feature.

    Args:
        subject: IRI of the feature, percent-encoded where needed.
        pairs: From `feature_pairs`.
        wkt: Geometry, longitude first (CRS84), without the CRS in front.
        osm_id: "way/123", or "" for features from elsewhere.
        width: Width of a line in metres, or None.

    Returns:
        Lines for the types, the tags, the geometry (GeoSPARQL 1.1, 8.5.1), and identifier and width
        where given. The geometry node is `<subject#geometry>`, so that the same file always gives
        the same bytes.
    """
    head = iri(subject)
    place = f"{head[:-1]}#geometry>"
    lines = [head + pair for pair in pairs]
    lines.append(f'{head} {_GEOMETRY} {place} .\n{place} {_WKT} "<{vocab.CRS84}> {wkt}"{_LITERAL}')
    if osm_id:
        lines.append(f'{head} {_OSM_ID} "{osm_id}" .\n')
    if width is not None:
        lines.append(f'{head} {_WIDTH} "{width:.3f}"{_DECIMAL}')
    return "".join(lines)


def name_lines(subject: str, tags: Mapping[str, str]) -> str:
    """rdfs:label lines from `name`, `name:en` and `name:zh`, where present."""
    head, lines = iri(subject), ""
    if tags.get("name"):
        lines = f"{head} {_LABEL} {text(tags['name'])} .\n"
    for lang in _LANGUAGES:
        if tags.get(f"name:{lang}"):
            lines += f"{head} {_LABEL} {text(tags[f'name:{lang}'], lang)} .\n"
    return lines
