"""Folders of runs that somebody broke: every command says what is gone or broken, and what to do."""

import json
import shutil

import pytest

import landlore as ll


@pytest.fixture(scope="module")
def made(village, tmp_path_factory):
    home = tmp_path_factory.mktemp("made") / "run"
    sources = ll.Sources(osm=str(village / "house.osm"))
    ll.correct(village / "labels.tif", legend="town", sources=sources, out=home)
    return home


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


@pytest.mark.parametrize("text", ["{", "", "3"])
@pytest.mark.parametrize("words", [["explain"], ["explain", "--at=0,0"], ["query", "--name=runs"]])
def test_a_broken_record_is_told(run, landlore, text, words):
    (run / "run.json").write_text(text)
    code, _, err = landlore(words[0], run, *words[1:])
    assert code == 2 and "run.json: broken" in err and err.count("\n") == 2, err


@pytest.mark.parametrize("name", ["explanations.trig", "graph.trig"])
def test_a_graph_that_is_gone_is_told(run, landlore, name):
    assert landlore("query", run, "--name", "corrections-by-rule")[0] == 0
    (run / name).unlink()
    code, _, err = landlore("query", run, "--name", "corrections-by-rule")
    assert code == 2 and f"no {name}, which the folder of a run has" in err, err
    if name == "explanations.trig":
        code, _, err = landlore("explain", run, "--at=0,0")
        assert code == 2 and "no explanations.trig" in err


def test_a_run_without_its_record_is_told(run, landlore):
    (run / "run.json").unlink()
    code, _, err = landlore("query", run, "--name", "runs")
    assert code == 2 and "no run.json" in err and f"query {run / 'explanations.trig'}" in err
    assert landlore("query", run / "explanations.trig", "--name", "runs")[0] == 0


def test_reasons_that_are_cut_off_are_told(run, landlore):
    path = run / "explanations.trig"
    path.write_text(path.read_text()[:-400])
    code, _, err = landlore("explain", run)
    assert code == 2 and f"{path}: not valid RDF" in err and "make the run again" in err


ASKED = [
    ["explain"],
    ["explain", "--at=0.0005,0.0005"],
    ["explain", "--region=0"],
    ["explain", "--what-if", "drop=smoothness"],
    ["explain", "--at=0.0005,0.0005", "--why-not", "Water"],
    ["query", "--name=runs"],
    ["report"],
]


@pytest.mark.parametrize("words", ASKED, ids=" ".join)
def test_an_empty_record_is_told(run, landlore, words):
    (run / "run.json").write_text("{}")
    code, _, err = landlore(words[0], run, *words[1:])
    assert code == 2 and "run.json: broken (lacks 'run'" in err and err.count("\n") == 2, err
    assert "landlore correct" in err


@pytest.mark.parametrize(
    ("part", "name"),
    [("", "regions"), ("", "rules"), ("", "inputs"), ("inputs", "settings"), ("inputs", "sha256"),
     ("inputs", "legend"), ("inference", "steps")],
)  # fmt: skip
def test_a_record_that_lacks_something_or_holds_another_thing_is_told(run, landlore, part, name):
    whole = (run / "run.json").read_text()
    for value in (None, "x", 3.5):
        record = json.loads(whole)
        found = record[part] if part else record
        found.pop(name)
        found |= {} if value is None else {name: value}
        (run / "run.json").write_text(json.dumps(record))
        for words in (["explain", "--what-if", "drop=smoothness"], ["report"]):
            code, _, err = landlore(words[0], run, *words[1:])
            if (name, value) != ("legend", "x"):
                assert code == 2 and "run.json" in err and name in err, (value, words, err)
            assert code == 2 and err.count("\n") == 2, (value, words, err)


def test_a_record_of_another_version_is_told(run, landlore):
    record = json.loads((run / "run.json").read_text())
    record["inputs"]["settings"]["speed"] = 3
    (run / "run.json").write_text(json.dumps(record))
    code, _, err = landlore("explain", run, "--what-if", "drop=smoothness")
    assert code == 2 and "names 'speed', which this version of Landlore does not know" in err, err
