"""Rasters written block by block: whole or not at all, what no block holds is 0."""

import numpy as np
import pytest
from affine import Affine

from kg.by_blocks import write_blocks
from kg.errors import OutputError
from kg.grid import Grid
from kg.raster import read_raster

GRID = Grid("EPSG:32630", Affine(10, 0, 500_000, 0, -10, 5_500_000), 700, 600)


def test_blocks_come_back(tmp_path):
    rng = np.random.default_rng(0)
    blocks = [
        (row, col, rng.integers(0, 65_535, (2, 512 if row == 0 else 188, 512 if col == 0 else 88)).astype(np.uint16))
        for row, col in ((0, 0), (512, 0), (512, 512))
    ]  # fmt: skip
    found = read_raster(write_blocks(tmp_path / "a.tif", GRID, blocks, ("one", "two")))
    assert found.bands == ("one", "two") and found.grid.same_as(GRID) and found.nodata is None
    for row, col, values in blocks:
        _, height, width = values.shape
        assert np.array_equal(found.values[:, row : row + height, col : col + width], values)
    assert not found.values[:, :512, 512:].any()
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_nothing_is_left_where_writing_fails(tmp_path):
    def broken():
        yield 0, 0, np.ones((1, 5, 5), np.uint16)
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        write_blocks(tmp_path / "a.tif", GRID, broken(), ("one",))
    assert not list(tmp_path.iterdir())
    with pytest.raises(OutputError, match="cannot be written"):
        write_blocks(tmp_path / "gone" / "a.tif", GRID, [], ("one",))
