"""Correction by strips from the command line: a run folder that can be asked, and what it refuses."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from affine import Affine

import landlore as ll
from kg.cog import write_raster
from kg.errors import InputError
from kg.grid import Grid
from kg.raster import Raster, read_raster
from landlore import cli, large
from landlore.outputs import WRITING, whole_folder
from landlore.rerun import solve_again

GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 60, 70)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("large")
    codes = np.full((1, *GRID.shape), 40, np.uint8)
    codes[0, 30:31, 10:14] = 10  # a stripe of water, 2 m wide
    write_raster(home / "labels.tif", Raster(codes, GRID, 0))
    settings = ll.RunSettings(confidence=0.4)
    large.correct_by_region(home / "labels.tif", legend="town", settings=settings, out=home / "run")
    return home


def test_the_stripe_goes_and_says_why(home):
    assert sorted(p.name for p in (home / "run").iterdir()) == [
        "corrected.qml", "corrected.tif", "corrections.csv", "explanations.trig", "run.json",
    ]  # fmt: skip
    codes = read_raster(home / "run" / "corrected.tif").values[0]
    assert (codes[30, 10:14] != 10).all() and (codes[:30] == 40).all()
    told = json.loads((home / "run" / "run.json").read_text())
    assert (told["changed_regions"], told["changed_pixels"], told["job"]) == (1, 4, "by-region")
    place = tuple(float(v) for v in GRID.lonlat(30.5, 12.5))
    (account,) = ll.explain(home / "run", place=place)
    assert account.labels[0] == "Water" and account.pixels == 4
    assert sum(r.value for r in account.reasons) == pytest.approx(account.log_odds, abs=1e-6)
    assert ll.explain(home / "run", place=tuple(float(v) for v in GRID.lonlat(5.5, 5.5))) == []
    with pytest.raises(InputError, match="outside of the map"):
        ll.explain(home / "run", place=(0.0, 0.0))


def test_it_is_found_again_as_the_same_run(home):
    settings = ll.RunSettings(confidence=0.4)
    large.correct_by_region(home / "labels.tif", legend="town", settings=settings, out=home / "b")
    for name in ("corrected.tif", "explanations.trig", "run.json", "corrections.csv"):
        assert (home / "b" / name).read_bytes() == (home / "run" / name).read_bytes(), name


def test_what_by_region_cannot_do(home):
    with pytest.raises(InputError, match="--by-region and --osm"):
        large.correct_by_region(
            home / "labels.tif", sources=ll.Sources(osm="x.osm"), out=home / "c"
        )
    with pytest.raises(InputError, match="by regions keeps no terms"):
        solve_again(home / "run")
    with pytest.raises(InputError, match=r"none\.tif"):
        large.correct_by_region(home / "none.tif", out=home / "d")
    assert not (home / "c").exists() and not (home / "d").exists()


def test_large_files_go_this_way_by_themselves(home, capsys, monkeypatch):
    monkeypatch.setattr(large, "LARGE", 1000)
    words = [
        "correct",
        home / "labels.tif",
        "--legend",
        "town",
        "--confidence",
        "0.4",
        "--json",
        "-o",
    ]
    monkeypatch.setattr(sys, "argv", ["landlore", *map(str, words), str(home / "auto")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = json.loads(capsys.readouterr().out)
    assert not ended.value.code and told["changed_regions"] == 1
    assert not (home / "auto" / "reasons.tif").exists()
    assert not large.is_large(home / "labels.tif", ll.Sources(osm="x.osm"))


KILLED = """
import os, signal, sys
from landlore import large
large.write_style = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
large.correct_by_region(sys.argv[1], legend="town", out=sys.argv[2], settings=large.RunSettings(confidence=0.4))
"""


def test_a_run_that_is_killed_leaves_no_result_and_is_swept_by_the_next(home, tmp_path):
    out = tmp_path / "run"
    words = [sys.executable, "-c", KILLED, str(home / "labels.tif"), str(out)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".run-") and (left / WRITING).exists() and not out.exists()
    settings = ll.RunSettings(confidence=0.4)
    with whole_folder(tmp_path / "other"), whole_folder(out):  # a run that goes on is left alone
        assert not left.exists()
        (going,) = tmp_path.glob(".other-*")
        large.correct_by_region(
            home / "labels.tif", legend="town", settings=settings, out=tmp_path / "third"
        )
        assert going.exists()
    assert (tmp_path / "third" / "run.json").read_bytes() == (
        home / "run" / "run.json"
    ).read_bytes()
    assert not list(tmp_path.glob(".*")) and not list(tmp_path.glob(f"*/{WRITING}"))
