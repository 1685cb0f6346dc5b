"""An indexed graph comes in, the rows to learn from and the rows to ask about go out; neither gives the other away."""

from __future__ import annotations

import numpy as np

from kg.embeddings.indexed import Ids, IndexedGraph


def split_rows(graph: IndexedGraph, share: float, seed: int) -> tuple[Ids, Ids]:
    """Rows to learn from and rows that are held out.

    All triples between two entities, in either direction and by any relation, fall on the same side: an inverse, a
    symmetric or a duplicate relation can then not give a held-out triple away (the fault that Toutanova and Chen 2015
    found in FB15k, and Dettmers 2018 in WN18). Every entity and every relation keeps a triple to learn from.

    Args:
        graph: The whole graph.
        share: Share of triples to hold out, 0..1; as many as can be found.
        seed: Seed of the choice.

    Returns:
        (row,) int64 each, sorted.
    """
    ids, held = graph.ids, list[int]()
    entities = np.bincount(ids[:, [0, 2]].ravel(), minlength=len(graph.entities))
    relations = np.bincount(ids[:, 1], minlength=len(graph.relations))
    pairs = np.sort(ids[:, [0, 2]], axis=1)
    _, group = np.unique(pairs, axis=0, return_inverse=True)
    rows_of = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    wanted = round(share * len(ids))
    for number in np.random.default_rng(seed).permutation(len(rows_of)):
        rows = rows_of[number]
        ends, kinds = ids[rows][:, [0, 2]].ravel(), ids[rows, 1]
        fits = len(held) + len(rows) <= wanted and ids[rows[0], 0] != ids[rows[0], 2]
        entities -= np.bincount(ends, minlength=len(entities))
        relations -= np.bincount(kinds, minlength=len(relations))
        if fits and entities[ends].min() > 0 and relations[kinds].min() > 0:
            held += rows.tolist()
        else:
            entities += np.bincount(ends, minlength=len(entities))
            relations += np.bincount(kinds, minlength=len(relations))
    test = np.array(sorted(held), np.int64)
    return np.setdiff1d(np.arange(len(ids)), test), test
