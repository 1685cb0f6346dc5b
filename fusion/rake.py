"""Raking: pixel probabilities and what a product says of each cell come in, probabilities that agree with it go out.

Iterative proportional fitting (Deming and Stephan 1940) with one weight per class and cell, finished by Newton steps on
the dual (the weights' logarithms), which converge where plain fitting crawls. Numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FLOOR = 1e-6
"""Least probability of a class in a pixel before raking: no class is impossible."""
_CHUNK = 200_000  # probabilities worked on at a time
_NEWTON_FROM = 4  # rounds of plain fitting before Newton steps begin
_LONGEST = 3.0  # nats, longest Newton step

Floats = NDArray[np.float64]


def rake(
    probabilities: NDArray[np.floating],
    cell: NDArray[np.integer],
    shares: NDArray[np.floating],
    *,
    tolerance: float = 1e-7,
    rounds: int = 60,
) -> NDArray[np.float32]:
    """Reweigh classes within each cell until the mean probabilities of its pixels equal its shares.

    Args:
        probabilities: (pixel, class); rows sum to 1.
        cell: (pixel,) row of `shares` of each pixel; pixels with -1 are returned unchanged.
        shares: (cell, class); a row sums to 1, or is all 0 (or NaN) for a cell that must not be raked.
        tolerance: Largest difference between a mean and its share.
        rounds: Most rounds.

    Returns:
        (pixel, class) float32; rows sum to 1.
    """
    out = np.array(probabilities, np.float32)
    wanted = np.asarray(shares, np.float64)
    use = np.isfinite(wanted).all(axis=1) & (wanted.sum(axis=1) > 0.5)
    for cells, index, there in _buckets(cell, use, out.shape[1]):
        p = np.maximum(out[index].astype(np.float64), FLOOR) * there[:, :, None]
        out[index[there]] = _rake_cells(p, wanted[cells], there, tolerance, rounds)[there]
    return out


def _buckets(
    cell: NDArray[np.integer], use: NDArray[np.bool_], classes: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]]:
    """Cells of like size together: (cell rows (c,), pixels (c, m) padded with 0, which are there (c, m))."""
    order = np.argsort(cell, kind="stable")
    counts = np.bincount(cell[cell >= 0], minlength=len(use))
    first = np.cumsum(counts) - counts + np.count_nonzero(cell < 0)
    rows = np.flatnonzero(use & (counts > 0))
    rows = rows[np.argsort(counts[rows], kind="stable")]
    at = 0
    while at < len(rows):
        size, step = counts[rows[at]], max(1, _CHUNK // (counts[rows[at]] * classes))
        part = rows[at : at + step]
        part = part[counts[part] <= max(8, 1.25 * size)]
        at += len(part)
        place = np.arange(counts[part].max())
        there = place[None, :] < counts[part][:, None]
        yield (
            part,
            np.where(there, order[np.where(there, first[part][:, None] + place, 0)], 0),
            there,
        )


def _rake_cells(
    p: Floats, y: Floats, there: NDArray[np.bool_], tolerance: float, rounds: int
) -> Floats:
    """Rake a bucket: p (cell, pixel, class) with zero rows where no pixel is, y (cell, class)."""
    wanted = y / y.sum(axis=1, keepdims=True)
    p = p * (wanted > 0)[:, None, :]
    count = there.sum(axis=1)[:, None].astype(np.float64)
    weight = np.zeros(y.shape)
    active = np.arange(len(y))
    for turn in range(rounds):
        q, mean = _weighted(p[active], weight[active], count[active])
        error = wanted[active] - mean
        late = np.abs(error).max(axis=1) > tolerance
        if not late.any():
            break
        active, q, mean, error = active[late], q[late], mean[late], error[late]
        step = _plain_step(wanted[active], mean)
        if turn >= _NEWTON_FROM:
            newton = _newton_step(q, mean, error, wanted[active], count[active])
            step = _better(p[active], weight[active], count[active], wanted[active], (newton, step))
        weight[active] += step
    return _weighted(p, weight, count)[0]


def _weighted(p: Floats, weight: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Reweighted pixels, rows summing to 1 (0 where no pixel is), and their mean per cell."""
    q = p * np.exp(weight)[:, None, :]
    total = q.sum(axis=2, keepdims=True)
    q /= np.where(total > 0, total, 1)
    return q, q.sum(axis=1) / count


def _plain_step(wanted: Floats, mean: Floats) -> Floats:
    ratio = np.where(wanted > 0, wanted, 1) / np.where(wanted > 0, np.maximum(mean, 1e-300), 1)
    return np.log(ratio)


def _newton_step(q: Floats, mean: Floats, error: Floats, wanted: Floats, count: Floats) -> Floats:
    """Solve Hessian * step = gradient of the concave dual sum(y * log w) - mean(log sum(p * w))."""
    classes = mean.shape[1]
    products: Floats = q.transpose(0, 2, 1) @ q
    hessian = -products / count[:, :, None]
    diagonal = np.arange(classes)
    hessian[:, diagonal, diagonal] += mean + np.where(wanted > 0, 1e-12, 1.0)
    hessian += (1.0 / classes) * np.ones((classes, classes))  # fixes the free constant
    gradient = np.where(wanted > 0, error, 0.0)[:, :, None]
    step = np.asarray(np.linalg.solve(hessian, gradient)[:, :, 0], np.float64)
    longest: Floats = np.abs(step).max(axis=1, keepdims=True)
    return step * np.minimum(1.0, _LONGEST / np.maximum(longest, 1e-300))


def _better(
    p: Floats, weight: Floats, count: Floats, wanted: Floats, steps: tuple[Floats, Floats]
) -> Floats:
    """The first step where it lowers the error more than the second does, else the second."""
    errors = [np.abs(wanted - _weighted(p, weight + step, count)[1]).max(axis=1) for step in steps]
    return np.where((errors[0] < errors[1])[:, None], steps[0], steps[1])


def raise_majority(
    probabilities: NDArray[np.floating],
    cell: NDArray[np.integer],
    majority: NDArray[np.integer],
    *,
    margin: float = 1e-3,
    nats: float = 0.0,
) -> NDArray[np.float32]:
    """Raise one class per cell, and where that is not enough, so far that it has the largest mean probability there.

    Args:
        probabilities: (pixel, class); rows sum to 1.
        cell: (pixel,) row of `majority` of each pixel, or -1.
        majority: (cell,) class that should be largest; -1 for a cell that must not be changed.
        margin: By how much its mean exceeds the second largest.
        nats: How far it is raised in any case, in the log-odds of each pixel.

    Returns:
        (pixel, class) float32; without `nats` cells where the class is largest already are unchanged.
    """
    out = np.array(probabilities, np.float32)
    if nats:
        named = np.where(np.asarray(cell) >= 0, np.asarray(majority)[cell], -1)
        rows = np.flatnonzero(named >= 0)
        out[rows, named[rows]] *= np.exp(np.float32(nats))
        out[rows] /= out[rows].sum(axis=1, keepdims=True)
    for cells, index, there in _buckets(cell, np.asarray(majority) >= 0, out.shape[1]):
        p = np.maximum(out[index].astype(np.float64), FLOOR) * there[:, :, None]
        best, count = majority[cells], there.sum(axis=1)[:, None].astype(np.float64)
        low = np.flatnonzero(_lead(p, np.zeros(len(cells)), best, count) < margin)
        if len(low) == 0:
            continue
        log_weight = _bisect(p[low], best[low], count[low], margin)
        raised = _weighted(p[low], _one_class(log_weight, best[low], p.shape[2]), count[low])[0]
        out[index[low][there[low]]] = raised[there[low]]
    return out


def _one_class(log_weight: Floats, best: NDArray[np.integer], classes: int) -> Floats:
    weight = np.zeros((len(best), classes))
    weight[np.arange(len(best)), best] = log_weight
    return weight


def _lead(p: Floats, log_weight: Floats, best: NDArray[np.integer], count: Floats) -> Floats:
    """(cell,) mean of class `best` less the largest mean of the others."""
    mean = _weighted(p, _one_class(log_weight, best, p.shape[2]), count)[1]
    rows = np.arange(len(best))
    own = mean[rows, best].copy()
    mean[rows, best] = -np.inf
    lead: Floats = own - mean.max(axis=1)
    return lead


def _bisect(p: Floats, best: NDArray[np.integer], count: Floats, margin: float) -> Floats:
    low, high = np.zeros(len(best)), np.full(len(best), -np.log(FLOOR) + 5)
    for _ in range(24):
        middle = (low + high) / 2
        enough = _lead(p, middle, best, count) >= margin
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high
