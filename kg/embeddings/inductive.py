"""A finished embedding and statements about new entities come in, vectors of these go out, without training again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.embeddings.indexed import IndexedGraph
from kg.triples import Triple

Parts = Mapping[str, NDArray[np.float32]]
_RIDGES = (0.01, 0.1, 1.0, 10.0, 100.0)
TYPE = vocab.RDF + "type"
_LIKE = {TYPE: vocab.RDFS + "subClassOf"}
"""What a relation is taken for where the embedding does not know it: both say what something is."""


def fit_map(
    vectors: NDArray[np.float32], graph: IndexedGraph, texts: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """What takes words and neighbours of an entity to its vector: ridge regression over all known entities.

    Neighbours (types among them) speak through their vectors, moved by the mean difference of the two ends of the
    relation. How strong the ridge is, is chosen by leaving each entity out in turn (closed form).

    Args:
        vectors: (entity, dimension) of the finished embedding.
        graph: What it was learned from.
        texts: (entity, column) sentence vectors; rows of 0 where there are no words.

    Returns:
        "shifts" (2 x relation, dimension) and "map" (column + dimension + 2, dimension).
    """
    shifts = _shifts(vectors, graph)
    features = _features(vectors, graph, shifts, texts)
    return {"shifts": shifts.astype(np.float32), "map": _ridge(features, vectors)}


def map_vectors(
    parts: Parts, vectors: NDArray[np.float32], graph: IndexedGraph, texts: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Vectors of new entities by what `fit_map` has found.

    Args:
        parts: As `fit_map` gave them.
        vectors: (known entity, dimension).
        graph: Known entities first, in their order, then the new ones; what is said of the new ones. Statements
            between two new entities say nothing here.
        texts: (new entity, column).

    Returns:
        (new entity, dimension) float32.
    """
    known, count = len(vectors), len(graph.entities)
    outer = (graph.ids[:, [0, 2]] >= known).sum(axis=1) == 1
    room = np.zeros((count, vectors.shape[1]), np.float32)
    room[:known] = vectors
    words = np.vstack([np.zeros((known, texts.shape[1]), np.float32), texts])
    features = _features(room, graph.only(np.flatnonzero(outer)), parts["shifts"], words)
    return np.asarray(features[known:] @ parts["map"], np.float32)


def beside_classes(
    found: NDArray[np.float32],
    new: Sequence[str],
    known: Mapping[str, NDArray[np.float32]],
    triples: Iterable[Triple],
) -> NDArray[np.float32]:
    """New instances moved half-way to their classes.

    A type that the embedding does not know as a relation counts as a superclass, which places an instance among the
    subclasses of its class (a building beside hangars and cabins, `tests/kg/test_embed_osm.py`), not at the class.

    Args:
        found: (new entity, dimension) from `map_vectors`.
        new: Those entities.
        known: Entity -> its vector.
        triples: What is said of the new ones.
    """
    kinds: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for head, relation, tail, _ in triples:
        if relation == TYPE and tail in known:
            kinds[head].append(known[tail])
    return np.array(
        [
            (vector + np.mean(kinds[iri], axis=0)) / 2 if iri in kinds else vector
            for iri, vector in zip(new, found, strict=True)
        ],
        np.float32,
    )


def arrange(embedding: tuple[Sequence[str], Sequence[str]], graph: IndexedGraph) -> IndexedGraph:
    """The triples that say something of new entities, by numbers that begin with those of a finished embedding.

    Args:
        embedding: Its entities and its relations.
        graph: Old and new statements; relations that the embedding does not know are left out (a type is
            then taken for a superclass).
    """
    entities, relations = embedding
    new = [iri for iri in graph.entities if iri not in set(entities)]
    rows = {iri: i for i, iri in enumerate((*entities, *new))}
    kinds = {iri: i for i, iri in enumerate(relations)}
    ends = np.array([rows[iri] for iri in graph.entities], np.int64)
    by = np.array([kinds.get(iri, kinds.get(_LIKE.get(iri, ""), -1)) for iri in graph.relations])
    ids = np.stack([ends[graph.ids[:, 0]], by[graph.ids[:, 1]], ends[graph.ids[:, 2]]], axis=1)
    kept = (ids[:, 1] >= 0) & (ids[:, [0, 2]].max(axis=1) >= len(entities))
    return IndexedGraph((*entities, *new), tuple(relations), ids[kept], graph.weights[kept])


def _both(graph: IndexedGraph) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(entity, neighbour, way) of each triple, seen from its head and from its tail."""
    heads, kinds, tails = graph.ids.T
    ways = np.concatenate([kinds, kinds + len(graph.relations)])
    return np.concatenate([heads, tails]), np.concatenate([tails, heads]), ways


def _shifts(vectors: NDArray[np.float32], graph: IndexedGraph) -> NDArray[np.float64]:
    """(2 x relation, dimension): mean difference between an entity and its neighbour, by the way that links them."""
    one, other, ways = _both(graph)
    weights = np.tile(graph.weights.astype(np.float64), 2)
    total = np.zeros((2 * len(graph.relations), vectors.shape[1]))
    np.add.at(total, ways, weights[:, None] * (vectors[one] - vectors[other]))
    counted = np.bincount(ways, weights, minlength=len(total))
    shifts: NDArray[np.float64] = total / np.maximum(counted, 1e-12)[:, None]
    return shifts


def _features(
    vectors: NDArray[np.float32],
    graph: IndexedGraph,
    shifts: NDArray[np.floating],
    texts: NDArray[np.float32],
) -> NDArray[np.float64]:
    """(entity, column + dimension + 2): words, what the neighbours suggest, whether there are any, and 1."""
    one, other, ways = _both(graph)
    weights = np.tile(graph.weights.astype(np.float64), 2)
    heard = np.zeros((len(graph.entities), vectors.shape[1]))
    np.add.at(heard, one, weights[:, None] * (vectors[other] + shifts[ways]))
    total = np.bincount(one, weights, minlength=len(heard))[:, None]
    heard /= np.where(total > 0, total, 1)
    return np.hstack([texts, heard, total > 0, np.ones_like(total)])


def _ridge(features: NDArray[np.float64], wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    left, values, right = np.linalg.svd(features, full_matrices=False)
    turned = left.T @ wanted.astype(np.float64)
    best, least = None, np.inf
    for ridge in _RIDGES:
        shrunk = values**2 / (values**2 + ridge)
        held_out = 1 - (left**2 @ shrunk)
        miss = (wanted - left @ (shrunk[:, None] * turned)) / held_out[:, None]
        error = float((miss**2).mean())
        if error < least:
            best, least = right.T @ ((values / (values**2 + ridge))[:, None] * turned), error
    return np.asarray(best, np.float32)
