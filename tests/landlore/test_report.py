import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from fusion.prediction import Prediction
from kg import vocab
from kg.errors import GridError, InputError
from kg.official import official_codes
from kg.ontology import load_ontology
from kg.raster import Raster, read_grid, read_raster
from kg.store import KnowledgeGraph
from landlore.figure import WIDTH, draw_figure
from landlore.report import write_run
from reasoning.explanation.explain import explain
from reasoning.explanation.reasons import explain_at, read_accounts, reason_number
from reasoning.explanation.sentences import names_of

FILES = {"corrected.qml",
    "changed.tif", "confidence.tif", "corrected.tif", "corrections.csv", "explanations.trig",
    "figure.png", "graph.trig", "reasons.tif", "run.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def explanation(handmade):
    return explain(handmade, load_ontology(), run="small")


@pytest.fixture(scope="module")
def folder(handmade, explanation, handmade_graph, tmp_path_factory):
    home = tmp_path_factory.mktemp("run")
    write_run(handmade, explanation, handmade_graph, home)
    return home


def test_every_file_is_there(folder):
    assert {p.name for p in folder.iterdir()} == FILES


def test_corrected_map_has_official_codes_names_and_colours(folder, handmade):
    import rasterio

    raster = read_raster(folder / "corrected.tif")
    assert raster.values.dtype == np.uint8 and raster.nodata == 0
    assert raster.grid.same_as(handmade.after.grid)
    codes = raster.values[0]
    assert (codes[1:5, 2:5] == 60).all() and codes[0, 0] == 30
    assert set(np.unique(codes)) == {30, 60}
    with rasterio.open(folder / "corrected.tif") as dataset:
        assert dataset.colormap(1)[60] == (200, 80, 70, 255)
        assert "60=Building" in dataset.tags(1)["CLASS_NAMES"]
        assert dataset.driver == "GTiff" and dataset.profile["tiled"]


def test_changed_confidence_and_reasons(folder, handmade):
    changed = read_raster(folder / "changed.tif")
    assert changed.values.sum() == 24 and changed.nodata == 255
    confidence = read_raster(folder / "confidence.tif").values
    assert confidence.dtype == np.float32 and confidence == pytest.approx(0.9)
    reasons = read_raster(folder / "reasons.tif")
    assert reasons.values.dtype == np.int32 and reasons.nodata == -1
    assert np.array_equal(reasons.values[0], handmade.index)


def test_places_without_a_prediction(handmade, tmp_path):
    after = handmade.after.probabilities.copy()
    after[:, 0, :] = 0
    holes = replace(handmade, after=replace(handmade.after, probabilities=after))
    write_run(holes, explain(holes, load_ontology(), run="holes"), None, tmp_path)
    assert (read_raster(tmp_path / "changed.tif").values[0, 0] == 255).all()
    assert (read_raster(tmp_path / "corrected.tif").values[0, 0] == 0).all()
    assert np.isnan(read_raster(tmp_path / "confidence.tif").values[0, 0]).all()
    assert not (tmp_path / "graph.trig").exists()


def test_explanations_load_and_answer(folder):
    graph = KnowledgeGraph.open(folder / "explanations.trig")
    assert graph.graphs() == (vocab.GRAPH + "run/small",)
    assert len(graph.query("SELECT ?c { ?c a run:Correction }")) == 4


def test_the_folder_answers_for_a_pixel(folder, handmade):
    lon, lat = read_grid(folder / "reasons.tif").lonlat(8.5, 10.5)
    (found,) = explain_at(folder, float(lon), float(lat))
    assert found.index == 3 and found.labels == ("Water", "Grass")
    assert explain_at(folder, *map(float, handmade.after.grid.lonlat(0.5, 0.5))) == []


def test_some_accounts_are_read_without_the_rest(folder, handmade_graph):
    from reasoning.explanation.reasons import _excerpt

    found = read_accounts(folder, [2, 0, 99])
    assert [a.index for a in found] == [0, 2]
    assert found == [a for i in (0, 2) for a in reason_number(handmade_graph, i)]
    part = "".join(_excerpt(folder / "explanations.trig", frozenset({3})))
    assert "/correction/3>" in part and "/correction/0>" not in part


def test_folders_and_places_that_are_none(folder, tmp_path):
    with pytest.raises(InputError, match=r"no reasons\.tif, which the folder of a run has"):
        explain_at(tmp_path, 15.0, 48.0)
    with pytest.raises(GridError, match="lies outside") as error:
        explain_at(folder, 48.0, 15.0)
    assert "longitude first" in error.value.hint


def test_corrections_csv(folder, handmade):
    with (folder / "corrections.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["index"] for r in rows] == ["0", "1", "2", "3"]
    first = rows[0]
    assert (first["before_code"], first["after_code"], first["after"]) == ("10", "60", "Building")
    parts = sum(float(first[f"{k}_nats"]) for k in ("network", "evidence", "smoothness", "axiom"))
    assert parts == pytest.approx(float(first["log_odds"]), abs=1e-6)
    assert rows[2]["excluded_by"] == "rule:no-ice" and rows[1]["cause"] == "run:Smoothness"
    assert first["sentence_zh"].endswith("概率 0.90。")


def test_run_json(folder):
    text = (folder / "run.json").read_text(encoding="utf-8")
    told = json.loads(text)
    assert list(told) == sorted(told)
    assert told["changed_pixels"] == 24 and told["pixels"] == 192
    assert told["corrections"] == 4 and told["when"] is None
    assert told["pixels_by_cause"]["run:Smoothness"] == 6
    assert told["inference"]["stopped"] == "converged"


def test_same_run_same_bytes(folder, handmade, explanation, handmade_graph, tmp_path):
    write_run(handmade, explanation, handmade_graph, tmp_path)
    differ = [n for n in sorted(FILES) if (folder / n).read_bytes() != (tmp_path / n).read_bytes()]
    assert differ == []


def colours(picture):
    return {colour for _, colour in picture.getcolors(1_000_000)}


def test_figure_shows_classes_and_causes(folder, handmade):
    from PIL import Image

    picture = Image.open(folder / "figure.png")
    assert picture.size[0] == WIDTH and picture.mode == "RGB"
    assert colours(picture) >= set(handmade.after.legend.colours)
    assert colours(picture) >= {(125, 85, 190), (31, 119, 200), (214, 39, 40)}


def test_figure_of_a_large_map_has_a_closer_look(handmade):
    grid = replace(handmade.after.grid, height=400, width=800)
    flat = np.zeros((4, *grid.shape), np.float32)
    flat[1] = 1
    index = np.full(grid.shape, -1, np.int32)
    index[300:340, 600:700] = 1
    same = Prediction(flat, handmade.after.legend, grid, "flat")
    large = replace(handmade, before=same, after=same, index=index)
    image = Raster(np.full((3, *grid.shape), 40, np.uint16), grid, 0, ("red", "green", "blue"))
    tall = draw_figure(large, names_of(large), image=image)
    short = draw_figure(replace(large, index=np.full_like(index, -1)), names_of(large), image=image)
    assert tall.height - short.height > 200
    shares = dict((c, n) for n, c in tall.getcolors(1_000_000))
    assert shares[(125, 85, 190)] > 40 * 100 * (4 * 490 / 800) ** 2 * 0.9, (
        "changed pixels, enlarged"
    )


def test_nodata_is_never_a_class(handmade):
    legend = handmade.after.legend
    labels = np.array([[0, -1]], np.int16)
    from_zero = replace(legend, codes=(0, 1, 2, 3))
    codes, nodata = official_codes(labels, from_zero)
    assert nodata == 255 and codes.tolist() == [[0, 255]] and codes.dtype == np.uint8
    codes, nodata = official_codes(labels, replace(legend, codes=(111, 311, 411, 523)))
    assert nodata == 0 and codes.tolist() == [[111, 0]] and codes.dtype == np.uint16
