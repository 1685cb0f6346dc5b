"""Importing as people do it: suggest, try, write, build, ask, classify; and nothing left behind after a mistake."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import landlore as ll
from kg import vocab
from kg.errors import InputError, LandloreError, LandloreWarning, OutputError
from kg.scenes import load_scenes, strength
from kg.store import KnowledgeGraph
from landlore.cli import main

ROOT = Path(__file__).resolve().parents[2]
RSKG = ROOT.parent / "shared" / "data" / "anchors" / "rskg.xlsx"
ROWS = "head,relation,tail,weight\nairport,has,helipad,0.7\nairport,has,runway,0.1\nlake,has,gloop,0.3\n"
MAPPING = """file = "edges.csv"
name = "edges"
[source]
title = "Edges"
citation = "Somebody (2020): Edges"
licence = "https://creativecommons.org/licenses/by/4.0/"
confidence = 0.8
[table]
head = "head"
relation = "relation"
tail = "tail"
weight = "weight"
[relations]
has = "ll:hasPart"
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`landlore import WORDS` in `tmp_path`: exit code, standard output, lines of standard error."""

    def command(*words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["landlore", "import", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return ended.value.code or 0, told.out, told.err.splitlines()

    return command


@pytest.fixture
def mapping(tmp_path):
    (tmp_path / "edges.csv").write_text(ROWS)
    (tmp_path / "edges.toml").write_text(MAPPING)
    return tmp_path / "edges.toml"


def test_a_build_reads_it_with_its_licence_and_an_update_sees_a_change(mapping, tmp_path):
    sources, out = ll.Sources(imports=mapping), tmp_path / "graph"
    with pytest.warns(LandloreWarning, match="1 of 3 rows left out"):
        ll.build(out, sources)
    asked = """SELECT ?t ?l ?c ?b { GRAPH ?g { ?g dct:title ?t ; dct:license ?l ; ll:confidence ?c ;
        dct:bibliographicCitation ?b . sc:Airport ll:hasPart [ ll:value ll:Helipad ; ll:weight 0.7 ] } }"""
    ((*found,),) = ll.query(out, asked)
    assert [str(x) for x in found] == [
        "Edges", "https://creativecommons.org/licenses/by/4.0/", "0.8", "Somebody (2020): Edges",
    ]  # fmt: skip
    assert ll.build(out, sources, existing="update").report.sources[0].kept
    mapping.write_text(MAPPING + '[terms]\ngloop = "ll:Water"\n')
    assert not ll.build(out, sources, existing="update").report.sources[0].kept
    assert ll.import_graph(mapping).report.understood == 3


@pytest.mark.parametrize("ending", [".ttl", ".nt", ".trig", ".nq"])
def test_a_file_of_it_holds_the_same_and_is_the_same_twice(mapping, tmp_path, ending):
    out = tmp_path / f"out{ending}"
    report = ll.import_graph(mapping, out=out).report
    assert (report.read, report.understood) == (3, 2) and report.left_out == {"unknown tail": 1}
    first, graph = out.read_bytes(), KnowledgeGraph.open(out)
    parts = {
        (vocab.curie(t.tail), t.weight) for t in graph.triples() if t.relation.endswith("#hasPart")
    }
    assert parts == {("ll:Helipad", 0.7), ("ll:Runway", 0.1)}
    with pytest.raises(OutputError, match="exists already"):
        ll.import_graph(mapping, out=out)
    assert (
        ll.import_graph(mapping, out=out, overwrite=True).path == out and out.read_bytes() == first
    )


def test_its_weights_enter_the_attributes_of_classes_beside_ours(mapping, tmp_path):
    out = tmp_path / "edges.ttl"
    ll.import_graph(mapping, out=out)
    plain, more = load_scenes(), load_scenes([out])
    ours, theirs = (
        {t.tail: t.weight for t in k.find("airport").triples if t.relation.endswith("hasPart")}
        for k in (plain, more)
    )
    assert theirs == {**ours, vocab.CORE + "Helipad": 0.7}, "where both speak, the stronger counts"
    row = [
        more.attributes([[(t, strength(t)) for t in k.find("airport").triples]])
        for k in (plain, more)
    ]
    assert np.abs(row[0] - row[1]).max() > 0


def test_own_concepts_can_be_classes_of_a_question(mapping, tmp_path):
    (tmp_path / "edges.csv").write_text(ROWS + "moon base,has,antenna mast,0.9\n")
    mapping.write_text(MAPPING + '[unknown]\nterms = "keep"\n')
    ll.import_graph(mapping, out=tmp_path / "edges.ttl")
    found = load_scenes([tmp_path / "edges.ttl"]).find("moon base")
    assert [t.weight for t in found.triples] == [0.9]


def test_suggest_try_and_write(tmp_path):
    (tmp_path / "edges.csv").write_text(ROWS)
    found = ll.suggest_mapping(tmp_path / "edges.csv", tmp_path / "m.toml")
    assert found.report.understood == 0 and '"has" = ""' in found.path.read_text()
    with pytest.raises(OutputError, match="exists already"):
        ll.suggest_mapping(tmp_path / "edges.csv", tmp_path / "m.toml")
    with pytest.raises(InputError, match="no mapping"):
        ll.import_graph(tmp_path / "edges.csv", out=tmp_path / "x.ttl")
    with pytest.raises(InputError, match="says nothing about where"):
        ll.import_graph(tmp_path / "m.toml", out=tmp_path / "x.ttl")
    assert not ll.import_graph(tmp_path / "m.toml").report.cited


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        ("gone.csv --dry-run", "gone.csv", "check the path"),
        ("edges.csv", "nothing was asked for", "landlore import edges.csv --suggest edges.toml"),
        ("gone.csv", "no such file", "check the path"),
        ("edges.toml", "nothing was asked for", "landlore import edges.toml --dry-run"),
        ("edges.csv --mapping edges.toml", "expected --suggest", "--mapping edges.toml --dry-run"),
        ("edges.csv -o x.ttl", "no mapping says", "--suggest"),
        ("edges.csv --suggest y.toml -o x.ttl", "would write nothing", "--mapping"),
        ("edges.toml -o x.txt", "expected a name that ends in", "landlore build GRAPH --import"),
        ("edges.toml -o no/x.nt", "cannot be written (there is no folder", "mkdir -p"),
        ("edges.csv --suggest x.yaml", "ends in .toml", "x.toml"),
        ("bad.ttl --mapping bad.toml -o x.nt", "bad.ttl:2", "correct"),
        ("bad.gif --dry-run", "neither RDF", "rename"),
    ],
)
def test_mistakes_are_two_lines_and_leave_nothing(mapping, tmp_path, run, words, what, hint):
    (tmp_path / "bad.ttl").write_text(
        "<http://e/a> a <https://w3id.org/landlore/core#Lake> .\n<x:b> oops"
    )
    (tmp_path / "bad.toml").write_text('file = "bad.ttl"\n[source]\ncitation = "B"\n')
    (tmp_path / "bad.gif").write_text("GIF")
    before = sorted(p.name for p in tmp_path.iterdir())
    code, out, lines = run(*words.split())
    assert code == 2 and len(lines) == 2 and not out
    assert what in lines[0] and hint in lines[1]
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_the_command_reports_as_text_and_as_json(mapping, tmp_path, run):
    code, out, _ = run("edges.toml", "--dry-run")
    assert code == 0 and "2 of 3 rows understood (66.7 %)" in out
    _, out, _ = run("edges.csv", "--mapping", "edges.toml", "-o", "e.nt", "--json")
    told = json.loads(out)
    assert told["understood"] == 2 and told["out"] == "e.nt" and (tmp_path / "e.nt").is_file()
    assert [u["term"] for u in told["unknown"]] == ["gloop"]
    (tmp_path / "edges.csv").write_text("head,relation,tail,weight\na,b,c,1\n")
    assert run("edges.toml", "--dry-run")[0] == 1, "it ran, and nothing was understood"


def test_a_mapping_that_cites_nothing_can_be_tried_out_but_not_written(mapping, tmp_path, run):
    mapping.write_text(MAPPING.replace('citation = "Somebody (2020): Edges"\n', ""))
    code, out, err = run("edges.toml", "--dry-run")
    assert (code, err) == (0, []) and out.startswith("edges.csv: 2 of 3 rows understood")
    assert out.splitlines()[-1].startswith("nothing is cited yet: -o and build need citation = ")
    assert not json.loads(run("edges.toml", "--dry-run", "--json")[1])["cited"]
    code, _, err = run("edges.toml", "-o", "edges.ttl")
    assert code == 2 and len(err) == 2 and "says nothing about where edges.csv comes from" in err[0]
    with pytest.raises(InputError, match="says nothing about where"):
        ll.build(tmp_path / "graph", ll.Sources(imports=mapping))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["edges.csv", "edges.toml"]
    mapping.write_text(MAPPING)
    assert "cited" not in run("edges.toml", "--dry-run")[1]


def test_a_failed_import_leaves_the_former_file(mapping, tmp_path):
    out = ll.import_graph(mapping, out=tmp_path / "e.nt").path
    former = out.read_bytes()
    (tmp_path / "edges.csv").write_text("head,relation,tail,weight\na,b,c,1\n")
    with pytest.raises(LandloreError, match="none of 1 rows"):
        ll.import_graph(mapping, out=out, overwrite=True)
    assert out.read_bytes() == former and not [
        p for p in tmp_path.iterdir() if p.name.startswith(".")
    ]


@pytest.mark.parametrize(
    "words", ["edges.toml -o own.ttl", "edges.toml -o own.nq", "edges.csv --suggest own.toml"]
)
def test_overwrite_replaces_our_own_files_only(mapping, tmp_path, run, words):
    """A file that somebody else wrote is kept, also where it uses our words; an empty one is no loss."""
    out = tmp_path / words.split()[-1]
    for theirs in ("theirs = 1\n", f"# {'x' * 2**20}\n<{vocab.FINGERPRINT}> a <x:b> .\n"):
        out.write_text(theirs)
        for more in ((), ("--overwrite",)):
            code, _, lines = run(*words.split(), *more)
            assert code == 2 and len(lines) == 2 and "was not written by Landlore" in lines[0]
        assert out.read_text() == theirs
    out.write_text("")
    for _ in range(2):
        assert run(*words.split(), "--overwrite")[0] == 0 and out.read_text()
    assert "exists already" in run(*words.split())[2][0]


@pytest.mark.skipif(not RSKG.is_file(), reason="no ../shared/data: rskg.xlsx is not here")
def test_the_published_graph_of_remote_sensing_scenes(tmp_path):
    mapping = f"""file = {json.dumps(str(RSKG))}
name = "sr-rskg"
[source]
citation = "SR-RSKG, the spreadsheet as published"
[table]
sheet = "triple"
header = false
head = 2
relation = 4
tail = 3
[relations]
have = "ll:hasPart"
is_part_of = "^ll:hasPart"
in = "^ll:hasPart 0.7"
on = "^ll:hasPart"
marked_on = "^ll:hasPart"
around = "^ll:hasSurrounding"
shape = "ll:hasPattern"
color = "ll:hasPattern"
distribution = "ll:hasPattern"
[terms]
rectangular = "rectangular pattern"
circular = "circular pattern"
[unknown]
terms = "keep"
"""
    (tmp_path / "rskg.toml").write_text(mapping)
    report = ll.import_graph(tmp_path / "rskg.toml", out=tmp_path / "rskg.ttl").report
    assert report.read == 191 and report.understood >= 130
    plain, more = load_scenes(), load_scenes([tmp_path / "rskg.ttl"])
    assert len(more.triples) - len(plain.triples) >= 80


LATIN = "head,relation,tail,weight\nairport,has,piste à café,0.7\nlake,has,shore,0.3\n".encode(
    "cp1252"
)


def test_a_table_that_is_not_utf8_says_how_to_read_it(run, tmp_path):
    (tmp_path / "latin.csv").write_bytes(LATIN)
    code, _, err = run("latin.csv", "--suggest", "latin.toml")
    assert code == 2 and "latin.csv: is not UTF-8 text" in err[0], err
    assert "--encoding cp1252" in err[1] and 'encoding = "cp1252" in [table]' in err[1], err
    code, _, err = run("latin.csv", "--suggest", "latin.toml", "--encoding", "cp12522")
    assert code == 2 and "no encoding is called 'cp12522'" in err[0] and "cp1252" in err[1], err


@pytest.mark.parametrize("by", ["option", "mapping"])
def test_a_suggestion_heeds_the_encoding_and_keeps_it(run, tmp_path, by):
    (tmp_path / "latin.csv").write_bytes(LATIN)
    (tmp_path / "known.toml").write_text('[table]\nencoding = "cp1252"\n')
    told = ("--encoding", "cp1252") if by == "option" else ("--mapping", "known.toml")
    assert run("latin.csv", "--suggest", "latin.toml", *told)[0] == 0
    text = (tmp_path / "latin.toml").read_text(encoding="utf-8")
    assert 'encoding = "cp1252"' in text and "piste à café" in text
    cited = text.replace('citation = ""', 'citation = "Somebody (2020)"')
    (tmp_path / "latin.toml").write_text(cited, encoding="utf-8")
    _, out, err = run("latin.toml", "--dry-run", "--json")  # the mapping says it from now on
    assert json.loads(out)["read"] == 2, err
    again = ("--suggest", "known.toml", "--mapping", "known.toml", "--overwrite")
    code, _, err = run("latin.csv", *again)
    assert code == 2 and "known.toml" in err[0] and "is read" in err[0], err
