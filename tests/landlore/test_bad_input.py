"""Every wrong input ends in two helpful lines, exit code 2, and nothing half-written."""

import contextlib
import gzip
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from kg.cog import write_raster
from kg.grid import Grid
from kg.raster import Raster
from landlore import cli

GRID = Grid("EPSG:32630", Affine(10, 0, 500_000, 0, -10, 5_500_000), 40, 40)
FAR = replace(GRID, transform=Affine(10, 0, 700_000, 0, -10, 6_000_000))
OSM = """<?xml version="1.0"?><osm version="0.6"><node id="1" lon="-3" lat="49.65" version="1"/></osm>"""
PREFIXES = """
@prefix : <https://example.org/rules#> . @prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix dct: <http://purl.org/dc/terms/> .
"""


def rule(left, right, extra, name="a-rule"):
    return f"""{PREFIXES}
{left} rdfs:subClassOf {right} .
[] a owl:Axiom ; owl:annotatedSource {left} ; owl:annotatedProperty rdfs:subClassOf ; owl:annotatedTarget {right} ;
   rdfs:label "a rule"@en ; dct:identifier "{name}" ; dct:source "a test" ; {extra} .
"""


@pytest.fixture
def folder(tmp_path):
    codes = np.full((1, 40, 40), 10, np.uint8)
    codes[:, 20:] = 80
    write_raster(tmp_path / "labels.tif", Raster(codes, GRID, 0))
    write_raster(tmp_path / "far.tif", Raster(codes, FAR, 0))
    other = np.where(codes == 10, 11, codes).astype(np.uint8)
    write_raster(tmp_path / "unknown.tif", Raster(other, GRID, 0))
    write_raster(tmp_path / "empty.tif", Raster(codes * 0, GRID, 0))
    nothing = np.full((1, 40, 40), np.nan, np.float32)
    write_raster(tmp_path / "nan.tif", Raster(nothing, GRID, None), overviews="average")
    write_raster(
        tmp_path / "image.tif", Raster(np.ones((3, 39, 40), np.uint8), replace(GRID, height=39), 0)
    )
    two = np.full((11, 40, 40), 0.5, np.float32)
    write_raster(tmp_path / "sums.tif", Raster(two, GRID, None), overviews="average")
    write_raster(tmp_path / "bands.tif", Raster(two[:4], GRID, None), overviews="average")
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(
            tmp_path / "nocrs.tif", "w", driver="GTiff", height=4, width=4, count=1, dtype="uint8"
        ) as file,
    ):
        file.write(np.ones((1, 4, 4), np.uint8))
    (tmp_path / "cut.tif").write_bytes((tmp_path / "labels.tif").read_bytes()[:400])
    (tmp_path / "empty.osm.pbf").write_bytes(b"")
    (tmp_path / "cut.osm.pbf").write_bytes(b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18\x7c\x10")
    (tmp_path / "cut.osm.gz").write_bytes(gzip.compress(OSM.encode())[:-20])
    (tmp_path / "cut.osm").write_text(OSM[:90])
    (tmp_path / "broken.ttl").write_text("@prefix : <https://example.org/> .\n:a :b :c\n:d :e\n")
    (tmp_path / "unknown.ttl").write_text(rule("ll:Watr", "ll:Vegetation", "ll:weight 1.0"))
    (tmp_path / "unweighted.ttl").write_text(f"{PREFIXES} ll:Water rdfs:subClassOf ll:Vegetation .")
    (tmp_path / "hard.ttl").write_text(
        rule("ll:LandCover", "ll:Vegetation", "ll:hard true")
        + rule("ll:LandCover", "ll:Water", "ll:hard true", "b-rule")
    )
    (tmp_path / "settings.toml").write_text("smothness = 1.0\n")
    (tmp_path / "query.rq").write_text("SELECT ?s WHERE { ?s ?p }")
    (tmp_path / "graph.ttl").write_text("<https://example.org/a> a <https://example.org/B> .")
    (tmp_path / "file").write_text("not a folder")
    odd_places(tmp_path, codes)
    odd_rules(tmp_path)
    return tmp_path


def odd_places(place, codes):
    flat = replace(GRID, transform=Affine(0, 0, 500_000, 0, 0, 5_500_000))
    beyond = Grid("EPSG:4326", Affine(10, 0, 500, 0, -10, 300), 40, 40)
    for name, kind, grid in (
        ("flat", "uint8", flat),
        ("beyond", "uint8", beyond),
        ("complex", "complex64", GRID),
    ):
        with rasterio.open(
            place / f"{name}.tif", "w", driver="GTiff", height=40, width=40, count=1, dtype=kind,
            crs=grid.crs, transform=grid.transform,
        ) as file:  # fmt: skip
            file.write(codes.astype(kind))
    (place / "folder.osm.pbf").mkdir()
    (place / "wide.ttl").write_bytes("<https://e.org/a> a <https://e.org/B> .".encode("utf-16"))
    (place / "beyond.osm").write_text(OSM.replace('lon="-3"', 'lon="999"'))
    (place / "letters.osm").write_text(OSM.replace('id="1"', 'id="x"'))
    with contextlib.closing(sqlite3.connect(place / "tables.gpkg")) as tables:
        tables.execute("create table a (b)")
    (place / "nan.geojson").write_text(
        '{"type": "Feature", "properties": {"building": "yes"}, "geometry": '
        '{"type": "Polygon", "coordinates": [[[2, 1], [1e999, 3], [4, 5], [2, 1]]]}}'
    )


def odd_rules(place):
    nan = rule(
        "ll:Water", "ll:Vegetation", 'll:weight "NaN"^^<http://www.w3.org/2001/XMLSchema#double>'
    )
    (place / "nan.ttl").write_text(nan)
    deep = "".join(f"_:n{i} a owl:Class ; owl:complementOf _:n{i + 1} .\n" for i in range(200))
    (place / "deep.ttl").write_text(
        rule("ll:Water", "_:n0", "ll:weight 1.0") + deep + "_:n200 owl:complementOf ll:Water ."
    )
    (place / "broken.owl").write_text(
        '<?xml version="1.0"?><Ontology xmlns="http://www.w3.org/2002/07/owl#"></Ontology>'
    )


CASES = {
    "no such file": ("correct none.tif -o out", "none.tif", "no such file"),
    "missing CRS": ("correct nocrs.tif -o out", "nocrs.tif", "coordinate reference system"),
    "truncated raster": ("correct cut.tif -o out", "cut.tif", ""),
    "unknown codes": ("correct unknown.tif -o out", "11", "worldcover"),
    "unknown legend": ("correct labels.tif --legend worldcovr -o out", "worldcovr", "worldcover"),
    "all nodata": ("correct empty.tif -o out", "empty.tif", "nodata"),
    "all NaN": ("correct nan.tif -o out", "nan.tif", "nodata"),
    "sums": ("correct sums.tif -o out", "sums.tif", "expected 1"),
    "bands": ("correct bands.tif -o out", "4 bands", "expected 1"),
    "different grids": ("correct labels.tif --image image.tif -o out", "image.tif", "grid"),
    "no overlap of the product": ("correct labels.tif --landcover worldcover=far.tif -o out", "far.tif", "overlap"),
    "no overlap of the terrain": ("correct labels.tif --dem far.tif -o out", "overlap", "lon lat"),
    "legend not guessed": ("correct labels.tif --landcover far.tif -o out", "far.tif", "LEGEND=PATH"),
    "empty PBF": ("correct labels.tif --osm empty.osm.pbf -o out", "empty.osm.pbf", ""),
    "truncated PBF": ("correct labels.tif --osm cut.osm.pbf -o out", "cut.osm.pbf", ""),
    "truncated gz": ("correct labels.tif --osm cut.osm.gz -o out", "cut.osm.gz", ""),
    "truncated OSM XML": ("build graph --osm cut.osm", "cut.osm", ""),
    "no such extract": ("build graph --osm none.osm", "none.osm", "no such file"),
    "folder for an extract": ("build graph --osm folder.osm.pbf", "folder.osm.pbf", "is a folder"),
    "Turtle in UTF-16": ("build graph --facts wide.ttl", "wide.ttl", "iconv -f utf16"),
    "check of a missing ontology": ("check ontology none.ttl", "none.ttl", "no such file"),
    "check of a missing extract": ("check osm none.osm", "none.osm", "no such file"),
    "import of a missing table": ("import none.xlsx --dry-run", "none.xlsx", "no such file"),
    "import of a missing file": ("import none.ttl --dry-run", "none.ttl", "no such file"),
    "address that is none": ("query http://[::1/x ASK{}", "[::1/x", "not the address"),
    "no source": ("build graph", "no source", "--osm"),
    "broken Turtle facts": ("build graph --facts broken.ttl", "broken.ttl", ""),
    "broken Turtle rules": ("correct labels.tif --rules broken.ttl -o out", "broken.ttl", ""),
    "rule with unknown class": ("correct labels.tif --rules unknown.ttl -o out", "Watr", "Water"),
    "rule without weight": ("correct labels.tif --rules unweighted.ttl -o out", "unweighted.ttl", "weight"),
    "contradictory hard rules": ("correct labels.tif --rules hard.ttl -o out", "rule", "region"),
    "pixels of no size": ("correct flat.tif -o out", "flat.tif", "0.0 x 0.0"),
    "not on Earth": ("correct beyond.tif -o out", "beyond.tif", "latitudes"),
    "complex numbers": ("correct complex.tif -o out", "complex.tif", "complex numbers"),
    "OSM far off": ("build graph --osm beyond.osm", "beyond.osm", "999"),
    "OSM without numbers": ("build graph --osm letters.osm", "letters.osm", "illegal id"),
    "vector file that is none": ("build graph --vector tables.gpkg", "tables.gpkg", "vector file"),
    "vector coordinates": ("build graph --vector nan.geojson", "nan.geojson", ""),
    "weight that is no number": ("correct labels.tif --rules nan.ttl -o out", "nan.ttl", "weight"),
    "rule without bottom": ("correct labels.tif --rules deep.ttl -o out", "deep.ttl", "nested"),
    "OWL/XML of another kind": ("correct labels.tif --rules broken.owl -o out", "broken.owl", "OWL"),
    "rules file without rules": ("correct labels.tif --rules graph.ttl -o out", "graph.ttl", "no rule"),
    "terrain without ground": ("correct labels.tif --dem empty.tif -o out", "empty.tif", "nodata"),
    "graph over a source": ("build graph.ttl --facts graph.ttl --overwrite", "graph.ttl", "a file that is read"),
    "graph with a strange ending": ("build graph.rdf --facts facts.ttl", "graph.rdf", ".trig"),
    "unknown setting": ("correct labels.tif --settings settings.toml -o out", "smothness", "smoothness"),
    "confidence": ("correct labels.tif --confidence 3 -o out", "3", "--confidence"),
    "malformed SPARQL": ("query graph.ttl @query.rq", "SPARQL", ""),
    "unknown query": ("query graph.ttl --name corrections-by-rul", "corrections-by-rul", "corrections-by-rule"),
    "no query": ("query graph.ttl", "expected", "--name"),
    "no such graph": ("query none --name runs", "none", ""),
    "unknown format": ("query graph.ttl -f xml SELECT(1)", "xml", "table"),
    "explain without run": ("explain file", "file", "run.json"),
    "place": ("explain file --at north", "north", "LON,LAT"),
    "missing option": ("correct labels.tif", "--out", "landlore correct --help"),
    "unknown option": ("correct labels.tif --oot x", "--oot", "--help"),
    "unknown command": ("corect labels.tif", "corect", "landlore --help"),
    "not a number": ("correct labels.tif -o out --confidence high", "--confidence", "valid"),
    "number out of range": ("explain file --top 0", "--top", "1"),
    "bands of no image": ("correct labels.tif --bands red,nir -o out", "--bands", "--image"),
    "a band twice": ("correct labels.tif --image labels.tif --bands red,red -o out", "red", "once"),
    "pieces by region": ("correct labels.tif --by-region --superpixel 90 -o out", "--superpixel", "leave"),
    "place and region": ("explain file --at=1,2 --region 3", "--at", "--region"),
    "output is a file": ("correct labels.tif -o file", "file", "-o"),
    "output in a file": ("correct labels.tif -o file/out", "file", "-o"),
    "output has other files": ("correct labels.tif -o .", "holds labels.tif, which is read", "another place"),
}  # fmt: skip


def run(words, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["landlore", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr()


@pytest.mark.parametrize("name", CASES)
def test_two_lines_and_exit_code_two(name, folder, monkeypatch, capsys):
    words, *parts = CASES[name]
    before = sorted(p.name for p in folder.iterdir())
    code, printed = run(words.split(), folder, monkeypatch, capsys)
    lines = [line for line in printed.err.splitlines() if not line.startswith("·")]
    assert code == 2
    assert len(lines) == 2, printed.err
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("  try: ")
    for part in parts:
        assert part in printed.err, printed.err
    assert printed.out == ""
    assert sorted(p.name for p in folder.iterdir()) == before


def test_read_only_output(folder, monkeypatch, capsys):
    if os.geteuid() == 0:
        target = "/proc/landlore-out"
    else:
        (folder / "locked").mkdir(mode=0o555)
        target = "locked/out"
    code, printed = run(["correct", "labels.tif", "-o", target], folder, monkeypatch, capsys)
    assert code == 2
    assert "cannot be written" in printed.err


def test_full_standard_output(folder):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    words = [sys.executable, "-m", "landlore", "query", "graph.ttl", "ASK {}"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            words, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard output: No space left")
    assert done.stderr.count("\n") == 2


def test_terminated_run_leaves_nothing(folder, monkeypatch, capsys):
    def stop(*_args, **_kwargs):
        signal.raise_signal(signal.SIGTERM)

    import landlore.maps

    monkeypatch.setattr(landlore.maps, "write_run", stop)
    before = sorted(p.name for p in folder.iterdir())
    code, _ = run(["correct", "labels.tif", "-o", "out"], folder, monkeypatch, capsys)
    assert code == 128 + signal.SIGTERM
    assert sorted(p.name for p in folder.iterdir()) == before


def test_full_disk_leaves_nothing(folder, monkeypatch, capsys):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    import landlore.maps

    monkeypatch.setattr(landlore.maps, "write_run", full)
    before = sorted(p.name for p in folder.iterdir())
    code, printed = run(["correct", "labels.tif", "-o", "out"], folder, monkeypatch, capsys)
    assert code == 2
    assert "No space left on device" in printed.err
    assert sorted(p.name for p in folder.iterdir()) == before


def test_failed_build_keeps_the_former_graph(folder, monkeypatch, capsys):
    facts = folder / "facts.ttl"
    facts.write_text(
        '<> <http://purl.org/dc/terms/source> "a test" . <https://example.org/a> a <https://example.org/B> .'
    )
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["landlore", "build", "graph", "--facts", "facts.ttl"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, None)
    capsys.readouterr()
    words = ["build", "graph", "--facts", "broken.ttl", "--overwrite"]
    code, _ = run(words, folder, monkeypatch, capsys)
    assert code == 2
    words = ["query", "graph", "ASK { <https://example.org/a> a <https://example.org/B> }"]
    code, printed = run(words, folder, monkeypatch, capsys)
    assert printed.out == "yes\n"


def test_second_of_two_runs_into_one_folder_is_refused(folder, monkeypatch, capsys):
    import landlore.maps

    def first(*_args, **_kwargs):
        (folder / "out").mkdir()
        (folder / "out" / "run.json").write_text("{}")

    monkeypatch.setattr(landlore.maps, "write_run", first)
    code, printed = run(["correct", "labels.tif", "-o", "out"], folder, monkeypatch, capsys)
    assert code == 2
    assert "exists already" in printed.err
    assert (folder / "out" / "run.json").read_text() == "{}"
    assert not list(folder.glob(".out-*"))


def test_existing_output_needs_overwrite(folder, monkeypatch, capsys):
    out = folder / "out"
    out.mkdir()
    (out / "run.json").write_text("{}")
    code, printed = run(["correct", "labels.tif", "-o", "out"], folder, monkeypatch, capsys)
    assert code == 2
    assert "--overwrite" in printed.err
    assert (out / "run.json").read_text() == "{}"


@pytest.mark.parametrize(
    "words", ["find forest", "find 森林", "query graph.ttl ASK{}", "explain 森林"]
)
def test_a_terminal_of_few_letters(folder, words):
    done = subprocess.run(
        [sys.executable, "-m", "landlore", *words.split()], cwd=folder, capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert done.returncode == (2 if "explain" in words else 0)
    assert (done.stdout + done.stderr).isascii()
