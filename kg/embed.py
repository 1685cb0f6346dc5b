"""Weighted triples come in, a vector per entity and relation goes out. The one door to PyKEEN."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.embedding import KGEmbedding, graph_hash
from kg.errors import InputError, MissingExtraError
from kg.triples import Triple

_RATES = {
    "TransE": 0.02,
    "DistMult": 0.02,
    "RotatE": 0.02,
    "ComplEx": 0.1,
}  # ComplEx starts from larger values
MODELS = tuple(_RATES)
_Ids = NDArray[np.int64]


@dataclass(frozen=True)
class EmbedSettings:
    """How to embed.

    Attributes:
        model: One of `MODELS`: TransE (Bordes 2013), DistMult (Yang 2015), RotatE (Sun 2019), ComplEx (Trouillon 2016).
        dim: Dimension; complex models use that many complex numbers.
        epochs: Passes over all triples.
        rate: Learning rate of Adam; None takes one that suits the model.
        negatives: Corrupted triples per triple and side.
        held_out: Share of triples kept for the metrics; 0 skips the measurement (and halves the time).
        seed: Seed of everything random.
    """

    model: str = "TransE"
    dim: int = 64
    epochs: int = 100
    rate: float | None = None
    negatives: int = 2
    held_out: float = 0.1
    seed: int = 0


def embed_graph(
    triples: Sequence[Triple],
    settings: EmbedSettings | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> KGEmbedding:
    """Embed a weighted graph.

    The loss of each triple, softplus(score of a corrupted triple - its own score), counts with the triple's weight.
    Ids are sorted and all randomness is seeded, so the same triples give the same vectors on the same machine.
    The metrics come from a first run without the held-out triples; the vectors from a second run with all of them.

    Args:
        triples: At least 4 distinct statements.
        settings: Model, size, length and seed; default `EmbedSettings()`.
        progress: Called with (epochs done, epochs in all).

    Raises:
        InputError: Unknown model, too few triples, or a weight that is not positive.
        MissingExtraError: PyKEEN or torch is not installed.
    """
    settings = settings or EmbedSettings()
    entities, relations, ids, weights = _index(triples, settings)
    shape = (len(entities), len(relations))
    train, test = _split(ids, len(entities), settings)
    runs, metrics = (2 if len(test) else 1), dict[str, float]()

    def report(offset: int) -> Callable[[int], None]:
        total = settings.epochs * runs
        return lambda done: progress(offset + done, total) if progress else None

    with _pykeen():
        if len(test):
            model = _train(ids[train], weights[train], shape, settings, report(0))
            metrics = _measure(model, ids[train], ids[test], len(entities))
        model = _train(ids, weights, shape, settings, report(settings.epochs * (runs - 1)))
        vectors, relation_vectors = (
            _vectors(model.entity_representations),
            _vectors(model.relation_representations),
        )
    return KGEmbedding(
        entities,
        relations,
        vectors,
        relation_vectors,
        metrics,
        graph_hash(triples),
        settings.model,
        settings.seed,
    )


def _index(
    triples: Sequence[Triple], settings: EmbedSettings
) -> tuple[tuple[str, ...], tuple[str, ...], _Ids, NDArray[np.float32]]:
    if settings.model not in MODELS:
        raise InputError(
            f"unknown embedding model {settings.model!r}", f"choose one of {', '.join(MODELS)}"
        )
    merged: dict[tuple[str, str, str], float] = {}
    for head, relation, tail, weight in triples:
        if not weight > 0:
            raise InputError(
                f"triple {head} {relation} {tail}: weight {weight} is not positive",
                "give weights in (0, 1]",
            )
        merged[head, relation, tail] = max(weight, merged.get((head, relation, tail), 0.0))
    if len(merged) < 4:
        raise InputError(
            f"the graph has {len(merged)} triples, too few to embed", "build a larger graph first"
        )
    keys = sorted(merged)
    entities = tuple(sorted({k[0] for k in keys} | {k[2] for k in keys}))
    relations = tuple(sorted({k[1] for k in keys}))
    e, r = {x: i for i, x in enumerate(entities)}, {x: i for i, x in enumerate(relations)}
    ids = np.array([(e[h], r[p], e[t]) for h, p, t in keys], np.int64)
    return entities, relations, ids, np.array([merged[k] for k in keys], np.float32)


def _split(ids: _Ids, entities: int, settings: EmbedSettings) -> tuple[_Ids, _Ids]:
    """Rows to train on and rows to test on; every entity keeps at least one training triple."""
    left = np.bincount(ids[:, [0, 2]].ravel(), minlength=entities)
    wanted, test = round(settings.held_out * len(ids)), list[int]()
    for row in np.random.default_rng(settings.seed).permutation(len(ids)):
        head, _, tail = ids[row]
        if len(test) < wanted and left[head] > 1 and left[tail] > 1 and head != tail:
            test.append(row)
            left[[head, tail]] -= 1
    held = np.array(sorted(test), np.int64)
    return np.setdiff1d(np.arange(len(ids)), held), held


@contextmanager
def _pykeen() -> Iterator[None]:
    """PyKEEN without its notices: it warns at import (a torch deprecation) and logs when it measures on a CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import pykeen.models  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("graph embedding", "vision", error) from error
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)


def _train(
    ids: _Ids,
    weights: NDArray[np.float32],
    shape: tuple[int, int],
    settings: EmbedSettings,
    report: Callable[[int], None],
) -> Any:
    import torch
    from pykeen.models import model_resolver
    from pykeen.triples import CoreTriplesFactory

    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(1)  # the graph is small, and sums then never depend on the machine's load
    try:
        positives, weight = torch.from_numpy(ids), torch.from_numpy(weights)
        factory = CoreTriplesFactory.create(
            positives, num_entities=shape[0], num_relations=shape[1]
        )
        model = model_resolver.make(
            settings.model,
            triples_factory=factory,
            embedding_dim=settings.dim,
            random_seed=settings.seed,
        )
        adam = torch.optim.Adam(model.get_grad_params(), lr=settings.rate or _RATES[settings.model])
        rng = np.random.default_rng(settings.seed)
        for epoch in range(settings.epochs):
            adam.zero_grad()
            score = model.score_hrt(positives)
            loss = model.collect_regularization_term()
            for corrupted in _corrupt(ids, shape[0], settings.negatives, rng):
                gap = model.score_hrt(torch.from_numpy(corrupted)) - score
                loss = (
                    loss
                    + (weight[:, None] * torch.nn.functional.softplus(gap)).sum() / weight.sum()
                )
            loss.backward()
            adam.step()
            model.post_parameter_update()
            report(epoch + 1)
        return model.eval()
    finally:
        torch.random.set_rng_state(state)
        torch.set_num_threads(threads)


def _corrupt(ids: _Ids, entities: int, count: int, rng: np.random.Generator) -> Iterator[_Ids]:
    """`count` copies with a random tail and `count` copies with a random head."""
    for _ in range(count):
        for column in (0, 2):
            corrupted = ids.copy()
            corrupted[:, column] = rng.integers(0, entities, len(ids))
            yield corrupted


def _measure(model: Any, train: _Ids, test: _Ids, entities: int) -> dict[str, float]:
    import torch
    from pykeen.evaluation import RankBasedEvaluator

    result = RankBasedEvaluator(filtered=True).evaluate(
        model,
        torch.from_numpy(test),
        additional_filter_triples=[torch.from_numpy(train)],
        batch_size=64,
        use_tqdm=False,
    )
    names = {"mrr": "mean_reciprocal_rank", "hits_at_1": "hits_at_1", "hits_at_10": "hits_at_10"}
    metrics = {
        name: float(result.get_metric(f"both.realistic.{key}")) for name, key in names.items()
    }
    return metrics | {"random_mrr": float((1 / np.arange(1, entities + 1)).mean())}


def _vectors(representations: Sequence[Any]) -> NDArray[np.float32]:
    import torch

    with torch.no_grad():
        values = representations[0](indices=None)
        parts = torch.view_as_real(values) if values.is_complex() else values[..., None]
        return np.ascontiguousarray(
            parts.movedim(-1, 1).reshape(len(values), -1).numpy(), np.float32
        )
