"""The truth of a run, in its own codes or in those of another legend: counted on the command line and on the page."""

import numpy as np
import pytest

from kg.cog import write_raster
from kg.legend import load_legend
from kg.raster import Raster, read_raster
from landlore.page_record import read_page
from landlore.truth import read_truth, score_lines


@pytest.fixture
def recoded(village, tmp_path):
    """The truth of the village in codes of another legend, as the words of the command line."""

    def write(legend, codes):
        truth = read_raster(village / "truth.tif")
        values = np.zeros_like(truth.values)
        for ours, theirs in codes.items():
            values[truth.values == ours] = theirs
        write_raster(tmp_path / "theirs.tif", Raster(values, truth.grid, 0))
        return f"{legend}={tmp_path / 'theirs.tif'}"

    return write


def counts(village, truth):
    """Pixels that became right and wrong, counted from the rasters alone."""
    known = load_legend("town")
    true = known.encode(read_raster(truth).values[0])
    was = known.encode(read_raster(village / "labels.tif").values[0])
    now = known.encode(read_raster(village / "run" / "corrected.tif").values[0])
    moved = (was != now) & (was >= 0) & (true >= 0)
    return int((moved & (now == true)).sum()), int((moved & (was == true)).sum())


def test_right_and_wrong_are_printed_on_the_command_line(village, landlore, tmp_path):
    fixed, broken = counts(village, village / "truth.tif")
    assert fixed > 100  # the house was missed
    words = ("report", village / "run", "--truth", village / "truth.tif", "-o", tmp_path / "a.html")
    code, out, _ = landlore(*words)
    assert code == 0
    assert f"{fixed} pixels wrong -> right, {broken} pixel" in out.splitlines()[0], out
    assert "mean IoU" in out and "accuracy" in out and "a.html: before" in out.splitlines()[1]


def test_the_truth_may_be_in_the_codes_of_a_sister_legend(village, landlore, recoded, tmp_path):
    word = recoded("loveda", {10: 4, 40: 1, 60: 2})  # "background" of LoveDA is no one class
    told = read_page(village / "run", word).facts["truth"]
    assert told["fixed"] == 12 * 15  # LoveDA's buildings are ours: the whole house
    assert list(told["unplaced"]) == ["Background"] and told["unplaced"]["Background"] > 3000
    code, out, _ = landlore("report", village / "run", "--truth", word, "-o", tmp_path / "b.html")
    assert (
        code == 0
        and "true classes that are no one class of the map do not count: Background (" in out
    )
    page = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert (
        "True classes that are no one class of the map do not count (pixels): Background (" in page
    )


def test_a_truth_that_cannot_be_meant_is_told(village, landlore, recoded, tmp_path):
    path = recoded("worldcover", {10: 90, 40: 90, 60: 90}).partition("=")[2]
    for word, said in (
        (path, f"--truth LEGEND={path} names the legend of its codes"),
        (f"worldcover={path}", "no true class of legend worldcover is one class"),
        (f"worldcovr={path}", "no legend 'worldcovr'"),
    ):
        words = ("report", village / "run", "--truth", word, "-o", tmp_path / "c.html")
        code, _, err = landlore(*words)
        assert code == 2 and said in err and err.count("\n") == 2, err
    assert not (tmp_path / "c.html").exists()


def test_the_maps_own_legend_by_name_is_no_translation(village):
    corrected = read_raster(village / "run" / "corrected.tif")
    found = read_truth(f"town={village / 'truth.tif'}", load_legend("town"), corrected)
    same = read_truth(village / "truth.tif", load_legend("town"), corrected)
    assert not found.unplaced and (found.labels == same.labels).all()


def test_one_pixel_is_no_plural():
    half = {"accuracy": 0.5, "miou": 0.5}
    facts = {"before": half, "after": half, "fixed": 1, "broken": 0, "unplaced": {"Sand": 1}}
    assert score_lines(facts) == [
        "1 pixel wrong -> right, 0 pixels right -> wrong; mean IoU 50.00 -> 50.00 %, accuracy 50.00 -> 50.00 %",
        "true classes that are no one class of the map do not count: Sand (1 pixel)",
    ]
