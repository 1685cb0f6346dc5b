"""Scores of candidates and the triples that hold come in, how well held-out triples rank goes out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kg.embeddings.indexed import Ids

Scores = Callable[[Ids], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""(triple, 3) ids -> (triple, entity) scores of every entity as head, and the same as tail; higher is likelier."""
_CHUNK = 512


def link_metrics(scores: Scores, test: Ids, known: Ids, entities: int) -> dict[str, float]:
    """Filtered link prediction, both sides (Bordes 2013; equal scores share their ranks, Berrendorf 2020).

    Args:
        scores: The model.
        test: (triple, 3) held-out triples.
        known: (triple, 3) triples that were learned from; they and the other held-out ones are no wrong answers.
        entities: How many.

    Returns:
        "mrr", "hits_at_1", "hits_at_3", "hits_at_10" in 0..1, and "random_mrr", the value of a guess without filter.
    """
    ranks = filtered_ranks(scores, test, known)
    found = {f"hits_at_{k}": float((ranks <= k).mean()) for k in (1, 3, 10)}
    guess = float((1 / np.arange(1, entities + 1)).mean())
    return {"mrr": float((1 / ranks).mean()), **found, "random_mrr": guess}


def filtered_ranks(scores: Scores, test: Ids, known: Ids) -> NDArray[np.float64]:
    """(triple, 2) rank of the true head and of the true tail among all entities that are not right as well."""
    right: tuple[dict[tuple[int, int], list[int]], ...] = (defaultdict(list), defaultdict(list))
    for h, r, t in np.concatenate([known, test]).tolist():
        right[0][r, t].append(h)
        right[1][h, r].append(t)
    ranks = np.zeros((len(test), 2))
    for start in range(0, len(test), _CHUNK):
        chunk = test[start : start + _CHUNK]
        for side, found in enumerate(scores(chunk)):
            for i, (h, r, t) in enumerate(chunk.tolist()):
                true, others = (h, right[0][r, t]) if side == 0 else (t, right[1][h, r])
                ranks[start + i, side] = _rank(found[i], true, others)
    return ranks


def _rank(row: NDArray[np.float32], true: int, others: list[int]) -> float:
    above, equal = row > row[true], row == row[true]
    above[others] = equal[others] = False
    return 1.0 + float(above.sum()) + float(equal.sum()) / 2
