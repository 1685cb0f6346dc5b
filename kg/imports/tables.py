"""A table (.csv, .tsv, .txt, .xlsx, .ods, text also .gz) comes in, its rows by the columns of a mapping go out."""

from __future__ import annotations

import codecs
import csv
import gzip
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kg.counted import counted
from kg.errors import SourceError, known_words
from kg.imports.mapping import Columns
from kg.sources import no_file

TEXTS, SHEETS = (".csv", ".tsv", ".txt"), (".xlsx", ".ods")
ROLES = ("head", "relation", "tail", "weight", "confidence", "source", "licence", "date")
"""What a column may be."""
_NEEDED = ("head", "tail")
_SAMPLE = 1 << 16


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        number: Line or row of the file, from 1.
        cells: Role -> word, for every role that has a column.
    """

    number: int
    cells: dict[str, str]


def is_table(path: Path) -> bool:
    """Whether a file name is that of a table."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((*TEXTS, *SHEETS))


def read_rows(path: Path, columns: Columns, unused: list[str] | None = None) -> Iterator[Row]:
    """Rows of a table; text is read line by line, never whole.

    Args:
        path: The table.
        columns: What its columns are.
        unused: Gets the names (without a header the numbers from 1) of columns that are nothing of all this.

    Raises:
        SourceError: The file cannot be read as a table, is empty, or lacks a column.
    """
    rows = table_rows(path, columns)
    header = next(rows, None)
    if header is None:
        raise SourceError(f"{path}: is empty, expected a table", "check the path")
    places = _places(path, columns, header[1])
    if unused is not None:
        names = header[1] if columns.header else [str(i + 1) for i in range(len(header[1]))]
        unused += [name for i, name in enumerate(names) if name and i not in places.values()]
    first = [] if columns.header else [header]
    for source in (first, rows):
        for number, cells in source:
            if any(cells):
                found = {role: cells[i] if i < len(cells) else "" for role, i in places.items()}
                yield Row(number, found)


def table_rows(path: Path, columns: Columns) -> Iterator[tuple[int, list[str]]]:
    """(number of the row from 1, its cells) of any table, header included.

    Raises:
        SourceError: See `read_rows`.
    """
    if not path.is_file():
        raise no_file(path)
    if path.name.lower().endswith(SHEETS):
        from kg.imports.sheets import sheet_rows

        yield from enumerate(sheet_rows(path, columns.sheet), 1)
        return
    try:
        with _opened(path, columns.encoding) as file:
            delimiter = columns.delimiter or _delimiter(path, file)
            of_row = list[str]()
            reader = csv.reader(_kept(file, of_row), delimiter=delimiter)
            for cells in reader:
                _check_quotes(path, of_row, delimiter, reader.line_num)
                of_row.clear()
                yield reader.line_num, [cell.strip() for cell in cells]
    except (UnicodeError, LookupError, csv.Error, TypeError) as error:
        raise _no_text(path, columns, error) from error
    except (OSError, EOFError) as error:
        raise SourceError(f"{path}: cannot be read ({error})", "check the file") from error


def _kept(file: Iterable[str], lines: list[str]) -> Iterator[str]:
    """The lines of a file, each put down as it passes."""
    for line in file:
        lines.append(line)
        yield line


def _check_quotes(path: Path, lines: Sequence[str], delimiter: str, last: int) -> None:
    """Refuse a row of several lines that ends with the file, inside of a quote.

    Raises:
        SourceError: It does.
    """
    if len(lines) < 2:
        return
    try:
        deque(csv.reader(lines, delimiter=delimiter, strict=True), maxlen=0)
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise _unclosed(path, last - len(lines) + 1) from error


def _unclosed(path: Path, line: int) -> SourceError:
    return SourceError(
        f"{path}:{line}: a quote opens there that is never closed, and takes all further rows into one cell",
        'close it, or write " within a quoted cell as ""',
    )


def _no_text(path: Path, columns: Columns, error: Exception) -> SourceError:
    """What to do about a file that cannot be read as a table of text."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        start = file.read(_SAMPLE)
    if (
        start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        and "16" not in columns.encoding
    ):
        return SourceError(f"{path}: is UTF-16 text", _named_so("utf-16"))
    if start.count(0) or sum(byte < 9 for byte in start) > len(start) / 100:
        return SourceError(
            f"{path}: holds binary data, expected a table of text",
            "save it as .csv (UTF-8), or give the .xlsx or .ods by its right name",
        )
    if isinstance(error, LookupError):
        return SourceError(
            f"{path}: no encoding is called {columns.encoding!r}",
            _named_so("utf-8, cp1252 or gb18030"),
        )
    if isinstance(error, UnicodeError):
        return SourceError(
            f"{path}: is not {_said(columns.encoding)} text ({error})",
            _named_so("cp1252 (Western), gb18030 (Chinese) or another one"),
        )
    if "field limit" in str(error):
        return SourceError(
            f"{path}: a cell of more than {csv.field_size_limit():,} characters, as where a quote is never closed",
            'close it, or write " within a quoted cell as ""',
        )
    return SourceError(f"{path}: not a table of text ({error})", 'delimiter = ";" in [table]')


def _said(encoding: str) -> str:
    """An encoding as people call it."""
    return "UTF-8" if encoding.startswith("utf-8") else encoding


def _named_so(encodings: str) -> str:
    """What to type where the encoding of a table is another one."""
    first = encodings.partition(" ")[0].rstrip(",")
    return f'--encoding {encodings}; in a mapping: encoding = "{first}" in [table]'


def _opened(path: Path, encoding: str) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _delimiter(path: Path, file: IO[str]) -> str:
    """The sign between columns: of the usual ones that which is most frequent in the first line."""
    line = file.readline(_SAMPLE)
    file.seek(0)
    if path.name.lower().removesuffix(".gz").endswith(".tsv"):
        return "\t"
    return max(",;\t|", key=line.count)


def _places(path: Path, columns: Columns, header: Sequence[str]) -> dict[str, int]:
    """Role -> place of its column, from 0."""
    asked = {role: getattr(columns, role) for role in ROLES}
    needed = [role for role in _NEEDED if asked[role] == ""]
    if asked["relation"] == "" and not columns.relation_is:
        needed.append("relation")
    if needed:
        raise SourceError(
            f"{path}: the mapping does not say which column is {', '.join(needed)}",
            f'{needed[0]} = "NAME" or its number from 1, in [table]',
        )
    return {role: _place(path, columns, header, word) for role, word in asked.items() if word != ""}


def _place(path: Path, columns: Columns, header: Sequence[str], word: str | int) -> int:
    if isinstance(word, int):
        if not 1 <= word <= len(header):
            raise SourceError(
                f"{path}: has {counted(len(header), 'column')}, no column {word}", "count from 1"
            )
        return word - 1
    if not columns.header:
        raise SourceError(
            f"{path}: column {word!r} is a name, but header = false",
            "give its number from 1, in [table]",
        )
    if word not in header:
        raise SourceError(f"{path}: no column {word!r}", known_words(word, header))
    return list(header).index(word)
