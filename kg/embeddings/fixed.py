"""A weighted graph comes in, vectors that nobody trained go out, with the links that likeness between them suggests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.embeddings.indexed import Ids, IndexedGraph
from kg.embeddings.ranking import Scores

_UP = tuple(vocab.RDFS + name for name in ("subClassOf", "subPropertyOf")) + (
    vocab.SKOS + "broader",
)
_DECAY, _LEVELS, _SHARPNESS = 0.5, 6, 8
_ROUNDS, _SPARE = 8, 8
_COUNT = 1e-3


def graded_vectors(graph: IndexedGraph, dim: int) -> NDArray[np.float32]:
    """Graded attributes straight from the graph: what is said of an entity, how strongly, and what that is a kind of.

    A column is a relation with its tail (or, backwards, with its head); a value one level up in the class tree counts
    half. The columns are then brought down to their largest singular directions, which keeps likeness as well as so
    few numbers can.

    Args:
        graph: The graph.
        dim: Numbers per entity.

    Returns:
        (entity, dimension) float32; the sign of each column is settled by its largest value.
    """
    from scipy.sparse import csr_matrix, hstack, identity

    count, (heads, kinds, tails) = len(graph.entities), graph.ids.T
    up = np.isin(kinds, [i for i, iri in enumerate(graph.relations) if iri in _UP])
    tree = csr_matrix((np.ones(up.sum()), (heads[up], tails[up])), shape=(count, count))
    above, spread = identity(count, format="csr"), identity(count, format="csr")
    for _ in range(_LEVELS):
        above = above @ tree * _DECAY
        spread = spread.maximum(above)
    blocks = []
    for kind in range(len(graph.relations)):
        rows = kinds == kind
        ends = (heads[rows], tails[rows])
        said = csr_matrix((graph.weights[rows].astype(np.float64), ends), shape=(count, count))
        blocks += [said @ spread, said.T.tocsr()]
    table = hstack(blocks, format="csr")
    found = _largest_directions(table, min(dim, count))
    largest = np.abs(found).argmax(axis=0)
    found *= np.sign(found[largest, np.arange(found.shape[1])])
    out = np.zeros((count, dim), np.float32)
    out[:, : found.shape[1]] = found
    return out


def _largest_directions(table: Any, rank: int) -> NDArray[np.float64]:
    """Left singular vectors times singular values, by subspace iteration from a fixed start (Halko et al. 2011)."""
    start = np.random.default_rng(0).normal(size=(table.shape[1], rank + _SPARE))
    for _ in range(_ROUNDS):
        start = np.linalg.qr(table.T @ np.linalg.qr(table @ start)[0])[0]
    left, values, _ = np.linalg.svd(table @ start, full_matrices=False)
    found: NDArray[np.float64] = left[:, :rank] * values[:rank]
    return found


def likeness_scores(vectors: NDArray[np.float32], graph: IndexedGraph) -> Scores:
    """Links by likeness: what holds of entities whose vectors are alike, holds of this one too.

    The score of a tail is the sum, over triples of the relation with that tail, of weight times likeness (the cosine,
    sharpened) of their heads to the head; of a head, the same the other way round. Vectors that are all alike give
    how often each tail goes with the relation.

    Args:
        vectors: (entity, dimension).
        graph: The triples to learn from.
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    heads, kinds, tails = graph.ids.T

    def asked(
        known: Ids, relations: Ids, ends: tuple[NDArray[np.int64], NDArray[np.int64]]
    ) -> NDArray[np.float32]:
        """What entities like the known ones are tied to, by how alike they are: (statement, entity)."""
        scores = np.zeros((len(known), len(vectors)), np.float32)
        for kind in np.unique(relations):
            rows, told = np.flatnonzero(relations == kind), kinds == kind
            like = np.maximum(unit[known[rows]] @ unit[ends[0][told]].T, 0) ** _SHARPNESS + _COUNT
            answers, place = np.unique(ends[1][told], return_inverse=True)
            sums = np.zeros((len(rows), len(answers)), np.float32)
            np.add.at(sums.T, place, (like * graph.weights[told]).T)
            scores[np.ix_(rows, answers)] = sums
        return scores

    def scores(ids: Ids) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores of every entity as the head, and as the tail, of some statements."""
        by_tail = asked(ids[:, 2], ids[:, 1], (tails, heads))
        return by_tail, asked(ids[:, 0], ids[:, 1], (heads, tails))

    return scores
