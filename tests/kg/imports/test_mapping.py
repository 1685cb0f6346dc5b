"""What a mapping file says, and what is said of one that cannot be meant."""

import pytest

from kg import vocab
from kg.errors import SourceError
from kg.imports.mapping import Columns, Origin, read_mapping

GOOD = """file = "land.csv"
[prefixes]
ex = "http://example.org/"
[source]
citation = "Somebody (2020)"
confidence = 1
[table]
head = "what"
tail = 3
relation_is = "ll:hasPart"
[relations]
"has part" = "ll:hasPart 0.4"
[terms]
"ex:Wood" = "ll:Park"
"Tag:natural=water" = "keep"
[unknown]
by = ["alignment"]
"""


def written(folder, text):
    path = folder / "map.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_mapping_is_read_and_knows_its_file(tmp_path):
    found = read_mapping(written(tmp_path, GOOD))
    assert found.file == tmp_path / "land.csv" and found.name == "land"
    assert found.source == Origin(citation="Somebody (2020)", confidence=1)
    assert found.table == Columns(head="what", tail=3, relation_is="ll:hasPart")
    assert found.terms == {"http://example.org/Wood": "ll:Park", "Tag:natural=water": "keep"}
    assert found.unknown.by == ("alignment",) and found.unknown.terms == "leave-out"
    assert read_mapping(found.path, "other.ttl").file.name == "other.ttl"


def test_the_name_of_a_graph_is_part_of_an_iri(tmp_path):
    for name in ("../core", "ed ges> <x", "..", "a/b"):
        with pytest.raises(SourceError, match="expected letters, digits"):
            read_mapping(written(tmp_path, f"name = '{name}'\n{GOOD}"))
    assert read_mapping(written(tmp_path, f"name = '城市-2.1_b'\n{GOOD}")).name == "城市-2.1_b"
    spaced = GOOD.replace("land.csv", "my land <1>.csv")
    assert read_mapping(written(tmp_path, spaced)).name == "my-land-1-"


def test_any_change_changes_the_digest_also_one_of_an_alignment(tmp_path):
    (tmp_path / "a.ttl").write_text("")
    text = 'alignments = ["a.ttl"]\n' + GOOD
    first = read_mapping(written(tmp_path, text)).digest
    assert read_mapping(written(tmp_path, text)).digest == first
    (tmp_path / "a.ttl").write_text("# changed")
    second = read_mapping(tmp_path / "map.toml").digest
    assert len({first, second, read_mapping(written(tmp_path, GOOD)).digest}) == 3


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("file = ", "not a TOML mapping", "--suggest"),
        ("[source]\n", "which file it is about", "file ="),
        ('file = "a"\nfiles = 1', "unknown key 'files'", "'file'"),
        ('file = "a"\n[source]\nlicense = ""', "[source] unknown key 'license'", "'licence'"),
        ('file = "a"\n[table]\nhead = true', "[table] head is True", "correct head"),
        ('file = "a"\nsource = "x"', "source is no table", "[source]"),
        ('file = "a"\n[source]\nconfidence = "high"', "confidence is 'high', expected", "correct"),
        ('file = "a"\n[relations]\nx = 3', "something else than words", "ours"),
        ('file = "a"\n[unknown]\nterms = "drop"', "'drop', expected 'keep'", "correct it"),
        ('file = "a"\n[unknown]\nby = ["label"]', "unknown key 'label'", "known: name, alignment"),
        ('file = "a"\n[unknown]\nweight = 7', "weight 7 is not in 0..1", "0.5"),
        ('file = "a"\nalignments = ["gone.ttl"]', "gone.ttl: cannot be read", "check the path"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_in_two_lines(tmp_path, text, what, hint):
    with pytest.raises(SourceError) as caught:
        read_mapping(written(tmp_path, text))
    assert what in caught.value.message and hint in caught.value.hint


def test_a_missing_mapping_is_told(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_mapping(tmp_path / "gone.toml")


def test_short_names_of_everybody_need_no_prefix(tmp_path):
    text = 'file = "a"\n[relations]\n"skos:broader" = "keep"\n'
    assert read_mapping(written(tmp_path, text)).relations == {vocab.SKOS + "broader": "keep"}
