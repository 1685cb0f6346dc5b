"""The report of a run: one file that asks for nothing, whose maps, sums and counts are those of the run folder."""

import base64
import csv
import json
import re
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

import landlore as ll
from kg.cog import write_raster
from kg.errors import GridError, InputError, OutputError
from kg.grid import Grid
from kg.raster import Raster, read_raster
from landlore import cli, large
from landlore.page import page_html, write_page
from landlore.page_record import read_page
from landlore.render import SIMULATED

GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 60, 70)


@pytest.fixture(scope="module")
def home(village):
    return village


@pytest.fixture(scope="module")
def page(home):
    done = write_page(home / "run", truth=home / "truth.tif", note="A note <i>")
    return done.path.read_text(encoding="utf-8")


def carried(page, name):
    text = re.search(rf'<script type="text/plain" id="{name}">([^<]*)</script>', page)[1]
    return zlib.decompress(base64.b64decode(text)) if text else b""


def test_the_maps_are_those_of_the_run(home, page):
    facts = json.loads(carried(page, "facts"))
    town = ll.load_legend("town")
    after = np.frombuffer(carried(page, "after"), np.uint8).reshape(60, 70)
    reason = np.frombuffer(carried(page, "reason"), np.uint16).reshape(60, 70).astype(int)
    corrected = read_raster(home / "run" / "corrected.tif").values[0]
    codes = np.array([*town.codes, *[0] * (256 - len(town.codes))])
    assert np.array_equal(codes[after], corrected) and (after[:5, :5] == 255).all()
    assert np.array_equal(reason - 1, read_raster(home / "run" / "reasons.tif").values[0])
    before = np.array([0, *(row[0] for row in facts["corrections"])])[reason]
    rebuilt = np.where(reason > 0, codes[before], corrected)
    assert np.array_equal(rebuilt, read_raster(home / "labels.tif").values[0])
    assert (facts["width"], facts["height"]) == (70, 60) and len(carried(page, "after")) == 4200


def test_every_correction_has_its_sums(home, page):
    facts = json.loads(carried(page, "facts"))
    with (home / "run" / "corrections.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(facts["corrections"]) == len(rows) > 1
    for row, told in zip(facts["corrections"], rows, strict=True):
        parts = dict(zip(row[10][::2], row[10][1::2], strict=True))
        assert sum(parts.values()) == pytest.approx(row[6], abs=1e-3)
        assert row[6] == pytest.approx(float(told["log_odds"]), abs=1e-4)
        assert facts["classes"][row[1]]["name"] == told["after"]
        assert (
            row[14] in told["sentence_en"]
            and row[14].count(".") >= 2
            and row[2] == int(told["pixels"])
        )
        left, top, right, bottom = row[9]
        assert 0 <= left < right <= 70 and 0 <= top < bottom <= 60


def test_reasons_are_ranked_with_what_became_right_and_wrong(page):
    facts = json.loads(carried(page, "facts"))
    by_kind = {one["kind"]: one for one in facts["terms"] if one["pixels"]}
    assert by_kind["evidence"]["name"] == "OpenStreetMap" and by_kind["evidence"]["fixed"] >= 170
    ditch = by_kind["axiom"]
    assert (ditch["pixels"], ditch["fixed"], ditch["broken"]) == (6, 3, 3)
    assert ditch["axiom"].startswith("Water SubClassOf minWidth some")
    assert facts["truth"]["after"]["miou"] > facts["truth"]["before"]["miou"]
    assert [one["name"] for one in facts["terms"] if one["kind"] == "network"] == [
        "the given labels"
    ]


def test_the_page_asks_for_nothing_and_escapes_what_it_is_given(page):
    body = re.sub(r'<script type="text/plain".*?</script>', "", page, flags=re.S)
    assert "default-src 'none'" in body
    assert not re.search(r'(src|poster|action)\s*=\s*["\']?(?!data:)http', body)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", body)
    assert re.findall(r'<link [^>]*href="([^"]*)"', body) == ["data:,"]
    assert "A note &lt;i&gt;" in body and "<b>water</b>" not in body
    assert "&lt;/script&gt;&lt;b&gt;water" in body and "{{" not in body
    assert "OpenStreetMap contributors" in body and "opendatacommons.org" in body
    assert len(page) < 120_000


def test_the_same_run_gives_the_same_bytes_and_a_given_file_is_kept(home, page, tmp_path):
    again = write_page(
        home / "run", tmp_path / "a.html", truth=home / "truth.tif", note="A note <i>"
    )
    assert again.path.read_text(encoding="utf-8") == page
    with pytest.raises(OutputError, match="exists already"):
        write_page(home / "run", tmp_path / "a.html")
    assert (
        write_page(home / "run", tmp_path / "a.html", overwrite=True).path.stat().st_size
        < len(page) + 500
    )


def test_without_its_image_and_its_truth_the_page_is_whole(home, monkeypatch):
    (home / "image.tif").rename(home / "aside.tif")
    found = read_page(home / "run")
    (home / "aside.tif").rename(home / "image.tif")
    assert found.photo is None and found.facts["truth"] is None
    assert "fixed" not in found.facts["terms"][0]


def test_the_page_speaks_chinese_too(home, tmp_path):
    words = json.loads((Path(ll.__file__).parent / "web" / "words.json").read_text("utf-8"))
    assert words["en"].keys() == words["zh"].keys()
    for key, phrase in words["en"].items():
        assert set(re.findall(r"{\w+}", phrase)) == set(re.findall(r"{\w+}", words["zh"][key])), key
    chinese = write_page(home / "run", tmp_path / "zh.html", lang="zh").path.read_text(
        encoding="utf-8"
    )
    assert (
        '<html lang="zh">' in chinese
        and "什么变成了什么" in chinese
        and "What became" not in chinese
    )
    facts = json.loads(carried(chinese, "facts"))
    assert "给定标签" in {one["name"] for one in facts["terms"]}
    assert "建筑物" in {one["name"] for one in facts["classes"]}
    assert "依据" in facts["corrections"][0][14] and "合计" not in facts["corrections"][0][14]
    with pytest.raises(InputError, match="known are en and zh"):
        write_page(home / "run", lang="fr")


def test_the_demo_says_that_it_is_simulated_and_links_to_no_real_feature(home, page):
    assert "simulated" not in re.sub(r"<script.*?</script>", "", page, flags=re.S)
    text = (home / "house.osm").read_text()
    (home / "house.osm").write_text(text.replace("<osm ", f'<osm generator="{SIMULATED}" ', 1))
    record = read_page(home / "run")
    (home / "house.osm").write_text(text)
    assert record.facts["simulated"]
    assert "A simulated coastal town: no figure" in page_html(record)


def test_large_maps_are_thinned_out(home, monkeypatch):
    monkeypatch.setattr("landlore.page_record.WIDEST", 35)
    found = read_page(home / "run")
    assert found.after.shape == found.reason.shape == (30, 35) == found.photo.shape[:2]
    assert found.facts["run"]["step"] == 2 and found.facts["run"]["metres"] == 4
    left, top, right, bottom = found.facts["corrections"][0][9]
    assert (left, top, right, bottom) == (15, 5, 23, 11)


def test_a_map_that_was_not_changed_has_a_page(home, tmp_path):
    ll.correct(home / "labels.tif", legend="town", out=tmp_path / "run", sources=ll.Sources(rules=home / "mine.ttl"),
               settings=ll.RunSettings(rules=0.0, smoothness=0.0))  # fmt: skip
    page = write_page(tmp_path / "run").path.read_text(encoding="utf-8")
    assert "Nothing on this map was changed" in page
    assert json.loads(carried(page, "facts"))["corrections"] == []


def test_what_cannot_have_a_page(home, tmp_path):
    with pytest.raises(InputError, match="not the folder of a run"):
        write_page(tmp_path)
    (tmp_path / "run.json").write_text('{"images": 2}')
    with pytest.raises(InputError, match="a run of scenes has no maps"):
        write_page(tmp_path)
    large.correct_by_region(home / "labels.tif", legend="town", out=tmp_path / "large")
    with pytest.raises(InputError, match="a run by regions has no map of reasons"):
        write_page(tmp_path / "large")
    far = Raster(
        np.ones((1, 60, 70), np.uint8), Grid(GRID.crs, GRID.transform @ Affine.scale(2), 60, 70), 0
    )
    write_raster(tmp_path / "far.tif", far)
    with pytest.raises(GridError, match="another grid"):
        write_page(home / "run", tmp_path / "b.html", truth=tmp_path / "far.tif")
    assert not (tmp_path / "b.html").exists()


def test_the_command_says_where_it_is(home, monkeypatch, capsys, tmp_path):
    words = ["landlore", "report", str(home / "run"), "-o", str(tmp_path / "c.html")]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, None)
    assert "c.html: before, after, why" in capsys.readouterr().out
