"""Folders of runs that somebody broke: every command says what is gone or broken, and what to do."""

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
