"""Corrections as a vector file: the changed pixels, each with what, why and its sentence; large runs by strips."""

import csv
import json
import shutil

import numpy as np
import pyogrio
import pytest
import shapely

import landlore as ll
from kg.errors import InputError, OutputError
from kg.raster import read_raster


def table(path):
    meta, _, wkb, data = pyogrio.raw.read(path)
    return shapely.from_wkb(wkb), dict(zip(meta["fields"], data, strict=True)), meta["crs"]


def test_every_correction_has_its_ground_and_its_reason(village, landlore, tmp_path):
    run, out = village / "run", tmp_path / "c.gpkg"
    code, said, _ = landlore("export", run, out)
    shapes, columns, crs = table(out)
    reasons = read_raster(run / "reasons.tif")
    assert code == 0 and f"{len(shapes)} correction" in said and crs == reasons.grid.crs
    with (run / "corrections.csv").open(encoding="utf-8-sig") as file:
        rows = {int(row["index"]): row for row in csv.DictReader(file)}
    assert sorted(columns["index"]) == sorted(rows)
    told = json.loads((run / "run.json").read_text())
    for i, number in enumerate(columns["index"].tolist()):
        row, pixels = rows[number], int((reasons.values[0] == number).sum())
        assert shapes[i].area == pytest.approx(pixels * reasons.grid.pixel_area)
        assert columns["pixels"][i] == pixels and columns["area_m2"][i] == float(row["area_m2"])
        assert (columns["before"][i], columns["after"][i]) == (row["before"], row["after"])
        assert columns["confidence"][i] == float(row["confidence"])
        assert columns["sentence"][i] == row["sentence_en"]
        assert columns["iri"][i] == f"{told['run']}/correction/{number}"
    house = columns["after"].tolist().index("Building")
    assert columns["reason"][house] == "osm"  # as `--what-if drop=` takes it
    assert landlore("explain", run, "--what-if", f"drop={columns['reason'][house]}")[0] == 0
    assert (
        "opendatacommons.org/licenses/odbl" in pyogrio.read_info(out)["layer_metadata"]["sources"]
    )


def test_geojson_holds_the_same_in_degrees(village, tmp_path):
    run = village / "run"
    one = ll.export_corrections(run, tmp_path / "c.gpkg")
    two = ll.export_corrections(run, tmp_path / "c.geojson", lang="zh", strip=1)
    (_, ours, _), (shapes, theirs, crs) = table(one.path), table(two.path)
    assert one.count == two.count == len(shapes) and crs == "EPSG:4326"
    assert set(ours["iri"]) == set(theirs["iri"]) and "由“" in theirs["sentence"][0]
    lon, lat = shapely.get_coordinates(shapes).T
    assert (np.abs(lon + 3) < 0.01).all() and (np.abs(lat - 49.65) < 0.01).all()
    assert "odbl" in json.loads(two.path.read_text(encoding="utf-8"))["sources"]


def test_a_cell_may_hold_a_line_break(village, tmp_path):
    """As a class of two lines in a legend of one's own, or a table that a spreadsheet wrote."""
    shutil.copytree(village / "run", tmp_path / "run")
    path = tmp_path / "run" / "corrections.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["sentence_en"] = f'Two\nlines, and a "word" of correction {row["index"]}'
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    ll.export_corrections(tmp_path / "run", tmp_path / "c.gpkg")
    _, columns, _ = table(tmp_path / "c.gpkg")
    told = {row["index"]: row["sentence_en"] for row in rows}
    assert len(rows) > 1
    for number, sentence in zip(columns["index"], columns["sentence"], strict=True):
        assert sentence == told[str(number)]


def test_what_cannot_be_exported_is_told(village, tmp_path):
    run = shutil.copytree(village / "run", tmp_path / "run")
    out = tmp_path / "c.gpkg"
    ll.export_corrections(run, out)
    with pytest.raises(OutputError, match="exists already"):
        ll.export_corrections(run, out)
    assert ll.export_corrections(run, out, overwrite=True).path == out
    with pytest.raises(OutputError, match="unknown kind of file"):
        ll.export_corrections(run, tmp_path / "c.shp")
    with pytest.raises(InputError, match="known are en and zh"):
        ll.export_corrections(run, tmp_path / "c.gpkg", lang="fr")
    text = (run / "corrections.csv").read_text(encoding="utf-8")
    for broken in ("index\n0\n", text.splitlines()[0] + "\n", text.replace("\n0,", "\n7,")):
        (run / "corrections.csv").write_text(broken, encoding="utf-8")
        with pytest.raises(InputError, match=r"corrections\.csv: broken"):
            ll.export_corrections(run, tmp_path / "d.gpkg")
    (run / "reasons.tif").unlink()
    with pytest.raises(InputError, match=r"no reasons\.tif"):
        ll.export_corrections(run, tmp_path / "d.gpkg")
    (run / "run.json").write_text('{"job": "by-region"}')
    with pytest.raises(InputError, match="by regions keeps no outlines"):
        ll.export_corrections(run, tmp_path / "d.gpkg")
    assert not (tmp_path / "d.gpkg").exists()
