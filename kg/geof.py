"""Terms of a query come in, the GeoSPARQL 1.1 functions that the embedded store lacks go out.

With `kg.store` a door to pyoxigraph, with `kg.spatial` one to shapely. Results are in CRS84 unless
`geof:transform` says otherwise. A function that cannot answer (no geometry, unknown unit or CRS) leaves its
variable unbound, as SPARQL 1.1 (17.3) asks of errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pyoxigraph as ox

from kg import geometry, vocab
from kg.errors import SourceError

_OGC, _QUDT = vocab.UOM, "http://qudt.org/vocab/unit/"
_METRES = {
    f"{_OGC}metre": 1.0, f"{_OGC}kilometre": 1000.0, f"{_OGC}foot": 0.3048,
    f"{_QUDT}M": 1.0, f"{_QUDT}KiloM": 1000.0, f"{_QUDT}FT": 0.3048, f"{_QUDT}MI": 1609.344,
    f"{_OGC}nauticalMile": 1852.0,
}  # fmt: skip
"""Units of length, in metres; of an area they mean their square."""
_SQUARE = {
    f"{_QUDT}M2": 1.0, f"{_QUDT}KiloM2": 1e6, f"{_QUDT}HA": 1e4, f"{_OGC}squareMetre": 1.0,
    f"{_OGC}squareKilometre": 1e6, f"{_OGC}hectare": 1e4,
}  # fmt: skip
_WKT = ox.NamedNode(vocab.GEO + "wktLiteral")
_GEOJSON = ox.NamedNode(vocab.GEO + "geoJSONLiteral")
_READ = (_WKT, _GEOJSON)
_RELATED = {
    "ehEquals": ("TFFFTFFFT",), "ehDisjoint": ("FF*FF****",), "ehMeet": ("FT*******", "F**T*****", "F***T****"),
    "ehOverlap": ("T*T***T**",), "ehCovers": ("T*TFT*FF*",), "ehCoveredBy": ("TFF*TFT**",),
    "ehInside": ("TFF*FFT**",), "ehContains": ("T*TFF*FF*",), "rcc8eq": ("TFFFTFFFT",), "rcc8dc": ("FFTFFTTTT",),
    "rcc8ec": ("FFTFTTTTT",), "rcc8po": ("TTTTTTTTT",), "rcc8tppi": ("TTTFTTFFT",), "rcc8tpp": ("TFFTTFTTT",),
    "rcc8ntpp": ("TFFTFFTTT",), "rcc8ntppi": ("TTTFFTFFT",),
}  # fmt: skip
"""Relations by DE-9IM patterns (GeoSPARQL 1.1, 9.4, 9.5); the store's own give literals of other CRSs no answer."""
_ANY_URI = ox.NamedNode(vocab.XSD + "anyURI")

Function = Callable[..., Any]


@cache
def functions() -> dict[ox.NamedNode, Function]:
    """The functions, by IRI, as `pyoxigraph.Store.query(custom_functions=...)` takes them."""
    return {ox.NamedNode(vocab.GEOF + name): _safe(found) for name, found in _FUNCTIONS.items()}


def _safe(function: Function) -> Function:
    from shapely.errors import ShapelyError

    faults = (
        SourceError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        ShapelyError,
    )

    def answer(*terms: Any) -> Any:
        """The answer of the function, or None where its terms mean nothing to it."""
        try:
            found = function(*terms)
        except faults:
            return None
        if isinstance(found, float):
            return ox.Literal(found) if math.isfinite(found) else None
        return found

    return answer


def _shape(term: Any) -> Any:
    """The geometry of a literal, in CRS84."""
    return _parsed(term.value, term.datatype == _GEOJSON) if term.datatype in _READ else _no_shape()


def _no_shape() -> Any:
    raise ValueError("no literal of WKT or GeoJSON")


@lru_cache(maxsize=4096)
def _parsed(text: str, is_geojson: bool) -> Any:
    """A geometry; a query asks about the same ones again and again."""
    import shapely

    return shapely.from_geojson(text) if is_geojson else geometry.parse_wkt([text])[0]


def _wkt(shape: Any) -> Any:
    return ox.Literal(geometry.literal(shape), datatype=_WKT) if shape is not None else _no_shape()


def _related(*patterns: str) -> Function:
    """Whether two geometries meet in one of some ways, as DE-9IM patterns say it."""
    import re

    tests = [re.compile(one.replace("*", "[012F]").replace("T", "[012]")) for one in patterns]

    def answer(one: Any, other: Any) -> Any:
        """Yes or no."""
        import shapely

        found = shapely.relate(_shape(one), _shape(other))
        return ox.Literal(any(test.fullmatch(found) for test in tests))

    return answer


def _predicate(name: str) -> Function:
    """A simple-features relation by its name in shapely."""

    def answer(one: Any, other: Any) -> Any:
        """Yes or no."""
        import shapely

        return ox.Literal(bool(getattr(shapely, name)(_shape(one), _shape(other))))

    return answer


def _area(term: Any, unit: Any) -> float:
    name = unit.value
    return geometry.area(_shape(term)) / (_SQUARE[name] if name in _SQUARE else _METRES[name] ** 2)


def _transform(term: Any, crs: Any) -> Any:
    """In another CRS; CRS84 is what all other functions give."""
    import shapely

    moved = geometry.reproject(np.array([_shape(term)], object), vocab.CRS84, crs.value)[0]
    text = shapely.to_wkt(moved, rounding_precision=7)
    return ox.Literal(f"<{crs.value}> {text}", datatype=_WKT)


def _relate(one: Any, other: Any, pattern: Any) -> Any:
    import shapely

    return ox.Literal(bool(shapely.relate_pattern(_shape(one), _shape(other), pattern.value)))


def _circle(term: Any) -> Any:
    import shapely

    return _wkt(shapely.minimum_bounding_circle(_shape(term)))


def _type(term: Any) -> Any:
    name = _shape(term).geom_type
    return ox.Literal(vocab.SF + name, datatype=_ANY_URI)


def _parts(term: Any) -> list[Any]:
    shape = _shape(term)
    return list(getattr(shape, "geoms", [shape]))


def _nth(term: Any, number: Any) -> Any:
    parts, n = _parts(term), int(number.value)
    if not 1 <= n <= len(parts):
        raise IndexError(n)
    return _wkt(parts[n - 1])


def _bound(place: int) -> Function:
    return lambda term: float(_shape(term).bounds[place])


_FUNCTIONS: dict[str, Function] = {
    "area": _area,
    "metricArea": lambda g: geometry.area(_shape(g)),
    "length": lambda g, unit: geometry.length(_shape(g)) / _METRES[unit.value],
    "metricLength": lambda g: geometry.length(_shape(g)),
    "perimeter": lambda g, unit: geometry.length(_shape(g)) / _METRES[unit.value],
    "metricPerimeter": lambda g: geometry.length(_shape(g)),
    "distance": lambda g, h, unit: geometry.distance(_shape(g), _shape(h)) / _METRES[unit.value],
    "metricDistance": lambda g, h: geometry.distance(_shape(g), _shape(h)),
    "buffer": lambda g, r, unit: _wkt(
        geometry.buffer(_shape(g), float(r.value) * _METRES[unit.value])
    ),
    "metricBuffer": lambda g, r: _wkt(geometry.buffer(_shape(g), float(r.value))),
    "transform": _transform,
    "boundary": lambda g: _wkt(_shape(g).boundary),
    "boundingCircle": _circle,
    "asWKT": lambda g: _wkt(_shape(g)),
    "relate": _relate,
    **{
        f"sf{name.capitalize()}": _predicate(name)
        for name in (
            "equals",
            "disjoint",
            "intersects",
            "touches",
            "crosses",
            "within",
            "contains",
            "overlaps",
        )
    },
    **{name: _related(*patterns) for name, patterns in _RELATED.items()},
    "envelope": lambda g: _wkt(_shape(g).envelope),
    "convexHull": lambda g: _wkt(_shape(g).convex_hull),
    "intersection": lambda g, h: _wkt(_shape(g).intersection(_shape(h))),
    "union": lambda g, h: _wkt(_shape(g).union(_shape(h))),
    "difference": lambda g, h: _wkt(_shape(g).difference(_shape(h))),
    "symDifference": lambda g, h: _wkt(_shape(g).symmetric_difference(_shape(h))),
    "isEmpty": lambda g: ox.Literal(bool(_shape(g).is_empty)),
    "isSimple": lambda g: ox.Literal(bool(_shape(g).is_simple)),
    "geometryType": _type,
    "numGeometries": lambda g: ox.Literal(len(_parts(g))),
    "geometryN": _nth,
    "is3D": lambda g: ox.Literal(bool(_shape(g).has_z)),
    "minX": _bound(0),
    "minY": _bound(1),
    "maxX": _bound(2),
    "maxY": _bound(3),
}
NAMES = tuple(sorted(_FUNCTIONS))
"""Local names of the functions."""
