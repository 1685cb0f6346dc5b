"""A spreadsheet file (.xlsx, .ods) comes in, its rows as words go out. With `kg.sources.vector` a door to pyogrio."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kg.errors import SourceError
from kg.sources import no_file

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
        SourceError: The file cannot be read, or has no such sheet.
    """
    names = sheet_names(path)
    if not names or (sheet and sheet not in names):
        raise SourceError(
            f"{path}: no sheet {sheet!r}, it has {', '.join(names) or 'none'}",
            'sheet = "NAME" in [table]',
        )
    with _reading(path) as pyogrio:
        _, _, _, columns = pyogrio.raw.read(path, layer=sheet or names[0], read_geometry=False)
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


def _word(value: Any) -> str:
    """A cell as it would be typed: whole numbers without a point, nothing for an empty cell."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
