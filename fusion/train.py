"""Training by label proportions: pixel features grouped in cells come in, a small torch network goes out.

After a warm-up on soft labels of single pixels, the mean predicted probability in a cell is made to match the
cell's class shares, KL(shares || mean) (Quadrianto et al. 2009; Ardehaly and Culotta 2017). A product that names only
the largest class of a cell says less: each class is named with chance proportional to a power of its share, so that a
small share that stays small costs little, and some cells are false. Knowledge enters as extra losses: see
`fusion.settings.PixelLoss`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fusion.pixel_loss import pixel_loss
from fusion.rake import FLOOR
from fusion.settings import SegmentSettings

FALSE = 0.1
"""Share of false cells that learning from majority-only products starts from; it is learned as well."""

_IN_CACHE = 2048  # pixels mapped at a time: what the layers of a network say of them stays in a processor's cache

Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is being done."""


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
        majority: Whether cells name their largest class only, of several pixels.
        prior: (label,) overall shares, where the cells were not drawn evenly; None: the mean of `shares`.
    """

    features: NDArray[np.float16]
    start: NDArray[np.int64]
    shares: NDArray[np.float32]
    weight: NDArray[np.float32]
    pixel: NDArray[np.int64]
    cells: NDArray[np.intp]
    majority: bool = False
    prior: NDArray[np.float32] | None = None

    @property
    def overall(self) -> NDArray[np.float32]:
        """(label,) overall shares."""
        shares: NDArray[np.float32] = self.shares.mean(axis=0) if self.prior is None else self.prior
        return shares


@dataclass(frozen=True)
class Model:
    """A trained pixel network.

    Attributes:
        network: (pixel, feature) float32 -> (pixel, label) logits.
        labels: How many labels.
        loss: Mean loss of the last steps.
    """

    network: Any
    labels: int
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
    start: Model | None = None,
    progress: Progress | None = None,
) -> Model:
    """Learn pixel labels from cell shares.

    Args:
        pool: Training pixels.
        settings: Knobs; with `start`, `settings.again` steps are made without a warm-up.
        start: A model to go on from.
        progress: Told how far it is.
    """
    labels = pool.shares.shape[1]
    network = start.network if start else new_network(pool.features.shape[1], labels, settings)
    steps = settings.again if start else settings.steps
    warm = 0 if start else round(settings.steps * settings.warm_up)
    draw = _sampling(pool, settings.tempering)
    rng = np.random.default_rng(settings.seed + (1 if start else 0))
    false = torch.nn.Parameter(torch.logit(torch.tensor(FALSE)))
    learned = [{"params": network.parameters()}, {"params": [false], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(learned, lr=settings.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _cosine(steps))
    recent = [0.0]
    for step in range(steps):
        batch = _batch(pool, draw, settings, rng)
        optimiser.zero_grad()
        loss = _loss(network, false, pool, batch, settings, warm=step < warm)
        loss.backward()
        optimiser.step()
        schedule.step()
        recent = [*recent[-19:], loss.item()]
        if progress and step % 10 == 0:
            progress(step / steps, "learning")
    return Model(network, labels, float(np.mean(recent)))


def _cosine(steps: int) -> Callable[[int], float]:
    return lambda step: 0.5 * (1 + float(np.cos(np.pi * min(step, steps) / max(steps, 1)))) + 1e-3


def _sampling(pool: Pool, tempering: float) -> NDArray[np.float64]:
    """(cell,) cumulated chance of drawing each cell: rare classes more often, distrusted cells less."""
    given = pool.prior
    prior = pool.shares.mean(axis=0, dtype=np.float64) if given is None else given
    prior = np.maximum(prior, 1e-6).astype(np.float64)
    chance = (pool.shares @ prior ** (tempering - 1)) * pool.weight
    total = np.cumsum(chance, dtype=np.float64)
    return np.asarray(total / total[-1])


def _batch(
    pool: Pool, draw: NDArray[np.float64], settings: SegmentSettings, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Cells (c,) and rows of their pixels (c, m), evenly spread over each cell from a random phase."""
    counts = np.diff(pool.start)
    m = int(min(settings.cell_pixels, np.median(counts), settings.batch))
    cells = np.searchsorted(draw, rng.random(max(1, settings.batch // m)), side="right")
    phase = rng.random((len(cells), 1)) + np.arange(m)
    rows = pool.start[cells][:, None] + (phase * (counts[cells] / m)[:, None]).astype(np.int64)
    return cells, np.minimum(rows, pool.start[cells + 1][:, None] - 1)


def _loss(
    network: Any,
    false: Any,
    pool: Pool,
    batch: tuple[NDArray[np.intp], NDArray[np.int64]],
    settings: SegmentSettings,
    *,
    warm: bool,
) -> Any:
    """Soft labels of single pixels while warming up, then label proportions; and the losses given."""
    cells, rows = batch
    features = torch.from_numpy(pool.features[rows.ravel()].astype(np.float32))
    shares = torch.from_numpy(pool.shares[cells])
    logp = torch.log_softmax(network(features), dim=1)
    by_cell = logp.reshape(len(cells), -1, shares.shape[1])
    total = -(shares * by_cell.mean(dim=1)).sum(dim=1).mean()
    if not warm:
        mean = by_cell.exp().mean(dim=1).clamp_min(1e-6).log()
        if pool.majority:
            named = torch.log_softmax(settings.sharpness * mean, dim=1)
            mean = _or_any(named, torch.from_numpy(pool.overall), false)
        entropy = torch.special.entr(shares).sum(dim=1)
        proportions = (-(shares * mean).sum(dim=1) - entropy).mean()
        total = proportions + settings.pixel_weight * total
    for loss in settings.losses:
        total = total + pixel_loss(logp.exp(), pool.pixel[rows.ravel()], loss)
    return total


def _or_any(named: Any, prior: Any, false: Any) -> Any:
    """(cell, label) log of the chance that a cell names each class, where some cells name what any cell may.

    Args:
        named: (cell, label) the same where no cell is false.
        prior: (label,) shares of the product.
        false: Logit of the share of false cells.
    """
    true = torch.nn.functional.logsigmoid(-false) + named
    return torch.logaddexp(true, torch.nn.functional.logsigmoid(false) + prior.log())


def predict(model: Model, features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Label probabilities of pixels.

    Args:
        model: A trained network.
        features: (pixel, feature), standardised as in training.

    Returns:
        (pixel, label) float32; rows sum to 1.
    """
    return predict_together([model], features)


def predict_together(
    models: Sequence[Model], features: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Label probabilities of pixels by several networks, averaged as logarithms.

    Args:
        models: Trained networks, one or more.
        features: (pixel, feature), standardised as in training.

    Returns:
        (pixel, label) float32; rows sum to 1.
    """
    out = np.empty((len(features), models[0].labels), np.float32)
    with torch.inference_mode():
        for at in range(0, len(features), _IN_CACHE):
            part = torch.from_numpy(np.asarray(features[at : at + _IN_CACHE], np.float32))
            found = [torch.softmax(model.network(part), dim=1).numpy() for model in models]
            out[at : at + _IN_CACHE] = found[0] if len(models) == 1 else _averaged(found)
    return out


def _averaged(found: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Means of logarithms, as probabilities."""
    logs = np.zeros_like(found[0])
    for one in found:
        logs += np.log(np.maximum(one, FLOOR))
    mixed = np.exp(logs / len(found))
    averaged: NDArray[np.float32] = mixed / mixed.sum(axis=1, keepdims=True)
    return averaged
