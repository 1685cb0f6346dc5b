"""The command line, called; and a drawn meadow, corrected: what pages about runs are tested on."""

import sys

import numpy as np
import pytest
from affine import Affine
from drawn import wide_water, write_house

import landlore as ll
from kg.cog import write_raster
from kg.grid import Grid
from kg.raster import Raster
from landlore import cli

GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 60, 70)
RULE = wide_water("wide", "</script><b>water</b> is wide")


@pytest.fixture(scope="session")
def village(tmp_path_factory):
    """A meadow whose house is missed, a ditch that is called water, and a corner without data."""
    home = tmp_path_factory.mktemp("village")
    write_house(home / "house.osm", GRID, slice(10, 22), slice(30, 45))
    (home / "mine.ttl").write_text(RULE)
    codes = np.full((1, *GRID.shape), 40, np.uint8)
    codes[0, 50, 10:16], codes[0, :5, :5] = 10, 0
    write_raster(home / "labels.tif", Raster(codes, GRID, 0))
    codes[0, 10:22, 30:45], codes[0, 50, 10:13] = 60, 40
    write_raster(home / "truth.tif", Raster(codes, GRID, 0))
    image = np.linspace(0, 200, 3 * 60 * 70).reshape(3, 60, 70).astype(np.uint8)
    write_raster(
        home / "image.tif", Raster(image, GRID, None, ("red", "green", "blue")), overviews="average"
    )
    sources = ll.Sources(osm=home / "house.osm", rules=home / "mine.ttl", image=home / "image.tif")
    ll.correct(home / "labels.tif", legend="town", sources=sources, out=home / "run",
               settings=ll.RunSettings(confidence=0.6))  # fmt: skip
    return home


@pytest.fixture
def landlore(monkeypatch, capsys):
    """Calls the command line: words come in; the exit code, standard output and standard error go out."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["landlore", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (ended.value.code or 0), *capsys.readouterr()

    return call
