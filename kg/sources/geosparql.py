"""One vector feature comes in, its lines of N-Triples go out (GeoSPARQL 1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kg import vocab
from kg.statements import text

_TYPE = f"<{vocab.RDF}type>"
_GEOMETRY = f"<{vocab.GEO}hasGeometry>"
_WKT = f"<{vocab.GEO}asWKT>"
_LITERAL = f'"^^<{vocab.GEO}wktLiteral> .\n'
_LABEL = f"<{vocab.RDFS}label>"
_TAG = f"<{vocab.CORE}tag>"
_OSM_ID = f"<{vocab.CORE}osmId>"
_WIDTH = f"<{vocab.CORE}width>"
_DECIMAL = f"^^<{vocab.XSD}decimal> .\n"
_NAMES = (("name", ""), ("name:en", "en"), ("name:zh", "zh"))

Frame = tuple[tuple[str, ...], tuple[str, ...]]
"""Lines of a feature before and after its geometry, each cut where the identifier stands."""


def feature_pairs(
    classes: Iterable[str], tags: Iterable[str] = (), *, kind: str = vocab.OSM_FEATURE
) -> tuple[str, ...]:
    """What many features have in common: their lines up to the geometry, cut where their IRI stands, prepared once.

    Args:
        classes: Core class IRIs.
        tags: The tags or attribute values that decided, "building=yes".
        kind: Evidence class IRI.
    """
    types = (f"{vocab.GEO}Feature", kind, *classes)
    facts = (f"> {_TYPE} <{name}> .\n" for name in types)
    told = (f"> {_TAG} {text(tag)} .\n" for tag in tags)
    return (
        "",
        *facts,
        *told,
        f"> {_GEOMETRY} ",
        "#geometry> .\n",
        f'#geometry> {_WKT} "<{vocab.CRS84}> ',
    )


def feature_frame(page: str, pairs: Sequence[str], width: float | None) -> Frame:
    """The lines of OpenStreetMap's features that share all but identifier and geometry.

    Args:
        page: What the IRI of each begins with; its identifier, "way/123", follows.
        pairs: From `feature_pairs`.
        width: Width of such a line in metres, or None.
    """
    before = (*(f"{part}<{page}" for part in pairs[:-1]), pairs[-1])
    after = (f"{_LITERAL}<{page}", f'> {_OSM_ID} "', '" .\n')
    if width is None:
        return before, after
    return before, (*after[:-1], f"{after[-1]}<{page}", f'> {_WIDTH} "{width:.3f}"{_DECIMAL}')


def feature_lines(
    subject: str, pairs: Iterable[str], wkt: str, *, osm_id: str = "", width: float | None = None
) -> str:
    """N-Triples lines of one feature: types, tags, geometry, identifier and width.

    The geometry node is `<subject#geometry>`, so that the same file always gives the same bytes.

    Args:
        subject: The feature, "<IRI>".
        pairs: From `feature_pairs`.
        wkt: Geometry, longitude first (CRS84), without the CRS in front.
        osm_id: "way/123", or "" for features from elsewhere.
        width: Width of a line in metres, or None.
    """
    lines = f"{subject[:-1].join(pairs)}{wkt}{_LITERAL}"
    if osm_id:
        lines += f'{subject} {_OSM_ID} "{osm_id}" .\n'
    if width is not None:
        lines += f'{subject} {_WIDTH} "{width:.3f}"{_DECIMAL}'
    return lines


def name_lines(subject: str, tags: Mapping[str, str]) -> str:
    """rdfs:label lines of "<IRI>" from `name`, `name:en` and `name:zh`, where present."""
    lines = ""
    for key, lang in _NAMES:
        if name := tags.get(key):
            lines += f"{subject} {_LABEL} {text(name, lang)} .\n"
    return lines
