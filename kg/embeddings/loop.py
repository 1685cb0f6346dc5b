"""A model and weighted triples come in; the model comes out trained: full batches, no trainer's overhead, resumable."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kg.embeddings.decoders import against_all, one_each, questions
from kg.embeddings.indexed import IndexedGraph
from kg.folder import replace_file

if TYPE_CHECKING:
    from torch import Tensor

SAVED_EVERY = 20.0
"""Seconds between two states of a run on disk."""
_ROWS = 16_384


class LinkModel(Protocol):
    """What can be trained: a torch module that makes vectors of all entities and relations.

    Attributes:
        decoder: One of `kg.embeddings.decoders.DECODERS`.
        dropout: Share of each question that is dropped while training.
        cubes: Weight of the sum of cubes of the vectors' lengths along each axis (N3, Lacroix 2018).
    """

    decoder: str
    dropout: float
    cubes: float

    def tables(self) -> tuple[Tensor, Tensor]:
        """(entity, dimension) and (relation, dimension) vectors."""

    def new_epoch(self, epoch: int) -> None:
        """Called before each epoch, with randomness seeded for it."""


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Attributes:
        epochs: Passes over all triples.
        rate: Learning rate of Adam.
        candidates: Entities that each true answer is held against, drawn anew in each step; all where there are fewer.
        seed: Seed of everything random.
        keep: File for the state on the way, or None.
    """

    epochs: int
    rate: float
    candidates: int = 256
    seed: int = 0
    keep: Path | None = None


def train(
    model: Any, graph: IndexedGraph, training: Training, report: Callable[[int], None]
) -> None:
    """Train a model on link prediction.

    The loss of a triple is the cross-entropy of its tail, and of its head, against candidates (sampled softmax), times
    the triple's weight. Each epoch seeds its own randomness, so that a run that was killed and went on gives the
    same bytes as one that was not.

    Args:
        model: A torch module that is a `LinkModel`; trained in place.
        graph: What it learns.
        training: How.
        report: Called with the number of epochs done.
    """
    import torch

    adam = torch.optim.Adam(
        [p for p in model.parameters() if p.requires_grad], lr=training.rate, foreach=True
    )
    first = _resumed(model, adam, training.keep)
    saved = monotonic()
    for epoch in range(first, training.epochs):
        torch.manual_seed((training.seed + 1) * 1_000_003 + epoch)
        model.new_epoch(epoch)
        for rows in _batches(len(graph.ids)):
            adam.zero_grad()
            loss: Any = _loss(model, graph, rows, training.candidates)
            loss.backward()
            adam.step()
        done = epoch + 1
        if training.keep and (monotonic() - saved > SAVED_EVERY or done == training.epochs):
            _save(model, adam, done, training.keep)
            saved = monotonic()
        report(done)
    model.eval()


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread and a random state of its own, so that sums never depend on the machine's load."""
    import torch

    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.random.set_rng_state(state)
        torch.set_num_threads(threads)


def _batches(count: int) -> list[Tensor]:
    import torch

    parts = max(1, round(count / _ROWS))
    return list(torch.arange(count).chunk(1) if parts == 1 else torch.randperm(count).chunk(parts))


def _loss(model: Any, graph: IndexedGraph, rows: Tensor, count: int) -> Tensor:
    import torch
    from torch.nn.functional import dropout, softplus

    entities, relations = model.tables()
    ids = torch.from_numpy(graph.ids)[rows]
    weight = torch.from_numpy(graph.weights)[rows]
    drawn = torch.randperm(len(entities))[:count]
    candidates, more = entities[drawn], float(np.log(len(entities) / len(drawn)))
    loss: Tensor = entities.new_zeros(())
    for known, true, head in ((0, 2, False), (2, 0, True)):
        pairs = ids[:, known] * len(relations) + ids[:, 1]
        which, place = torch.unique(pairs, return_inverse=True)
        ends, by = entities[which // len(relations)], relations[which % len(relations)]
        asked = questions(model.decoder, ends, by, head=head)
        asked = dropout(asked, model.dropout, training=model.dropout > 0)
        others = against_all(model.decoder, asked, candidates).logsumexp(1)[place] + more
        own = one_each(model.decoder, asked[place], entities[ids[:, true]])
        loss = loss + (weight * softplus(others - own)).sum() / weight.sum()
    if model.cubes:
        parts = (entities[ids[:, 0]], relations[ids[:, 1]], entities[ids[:, 2]])
        loss = loss + model.cubes * sum((p.abs() ** 3).sum(1).mean() for p in parts)
    return loss


def _resumed(model: Any, adam: Any, keep: Path | None) -> int:
    """Epochs that are done already; 0 where nothing was saved, or nothing that can be used."""
    import torch

    if keep is None or not keep.is_file():
        return 0
    try:
        state = torch.load(io.BytesIO(keep.read_bytes()), weights_only=True)
        model.load_state_dict(state["model"])
        adam.load_state_dict(state["adam"])
        return int(state["epoch"])
    except (OSError, RuntimeError, ValueError, KeyError, EOFError):
        return 0


def _save(model: Any, adam: Any, epoch: int, keep: Path) -> None:
    import torch

    body = io.BytesIO()
    torch.save({"model": model.state_dict(), "adam": adam.state_dict(), "epoch": epoch}, body)
    replace_file(keep, body.getvalue())
