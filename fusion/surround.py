"""What a product says around a place: class shares of cells come in, local priors of cells and pixels go out.

Cells are put on the product's own grid (the *board*) by their centres. No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REACH = 13
"""Cells around a cell that its ring is made of, and one more for those that are cut."""
_WEAK = 0.02  # cells' worth of the overall shares, mixed into every local prior


@dataclass(frozen=True)
class Board:
    """Cells on the product's own grid.

    Attributes:
        row, col: (cell,) place of each cell on the board.
        top, left: Centre of the board's first cell, in pixels of the image.
        size: Side of a cell in pixels.
        shares: (label + 1, row, col) sums of shares of the cells there; the last layer counts them.
        prior: (label,) overall shares.
    """

    row: NDArray[np.intp]
    col: NDArray[np.intp]
    top: float
    left: float
    size: float
    shares: Floats
    prior: Floats


def cell_board(cell: NDArray[np.integer], shares: Floats, prior: Floats | None = None) -> Board:
    """Lay out cells by the mean position of their pixels.

    Args:
        cell: (y, x) row of `shares`, -1 where there is none.
        shares: (cell, label); rows of zeros are left out.
        prior: (label,) overall shares, where these are a part of the cells only; None: those of these cells.
    """
    flat, (height, width) = cell.ravel(), cell.shape
    there, count = flat >= 0, len(shares)
    pixels = np.bincount(flat[there], minlength=count)
    size = float(np.sqrt(np.median(pixels[pixels > 0])))
    centres = [
        np.bincount(flat[there], weights=v[there], minlength=count) / np.maximum(pixels, 1)
        for v in (np.repeat(np.arange(height), width), np.tile(np.arange(width), height))
    ]
    (row, top), (col, left) = (_places(centre, pixels > 0, size) for centre in centres)
    here = (pixels > 0) & (shares.sum(axis=1) > 0.5)
    board = np.zeros((shares.shape[1] + 1, row.max() + 1, col.max() + 1))
    for k in range(shares.shape[1]):
        np.add.at(board[k], (row[here], col[here]), shares[here, k])
    np.add.at(board[-1], (row[here], col[here]), 1.0)
    overall = shares[here].mean(axis=0) if prior is None else prior
    return Board(row, col, top, left, size, board, overall)


def _places(centre: Floats, here: NDArray[np.bool_], size: float) -> tuple[NDArray[np.intp], float]:
    """Row (or column) of each cell, and the centre of the first; the phase is the circular mean of all."""
    turns = np.where(here, centre, centre[here].min()) / size
    phase = float(np.angle(np.exp(2j * np.pi * turns[here]).mean()) / (2 * np.pi))
    index = np.round(turns - phase).astype(np.intp)
    return index - index.min(), (float(index.min()) + phase) * size


def ring_features(board: Board, shares: Floats) -> NDArray[np.float32]:
    """The product around each cell, the cell itself left out, smoothed over 1 and over 3 cells.

    A local prior that does not leak the cell's own label.

    Args:
        board: The cells.
        shares: (cell, label), the same that the board was made from.

    Returns:
        (cell, 2 * label) float32.
    """
    from scipy.ndimage import gaussian_filter

    own = np.concatenate([shares, (shares.sum(axis=1) > 0.5)[:, None]], axis=1)
    spot = np.zeros((25, 25))
    spot[12, 12] = 1.0
    out = []
    for sigma in (1.0, 3.0):
        peak = gaussian_filter(spot, sigma, mode="constant")[12, 12]
        smooth = np.stack([gaussian_filter(b, sigma, mode="constant") for b in board.shares])
        around = np.maximum(smooth[:, board.row, board.col].T - peak * own, 0)
        out.append((around[:, :-1] + _WEAK * board.prior) / (around[:, -1:] + _WEAK))
    return np.concatenate(out, axis=1).astype(np.float32)


def interpolated_shares(
    board: Board, rows: NDArray[np.integer], cols: NDArray[np.integer]
) -> NDArray[np.float32]:
    """The product between the centres of its cells: a prior for each pixel, bilinear.

    Args:
        board: The cells.
        rows: (pixel,) places in the image, from the top.
        cols: (pixel,) the same from the left.

    Returns:
        (pixel, label) float32; rows sum to 1.
    """
    from scipy.ndimage import map_coordinates

    at = np.stack([(rows - board.top) / board.size, (cols - board.left) / board.size])
    layers = [map_coordinates(b, at, order=1, mode="nearest") for b in board.shares]
    count = layers[-1] + _WEAK
    out = [(layer + _WEAK * p) / count for layer, p in zip(layers[:-1], board.prior, strict=True)]
    return np.stack(out, axis=1).astype(np.float32)
