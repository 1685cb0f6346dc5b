"""Asking a run folder: it is solved again from the inputs that it names, and says what would flip."""

import json
import shutil
import sys

import numpy as np
import pytest
from affine import Affine
from drawn import wide_water, write_house

import landlore as ll
from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.cog import write_raster
from kg.errors import GridError, InputError, LegendError, RuleError
from kg.grid import Grid
from kg.raster import Raster
from landlore import cli
from landlore.question import class_named
from landlore.rerun import solve_again

GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 60, 70)
TOWN = ll.load_legend("town")
WATER, GRASS, BUILDING = (TOWN.codes.index(code) for code in (10, 40, 60))
HOUSE = (slice(10, 22), slice(30, 45))
RULE = wide_water("wide-water", "water is wide")


def labels():
    found = np.full(GRID.shape, GRASS)
    found[50:51, 10:16] = WATER
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("rerun")
    write_house(home / "house.osm", GRID, *HOUSE)
    (home / "mine.ttl").write_text(RULE)
    codes = np.array(TOWN.codes, np.uint8)[labels()]
    write_raster(home / "labels.tif", Raster(codes[None], GRID, 0))
    sources = ll.Sources(osm=str(home / "house.osm"), rules=str(home / "mine.ttl"))
    ll.correct(home / "labels.tif", legend="town", sources=sources, out=home / "run",
               settings=ll.RunSettings(confidence=0.6))  # fmt: skip
    return home


@pytest.fixture(scope="module")
def solved(home):
    return solve_again(home / "run")


def at(row, col):
    return tuple(float(v) for v in GRID.lonlat(row + 0.5, col + 0.5))


def test_the_run_comes_out_as_it_was_and_names_its_inputs(home):
    told = []
    again = solve_again(home / "run", told.append)
    assert told == ["reading what is known", "solving the run again"], "no word of a difference"
    index = ll.read_raster(home / "run" / "reasons.tif").values[0]
    assert np.array_equal(again.corrected.index, index)
    inputs = json.loads((home / "run" / "run.json").read_text())["inputs"]
    assert sorted(inputs["sha256"]) == ["../house.osm", "../labels.tif", "../mine.ttl"]
    assert inputs["job"] == "correct" and inputs["sources"]["osm"] == ["../house.osm"]


def test_a_run_is_asked_in_python(solved):
    dropped = ll.what_if(solved, {"osm": 0.0}, place=at(15, 40))
    assert {flip.now for flip in dropped.flips} == {TOWN.classes[BUILDING].iri}
    assert ll.what_if(solved, {"wide-water": 0}).pixels == 6
    assert ll.what_if(solved, {"wide-water": 2.9}, region=0).pixels == 0
    found = ll.why_not(solved, at(15, 40), "Grass")
    assert found.possible[0].term == vocab.GRAPH + "osm" and 0 < found.possible[0].needed < 1


def test_a_prediction_from_memory_and_a_moved_run(home, tmp_path):
    given = prediction_from_labels(labels(), TOWN, GRID, confidence=0.6, model="mine")
    shutil.copy(home / "house.osm", tmp_path / "house.osm")
    made = ll.correct(
        given, sources=ll.Sources(osm=str(tmp_path / "house.osm")), out=tmp_path / "a"
    )
    moved = tmp_path / "deep" / "down" / "b"
    shutil.move(tmp_path / "a", moved)
    with pytest.raises(InputError, match=r"house\.osm: an input of the run is gone"):
        solve_again(moved)
    (moved / "inputs").mkdir()
    shutil.move(tmp_path / "house.osm", moved / "inputs" / "house.osm")
    again = solve_again(moved).corrected
    assert again.corrections == made.corrected.corrections and again.before.from_labels


def test_a_changed_input_is_an_error(home, tmp_path):
    shutil.copytree(home, tmp_path / "copy")
    text = (tmp_path / "copy" / "house.osm").read_text()
    (tmp_path / "copy" / "house.osm").write_text(text.replace("house", "yes"))
    with pytest.raises(InputError, match=r"house\.osm: has changed since the run"):
        solve_again(tmp_path / "copy" / "run")


@pytest.mark.parametrize("name", ["labels.tif", "mine.ttl"])
def test_after_an_input_changed_what_was_done_is_told_and_what_would_be_is_not(
    home, tmp_path, name
):
    shutil.copytree(home, tmp_path / "copy")
    run, path = tmp_path / "copy" / "run", tmp_path / "copy" / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert ll.explain(run, place=at(15, 40)) == ll.explain(home / "run", place=at(15, 40)) != []
    with pytest.raises(InputError, match=f"{name}: has changed since the run"):
        ll.what_if(run, {"osm": 0.0})
    path.unlink()
    assert ll.explain(run, place=at(15, 40))
    with pytest.raises(InputError, match=f"{name}: an input of the run is gone"):
        ll.why_not(run, at(15, 40), "Grass")


def test_folders_that_cannot_be_asked(home, tmp_path):
    with pytest.raises(InputError, match="not the folder of a run"):
        solve_again(tmp_path)
    record = json.loads((home / "run" / "run.json").read_text())
    del record["inputs"]
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="does not name its inputs"):
        solve_again(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match="broken"):
        solve_again(tmp_path)


def test_terms_places_and_classes_that_are_not_there(solved):
    with pytest.raises(RuleError, match="'wide-watr'") as wrong:
        ll.what_if(solved, {"wide-watr": 0.0})
    assert "wide-water" in wrong.value.hint
    with pytest.raises(InputError, match="region 99: the run has regions 0 to"):
        ll.what_if(solved, {"osm": 0.0}, region=99)
    with pytest.raises(GridError, match="outside of the map"):
        ll.why_not(solved, (0.0, 0.0), "Water")
    with pytest.raises(LegendError, match="'Watre'") as wrong:
        ll.why_not(solved, at(15, 40), "Watre")
    assert wrong.value.hint == "did you mean 'Water'?"
    assert {class_named(TOWN, w) for w in ("water", "10", "水体", TOWN.classes[WATER].iri)} == {
        TOWN.classes[WATER].iri
    }


def landlore(capsys, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["landlore", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return (ended.value.code or 0), *capsys.readouterr()


def test_the_command_line_answers(home, capsys, monkeypatch):
    run, place = home / "run", "{},{}".format(*at(15, 40))
    code, out, _ = landlore(
        capsys, monkeypatch, "explain", run, "--what-if", "drop=osm", "--at", place
    )
    assert code == 0 and "“Building” would become “Grass”" in out
    assert out.splitlines()[1].startswith("Without OpenStreetMap: ")
    code, out, _ = landlore(
        capsys, monkeypatch, "explain", run, "--why-not", "Grass", "--at", place
    )
    assert code == 0 and "The smallest single change that gives “Grass”: OpenStreetMap at" in out
    code, out, _ = landlore(
        capsys, monkeypatch, "explain", run, "--why-not", "Grass", "--at", place, "--json"
    )
    assert json.loads(out)["knobs"][0]["kind"] == "evidence"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--what-if", "leave=osm"], "expected drop=TERM"),
        (["--what-if", "weight=osm"], "no value of 0 or more"),
        (["--what-if", "weight=osm:-1"], "no value of 0 or more"),
        (["--what-if", "drop=nothing"], "'nothing': no rule"),
        (["--why-not", "Water"], "about which place?"),
        (["--region", "99"], "region 99: the run has regions 0 to"),
    ],
)
def test_wrong_questions_are_two_lines(home, capsys, monkeypatch, words, told):
    code, _, err = landlore(capsys, monkeypatch, "explain", home / "run", *words)
    lines = [line for line in err.splitlines() if not line.startswith("·")]
    assert code == 2 and len(lines) == 2 and told in lines[0]
