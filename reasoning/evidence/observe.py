"""Evidence as noisy observations: a layer comes in, log p(evidence | class) of every pixel goes out.

With C_e(k) the graded crosswalk from source class e to label k, s_e the class shares of the cell at a pixel and rho the
reliability, the likelihood of what the source says, as a ratio to its likelihood in a pixel of unknown class, is

    p(s | k) / p(s) = 1 + t * rho * (sum_e s_e C_e(k) / pi_k - speaks)

`speaks` is the share of the cell whose classes mean anything in this legend, t the trust in the cell. Someone drew a
feature because it is there: rho is how often a feature is right, and by Bayes' rule pi_k is the share of label k in the
scene. A product draws every place and mistakes classes for others: rho is how often it is right about a place, errors
fall on all classes alike, and pi_k = 1 / K. (With the scene's shares there, random errors in favour of rare classes
would count as strong evidence for them.)

Position tolerance averages the ratio over shifts (Gaussian, two deviations = the tolerance), so that a feature that is
out of place still counts, but less. Its logarithm is weighed by a strength, less for large product cells: a cell of n
pixels is one observation, not n; each of its pixels gets 1 / (1 + log10(n) / 2) of it. Where no feature lies, nothing
is said: sources have gaps.

With a learned confusion matrix p(e | k) the ratio is 1 + t * (sum_e s_e p(e | k) / p(e) - 1) instead. A source of
another date speaks with probability `fresh` of the place as it was when the image was taken, else of nothing: its ratio
is drawn towards 1 by that factor (`reasoning.evidence.ageing`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg import vocab
from kg.crosswalk import crosswalk
from kg.descent import ClassTree
from kg.errors import GridError, SourceError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import Legend
from reasoning.evidence.confusion import confused

Table = NDArray[np.float64]

SMALLEST_SHARE = 0.02
"""Least share of a label in the scene: keeps evidence for absent classes from being taken for a sensation."""
TRUST_PIXELS = 4
"""Cells of fewer pixels are not compared with the network: it would silence the evidence where it is needed."""


@dataclass(frozen=True)
class Observation:
    """One source as evidence.

    Attributes:
        layer: The source.
        potential: (class, y, x) float32, strength * log p(evidence | class) / p(evidence); 0 where the source is
            silent.
        trust: (cell,) float64 probability that the cell describes what the image shows, 1 where not estimated.
        speaks: (cell, class) float32 share of each label in what a cell says.
    """

    layer: EvidenceLayer
    potential: NDArray[np.float32]
    trust: NDArray[np.float64]
    speaks: NDArray[np.float32]


def observation(
    layer: EvidenceLayer,
    legend: Legend,
    tree: ClassTree,
    *,
    strength: float = 1.0,
    network: Prediction | None = None,
    trusting: bool = False,
) -> Observation:
    """Turn a layer into evidence for the labels of a legend.

    Args:
        layer: Source on the grid of the image.
        legend: Labels, K of them.
        tree: Subsumption of core classes (the ontology).
        strength: Factor on the logarithm; 0 switches the source off.
        network: What the network said: the shares pi of the labels (even without it), and what the trust in
            product cells of at least `TRUST_PIXELS` pixels is estimated from.
        trusting: Take every product cell at its word.

    Raises:
        GridError: Layer and prediction lie on different grids.
        LegendError: A class of the layer belongs to no known legend.
    """
    if network is not None:
        check_grid(layer, network.grid)
    speaks = layer.shares.astype(np.float64) @ crosswalk(layer.classes, legend, tree)
    size = np.bincount(layer.cell[layer.cell >= 0], minlength=len(layer.shares))
    trust = np.ones(len(size))
    if network is not None and layer.kind == vocab.PRODUCT_CELL and not trusting:
        trust = cell_trust(layer.cell, speaks, size, network)
    drawn = None if layer.kind == vocab.PRODUCT_CELL else network
    spoken = layer.reliability * (
        speaks / label_shares(legend, drawn) - speaks.sum(axis=1)[:, None]
    )
    if layer.confusion is not None:
        spoken = confused(layer, layer.confusion, legend)
    ratio = trust[:, None] * layer.fresh * spoken
    weight = np.full(len(size), strength)
    if layer.kind == vocab.PRODUCT_CELL:
        weight = strength / (1 + np.log10(np.maximum(size, 1)) / 2)
    return Observation(layer, _spread(layer, ratio, weight), trust, speaks.astype(np.float32))


def label_shares(legend: Legend, network: Prediction | None) -> Table:
    """Share of each label in what the network said, at least `SMALLEST_SHARE`; (class,), sums to 1."""
    if network is None:
        return np.full(len(legend), 1 / len(legend))
    total = network.probabilities.sum(axis=(1, 2), dtype=np.float64)
    shares = np.maximum(total / max(total.sum(), 1e-12), SMALLEST_SHARE)
    return np.asarray(shares / shares.sum())


def check_grid(layer: EvidenceLayer, grid: Grid) -> None:
    """Raise a GridError unless the layer lies on this grid, a SourceError unless its numbers can be used."""
    if not layer.grid.same_as(grid) or layer.cell.shape != grid.shape:
        raise GridError(
            f"evidence {layer.name} is {layer.grid.height} x {layer.grid.width} pixels, the prediction "
            f"{grid.height} x {grid.width}: different grids",
            "lay the source onto the prediction's grid",
        )
    sound = np.isfinite(layer.shares).all() and (layer.shares >= 0).all()
    chances = all(0 <= one <= 1 for one in (layer.reliability, layer.fresh))
    known = int(layer.cell.max(initial=-1)) < len(layer.shares)
    if not (sound and chances and known and 0 <= layer.tolerance < np.inf):
        raise SourceError(
            f"evidence {layer.name} has shares below 0 or NaN, pixels of cells that it does not have, a reliability of "
            f"{layer.reliability} or a tolerance of {layer.tolerance} m; expected shares and reliability in 0..1",
            "correct the source of this layer",
        )


def _spread(layer: EvidenceLayer, ratio: Table, weight: Table) -> NDArray[np.float32]:
    """Ratios minus 1 per cell -> weighted log ratios per pixel, averaged over shifts within the tolerance."""
    from scipy.ndimage import gaussian_filter

    dx, dy = layer.grid.pixel_size
    spread = (layer.tolerance / (2 * dy), layer.tolerance / (2 * dx))
    table = np.vstack([ratio, np.zeros(ratio.shape[1])]).astype(np.float32)
    out = np.empty((ratio.shape[1], *layer.cell.shape), np.float32)
    for k in range(len(out)):
        plane = table[layer.cell, k]
        if layer.tolerance > 0:
            plane = gaussian_filter(plane, spread, mode="nearest", truncate=2.0)
        out[k] = np.log1p(np.maximum(plane, np.float32(-0.9999)))
    if len(np.unique(weight)) > 1:
        out *= np.append(weight, 0.0).astype(np.float32)[layer.cell]
    elif len(weight):
        out *= np.float32(weight[0])
    return out


def cell_trust(
    cell: NDArray[np.int32], speaks: Table, size: NDArray[np.int64], network: Prediction
) -> NDArray[np.float64]:
    """How far each product cell can be trusted, by a mixture of two kinds of cells.

    A cell either describes what the network sees in it, or is the cell of some other place; the share of the latter is
    found by EM. What a cell says is compared with the network's mean in it.

    Args:
        cell: (y, x) cell of each pixel, -1 for none.
        speaks: (cell, class) what each cell says of the labels.
        size: (cell,) pixels.
        network: What the network said.

    Returns:
        (cell,) float64 in 0..1; 1 for cells that are too small or say nothing.
    """
    inside = (cell >= 0) & network.valid
    places = cell[inside]
    seen = np.maximum(np.bincount(places, minlength=len(size)), 1)[:, None]
    sums = [
        np.bincount(places, weights=p[inside], minlength=len(size)) for p in network.probabilities
    ]
    mean = np.stack(sums, axis=1) / seen
    compared = (size >= TRUST_PIXELS) & (speaks.sum(axis=1) > 0)
    if not compared.any():
        return np.ones(len(size))
    overall = mean[compared].mean(axis=0)
    here = (speaks[compared] * (0.98 * mean[compared] + 0.02 * overall)).sum(axis=1)
    elsewhere = (speaks[compared] * overall).sum(axis=1)
    false, trust = 0.1, np.ones(len(size))
    for _ in range(50):
        good = (1 - false) * here / np.maximum((1 - false) * here + false * elsewhere, 1e-300)
        false = float(np.clip(1 - good.mean(), 0.01, 0.5))
    trust[compared] = good
    return trust
