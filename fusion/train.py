"""Training by label proportions: pixel features grouped in cells come in, a small torch network goes out.

After a warm-up on soft labels of single pixels, the mean predicted probability in a cell is made to match the
cell's class shares, KL(shares || mean) (Quadrianto et al. 2009; Ardehaly and Culotta 2017). Knowledge enters as
extra losses: see `PixelLoss`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from fusion.settings import SegmentSettings

Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is being done."""


class PixelLoss(Protocol):
    """A loss on pixel probabilities that brings its own gradient; numpy in, numpy out.

    Any object with these two methods can be added to the training: axioms compiled to penalties, for example.
    """

    def forward(self, probabilities: NDArray[np.float64], pixels: NDArray[np.int64]) -> float:
        """The loss, already multiplied by its weight.

        Args:
            probabilities: (pixel, label); rows sum to 1.
            pixels: (pixel,) place of each row in the image, row * width + column.
        """
        ...

    def backward(self) -> NDArray[np.float64]:
        """(pixel, label): gradient of the last `forward` with respect to the probabilities."""
        ...


@dataclass(frozen=True)
class Pool:
    """Training pixels, grouped in cells.

    Attributes:
        features: (pixel, feature) float16, standardised, pixels of a cell side by side.
        start: (cell + 1,) int64: cell c has rows start[c] to start[c + 1] - 1, at least one.
        shares: (cell, label) float32; rows sum to 1.
        weight: (cell,) float32, 0..1.
        pixel: (pixel,) int64 place of each row in the image, row * width + column.
        cells: (cell,) row of each cell in the layer.
    """

    features: NDArray[np.float16]
    start: NDArray[np.int64]
    shares: NDArray[np.float32]
    weight: NDArray[np.float32]
    pixel: NDArray[np.int64]
    cells: NDArray[np.intp]


@dataclass(frozen=True)
class Model:
    """A trained pixel network.

    Attributes:
        network: (pixel, feature) float32 -> (pixel, label) logits.
        shift: (label,) float32 added to the logits: undoes the class balance of the sample.
        loss: Mean loss of the last steps.
    """

    network: Any
    shift: NDArray[np.float32]
    loss: float


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Penalty(torch.autograd.Function):
    """Carries a `PixelLoss` through torch."""

    @staticmethod
    def forward(ctx: Any, probabilities: Any, loss: PixelLoss, pixels: NDArray[np.int64]) -> Any:
        value = loss.forward(probabilities.detach().double().numpy(), pixels)
        ctx.save_for_backward(torch.from_numpy(np.asarray(loss.backward())).to(probabilities))
        return probabilities.new_tensor(value)

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return outer[0] * gradient, None, None


def new_network(features: int, labels: int, settings: SegmentSettings) -> Any:
    """A perceptron with two hidden layers, weights drawn from the seed (torch's global state is untouched)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return torch.nn.Sequential(
            torch.nn.Linear(features, settings.hidden),
            torch.nn.GELU(),
            torch.nn.Linear(settings.hidden, settings.hidden),
            torch.nn.GELU(),
            torch.nn.Linear(settings.hidden, labels),
        )


def train(
    pool: Pool,
    settings: SegmentSettings,
    *,
    losses: Sequence[PixelLoss] = (),
    start: Model | None = None,
    progress: Progress | None = None,
) -> Model:
    """Learn pixel labels from cell shares.

    Args:
        pool: Training pixels.
        settings: Knobs; with `start`, `settings.again` steps are made without a warm-up.
        losses: Extra losses on the probabilities of the pixels of each step.
        start: A model to go on from.
        progress: Told how far it is.
    """
    network = (
        start.network
        if start
        else new_network(pool.features.shape[1], pool.shares.shape[1], settings)
    )
    steps, warm = (
        (settings.again, 0) if start else (settings.steps, round(settings.steps * settings.warm_up))
    )
    draw = _sampling(pool, settings.tempering)
    rng = np.random.default_rng(settings.seed + (1 if start else 0))
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _cosine(steps))
    recent = [0.0]
    for step in range(steps):
        cells, rows = _batch(pool, draw, settings, rng)
        optimiser.zero_grad()
        loss = _loss(
            network, pool, (cells, rows), settings.pixel_weight if step >= warm else None, losses
        )
        loss.backward()
        optimiser.step()
        schedule.step()
        recent = [*recent[-19:], loss.item()]
        if progress and step % 10 == 0:
            progress(step / steps, "learning")
    return Model(network, _shift(pool, draw), float(np.mean(recent)))


def _cosine(steps: int) -> Callable[[int], float]:
    return lambda step: 0.5 * (1 + float(np.cos(np.pi * min(step, steps) / max(steps, 1)))) + 1e-3


def _sampling(pool: Pool, tempering: float) -> NDArray[np.float64]:
    """(cell,) probability of drawing a cell: rare classes more often, distrusted cells less."""
    prior = np.maximum(pool.shares.mean(axis=0, dtype=np.float64), 1e-6)
    chance = (pool.shares @ prior ** (tempering - 1)) * pool.weight
    return np.asarray(chance / chance.sum())


def _shift(pool: Pool, draw: NDArray[np.float64]) -> NDArray[np.float32]:
    """log(share of each label in the product / in what was drawn)."""
    true = (pool.shares * pool.weight[:, None]).sum(axis=0, dtype=np.float64) / pool.weight.sum()
    drawn = draw @ pool.shares
    shift: NDArray[np.float32] = np.log(np.maximum(true, 1e-9) / np.maximum(drawn, 1e-9)).astype(
        np.float32
    )
    return shift


def _batch(
    pool: Pool, draw: NDArray[np.float64], settings: SegmentSettings, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Cells (c,) and rows of their pixels (c, m), evenly spread over each cell from a random phase."""
    counts = np.diff(pool.start)
    m = int(min(settings.cell_pixels, np.median(counts), settings.batch))
    cells = rng.choice(len(draw), size=max(1, settings.batch // m), p=draw)
    phase = rng.random((len(cells), 1)) + np.arange(m)
    rows = pool.start[cells][:, None] + (phase * (counts[cells] / m)[:, None]).astype(np.int64)
    return cells, np.minimum(rows, pool.start[cells + 1][:, None] - 1)


def _loss(
    network: Any,
    pool: Pool,
    batch: tuple[NDArray[np.intp], NDArray[np.int64]],
    pixel_weight: float | None,
    losses: Sequence[PixelLoss],
) -> Any:
    """Soft labels of single pixels (`pixel_weight` None), or label proportions + `pixel_weight` * that."""
    cells, rows = batch
    features = torch.from_numpy(pool.features[rows.ravel()].astype(np.float32))
    shares = torch.from_numpy(pool.shares[cells])
    logp = torch.log_softmax(network(features), dim=1)
    by_cell = logp.reshape(len(cells), -1, shares.shape[1])
    single = -(shares * by_cell.mean(dim=1)).sum(dim=1).mean()
    total = single
    if pixel_weight is not None:
        mean = by_cell.exp().mean(dim=1).clamp_min(1e-6)
        entropy = torch.special.entr(shares).sum(dim=1)
        total = (-(shares * mean.log()).sum(dim=1) - entropy).mean() + pixel_weight * single
    for loss in losses:
        total = total + _Penalty.apply(  # type: ignore[no-untyped-call]
            logp.exp(), loss, pool.pixel[rows.ravel()]
        )
    return total


def predict(
    model: Model, features: NDArray[np.floating], *, shifted: bool = True
) -> NDArray[np.float32]:
    """Label probabilities of pixels.

    Args:
        model: A trained network.
        features: (pixel, feature), standardised as in training.
        shifted: Undo the class balance of the training sample.

    Returns:
        (pixel, label) float32; rows sum to 1.
    """
    shift = torch.from_numpy(model.shift) if shifted else torch.zeros(len(model.shift))
    out = np.empty((len(features), len(model.shift)), np.float32)
    with torch.inference_mode():
        for at in range(0, len(features), 65_536):
            part = torch.from_numpy(np.asarray(features[at : at + 65_536], np.float32))
            out[at : at + 65_536] = torch.softmax(model.network(part) + shift, dim=1).numpy()
    return out
