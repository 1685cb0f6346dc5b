"""Vector files: what is written is read back, the same bytes twice, with metadata; nothing half-written is left."""

import json

import numpy as np
import pyogrio
import pytest
import shapely

from kg.errors import OutputError
from kg.vector_file import words, write_vector

SQUARE = "MULTIPOLYGON (((500000 5500000, 500010 5500000, 500010 5500010, 500000 5500000)))"


def batches(*sizes):
    for number, size in enumerate(sizes):
        shapes = np.array([shapely.to_wkb(shapely.from_wkt(SQUARE))] * size, dtype=object)
        columns = {
            "after": words(["grass", "树"][:size]), "pixels": np.arange(size) + 10 * number,
            "share": np.full(size, 0.25),
        }  # fmt: skip
        yield shapes, columns


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_what_is_written_is_read_back_and_is_the_same_twice(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    said = {"description": "made here", "sources": "OSM; ODbL"}
    bodies = []
    for _ in range(2):
        write_vector(path, batches(2, 0, 1), crs="EPSG:32630", layer="mine", metadata=said)
        bodies.append(path.read_bytes())
    assert bodies[0] == bodies[1] and [p.name for p in tmp_path.iterdir()] == [path.name]
    meta, _, wkb, data = pyogrio.raw.read(path)
    assert list(meta["fields"]) == ["after", "pixels", "share"] and len(wkb) == 3
    assert [list(d) for d in data] == [["grass", "树", "grass"], [0, 1, 20], [0.25] * 3]
    xs = shapely.get_coordinates(shapely.from_wkb(wkb))[:, 0]
    assert (abs(xs - 500_005) < 6).all() if suffix == ".gpkg" else (abs(xs + 3) < 0.001).all()
    assert meta["crs"] == ("EPSG:32630" if suffix == ".gpkg" else "EPSG:4326")
    if suffix == ".gpkg":
        info = pyogrio.read_info(path)
        assert info["layer_name"] == "mine" and info["layer_metadata"]["sources"] == "OSM; ODbL"
    else:
        assert json.loads(bodies[0])["sources"] == "OSM; ODbL"


@pytest.mark.parametrize("suffix", [".gpkg", ".json"])
def test_a_layer_may_be_empty(tmp_path, suffix):
    path = write_vector(tmp_path / f"a{suffix}", batches(0), crs="EPSG:32630")
    assert pyogrio.read_info(path)["features"] == 0


def test_what_cannot_be_written_is_told_and_the_old_stays(tmp_path):
    with pytest.raises(OutputError, match=r"unknown kind of file '\.txt'"):
        write_vector(tmp_path / "a.txt", batches(1), crs="EPSG:4326")
    for suffix in (".gpkg", ".geojson"):
        with pytest.raises(OutputError, match="cannot be written"):
            write_vector(tmp_path / "none" / f"a{suffix}", batches(1), crs="EPSG:4326")

    def broken():
        yield from batches(1)
        raise OSError(28, "No space left on device")

    for suffix in (".gpkg", ".geojson"):
        path = tmp_path / f"a{suffix}"
        path.write_text("former")
        with pytest.raises(OutputError, match="No space left"):
            write_vector(path, broken(), crs="EPSG:32630")
        assert path.read_text() == "former" and not list(tmp_path.glob(".a*"))
