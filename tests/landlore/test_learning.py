"""Learning and mining from files and from the command line, and correcting with what was learned."""

import numpy as np
import pytest
from affine import Affine
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

import landlore as ll
from kg.cog import write_raster
from kg.errors import GridError, InputError, LegendError
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster
from landlore.cli import app
from landlore.labelled import TileFiles, read_tiles
from landlore.learning import mine
from reasoning.learning.file import read_fit

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
    grid = Grid("EPSG:32652", Affine(10, 0, origin, 0, -10, 4000000), *values.shape)
    write_raster(path, Raster(values[None].astype(np.uint8), grid, 0, ("codes",), None))
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


def files(folder, count=3):
    return TileFiles(
        [folder / f"said{i}.tif" for i in range(count)],
        [folder / f"truth{i}.tif" for i in range(count)],
        "s2korea",
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


def test_learn_from_the_command_line_and_correct_with_it(folder, tmp_path):
    out, report = tmp_path / "learned.ttl", tmp_path / "report.csv"
    asked = [*words(folder, "learn"), "--rules", str(folder / "rules.ttl"), "-o", str(out)]
    done = CliRunner().invoke(app, [*asked, "--report", str(report)])
    assert done.exit_code == 0, done.output
    assert "Held out in turn: 3 tiles of 3 scenes" in done.output
    assert not out.with_name("learned.ttl.unfinished").exists()
    assert "fields-wide" in report.read_text()
    assert "run:RuleReport" in report.with_suffix(".ttl").read_text()
    fit = read_fit([out])
    assert fit.calibration is not None
    run = ll.correct(folder / "said0.tif", legend="s2korea", sources=ll.Sources(rules=[str(out)]))
    plain = ll.correct(
        folder / "said0.tif",
        legend="s2korea",
        sources=ll.Sources(rules=[str(folder / "rules.ttl")]),
    )
    truth = read_tiles(files(folder, 1))[0].truth
    right = [(one.corrected.after.labels == truth).mean() for one in (run, plain)]
    assert right[0] >= right[1]
    assert {part.kind for one in run.corrected.corrections for part in one.contributions} >= {
        "calibration"
    }


def test_mine_from_the_command_line(folder, tmp_path):
    out = tmp_path / "proposed.ttl"
    asked = [*words(folder, "mine"), "--rules", str(folder / "rules.ttl"), "-o", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    found = mine(files(folder), out, rules=[folder / "rules.ttl"])
    assert done.output.count("of the true pixels of the class break it") == len(found)
    assert out.exists() == bool(found)


def test_bad_files_are_two_lines(folder, tmp_path):
    said, truth = files(folder).predictions, files(folder).truth
    with pytest.raises(InputError, match=r"2 of --truth for 3 predictions.*\nrepeat --truth"):
        TileFiles(said, truth[:2], "s2korea")
    with pytest.raises(InputError, match="no prediction"):
        TileFiles([], [], "s2korea")
    with pytest.raises(InputError, match="1 of --scene for 3"):
        TileFiles(said, truth, "s2korea", scenes=["a"])
    moved = save(tmp_path / "moved.tif", np.full((48, 48), 50), origin=510000)
    with pytest.raises(
        GridError, match=r"moved\.tif: .* another grid than .*said0\.tif.*\nrio warp"
    ):
        read_tiles(TileFiles(said[:1], [moved], "s2korea"))
    unknown = save(tmp_path / "unknown.tif", np.full((48, 48), 77))
    with pytest.raises(LegendError, match=r"unknown\.tif: .*unknown class code 77"):
        read_tiles(TileFiles(said[:1], [unknown], "s2korea"))
    asked = [
        *words(folder, "learn", 1),
        "-o",
        str(tmp_path / "a.ttl"),
        "--report",
        str(tmp_path / "a.csv"),
    ]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code != 0
    assert "no tile was held out" in str(done.exception)
    assert not (tmp_path / "a.ttl").exists()
