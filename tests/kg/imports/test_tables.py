"""Rows of text tables and spreadsheets, and what is said of files that are none."""

import gzip
from pathlib import Path

import numpy as np
import pyogrio
import pytest

from kg.errors import SourceError
from kg.imports.mapping import Columns
from kg.imports.tables import is_table, read_rows

NAMED = Columns(head="a", tail="c", relation="b")
DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "anchors" / "rskg.xlsx"


def cells(path, columns=NAMED):
    return [tuple(row.cells.values()) for row in read_rows(path, columns)]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz", ".txt"])
def test_text_is_read_whatever_stands_between_the_columns(tmp_path, ending):
    sign = {".tsv": "\t", ".txt": ";"}.get(ending, ",")
    text = "\ufeffa,b,c\n机场,has,\u00a0'x'\n\nlake,is\n".replace(",", sign).encode()
    path = tmp_path / f"t{ending}"
    path.write_bytes(gzip.compress(text) if ending.endswith("gz") else text)
    rows = [*read_rows(path, NAMED)]
    assert is_table(path) and [row.number for row in rows] == [2, 4]
    assert [tuple(r.cells.values()) for r in rows] == [("机场", "has", "'x'"), ("lake", "is", "")]


def test_without_a_header_columns_have_numbers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('1,lake,"pier, long",has\n')
    assert cells(path, Columns(head=2, tail=3, relation=4, header=False)) == [
        ("lake", "has", "pier, long")
    ]


def test_another_encoding_can_be_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("a,b,c\n湖,有,岸\n".encode("gb18030"))
    with pytest.raises(SourceError, match="is not UTF-8 text") as caught:
        cells(path)
    assert "encoding" in caught.value.hint
    assert cells(path, Columns(**{**vars(NAMED), "encoding": "gb18030"})) == [("湖", "有", "岸")]


@pytest.mark.parametrize("ending", [".xlsx", ".ods"])
def test_sheets_are_read_by_name(tmp_path, ending):
    path = tmp_path / f"t{ending}"
    words = [np.array(column, object) for column in (["lake", "1"], ["has", None], ["pier", "x"])]
    pyogrio.raw.write(
        path, None, words, list("abc"), layer="edges", geometry_type=None, driver=ending[1:].upper()
    )
    assert cells(path) == [("lake", "has", "pier"), ("1", "", "x")]
    assert cells(path, Columns(head=1, tail=3, relation=2, header=False))[0] == ("a", "b", "c")
    with pytest.raises(SourceError, match="no sheet 'other', it has edges"):
        cells(path, Columns(head=1, tail=2, relation=3, sheet="other"))


@pytest.mark.parametrize(
    ("columns", "what", "hint"),
    [
        (Columns(head="a", tail="d", relation="b"), "no column 'd'", "known: a, b, c"),
        (Columns(head="a", tail=9, relation="b"), "has 3 columns, no column 9", "count from 1"),
        (Columns(head="a", relation="b"), "does not say which column is tail", "[table]"),
        (Columns(head="a", tail="c"), "does not say which column is relation", "[table]"),
        (Columns(head="a", tail=3, relation=2, header=False), "is a name, but header = false", "number"),
    ],
)  # fmt: skip
def test_columns_that_are_not_there_are_told(tmp_path, columns, what, hint):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\nx,y,z\n")
    with pytest.raises(SourceError) as caught:
        cells(path, columns)
    assert what in caught.value.message and hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "body", "what"),
    [
        ("t.csv", b"", "is empty"),
        ("t.xlsx", b"PK\x03\x04 broken", "not a spreadsheet"),
        ("t.ods", b"", "not a spreadsheet"),
        ("t.csv.gz", b"no gzip", "cannot be read"),
        ("t.csv", b"a,b,c\n" + b'"' + b"x" * 200_000, "a quote is never closed"),
        (
            "t.csv",
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
            "holds binary data, expected a table of text",
        ),
        ("t.csv", "a,b,c\n".encode("utf-16"), "is UTF-16 text"),
        ("t.csv", "a,b,é\n".encode("latin-1"), "is not UTF-8 text"),
    ],
)
def test_what_is_no_table_is_told(tmp_path, name, body, what):
    (tmp_path / name).write_bytes(body)
    with pytest.raises(SourceError, match=what):
        cells(tmp_path / name)


@pytest.mark.skipif(not DATA.is_file(), reason="no ../shared/data: rskg.xlsx is not here")
def test_the_published_table_has_191_triples():
    columns = Columns(sheet="triple", header=False, head=2, tail=3, relation=4)
    found = cells(DATA, columns)
    assert len(found) == 191 and len({relation for _, relation, _ in found}) == 27
