"""A legend, colours and layers come in; what QGIS reads of them (styles, parts of a project file) goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from kg.grid import Grid, crs_of
from kg.legend import Legend

Colour = tuple[int, int, int]


def write_style(path: str | Path, legend: Legend) -> Path:
    """Write the style of a map of class codes.

    QGIS takes a `.qml` beside a raster of the same name for its style, so a legend with codes above 255, for which a
    GeoTIFF holds no colour table, has its colours too.

    Args:
        path: Target, the raster's name with `.qml`.
        legend: Codes, colours and English names.

    Raises:
        OSError: The file cannot be written.
    """
    style = Element("qgis", styleCategories="Symbology")
    style.append(paletted(legend))
    target = Path(path)
    target.write_text(xml_text(style), encoding="utf-8", newline="\n")
    return target


def xml_text(root: Element) -> str:
    """An indented file of QGIS."""
    indent(root)
    return f"<!DOCTYPE qgis>\n{tostring(root, encoding='unicode')}\n"


def paletted(legend: Legend, lang: str = "en") -> Element:
    """A raster of class codes in the colours of its legend.

    Args:
        legend: Codes, colours and names.
        lang: Language of the names, "en" or "zh".
    """
    told = {
        code: one.label_zh or one.label if lang == "zh" else one.label
        for code, one in zip(legend.codes, legend.classes, strict=True)
    }
    pipe, renderer = _raster("paletted", band="1")
    palette = SubElement(renderer, "colorPalette")
    for code, rgb in sorted(legend.colour_table().items()):
        SubElement(
            palette,
            "paletteEntry",
            value=str(code),
            color="#{:02x}{:02x}{:02x}".format(*rgb),
            alpha="255",
            label=told[code],
        )
    return pipe


def shades(low: float, high: float) -> Element:
    """A raster of one measurement in shades of grey, black at `low` and below, white at `high` and above."""
    pipe, renderer = _raster("singlebandgray", grayBand="1", gradient="BlackToWhite")
    _stretch(SubElement(renderer, "contrastEnhancement"), low, high)
    return pipe


def natural(bands: Sequence[int], low: float, high: float) -> Element:
    """An image in colours.

    Args:
        bands: Numbers of the bands that are shown red, green and blue, from 1.
        low: Value that is shown black.
        high: Value that is shown at its brightest.
    """
    numbers = dict(zip(("redBand", "greenBand", "blueBand"), map(str, bands), strict=True))
    pipe, renderer = _raster("multibandcolor", **numbers)
    for name in ("red", "green", "blue"):
        _stretch(SubElement(renderer, f"{name}ContrastEnhancement"), low, high)
    return pipe


def outlined(column: str, colours: Mapping[str, Colour]) -> Element:
    """Polygons as outlines with a light fill, a colour for each value of a column.

    Args:
        column: Name of the column.
        colours: Value -> colour; in the order of the legend.
    """
    renderer = Element("renderer-v2", type="categorizedSymbol", attr=column, symbollevels="0")
    categories, symbols = SubElement(renderer, "categories"), SubElement(renderer, "symbols")
    for number, (value, rgb) in enumerate(colours.items()):
        SubElement(
            categories, "category", value=value, label=value, symbol=str(number), render="true"
        )
        symbol = SubElement(symbols, "symbol", type="fill", name=str(number), alpha="1")
        simple = SubElement(symbol, "layer", {"class": "SimpleFill"}, enabled="1")
        told = {
            "color": ",".join(map(str, (*rgb, 60))),
            "outline_color": ",".join(map(str, (*rgb, 255))),
            "outline_width": "0.4",
            "outline_width_unit": "MM",
            "outline_style": "solid",
            "style": "solid",
        }
        options = SubElement(simple, "Option", type="Map")
        for name, word in told.items():
            SubElement(options, "Option", type="QString", name=name, value=word)
    return renderer


def reference_system(crs: str) -> Element:
    """A coordinate reference system.

    Args:
        crs: "EPSG:32612" or WKT 2.
    """
    system, known = Element("spatialrefsys"), crs_of(crs)
    SubElement(system, "wkt").text = known.to_wkt(version="WKT2_2019")
    if authority := known.to_authority():
        SubElement(system, "authid").text = ":".join(authority)
    return system


def extent(grid: Grid, name: str) -> Element:
    """The bounds of a grid, in its own units."""
    west, south, east, north = map(str, grid.bounds)
    return Element(name, xmin=west, ymin=south, xmax=east, ymax=north)


def _raster(kind: str, **words: str) -> tuple[Element, Element]:
    pipe = Element("pipe")
    told = {"type": kind, "opacity": "1", "alphaBand": "-1", "nodataColor": ""}
    return pipe, SubElement(pipe, "rasterrenderer", told | words)


def _stretch(parent: Element, low: float, high: float) -> None:
    SubElement(parent, "minValue").text = repr(float(low))
    SubElement(parent, "maxValue").text = repr(float(high))
    SubElement(parent, "algorithm").text = "StretchToMinimumMaximum"
