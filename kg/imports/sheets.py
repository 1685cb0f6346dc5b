"""A spreadsheet file (.xlsx, .ods) comes in, its rows as words go out. With `kg.sources.vector` a door to pyogrio."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from kg.counted import counted
from kg.errors import SourceError
from kg.sources import no_file

_CELLS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINKS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
_SHOWN = 5
_PLAIN = {"OGR_XLSX_HEADERS": "DISABLE", "OGR_ODS_HEADERS": "DISABLE"}
"""GDAL shall not take a first row for names; which row holds names is said by the mapping."""


def sheet_names(path: Path) -> tuple[str, ...]:
    """Names of the sheets, in order.

    Raises:
        SourceError: The file cannot be read.
    """
    with _reading(path) as pyogrio:
        return tuple(str(name) for name, _ in pyogrio.list_layers(path))


def sheet_rows(path: Path, sheet: str = "") -> Iterator[list[str]]:
    """Rows of one sheet, each a list of words; empty rows are kept, so that numbers of rows stay true.

    The whole sheet is in memory: at most about a million rows (the limit of the formats).

    Args:
        path: `.xlsx` or `.ods`.
        sheet: Its name; "" is the first.

    Raises:
        SourceError: The file cannot be read, has no such sheet, or formulas in it (.xlsx) that nobody has worked out.
    """
    names = sheet_names(path)
    if not names or (sheet and sheet not in names):
        raise SourceError(
            f"{path}: no sheet {sheet!r}, it has {', '.join(names) or 'none'}",
            'sheet = "NAME" in [table]',
        )
    with _reading(path) as pyogrio:
        _, _, _, columns = pyogrio.raw.read(path, layer=sheet or names[0], read_geometry=False)
    empty = formulas_without_values(path, sheet or names[0])
    if empty:
        raise SourceError(
            f"{path}: {counted(len(empty), 'cell')} with a formula and no value ({', '.join(empty[:_SHOWN])})",
            "open it in LibreOffice or Excel, which work them out, and save it again",
        )
    for row in zip(*columns, strict=True):
        yield [_word(value) for value in row]


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """pyogrio, told to take no row for names."""
    import pyogrio

    if not path.is_file():
        raise no_file(path)
    former = {name: pyogrio.get_gdal_config_option(name) for name in _PLAIN}
    pyogrio.set_gdal_config_options(_PLAIN)
    try:
        yield pyogrio
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise SourceError(
            f"{path}: not a spreadsheet ({' '.join(str(error).split())})",
            "save it as .xlsx, .ods or .csv again",
        ) from error
    finally:
        pyogrio.set_gdal_config_options(former)


def formulas_without_values(path: Path, sheet: str) -> list[str]:
    """Cells of an .xlsx sheet, "D2", that hold a formula and not what came of it, as libraries write them."""
    if path.suffix.lower() != ".xlsx":
        return []
    try:
        with zipfile.ZipFile(path) as file:
            part = _part_of(file, sheet)
            return [] if part is None else _empty_formulas(file.read(part))
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError):  # what could be read was
        return []


def _part_of(file: zipfile.ZipFile, sheet: str) -> str | None:
    """Where a sheet stands in the file (ECMA-376, part 1, 18.2.19)."""
    book = ElementTree.fromstring(file.read("xl/workbook.xml"))
    links = ElementTree.fromstring(file.read("xl/_rels/workbook.xml.rels"))
    places = {one.get("Id"): one.get("Target", "") for one in links}
    for one in book.iter(f"{_CELLS}sheet"):
        if one.get("name") == sheet:
            place = places.get(one.get(f"{_LINKS}id"), "")
            return place.lstrip("/") if place.startswith("/") else f"xl/{place}"
    return None


def _empty_formulas(sheet: bytes) -> list[str]:
    found = list[str]()
    if not _FORMULA.search(sheet):
        return found
    for _, one in ElementTree.iterparse(BytesIO(sheet)):
        if one.tag == f"{_CELLS}c" and one.find(f"{_CELLS}f") is not None:
            value = one.find(f"{_CELLS}v")
            nothing = value is None or (not value.text and one.get("t") != "str")  # "" is a value
            found += [one.get("r", "?")] * nothing
        if one.tag == f"{_CELLS}row":
            one.clear()
    return found


def _word(value: Any) -> str:
    """A cell as it would be typed: whole numbers without a point, nothing for an empty cell."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
