"""Learning and mining from files and from the command line, and correcting with what was learned."""

import csv
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

import landlore as ll
from kg.cog import write_raster
from kg.errors import GridError, InputError, LegendError, OutputError, RasterError, RuleError
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster
from landlore import labelled
from landlore.cli import app
from landlore.labelled import TileFiles, read_tiles
from landlore.learning import learn, mine
from reasoning.learning.fit_file import read_fit

CODES = (10, 30, 50, 70, 100)
RULES = """
@prefix ll: <https://w3id.org/landlore/core#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix dct: <http://purl.org/dc/terms/> .
ll:Cropland rdfs:subClassOf _:wide .
_:wide a owl:Restriction ; owl:onProperty ll:minWidth ; owl:someValuesFrom
  [ a rdfs:Datatype ; owl:onDatatype xsd:decimal ; owl:withRestrictions ( [ xsd:minInclusive 30.0 ] ) ] .
[] a owl:Axiom ; owl:annotatedSource ll:Cropland ; owl:annotatedProperty rdfs:subClassOf ;
  owl:annotatedTarget _:wide ; dct:identifier "fields-wide" ; ll:weight 1.0 ; dct:source "a test" .
"""


def save(path, values, origin=500000):
    grid = Grid("EPSG:32652", Affine(10, 0, origin, 0, -10, 4000000), *values.shape[-2:])
    bands = values.reshape(-1, *grid.shape)
    names = ("codes",) if len(bands) == 1 else tuple(f"b{i}" for i in range(len(bands)))
    kind = bands.dtype if np.issubdtype(bands.dtype, np.floating) else np.uint8
    nodata = None if np.issubdtype(bands.dtype, np.floating) else 0
    write_raster(path, Raster(bands.astype(kind), grid, nodata, names, None))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three tiles: smooth truth, and the same with narrow false fields."""
    folder = tmp_path_factory.mktemp("tiles")
    for i in range(3):
        rng = np.random.default_rng(i)
        fields = np.stack([gaussian_filter(rng.normal(size=(48, 48)), 6) for _ in CODES])
        truth = np.array(CODES)[fields.argmax(axis=0)]
        said = truth.copy()
        for y in range(2, 46, 4):
            x = int(rng.integers(0, 42))
            said[y, x : x + 5] = 50
        save(folder / f"truth{i}.tif", truth)
        save(folder / f"said{i}.tif", said)
    (folder / "rules.ttl").write_text(RULES)
    return folder


def files(folder, count=3, **more):
    return TileFiles(
        [folder / f"said{i}.tif" for i in range(count)],
        [folder / f"truth{i}.tif" for i in range(count)],
        "s2korea",
        **more,
    )


def words(folder, command, count=3):
    out = [command]
    for i in range(count):
        out += [str(folder / f"said{i}.tif"), "--truth", str(folder / f"truth{i}.tif")]
    return [*out, "--legend", "s2korea", "--quiet"]


def test_tiles_are_read(folder):
    tiles = read_tiles(files(folder))
    legend = load_legend("s2korea")
    assert [tile.name for tile in tiles] == ["said0", "said1", "said2"]
    assert {legend.codes[i] for i in np.unique(tiles[0].truth)} <= set(CODES)
    assert tiles[0].known.all()


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """Learned on the command line, with a report: its output and its folder."""
    home = tmp_path_factory.mktemp("learned")
    asked = [*words(folder, "learn"), "--rules", str(folder / "rules.ttl"), "-o"]
    asked += [str(home / "learned.ttl"), "--report", str(home / "report.csv")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    return done, home


def test_the_output_says_over_what_and_what_was_kept(run):
    done, home = run
    assert "Held out in turn: 3 tiles of 3 scenes" in done.output
    assert "wrong -> right" in done.output
    assert "right -> wrong" in done.output
    assert done.output.count("<- kept") == 1
    assert done.output.count("<- taken") == 1
    (row,) = csv.DictReader((home / "report.csv").read_text().splitlines())
    assert row["rule"] == "rule:fields-wide"
    assert int(row["wrong_to_right"]) - int(row["right_to_wrong"]) == int(row["balance"])
    assert "run:RuleReport" in (home / "report.ttl").read_text()
    assert sorted(p.name for p in home.iterdir()) == ["learned.ttl", "report.csv", "report.ttl"]


def test_what_was_learned_corrects_better(run, folder):
    learned = run[1] / "learned.ttl"
    assert read_fit([learned]).calibration is not None
    truth, right = read_tiles(files(folder, 1))[0].truth, []
    for rules in (learned, folder / "rules.ttl"):
        sources = ll.Sources(rules=[str(rules)])
        done = ll.correct(folder / "said0.tif", legend="s2korea", sources=sources)
        right.append((done.corrected.after.labels == truth).mean())
        kinds = {part.kind for one in done.corrected.corrections for part in one.contributions}
        assert ("calibration" in kinds) == (rules == learned)
    assert right[0] >= right[1]


def test_a_learned_file_corrects_as_the_held_out_map_was_made(run, folder, tmp_path):
    """The numbers in the file are those that were learned: solving with them gives what learning saw."""
    again = tmp_path / "again.ttl"
    learned, _ = learn(files(folder, sources=ll.Sources(rules=[folder / "rules.ttl"])), again)
    assert again.read_bytes() == (run[1] / "learned.ttl").read_bytes()
    fit = read_fit([again])
    assert fit.smoothness == learned.fit.smoothness
    assert [axiom.weight for axiom in fit.axioms] == [axiom.weight for axiom in learned.axioms]


def test_context_rules_look_as_far_as_asked(folder, tmp_path):
    out = tmp_path / "context.ttl"
    few = replace(files(folder, 2), sources=ll.Sources(rules=[folder / "rules.ttl"]))
    learned, _ = learn(few, out, context=90.0)
    assert learned.ways[-3:] == (
        "rules, loosely held", "rules and surroundings", "rules, shapes and surroundings",
    )  # fmt: skip
    assert learned.fit.superpixel == 90.0
    assert read_fit([out]).superpixel == 90.0
    assert ("view-270" in out.read_text()) == (learned.chosen in learned.ways[-2:])
    run = ll.correct(folder / "said0.tif", legend="s2korea", sources=ll.Sources(rules=[str(out)]))
    assert run.corrected.trace.stopped == "converged"


def test_as_many_fixed_per_broken_as_asked(run, folder, tmp_path):
    """Here no pixel is broken, so that any ratio holds and no label has to be held."""
    out = tmp_path / "held.ttl"
    asked = [*words(folder, "learn"), "--rules", str(folder / "rules.ttl"), "-o", str(out)]
    done = CliRunner().invoke(app, [*asked, "--fixed-per-broken", "1e6"])
    assert done.exit_code == 0, done.output
    assert out.read_bytes() == (run[1] / "learned.ttl").read_bytes()
    bad = CliRunner().invoke(app, [*asked, "--fixed-per-broken", "-1"])
    assert isinstance(bad.exception, InputError)
    assert "--fixed-per-broken 2" in bad.exception.hint


def test_a_killed_run_goes_on_and_ends_the_same(run, folder, tmp_path):
    out = tmp_path / "learned.ttl"
    asked = [*words(folder, "learn")[:-1], "--rules", str(folder / "rules.ttl"), "-o", str(out)]
    start = subprocess.Popen(
        [sys.executable, "-m", "landlore", *asked], stderr=subprocess.PIPE, text=True
    )
    told = ""
    while "calibration + smoothness, without part 1" not in told:
        told = start.stderr.readline()
        assert told, "ended before it could be killed"
    os.kill(start.pid, signal.SIGKILL)
    start.communicate()
    saved = list((tmp_path / "learned.ttl.unfinished").rglob("*.npz"))
    assert saved
    assert not out.exists()
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "going on after what was saved before" in done.output
    assert "looked at, tile" not in done.output
    assert out.read_bytes() == (run[1] / "learned.ttl").read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["learned.ttl"]


def test_mine_from_the_command_line(folder, tmp_path):
    out = tmp_path / "proposed.ttl"
    asked = [*words(folder, "mine"), "--rules", str(folder / "rules.ttl"), "-o", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    known = replace(files(folder), sources=ll.Sources(rules=[folder / "rules.ttl"]))
    found = mine(known, out)
    assert done.output.count("of the true pixels of the class break it") == len(found)
    assert out.exists() == bool(found)


def test_a_large_map_becomes_tiles_of_one_scene(folder, monkeypatch):
    monkeypatch.setattr(labelled, "SIDE", 20)
    tiles = read_tiles(files(folder, 2))
    whole = [ll.read_raster(folder / f"truth{i}.tif").values[0] for i in range(2)]
    assert len(tiles) == 2 * 9
    assert len({tile.scene for tile in tiles}) == 2
    assert sum(tile.known.sum() for tile in tiles) == sum((one > 0).sum() for one in whole)
    assert tiles[4].name == "said0, row 20, column 20"
    assert tiles[4].truth.shape == (20, 20)
    legend = load_legend("s2korea")
    codes = np.array(legend.codes)[tiles[4].truth]
    assert (codes == whole[0][20:40, 20:40]).all()


def test_sources_speak_and_their_strength_is_learned(folder, tmp_path):
    product = save(tmp_path / "worldcover_2021.tif", np.full((48, 48), 40))
    sources = ll.Sources(landcover=[f"worldcover={product}"], rules=[folder / "rules.ttl"])
    learned, _ = learn(files(folder, 2, sources=sources), tmp_path / "a.ttl")
    (name,) = learned.expert.strengths
    assert name == "worldcover"
    fit = learned.fits["calibration + smoothness"]
    assert fit.strengths[name] < learned.expert.strengths[name]


def test_bad_files_are_two_lines(folder, tmp_path):
    said, truth = files(folder).predictions, files(folder).truth
    with pytest.raises(InputError, match=r"2 of --truth for 3 predictions.*\nrepeat --truth"):
        TileFiles(said, truth[:2], "s2korea")
    with pytest.raises(InputError, match="no prediction"):
        TileFiles([], [], "s2korea")
    with pytest.raises(InputError, match="1 of --scene for 3"):
        TileFiles(said, truth, "s2korea", scenes=["a"])
    with pytest.raises(InputError, match=r"one image for all tiles.*\nTileFiles"):
        TileFiles(said, truth, "s2korea", sources=ll.Sources(image="a.tif"))
    moved = save(tmp_path / "moved.tif", np.full((48, 48), 50), origin=510000)
    with pytest.raises(
        GridError, match=r"moved\.tif: .* another grid than .*said0\.tif.*\nrio warp"
    ):
        read_tiles(TileFiles(said[:1], [moved], "s2korea"))
    unknown = save(tmp_path / "unknown.tif", np.full((48, 48), 77))
    with pytest.raises(LegendError, match=r"unknown\.tif: .*unknown class code 77"):
        read_tiles(TileFiles(said[:1], [unknown], "s2korea"))
    empty = save(tmp_path / "nan.tif", np.full((48, 48), np.nan, np.float32))
    with pytest.raises(RasterError, match=r"nan\.tif: all pixels are nodata"):
        read_tiles(TileFiles(said[:1], truth[:1], "s2korea", images=[empty]))


def test_bad_rules_and_places_are_told_before_the_work(folder, tmp_path):
    given = files(folder)
    (tmp_path / "empty.ttl").write_text("# nothing\n")
    nothing = replace(given, sources=ll.Sources(rules=[tmp_path / "empty.ttl"]))
    mine_own = replace(given, sources=ll.Sources(rules=[folder / "rules.ttl"]))
    for work in (learn, mine):
        with pytest.raises(RuleError, match=r"empty\.ttl: .*no rule"):
            work(nothing, tmp_path / "a.ttl")
        with pytest.raises(OutputError, match="is a file that is read"):
            work(mine_own, folder / "rules.ttl")
        with pytest.raises(OutputError, match="is a folder, expected a file"):
            work(mine_own, tmp_path)
        with pytest.raises(OutputError, match=r"gone.*cannot be written"):
            work(mine_own, tmp_path / "gone" / "a.ttl")
    with pytest.raises(OutputError, match=r"written twice.*\ngive -o and --report different"):
        learn(mine_own, tmp_path / "a.ttl", report=tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"--context -1: expected a distance"):
        learn(mine_own, tmp_path / "a.ttl", context=-1)
    with pytest.raises(InputError, match="no tile was held out"):
        one = replace(files(folder, 1), sources=mine_own.sources)
        learn(one, tmp_path / "a.ttl", report=tmp_path / "b.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["empty.ttl"]


def test_what_somebody_wrote_by_hand_is_not_replaced(folder, tmp_path):
    own = tmp_path / "mine.ttl"
    own.write_text("# rules of my own\n")
    for run in (ll.learn, ll.mine):
        with pytest.raises(OutputError, match="did not learn or propose"):
            run(files(folder), own)
    assert own.read_text() == "# rules of my own\n"


def test_one_tile_teaches_little_and_says_so(folder, tmp_path):
    asked = [*words(folder, "learn", 1), "--rules", str(folder / "rules.ttl")]
    done = CliRunner().invoke(app, [*asked, "-o", str(tmp_path / "a.ttl")])
    assert done.exit_code == 0, done.output
    assert "nothing could be held out" in done.output
    assert "give tiles of two scenes or more" in done.output
    assert 0.5 < read_fit([tmp_path / "a.ttl"]).axioms[0].weight < 3
