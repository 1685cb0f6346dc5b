"""Compiled loops over pairs of images; similarities come in, nearest neighbours and settled memberships go out.

Import this module inside functions only: it loads numba through `kg.compiled`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

_F32 = NDArray[np.float32]
_Ints = NDArray[np.int32]


@compiled
def nearest(similar: _F32, start: int, weights: _F32, columns: _Ints) -> None:
    """Take the pairs of a block of images with themselves and all later ones into the lists of neighbours.

    Args:
        similar: (block, image) cosine of images `start`, `start + 1`, ... and images `start` to the last.
        start: The block's first image; blocks come in order.
        weights: (image, neighbour) the largest cosines so far, largest first; of equals the first image comes first.
        columns: (image, neighbour) whose they are.
    """
    last = weights.shape[1] - 1
    for r in range(len(similar)):
        for c in range(r + 1, similar.shape[1]):
            value = similar[r, c]
            if value > weights[start + r, last]:
                _insert(value, start + c, weights[start + r], columns[start + r])
            if value > weights[start + c, last]:
                _insert(value, start + r, weights[start + c], columns[start + c])


@compiled
def _insert(value: np.float32, column: int, weights: _F32, columns: _Ints) -> None:
    """Put a value larger than the last into its place."""
    k = len(weights) - 1
    while k > 0 and value > weights[k - 1]:
        weights[k], columns[k] = weights[k - 1], columns[k - 1]
        k -= 1
    weights[k], columns[k] = value, column


@compiled
def settle(
    z: _F32, logs: _F32, graph: tuple[_Ints, _Ints, _F32], times: int, least: float, still: float
) -> bool:
    """Let similar images pull each other; whether any membership moved.

    Only images with a neighbour that moved the last time are looked at again: nothing changes for the others.

    Args:
        z: (image, class) memberships, changed in place.
        logs: (image, class) log-probabilities of each image by itself; in the end those with the pull.
        graph: Starts, columns and weights of the (image, image) pull in compressed rows; symmetric.
        times: At most.
        least: Logarithms of probabilities that far below the largest count as probabilities of 0.
        still: A membership that moves by no more does not move.
    """
    starts, columns, weights = graph
    alone, found, count = logs.copy(), np.empty_like(z), 0
    moved, awake = np.zeros(len(z), np.bool_), np.ones(len(z), np.bool_)
    for _ in range(times):
        for r in np.flatnonzero(awake):
            logs[r] = 0
            for edge in range(starts[r], starts[r + 1]):
                _add(weights[edge], z[columns[edge]], logs[r])
            _add(np.float32(1), alone[r], logs[r])
            _softmax(logs[r], least, found[r])
            moved[r] = _moved(z[r], found[r], still)
        for r in np.flatnonzero(awake):
            z[r] = found[r]
        awake[:] = False
        for r in np.flatnonzero(moved):
            awake[columns[starts[r] : starts[r + 1]]] = True
            moved[r] = False
            count += 1
    return count > 0


@compiled
def _add(times: np.float32, values: _F32, out: _F32) -> None:
    for c in range(len(out)):
        out[c] += times * values[c]


@compiled
def _softmax(logs: _F32, least: float, out: _F32) -> None:
    top, total = logs[0], np.float32(0)
    for value in logs:
        top = max(top, value)
    for c in range(len(logs)):
        out[c] = 0
        if logs[c] - top >= least:
            out[c] = math.exp(logs[c] - top)
            total += out[c]
    for c in range(len(logs)):
        out[c] /= total


@compiled
def _moved(one: _F32, other: _F32, still: float) -> bool:
    far = False
    for c in range(len(one)):
        far |= abs(one[c] - other[c]) > still
    return far
