"""Evidence as noisy observations: a layer comes in, log p(evidence | class) of every pixel goes out.

With C_e(k) the graded crosswalk from source class e to label k, s_e the class shares of the cell at a pixel, rho the
reliability and K the number of labels, the likelihood ratio against an observation that says nothing is

    K p(s | k) = 1 + t * rho * (K * sum_e s_e C_e(k) - speaks)

`speaks` is the share of the cell whose classes mean anything in this legend, t the trust in the cell. Position
tolerance averages the ratio over all shifts within the tolerance, so that a feature that is out of place still counts,
but less. Its logarithm is weighed by a strength, less for large product cells: a cell of n pixels is one observation,
not n; each of its pixels gets 1 / (1 + log10(n) / 2) of it. Where no feature lies, nothing is said: sources have gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg import vocab
from kg.descent import ClassTree
from kg.errors import GridError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import Legend, crosswalk

Table = NDArray[np.float64]

TRUST_PIXELS = 4
"""Cells of fewer pixels are not compared with the network: it would silence the evidence where it is needed."""


@dataclass(frozen=True)
class Observation:
    """One source as evidence.

    Attributes:
        layer: The source.
        potential: (class, y, x) float32, strength * log(K p(evidence | class)); 0 where the source is silent.
        trust: (cell,) float64 probability that the cell describes what the image shows, 1 where not estimated.
    """

    layer: EvidenceLayer
    potential: NDArray[np.float32]
    trust: NDArray[np.float64]


def observation(
    layer: EvidenceLayer,
    legend: Legend,
    tree: ClassTree,
    *,
    strength: float = 1.0,
    network: Prediction | None = None,
) -> Observation:
    """Turn a layer into evidence for the labels of a legend.

    Args:
        layer: Source on the grid of the image.
        legend: Labels, K of them.
        tree: Subsumption of core classes (the ontology).
        strength: Factor on the logarithm; 0 switches the source off.
        network: With it, the trust in each product cell of at least `TRUST_PIXELS` pixels is estimated.

    Raises:
        GridError: Layer and prediction lie on different grids.
        LegendError: A class of the layer belongs to no known legend.
    """
    if network is not None:
        check_grid(layer, network.grid)
    speaks = layer.shares.astype(np.float64) @ crosswalk(layer.classes, legend, tree)
    size = np.bincount(layer.cell[layer.cell >= 0], minlength=len(layer.shares))
    trust = np.ones(len(size))
    if network is not None and layer.kind == vocab.PRODUCT_CELL:
        trust = cell_trust(layer.cell, speaks, size, network)
    ratio = (
        trust[:, None] * layer.reliability * (len(legend) * speaks - speaks.sum(axis=1)[:, None])
    )
    weight = np.full(len(size), strength)
    if layer.kind == vocab.PRODUCT_CELL:
        weight = strength / (1 + np.log10(np.maximum(size, 1)) / 2)
    return Observation(layer, _spread(layer, ratio, weight), trust)


def check_grid(layer: EvidenceLayer, grid: Grid) -> None:
    """Raise a GridError unless the layer lies on this grid."""
    if not layer.grid.same_as(grid) or layer.cell.shape != grid.shape:
        raise GridError(
            f"evidence {layer.name} is {layer.grid.height} x {layer.grid.width} pixels, the prediction "
            f"{grid.height} x {grid.width}: different grids",
            "lay the source onto the prediction's grid",
        )


def _spread(layer: EvidenceLayer, ratio: Table, weight: Table) -> NDArray[np.float32]:
    """Ratios minus 1 per cell -> weighted log ratios per pixel, averaged over shifts within the tolerance."""
    from scipy.ndimage import uniform_filter

    dx, dy = layer.grid.pixel_size
    sizes = tuple(2 * round(layer.tolerance / step) + 1 for step in (dy, dx))
    table = np.vstack([ratio, np.zeros(ratio.shape[1])]).astype(np.float32)
    out = np.empty((ratio.shape[1], *layer.cell.shape), np.float32)
    for k in range(len(out)):
        plane = table[layer.cell, k]
        if max(sizes) > 1:
            plane = uniform_filter(plane, sizes, mode="nearest")
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
    here = (speaks[compared] * (0.9 * mean[compared] + 0.1 * overall)).sum(axis=1)
    elsewhere = (speaks[compared] * overall).sum(axis=1)
    false, trust = 0.1, np.ones(len(size))
    for _ in range(50):
        good = (1 - false) * here / np.maximum((1 - false) * here + false * elsewhere, 1e-300)
        false = float(np.clip(1 - good.mean(), 0.01, 0.5))
    trust[compared] = good
    return trust
