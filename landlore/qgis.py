"""A legend comes in, a QGIS layer style goes out: the map opens there with its class names and colours."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from kg.legend import Legend


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
    colours, names = legend.colour_table(), legend.names()
    style = ElementTree.Element("qgis", styleCategories="Symbology")
    renderer = ElementTree.SubElement(
        ElementTree.SubElement(style, "pipe"),
        "rasterrenderer",
        {"type": "paletted", "band": "1", "opacity": "1", "alphaBand": "-1", "nodataColor": ""},
    )
    palette = ElementTree.SubElement(renderer, "colorPalette")
    for code, rgb in sorted(colours.items()):
        ElementTree.SubElement(
            palette,
            "paletteEntry",
            value=str(code),
            color="#{:02x}{:02x}{:02x}".format(*rgb),
            alpha="255",
            label=names[code],
        )
    ElementTree.indent(style)
    text = ElementTree.tostring(style, encoding="unicode")
    target = Path(path)
    target.write_text(f"<!DOCTYPE qgis>\n{text}\n", encoding="utf-8", newline="\n")
    return target
