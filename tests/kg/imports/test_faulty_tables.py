"""Tables that are not what they seem: quotes never closed, formulas nobody worked out, doubtful percentages."""

import zipfile

import pytest

from kg.errors import LandloreWarning, SourceError
from kg.imports.mapping import read_mapping
from kg.imports.source import ImportSource

MAPPING = """file = "{file}"
[source]
citation = "Somebody (2020)"
{source}
[table]
head = "scene"
relation = "link"
tail = "thing"
weight = "share"
{table}
[relations]
has = "ll:hasPart"
"""
HEADER = ("scene", "link", "thing", "share")
ROWS = "scene,link,thing,share\nairport,has,runway,{}\nharbour,has,pier,{}\n"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SHEET = "worksheets/sheet1.xml"


def mapped(folder, name, text=None, *, source="", table=""):
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8")
    place = folder / "mapping.toml"
    place.write_text(MAPPING.format(file=name, source=source, table=table), encoding="utf-8")
    return ImportSource(read_mapping(place))


def spreadsheet(path, share):
    """A smallest .xlsx, with one cell as it stands in the file."""
    words = [
        f'<c r="{c}1" t="inlineStr"><is><t>{w}</t></is></c>'
        for c, w in zip("ABCD", HEADER, strict=True)
    ]
    row = [
        f'<c r="{c}2" t="inlineStr"><is><t>{w}</t></is></c>'
        for c, w in zip("ABC", ("airport", "has", "runway"), strict=True)
    ]
    sheet = f'<row r="1">{"".join(words)}</row><row r="2">{"".join(row)}{share}</row>'
    book = '<sheet name="Edges" sheetId="1" r:id="rId1"/>'
    kinds = (("xl/workbook.xml", "sheet.main+xml"), (f"xl/{SHEET}", "worksheet+xml"))
    told = "".join(
        f'<Override PartName="/{part}" ContentType="{TYPE}.{kind}"/>' for part, kind in kinds
    )
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'

    def link(kind, target):
        one = f'<Relationship Id="rId1" Type="{LINKS}/{kind}" Target="{target}"/>'
        return f'<Relationships xmlns="{PACKAGE}/relationships">{one}</Relationships>'

    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types">{rels}{told}</Types>'
        )
        file.writestr("_rels/.rels", link("officeDocument", "xl/workbook.xml"))
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>{book}</sheets></workbook>',
        )
        file.writestr("xl/_rels/workbook.xml.rels", link("worksheet", SHEET))
        file.writestr(
            f"xl/{SHEET}", f'<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData></worksheet>'
        )


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("confidence = 1.8", "confidence"), ("confidence = nan", "confidence"), ("confidence = -1", "confidence"),
        ("confidence = inf", "confidence"), ("confidence = true", "confidence"), ('date = "sometime"', "date"),
        ('date = "2021-13-45"', "date"), ('date = "21"', "date"), ('licence = "http://a b"', "licence"),
        ('licence = "xyz:"', "licence"), ('url = "not a url"', "url"), ('url = "http://a b"', "url"),
    ],
)  # fmt: skip
def test_origins_that_cannot_be_meant_are_refused(tmp_path, line, key):
    with pytest.raises(SourceError, match=rf"\[source\] {key} is .*, expected") as told:
        mapped(tmp_path, "edges.csv", source=line)
    assert told.value.hint.startswith(f"{key} = ")


@pytest.mark.parametrize(
    "line",
    ["confidence = 1", "date = 2021-06-30", 'date = "2021"', 'licence = "CC BY 4.0"', 'url = "urn:isbn:12"',
     'licence = "https://creativecommons.org/licenses/by/4.0/"', 'url = "https://e.org/a?b=c#d"'],
)  # fmt: skip
def test_origins_as_people_write_them(tmp_path, line):
    key, _, value = line.partition(" = ")
    found = mapped(tmp_path, "edges.csv", source=line).mapping.source
    assert str(getattr(found, key)).rstrip("0.") == value.strip('"').rstrip("0.")


def test_quote_that_is_never_closed(tmp_path):
    text = ROWS.format(0.9, 0.5).replace("has,pier", 'has,"pier') + "harbour,has,crane,0.5\n"
    with pytest.raises(SourceError, match=r"edges\.csv:3: a quote opens there"):
        mapped(tmp_path, "edges.csv", text).report()


def test_quoted_cells_of_several_lines_are_fine(tmp_path):
    text = ROWS.format(0.9, 0.5) + 'harbour,has,"a ""crane"",\nof iron",0.5\n'
    found = mapped(tmp_path, "edges.csv", text).report()
    assert (found.read, found.understood) == (3, 2)


def test_quote_that_takes_more_than_a_cell_can_hold(tmp_path):
    text = (
        ROWS.format(0.9, 0.5).replace("has,pier", 'has,"pier') + "harbour,has,crane,0.5\n" * 10_000
    )
    with pytest.raises(SourceError, match="a quote is never closed"):
        mapped(tmp_path, "edges.csv", text).report()


@pytest.mark.parametrize("value", ["", "<v/>", "<v></v>"])
def test_formula_that_nobody_has_worked_out(tmp_path, value):
    spreadsheet(tmp_path / "edges.xlsx", f'<c r="D2"><f>1/4</f>{value}</c>')
    with pytest.raises(
        SourceError, match=r"edges\.xlsx: 1 cell with a formula and no value \(D2\)"
    ):
        mapped(tmp_path, "edges.xlsx").report()


@pytest.mark.parametrize("cell", ["<f>1/4</f><v>0.25</v>", "<v>0.25</v>"])
def test_formula_with_its_value_and_plain_numbers(tmp_path, cell):
    spreadsheet(tmp_path / "edges.xlsx", f'<c r="D2">{cell}</c>')
    assert "0.25" in "".join(mapped(tmp_path, "edges.xlsx").ntriples())


def test_formula_that_gives_empty_text_has_a_value(tmp_path):
    spreadsheet(tmp_path / "edges.xlsx", '<c r="D2" t="str"><f>""</f><v></v></c>')
    assert mapped(tmp_path, "edges.xlsx").report().understood == 1


def test_percentages_that_look_like_shares_are_told(tmp_path):
    source = mapped(tmp_path, "edges.csv", ROWS.format(0.95, 0.5), table="percent = true")
    assert any("no number is above 1" in line for line in source.report().lines())
    with pytest.warns(LandloreWarning, match="no number is above 1"):
        list(source.ntriples())
    for shares, table in (
        (("95", "0.5"), "percent = true"),
        (("0.95", "0.5"), ""),
        (("95%", "1%"), "percent = true"),
    ):
        found = mapped(tmp_path, "edges.csv", ROWS.format(*shares), table=table).report()
        assert not found.shares


def test_percentages_without_the_word_are_told(tmp_path):
    found = mapped(tmp_path, "edges.csv", ROWS.format(95, 0.5)).report()
    assert found.left_out == {
        "weight is no number in 0..1; percent = true in [table] reads 0..100": 1
    }
