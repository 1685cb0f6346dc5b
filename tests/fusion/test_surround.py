from __future__ import annotations

import numpy as np
import pytest

from fusion.surround import cell_board, interpolated_shares, ring_features


def _cells(size: int = 10, count: int = 9, offset: int = 0) -> np.ndarray:
    at = (np.arange(size * count - offset) + offset) // size
    return (at[:, None] * count + at[None, :]).astype(np.int32)


@pytest.mark.parametrize("offset", [0, 4])
def test_cells_find_their_place_on_the_board(offset):
    board = cell_board(_cells(offset=offset), np.tile([1.0, 0.0], (81, 1)))
    assert board.row[40] == board.row[41]
    assert board.col[41] == board.col[40] + 1
    assert board.size == pytest.approx(10)


def test_ring_leaves_the_cell_itself_out():
    shares = np.tile([1.0, 0.0], (81, 1))
    before = ring_features(cell_board(_cells(), shares), shares)
    shares[40] = [0.0, 1.0]
    after = ring_features(cell_board(_cells(), shares), shares)
    assert before.shape == (81, 4)
    assert after[40] == pytest.approx(before[40], abs=0.01)
    assert after[41, 1] > before[41, 1] + 0.05


def test_shares_between_centres_are_bilinear():
    shares = np.tile([1.0, 0.0], (81, 1))
    shares[40] = [0.0, 1.0]
    board = cell_board(_cells(), shares)
    rows, cols = np.array([44, 44, 44, 5]), np.array([44, 49, 54, 5])
    out = interpolated_shares(board, rows, cols)
    assert out.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    assert out[0, 1] > 0.8
    assert out[1, 1] == pytest.approx(0.52, abs=0.02)
    assert out[2, 1] < 0.06
    assert out[3, 1] < 0.01


def test_cells_without_shares_are_bridged_by_their_neighbours():
    shares = np.tile([1.0, 0.0], (81, 1))
    shares[40] = 0.0
    out = interpolated_shares(cell_board(_cells(), shares), np.array([42]), np.array([43]))
    assert out[0, 0] == pytest.approx(1.0, abs=1e-6)
