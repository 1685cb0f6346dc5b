"""A run as a project of QGIS: every layer is there, before, after and why can be switched; a real QGIS opens it."""

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import landlore as ll
from kg.errors import InputError, OutputError
from kg.legend import load_legend
from kg.raster import read_raster

SYSTEM = "/usr/bin/python3"
"""The Python that Debian's QGIS comes for."""
LOOK = """
import json, sys
from qgis.core import QgsApplication, QgsProject
app = QgsApplication([], False)
app.initQgis()
project = QgsProject.instance()
whole = project.read(sys.argv[1])
themes = project.mapThemeCollection()
print(json.dumps({
    "whole": whole, "title": project.title(), "crs": project.crs().authid(),
    "layers": {one.name(): [one.isValid(), one.crs().authid(), type(one.renderer()).__name__]
               for one in project.mapLayers().values()},
    "order": [one.name() for one in project.layerTreeRoot().findLayers()],
    "themes": {name: [one.name() for one in themes.mapThemeVisibleLayers(name)] for name in themes.mapThemes()},
    "reasons": [one.value() for layer in project.mapLayers().values() if layer.name() == "Why"
                for one in layer.renderer().categories()],
    "rights": [line for layer in project.mapLayers().values() for line in layer.metadata().rights()],
}))
"""


@pytest.fixture
def project(village, tmp_path):
    """A run that may be moved, and its project beside it."""
    shutil.copytree(village, tmp_path / "home")
    ll.export_project(tmp_path / "home" / "run", tmp_path / "home" / "town.qgs")
    return tmp_path / "home" / "town.qgs"


def layers(path):
    """Key of each layer -> its element."""
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    found = {one.findtext("id").split("_")[1]: one for one in root.iter("maplayer")}
    return root, found


def test_every_layer_is_a_file_that_moves_with_the_project(project, tmp_path):
    home = project.parent.rename(tmp_path / "elsewhere")
    root, found = layers(home / "town.qgs")
    assert list(found) == ["why", "after", "before", "confidence", "image"]
    for layer in found.values():
        name = layer.findtext("datasource").partition("|")[0]
        assert name.startswith("./") and (home / name).is_file()
    ids = [one.findtext("id") for one in found.values()]
    assert [one.get("id") for one in root.iter("layer-tree-layer")] == ids
    shown = {
        theme.get("name"): {one.get("id").split("_")[1] for one in theme}
        for theme in root.iter("visibility-preset")
    }
    assert shown == {"Before": {"before"}, "After": {"after"}, "Why": {"why", "image"}}


def test_the_map_before_is_the_one_that_came_in(project):
    before = read_raster(project.with_name("town-before.tif"))
    given = read_raster(project.with_name("labels.tif"))
    after = read_raster(project.parent / "run" / "corrected.tif")
    assert (before.values == given.values).all() and before.grid.same_as(given.grid)
    assert (before.values != after.values).any()


def test_classes_and_reasons_have_the_colours_of_the_report(project):
    legend = load_legend("town")
    _, found = layers(project)
    for key in ("after", "before"):
        colours = {
            int(one.get("value")): (one.get("label"), one.get("color"))
            for one in found[key].iter("paletteEntry")
        }
        assert colours == {
            code: (legend.names()[code], "#{:02x}{:02x}{:02x}".format(*rgb))
            for code, rgb in legend.colour_table().items()
        }
    told = json.loads((project.parent / "run" / "run.json").read_text())
    assert next(one.get("value") for one in found["why"].iter("category")) == "osm"
    assert len(list(found["why"].iter("category"))) == len(told["pixels_by_cause"])
    assert any("odbl" in one.text for one in found["why"].iter("rights"))


def test_the_image_is_stretched_over_its_values(project):
    _, found = layers(project)
    look = found["image"].find("pipe/rasterrenderer")
    assert [look.get(f"{name}Band") for name in ("red", "green", "blue")] == ["1", "2", "3"]
    values = read_raster(project.with_name("image.tif")).values
    low, high = np.percentile(values, (2, 98))
    assert float(look.findtext("redContrastEnhancement/minValue")) == pytest.approx(low, abs=2)
    assert float(look.findtext("redContrastEnhancement/maxValue")) == pytest.approx(high, abs=2)


def test_without_the_image_reasons_lie_on_the_map_before(village, tmp_path):
    run = shutil.copytree(village / "run", tmp_path / "deep" / "run")  # its image is not there
    ll.export_project(run, tmp_path / "deep" / "town.qgs", lang="zh")
    root, found = layers(tmp_path / "deep" / "town.qgs")
    assert "image" not in found and found["before"].findtext("layername") == "修正前"
    why = next(one for one in root.iter("visibility-preset") if one.get("name") == "原因")
    assert [one.get("id").split("_")[1] for one in why] == ["why", "before"]


def test_the_same_run_gives_the_same_project(project):
    first = project.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        ll.export_project(project.parent / "run", project)
    ll.export_project(project.parent / "run", project, overwrite=True)
    assert project.read_bytes() == first


def test_what_would_be_lost_is_refused(project, tmp_path, landlore):
    run = project.parent / "run"
    project.unlink()
    with pytest.raises(OutputError, match=r"town-corrections\.gpkg: exists already"):
        ll.export_project(run, project)
    with pytest.raises(OutputError, match="unknown kind of file"):
        ll.export_project(run, tmp_path / "town.qgz")
    table = run / "corrections.csv"
    table.write_text(table.read_text(encoding="utf-8-sig").replace("before_code", "was"))
    code, _, said = landlore("export", run, tmp_path / "other.qgs")
    assert code == 2 and "broken (no column before_code)" in said
    assert not list(tmp_path.glob("other*"))
    with pytest.raises(InputError, match="not the folder of a run"):
        ll.export_project(tmp_path / "nothing", tmp_path / "x.qgs")


def test_qgis_opens_it(project, tmp_path):
    has = Path(SYSTEM).exists() and subprocess.run(
        [SYSTEM, "-c", "import qgis.core"], check=False, capture_output=True
    )
    if not has or has.returncode:
        pytest.skip("no QGIS here (Debian: apt-get install python3-qgis)")
    ran = subprocess.run(
        [SYSTEM, "-c", LOOK, str(project)], capture_output=True, text=True, timeout=120, check=True,
        env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    told = json.loads(ran.stdout.splitlines()[-1])
    crs = read_raster(project.with_name("labels.tif")).grid.crs
    assert told["whole"] and told["title"].startswith("Landlore: ") and told["crs"] == crs
    codes = "QgsPalettedRasterRenderer"
    assert told["layers"] == {
        "Why": [True, crs, "QgsCategorizedSymbolRenderer"],
        "After": [True, crs, codes],
        "Before": [True, crs, codes],
        "Confidence": [True, crs, "QgsSingleBandGrayRenderer"],
        "Image": [True, crs, "QgsMultiBandColorRenderer"],
    }
    assert told["order"] == ["Why", "After", "Before", "Confidence", "Image"]
    assert told["themes"] == {"Before": ["Before"], "After": ["After"], "Why": ["Why", "Image"]}
    assert told["reasons"][0] == "osm" and any("odbl" in line for line in told["rights"])
    assert Path(project.with_name("town-corrections.gpkg")).is_file()
