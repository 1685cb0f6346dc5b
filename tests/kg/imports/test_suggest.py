"""Mappings to start from: columns that are found, unknown words by frequency, and that they can be read again."""

from pathlib import Path

import pytest

from kg.errors import SourceError
from kg.imports.mapping import Columns, read_mapping
from kg.imports.source import ImportSource
from kg.imports.suggest import guess_columns, guess_mapping, suggest_mapping

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def written(folder, text, name="t.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (
            "Subject,Predicate,Object,Score\na,b,c,1\n",
            Columns("Subject", "Predicate", "Object", "Score"),
        ),
        (
            "id,relation,head,tail,year\n1,b,a,c,2\n",
            Columns("head", "relation", "tail", date="year"),
        ),
        (
            "scene,link,thing,share\na,has,b,1\nc,has,d,2\n",
            Columns("scene", "link", "thing", "share"),
        ),
        (
            "头实体,关系,尾实体,权重,置信度,日期,来源,许可证\n湖,包含,码头,1,1,2020,a,b\n",
            Columns("头实体", "关系", "尾实体", "权重", "置信度", "来源", "许可证", "日期"),
        ),
        ("1,lake,has,pier\n2,sea,has,pier\n3,sea,has,sand\n", Columns(2, 3, 4, header=False)),
        ("lake,pier\nsea,sand\n", Columns(1, "", 2, header=False)),
    ],
)
def test_columns_are_told_by_their_names_or_by_what_they_hold(tmp_path, text, columns):
    assert guess_columns(written(tmp_path, text)) == columns


@pytest.mark.parametrize(
    ("text", "unused"),
    [
        ("head,relation,tail,备注,\nlake,ll:near,pier,x,y\n", ("备注",)),
        ("1,lake,ll:near,pier\n2,sea,ll:near,pier\n", ("1",)),
        ("head,relation,tail,权重\nlake,ll:near,pier,1\n", ()),
    ],
)
def test_columns_that_are_not_used_are_told(tmp_path, text, unused):
    found = suggest_mapping(written(tmp_path, text))
    assert (
        found.report.unused
        == unused
        == ImportSource(guess_mapping(tmp_path / "t.csv")).report().unused
    )
    for name in unused:
        assert f'# not used: "{name}"' in found.text
        assert f"         1 column not used: {name}" in found.report.lines()
    assert len(unused) == sum("not used" in line for line in found.report.lines())


@pytest.mark.parametrize("text", ["1,2,3\n4,5,6\n", "lake\nsea\n", ""])
def test_what_holds_no_two_columns_of_words_is_refused(tmp_path, text):
    with pytest.raises(SourceError):
        guess_columns(written(tmp_path, text))


def test_a_suggestion_is_a_mapping_that_can_be_read_and_filled_in(tmp_path):
    path = written(
        tmp_path, 'head,relation,tail\nlake,has a,"pier ""x"""\nlake,near,gloop\nlake,has a,pier\n'
    )
    found = suggest_mapping(path)
    assert found.report.understood == 0 and '"has a" = ""  # 2 times' in found.text
    mapping = written(tmp_path, found.text, "t.toml")
    assert read_mapping(mapping).file == path
    assert read_mapping(mapping).terms.keys() == {'pier "x"', "gloop"}
    assert '# "lake" = "ll:Lake"' in found.text
    for empty, filled in (
        ('"has a" = ""', '"has a" = "ll:hasPart"'),
        ('citation = ""', 'citation = "A"'),
    ):
        mapping.write_text(mapping.read_text().replace(empty, filled))
    assert ImportSource(read_mapping(mapping)).report().understood == 1


@pytest.mark.skipif(
    not DATA.is_dir(), reason="no ../shared/data: the published graphs are not here"
)
def test_published_graphs():
    """SR-RSKG is a table of three sheets without headers; WorldKG's classes are an ontology in Turtle."""
    rskg = suggest_mapping(DATA / "anchors" / "rskg.xlsx")
    assert 'sheet = "triple"' in rskg.text and "head = 2\nrelation = 4\ntail = 3\n" in rskg.text
    assert (rskg.report.read, rskg.report.unit) == (191, "rows")
    terms = rskg.report.means["terms"]
    assert sum(different for different, _ in terms.values()) >= 80, "of its 117 entities"
    worldkg = suggest_mapping(DATA / "vocab" / "WorldKG_Ontology.ttl")
    assert worldkg.report.means["terms"]["alignment"][0] >= 150
