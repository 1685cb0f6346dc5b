"""A map without labels: an image and a coarser product come in, a `Prediction` at the image's resolution goes out.

Pixels learn from the product's cells by label proportions (`fusion.train`), cells that disagree with the image
are found (`fusion.weak`), and predictions are made to agree with the others (`fusion.rake`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fusion.features import plan_features
from fusion.prediction import Prediction
from fusion.rake import raise_majority, rake
from fusion.settings import SegmentSettings
from fusion.stack import Stack
from fusion.surround import Board, cell_board, interpolated_shares, ring_features
from fusion.weak import CellTargets, CellTrust, cell_targets, cell_trust
from kg.errors import GridError, MissingExtraError
from kg.evidence import EvidenceLayer
from kg.legend import Legend
from kg.raster import Raster

if TYPE_CHECKING:
    from fusion.train import Model, Pool

_CHUNK = 500_000  # pixels weighed at a time
_RING_CELLS = 2_000  # with fewer, the network learns the cells by heart from their rings
_APART = 1_000_003  # between the seeds of two networks
_COARSER = 4  # pixels per cell from which a product counts as coarser than the image

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Segmented:
    """A map made from a product, and how far each cell of the product was believed.

    Attributes:
        prediction: The map.
        trust: Trust of each cell of the layer.
        raked: (cell,) bool: cells that the map was made to agree with.
    """

    prediction: Prediction
    trust: CellTrust
    raked: NDArray[np.bool_]


def segment(
    image: Raster,
    layer: EvidenceLayer,
    legend: Legend,
    *,
    dem: Raster | None = None,
    settings: SegmentSettings | None = None,
    progress: Progress | None = None,
) -> Prediction:
    """Map an image from a product, without any label of its own.

    Args:
        image: (band, y, x) measurements.
        layer: The product on the image's grid (`kg.sources.landcover.product_layer`).
        legend: Labels of the map.
        dem: Elevation in metres on the image's grid.
        settings: Knobs; default `SegmentSettings()`.
        progress: Called with the share done (0..1) and what is being done.

    Returns:
        Probabilities on the image's grid; all 0 where the image has no observation.

    Raises:
        GridError: `layer` or `dem` is on another grid, or no cell lies under a valid pixel.
        RasterError: The image has no valid pixel.
        LegendError: The product's classes say nothing about the legend.
        MissingExtraError: torch is not installed.
    """
    return segment_cells(
        image, layer, legend, dem=dem, settings=settings, progress=progress
    ).prediction


def segment_cells(
    image: Raster,
    layer: EvidenceLayer,
    legend: Legend,
    *,
    dem: Raster | None = None,
    settings: SegmentSettings | None = None,
    progress: Progress | None = None,
) -> Segmented:
    """As `segment`, with the trust in each cell; arguments and errors are the same."""
    options, tell = settings or SegmentSettings(), progress or (lambda share, what: None)
    plan = plan_features(image, dem)
    weak = _weak_labels(image, layer, legend)
    tell(0.0, "features")
    stack = Stack(image, dem, plan, _ring(weak, options), weak.cell)
    found, trust = _learn(stack, weak, options, tell)
    tell(0.9, "raking")
    raked = _believed(weak, trust, options)
    agreed = _agree(
        _with_surroundings(found, stack, weak, trust, options), stack, weak, raked, options
    )
    out = np.zeros((stack.valid.size, len(legend.classes)), np.float32)
    out[stack.place] = agreed
    probabilities = np.ascontiguousarray(out.T).reshape(-1, *image.grid.shape)
    tell(1.0, "done")
    name = f"label proportions from {layer.name}, seed {options.seed}"
    return Segmented(Prediction(probabilities, legend, image.grid, name), trust, raked)


@dataclass(frozen=True)
class _Weak:
    """The product under the image: cell of each pixel, what cells say, their pixels, their places if coarse."""

    cell: NDArray[np.int32]
    targets: CellTargets
    counts: NDArray[np.int64]
    board: Board | None


def _weak_labels(image: Raster, layer: EvidenceLayer, legend: Legend) -> _Weak:
    cell = _cells_of_pixels(image, layer)
    targets = cell_targets(layer, legend)
    counts = np.bincount(cell[cell >= 0], minlength=len(layer.shares))
    if not (targets.usable & (counts > 0)).any():
        raise GridError(
            f"no cell of {layer.name} under the image has a class of legend {legend.name}",
            "give a product that has data here, or its own legend",
        )
    coarse = np.median(counts[counts > 0]) >= _COARSER
    return _Weak(cell, targets, counts, cell_board(cell, targets.shares) if coarse else None)


def _ring(weak: _Weak, options: SegmentSettings) -> NDArray[np.float32] | None:
    """Ring features of each cell, where they help: coarse majority-only products with many cells."""
    cells = np.count_nonzero(weak.targets.usable & (weak.counts > 0))
    if weak.board is None or not (options.ring and weak.targets.majority and cells >= _RING_CELLS):
        return None
    return ring_features(weak.board, weak.targets.shares)


def _learn(
    stack: Stack, weak: _Weak, options: SegmentSettings, tell: Progress
) -> tuple[NDArray[np.float32], CellTrust]:
    """Probabilities of the valid pixels, and the trust in each cell."""
    try:
        from fusion import train as learning
    except ImportError as error:
        raise MissingExtraError("segmenting an image", "vision", error) from error
    with learning.torch_threads(options.threads):
        pool, models = _pool(stack, weak, options), []
        for turn in range(options.networks):
            low, high = (0.1 + 0.6 * part / options.networks for part in (turn, turn + 1))
            knobs, told = (
                replace(options, seed=options.seed + turn * _APART),
                _part(tell, low, high),
            )
            models.append(learning.train(pool, knobs, progress=told))
        found, trust = _look(stack, models, weak, options)
        if options.again and options.trust:
            pool = replace(pool, weight=trust.trust[pool.cells].astype(np.float32))
            told = _part(tell, 0.7, 0.85)
            models = [learning.train(pool, options, start=m, progress=told) for m in models]
            found, trust = _look(stack, models, weak, options)
    return found, trust


def _part(tell: Progress, low: float, high: float) -> Progress:
    return lambda share, what: tell(low + share * (high - low), what)


def _cells_of_pixels(image: Raster, layer: EvidenceLayer) -> NDArray[np.int32]:
    """(y, x) cell of each valid pixel, -1 elsewhere."""
    if not layer.grid.same_as(image.grid):
        raise GridError(
            f"{layer.name} is on a grid of {layer.grid.width} x {layer.grid.height} px in "
            f"{layer.grid.crs}, expected the image's: {image.grid.width} x {image.grid.height} px "
            f"in {image.grid.crs}",
            "lay it on the image first: kg.sources.landcover.product_layer(path, legend, image.grid)",
        )
    cell = np.where(image.valid, layer.cell, np.int32(-1))
    if not (cell >= 0).any():
        raise GridError(
            f"no overlap: {layer.name} has no cell under a valid pixel of the image",
            "give a product of the same area",
        )
    return cell


def _pool(stack: Stack, weak: _Weak, options: SegmentSettings) -> Pool:
    """Training pixels: of all usable cells, or of as many as fit."""
    from fusion.train import Pool

    cell, counts = weak.cell.ravel()[stack.place], weak.counts
    cells = np.flatnonzero(weak.targets.usable & (counts > 0))
    cells = np.random.default_rng(options.seed).permutation(cells)
    most = max(options.cell_pixels * 10, options.most_pixels // len(cells))
    kept = np.minimum(counts, most)
    cells = np.sort(cells[: np.searchsorted(np.cumsum(kept[cells]), options.most_pixels) + 1])
    chosen = np.zeros(len(counts), bool)
    chosen[cells] = True
    position = np.flatnonzero(chosen[cell] & (cell >= 0))
    position = position[np.argsort(cell[position], kind="stable")]
    position = position[_thinned(counts[cells], kept[cells])]
    order = np.argsort(position, kind="stable")
    features = np.empty((len(position), len(stack.mean)), np.float16)
    features[order] = stack.gather(position[order])
    start = np.concatenate([[0], np.cumsum(kept[cells])]).astype(np.int64)
    shares = weak.targets.shares[cells].astype(np.float32)
    weight = np.ones(len(cells), np.float32)
    named = weak.targets.majority and weak.board is not None
    return Pool(features, start, shares, weight, stack.place[position], cells, named)


def _thinned(counts: NDArray[np.int64], kept: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pixels stay when `kept` of `counts` pixels of each cell are taken at even steps."""
    first = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.arange(counts.sum()) - first
    total, some = np.repeat(counts, counts), np.repeat(kept, counts)
    return np.asarray((rank + 1) * some // total != rank * some // total)


def _look(
    stack: Stack, models: Sequence[Model], weak: _Weak, options: SegmentSettings
) -> tuple[NDArray[np.float32], CellTrust]:
    """Probabilities of all valid pixels, and what they say of the cells."""
    from fusion.train import predict_together

    found = np.concatenate([predict_together(models, stripe) for stripe in stack.stripes()])
    cell = weak.cell.ravel()[stack.place]
    there, count = cell >= 0, len(weak.counts)
    sums = [np.bincount(cell[there], weights=p[there], minlength=count) for p in found.T]
    with np.errstate(invalid="ignore"):
        means = np.stack(sums, axis=1) / weak.counts[:, None]
    return found, cell_trust(means, weak.targets, seed=options.seed)


def _believed(weak: _Weak, trust: CellTrust, options: SegmentSettings) -> NDArray[np.bool_]:
    """(cell,) cells to agree with: coarse, whole, of the same classes, and trusted."""
    if not options.rake or weak.board is None:
        return np.zeros(len(weak.counts), bool)
    usual = float(np.median(weak.counts[weak.counts > 0]))
    good = weak.targets.usable & weak.targets.same & (weak.counts >= usual / 2)
    return good & (trust.trust >= 0.5) if options.trust else good


def _with_surroundings(
    found: NDArray[np.float32],
    stack: Stack,
    weak: _Weak,
    trust: CellTrust,
    options: SegmentSettings,
) -> NDArray[np.float32]:
    """Multiply in what trusted cells around each pixel say, beyond the overall shares."""
    if weak.board is None or weak.targets.majority or options.surroundings == 0:
        return found
    shares = weak.targets.shares * (trust.trust >= 0.5)[:, None]
    board = cell_board(weak.cell, shares)
    width = weak.cell.shape[1]
    for at in range(0, len(found), _CHUNK):
        rows, cols = np.divmod(stack.place[at : at + _CHUNK], width)
        local = interpolated_shares(board, rows, cols) / np.maximum(board.prior, 1e-9)
        part = found[at : at + _CHUNK] * np.maximum(local, 1e-2) ** options.surroundings
        found[at : at + _CHUNK] = part / part.sum(axis=1, keepdims=True)
    return found


def _agree(
    found: NDArray[np.float32],
    stack: Stack,
    weak: _Weak,
    raked: NDArray[np.bool_],
    options: SegmentSettings,
) -> NDArray[np.float32]:
    """Rake the believed cells; where they name one class, raise it by what they are worth, and to be the largest."""
    cell, shares = weak.cell.ravel()[stack.place], weak.targets.shares
    if not raked.any():
        return found
    if weak.targets.majority:
        believed = np.where(raked, shares.argmax(axis=1), -1)
        return raise_majority(found, cell, believed, nats=options.named)
    return rake(found, cell, np.where(raked[:, None], shares, 0.0))
