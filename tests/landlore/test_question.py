"""Questions to a run with wrong words are refused before anything is solved, and the nearest right word is said."""

import sys

import numpy as np
import pytest
from affine import Affine

import landlore as ll
from kg.cog import write_raster
from kg.grid import Grid
from kg.raster import Raster
from landlore import cli
from landlore.question import check_question

GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 60, 70)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("question")
    codes = np.full((1, *GRID.shape), 40, np.uint8)
    codes[0, 50, 10:16], codes[0, :5, :5] = 10, 0
    write_raster(home / "labels.tif", Raster(codes, GRID, 0))
    ll.correct(home / "labels.tif", legend="town", out=home / "run")
    return home / "run"


@pytest.fixture(autouse=True)
def never_solved(monkeypatch):
    def solved(*_args, **_kwargs):
        raise AssertionError("solved before the words were looked at")

    monkeypatch.setattr("landlore.rerun.solve_again", solved)


def at(row, col):
    return "--at={},{}".format(*map(float, GRID.lonlat(row + 0.5, col + 0.5)))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--what-if", "drop=water-width"], "did you mean 'water-min-width'"),
        (["--what-if", "weight=smothness:1"], "did you mean 'smoothness'"),
        (["--what-if", "drop=zzz"], "water-min-area"),
        (["--what-if", "drop=snow-ndsi"], "did not act in the run, because"),
        (["--what-if", "drop=snow-ndsi"], "ask about one that did, or another term: "),
        (["--what-if", "drop=smoothness", "--region", "99"], "region 99: the run has regions 0 to"),
        (["--what-if", "drop=smoothness", "--at=0,0"], "outside of the map"),
        (["--why-not", "Watr", at(30, 30)], "did you mean 'Water'?"),
        (["--why-not", "Unterwelt", at(30, 30)], "one of Water, Beach"),
        (["--why-not", "Grass", at(30, 30)], "the place is Grass already"),
        (["--why-not", "Water", at(1, 1)], "no prediction there"),
    ],
)
def test_wrong_words_are_told_at_once(run, words, told, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["landlore", "explain", str(run), *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    err = capsys.readouterr().err
    assert ended.value.code == 2 and told in err and err.count("\n") == 2, err


@pytest.mark.parametrize(
    "term", ["water-min-width", "rule:water-min-width", "smoothness", "network", "run:Network",
             "https://w3id.org/landlore/rule#water-min-width"],
)  # fmt: skip
def test_right_words_pass(run, term):
    check_question(run, terms=[term], place=GRID.lonlat(30.5, 30.5), region=0, wanted="Water")
