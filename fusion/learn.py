"""Learning from parts of an image: what lies in them and on which product cells comes in, a `Segmenter` goes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fusion.features import plan_features, plan_of
from fusion.field import Field
from fusion.segmenter import Look, Segmenter, look
from fusion.settings import SegmentSettings
from fusion.stack import Stack, moments_of
from fusion.weak import CellTargets, TrustFit, fit_trust, trust_by
from kg.errors import MissingExtraError

if TYPE_CHECKING:
    from fusion.train import Model, Pool

_RING_CELLS = 2_000  # with fewer, the network learns the cells by heart from their rings
_APART = 1_000_003  # between the seeds of two networks
_SAMPLED = 8  # parts that the scales of features are taken from

Progress = Callable[[float, str], None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Whole:
    """What is known of the image that the parts are of.

    Attributes:
        pixel_size: (width, height) of its pixels in metres.
        prior: (label,) overall shares of the product.
    """

    pixel_size: tuple[float, float]
    prior: Floats


def learn(
    fields: Sequence[Field],
    settings: SegmentSettings,
    tell: Progress,
    *,
    whole: Whole | None = None,
) -> tuple[Segmenter, list[Look]]:
    """Learn from parts of an image.

    Args:
        fields: The parts; each teaches something.
        settings: Knobs.
        tell: Told of the share done, up to 0.9, and what is being done.
        whole: What is known of the image; None: the only part is all of it.

    Returns:
        What was learned; and what it says of the image, where that is the only part.

    Raises:
        MissingExtraError: Torch is not installed.
    """
    try:
        from fusion import train as learning
    except ImportError as error:
        raise MissingExtraError("segmenting an image", "vision", error) from error
    tell(0.0, "features")
    stacks, cells = _stacks(fields, settings, whole), _Cells(fields, whole)
    with learning.torch_threads(settings.threads):
        pool, models = _pool(stacks, cells, settings), []
        for turn in range(settings.networks):
            low, high = (0.1 + 0.6 * part / settings.networks for part in (turn, turn + 1))
            knobs = replace(settings, seed=settings.seed + turn * _APART)
            models.append(learning.train(pool, knobs, progress=_part(tell, low, high)))
        fit, means, looks = _seen(stacks, models, cells, settings.seed)
        if settings.again and settings.trust:
            trust = trust_by(fit, means, cells.targets).trust[pool.cells].astype(np.float32)
            pool = replace(pool, weight=pool.weight * trust)
            told = _part(tell, 0.7, 0.85)
            models = [learning.train(pool, settings, start=m, progress=told) for m in models]
            fit, means, looks = _seen(stacks, models, cells, settings.seed)
    one, field = stacks[0], fields[0]
    believed = trust_by(fit, means, cells.targets).trust >= 0.5
    found = Segmenter(
        plan=one.plan, moments=(one.mean, one.std), around=one.around, models=tuple(models), fit=fit,
        prior=field.board.prior if field.board else None, trusted=cells.overall(believed),
        usual=float(np.median(cells.counts[cells.mine & (cells.counts > 0)])),
        coarse=field.board is not None, majority=field.targets.majority, settings=settings,
    )  # fmt: skip
    return found, looks


class _Cells:
    """The cells of all parts, one part after the other.

    Attributes:
        first: (part + 1,) where the cells of each part begin.
        counts: (cell,) pixels.
        mine, taught: (cell,) bool: cells that lie in their part; those of them that say something.
        targets: What they say.
        weight: (cell,) how many cells of the image each stands for, so that the shares of what teaches are those of
            the image; None where the only part is all of it.
        prior: (label,) overall shares of the image; None as for `weight`.
    """

    def __init__(self, fields: Sequence[Field], whole: Whole | None) -> None:
        self.first = np.cumsum([0, *(len(field.counts) for field in fields)])
        self.counts = np.concatenate([field.counts for field in fields])
        self.mine = np.concatenate([field.mine for field in fields])
        self.taught = np.concatenate([field.taught for field in fields])
        shares = np.concatenate([field.targets.shares for field in fields])
        same = np.concatenate([field.targets.same for field in fields])
        self.targets = CellTargets(shares, same, fields[0].targets.majority)
        self.weight, self.prior = None, None
        if whole is not None:
            weight = np.concatenate([np.full(len(f.counts), f.weight) for f in fields])
            drawn = weight[self.taught] @ shares[self.taught]
            self.weight = weight * (shares @ (whole.prior / np.maximum(drawn, 1e-9)))
            self.prior = whole.prior

    def overall(self, chosen: NDArray[np.bool_]) -> Floats:
        """(label,) shares of the cells that teach and are among those chosen."""
        rows = self.taught & chosen
        if not rows.any():
            rows = self.taught
        shares = self.targets.shares[rows]
        overall: Floats = (
            shares.mean(axis=0)
            if self.weight is None
            else np.average(shares, axis=0, weights=self.weight[rows])
        )
        return overall


def _part(tell: Progress, low: float, high: float) -> Progress:
    return lambda share, what: tell(low + share * (high - low), what)


def _stacks(fields: Sequence[Field], settings: SegmentSettings, whole: Whole | None) -> list[Stack]:
    """The features of the parts, all to one scale."""
    rings = [field.ring(settings) for field in fields]
    if sum(np.count_nonzero(field.taught) for field in fields) < _RING_CELLS:
        rings = [None] * len(fields)
    if whole is None:
        return [Stack(fields[0], plan_features(fields[0].image, fields[0].dem), rings[0])]
    each = max(1, 100_000 // len(fields))
    pixels = [field.image.values[:, field.image.valid] for field in fields]
    sample = np.concatenate([p[:, :: max(1, p.shape[1] // each)] for p in pixels], axis=1)
    terrain = fields[0].dem is not None
    plan = plan_of(sample, fields[0].image.bands, whole.pixel_size, terrain=terrain)
    mine = [r[f.taught] for r, f in zip(rings, fields, strict=True) if r is not None]
    around = np.concatenate(mine).mean(axis=0) if mine else None
    pairs = list(zip(fields, rings, strict=True))
    chosen = np.unique(np.linspace(0, len(pairs) - 1, _SAMPLED).astype(int))
    nothing = np.zeros(1, np.float32), np.ones(1, np.float32)
    raw = [Stack(pairs[i][0], plan, pairs[i][1], around=around, moments=nothing) for i in chosen]
    moments = moments_of([stack.sample() for stack in raw])
    return [
        Stack(field, plan, ring, around=around, moments=moments, keep=False)
        for field, ring in pairs
    ]


def _pool(stacks: Sequence[Stack], known: _Cells, settings: SegmentSettings) -> Pool:
    """Training pixels: of all cells that teach, or of as many as fit."""
    from fusion.train import Pool

    first, counts, cells = known.first, known.counts, np.flatnonzero(known.taught)
    cells = np.random.default_rng(settings.seed).permutation(cells)
    most = max(settings.cell_pixels * 10, settings.most_pixels // len(cells))
    kept = np.minimum(counts, most)
    cells = np.sort(cells[: np.searchsorted(np.cumsum(kept[cells]), settings.most_pixels) + 1])
    start = np.concatenate([[0], np.cumsum(kept[cells])]).astype(np.int64)
    features = np.empty((start[-1], len(stacks[0].mean)), np.float16)
    pixel = np.empty(start[-1], np.int64)
    for i, stack in enumerate(stacks):
        low, high = np.searchsorted(cells, first[i : i + 2])
        rows = slice(start[low], start[high])
        _fill(
            stack, cells[low:high] - first[i], kept[cells[low:high]], (features[rows], pixel[rows])
        )
    shares = known.targets.shares[cells].astype(np.float32)
    weight = np.ones(len(cells)) if known.weight is None else known.weight[cells]
    weight = (weight / weight.max()).astype(np.float32)
    named = known.targets.majority and stacks[0].field.board is not None
    prior = None if known.prior is None else known.prior.astype(np.float32)
    return Pool(features, start, shares, weight, pixel, cells, named, prior)


def _fill(
    stack: Stack,
    cells: NDArray[np.intp],
    kept: NDArray[np.int64],
    into: tuple[NDArray[np.float16], NDArray[np.int64]],
) -> None:
    """Put features and places of `kept` pixels of each of some cells of a part, cell by cell, where they belong."""
    if not len(cells):
        return
    counts = stack.field.counts
    cell, chosen = stack.field.cell.ravel()[stack.place], np.zeros(len(counts), bool)
    chosen[cells] = True
    position = np.flatnonzero(chosen[cell] & (cell >= 0))
    position = position[np.argsort(cell[position], kind="stable")]
    position = position[_thinned(counts[cells], kept)]
    order = np.argsort(position, kind="stable")
    features, pixel = into
    features[order] = stack.gather(position[order])
    pixel[:] = stack.place[position]


def _thinned(counts: NDArray[np.int64], kept: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pixels stay when `kept` of `counts` pixels of each cell are taken at even steps."""
    first = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.arange(counts.sum()) - first
    total, some = np.repeat(counts, counts), np.repeat(kept, counts)
    return np.asarray((rank + 1) * some // total != rank * some // total)


def _seen(
    stacks: Sequence[Stack], models: Sequence[Model], cells: _Cells, seed: int
) -> tuple[TrustFit | None, Floats, list[Look]]:
    """How cells are doubted, the (cell, label) mean predictions, and what networks say of an only part."""
    means, looks = np.empty(cells.targets.shares.shape), []
    for i, stack in enumerate(stacks):
        seen = look(stack, models)
        means[cells.first[i] : cells.first[i + 1]] = seen.means
        looks = [seen] if len(stacks) == 1 else []
    means[~cells.mine] = np.nan
    return fit_trust(means, cells.targets, seed=seed, weight=cells.weight), means, looks
