"""Smoothness between neighbouring pixels, and the compiled passes over pixels that mean-field inference is made of.

Import this module inside functions only: it loads numba through `reasoning.kernels`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.raster import Raster
from reasoning.kernels import compiled

Floats = NDArray[np.float64]

ROWS = 32
"""Rows that are worked on at a time, so that they stay in the processor's cache."""


def neighbour_weights(
    region: NDArray[np.int32], strength: float, image: Raster | None = None
) -> tuple[Floats, Floats]:
    """Weights of the smoothness term: strong inside even surfaces, weak across edges of the image.

    A pair of 4-neighbours gets `strength * exp(-d2 / (2 * mean d2))`, d2 the squared difference of their bands, each
    scaled to unit variance (contrast-sensitive Potts; Boykov and Jolly, ICCV 2001); `strength` without an image.

    Args:
        region: (y, x) int32, -1 where there is no prediction; such pixels have no neighbours.
        strength: Nats per pair at no contrast.
        image: Bands on the same grid; pixels without observation count as no contrast.

    Returns:
        (y, x) float64 weight of the pair (pixel, pixel to the right), and of (pixel, pixel below); 0 where none.
    """
    right, down = np.zeros(region.shape), np.zeros(region.shape)
    right[:, :-1] = strength * ((region[:, :-1] >= 0) & (region[:, 1:] >= 0))
    down[:-1] = strength * ((region[:-1] >= 0) & (region[1:] >= 0))
    if image is None or strength == 0:
        return right, down
    beside, below = _contrast(image)
    seen = np.concatenate([beside.ravel(), below.ravel()])
    mean = float(seen.mean()) if seen.size else 0.0
    if mean > 0:
        right[:, :-1] *= np.exp(-beside / (2 * mean))
        down[:-1] *= np.exp(-below / (2 * mean))
    return right, down


def _contrast(image: Raster) -> tuple[Floats, Floats]:
    """Squared band differences to the right and below, 0 where a pixel has no observation."""
    valid = image.valid
    height, width = valid.shape
    beside, below = np.zeros((height, width - 1)), np.zeros((height - 1, width))
    if not valid.any():
        return beside, below
    for values in image.values:
        band = values.astype(np.float32)
        band = np.where(
            valid, band / max(float(band[valid].std(dtype=np.float64)), 1e-12), np.float32(0)
        )
        beside += np.square(band[:, 1:] - band[:, :-1])
        below += np.square(band[1:] - band[:-1])
    beside[~(valid[:, 1:] & valid[:, :-1])] = 0
    below[~(valid[1:] & valid[:-1])] = 0
    return beside, below


def smoothness_gradient(
    q: Floats, right: Floats, down: Floats, rows: NDArray[np.intp], cols: NDArray[np.intp]
) -> Floats:
    """Gradient of the smoothness term at some pixels, `sum_j w_ij (q_i - q_j)`.

    Args:
        q: (y, x, class) marginals.
        right: (y, x) weights from `neighbour_weights`.
        down: (y, x) weights from `neighbour_weights`.
        rows: (pixel,) rows of the pixels wanted.
        cols: (pixel,) their columns.

    Returns:
        (pixel, class) float64 nats.
    """
    height, width, _ = q.shape
    here, out = q[rows, cols], np.zeros((len(rows), q.shape[2]))
    left, up = np.maximum(cols - 1, 0), np.maximum(rows - 1, 0)
    out += np.where(cols > 0, right[rows, left], 0)[:, None] * (here - q[rows, left])
    out += right[rows, cols][:, None] * (here - q[rows, np.minimum(cols + 1, width - 1)])
    out += np.where(rows > 0, down[up, cols], 0)[:, None] * (here - q[up, cols])
    out += down[rows, cols][:, None] * (here - q[np.minimum(rows + 1, height - 1), cols])
    return out


def softmax_pixels(unary: Floats, region: NDArray[np.int32], message: Floats, out: Floats) -> None:
    """Fill `out`, zeros before, with softmax(unary - message of the pixel's region), 0 where there is no region."""
    none = np.zeros(region.shape)
    propose(out, unary, (none, none), region, message, out)


def propose(
    q: Floats,
    unary: Floats,
    pairs: tuple[Floats, Floats],
    region: NDArray[np.int32],
    message: Floats,
    out: Floats,
) -> float:
    """Fill `out` with q* = softmax(log p - g), g the gradient at q; return the largest |q* - q|.

    The exponentials are numpy's: several times faster than compiled scalar ones.
    """
    residual = 0.0
    for low in range(0, len(q), ROWS):
        rows = slice(low, low + ROWS)
        _scores(q, unary, pairs, region, message, (out, low, min(low + ROWS, len(q))))
        np.exp(out[rows], out=out[rows])
        residual = max(residual, _normalise(out[rows], q[rows], region[rows]))
    return residual


@compiled
def _scores(
    q: Floats,
    unary: Floats,
    pairs: tuple[Floats, Floats],
    region: NDArray[np.int32],
    message: Floats,
    target: tuple[Floats, int, int],
) -> None:
    """Fill some rows with log p - g, less its largest value in each pixel."""
    right, down = pairs
    out, first, last = target
    height, width, k = q.shape
    for y in range(first, last):
        up, below = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            r = region[y, x]
            if r < 0:
                out[y, x, :] = 0.0
                continue
            left, beside = max(x - 1, 0), min(x + 1, width - 1)
            a = right[y, left] if x > 0 else 0.0
            b, d = right[y, x], down[y, x]
            c = down[up, x] if y > 0 else 0.0
            top = -np.inf
            for j in range(k):
                pull = (
                    a * q[y, left, j] + b * q[y, beside, j] + c * q[up, x, j] + d * q[below, x, j]
                )
                s = unary[y, x, j] - message[r, j] + pull - (a + b + c + d) * q[y, x, j]
                out[y, x, j] = s
                top = max(top, s)
            for j in range(k):
                out[y, x, j] -= top


@compiled
def _normalise(out: Floats, q: Floats, region: NDArray[np.int32]) -> float:
    """Scale each pixel to sum 1 (0 without region); return the largest change against q."""
    height, width, k = q.shape
    residual = 0.0
    for y in range(height):
        for x in range(width):
            total = 0.0
            for j in range(k):
                total += out[y, x, j]
            scale = 1.0 / total if region[y, x] >= 0 else 0.0
            for j in range(k):
                out[y, x, j] *= scale
                residual = max(residual, abs(out[y, x, j] - q[y, x, j]))
    return residual


@compiled
def alignment(q: Floats, goal: Floats, old: Floats) -> float:
    """(goal - q) . (q - old) / |q - old|^2: how much of the last move is left to do, as a multiple of that move."""
    dot, norm = 0.0, 0.0
    height, width, k = q.shape
    for y in range(height):
        for x in range(width):
            for j in range(k):
                move = q[y, x, j] - old[y, x, j]
                dot += move * (goal[y, x, j] - q[y, x, j])
                norm += move * move
    return dot / norm if norm > 0 else 0.0


def advance(
    q: Floats,
    goal: Floats,
    step: float,
    terms: tuple[Floats, Floats, Floats, NDArray[np.int32], Floats],
    out: Floats,
    sums: Floats,
) -> float:
    """Fill `out` = q + step (goal - q) and its sums per region; return KL to the unaries plus smoothness, in nats.

    `terms` are the unaries, the weights to the right and below, the region and the size of each pixel.
    """
    unary, right, down, region, size = terms
    sums[:] = 0.0
    total = 0.0
    for low in range(0, len(q), ROWS):
        rows = slice(low, low + ROWS)
        out[rows] = step * (goal[rows] - q[rows]) + q[rows]
        logs = np.log(np.maximum(out[rows], 1e-300))
        total += _divergence(out[rows], logs, unary[rows], region[rows], size[rows], sums)
    return total + _roughness(out, right, down)


@compiled
def _divergence(
    v: Floats,
    logs: Floats,
    unary: Floats,
    region: NDArray[np.int32],
    size: Floats,
    sums: Floats,
) -> float:
    """KL to the unaries; region sums are added to `sums`."""
    height, width, k = v.shape
    total = 0.0
    for y in range(height):
        line = 0.0
        for x in range(width):
            r = region[y, x]
            if r < 0:
                continue
            own = 0.0
            for j in range(k):
                sums[r, j] += size[y, x] * v[y, x, j]
                own += v[y, x, j] * (logs[y, x, j] - unary[y, x, j])
            line += size[y, x] * own
        total += line
    return total


@compiled
def _roughness(v: Floats, right: Floats, down: Floats) -> float:
    """Smoothness term, 1/2 sum of w_ij |v_i - v_j|^2 over pairs."""
    height, width, k = v.shape
    total = 0.0
    for y in range(height):
        line = 0.0
        for x in range(width):
            a, c = right[y, x], down[y, x]
            beside, below = min(x + 1, width - 1), min(y + 1, height - 1)
            for j in range(k):
                line += a * (v[y, x, j] - v[y, beside, j]) ** 2
                line += c * (v[y, x, j] - v[below, x, j]) ** 2
        total += line
    return 0.5 * total
