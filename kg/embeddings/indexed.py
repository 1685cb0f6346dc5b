"""Weighted triples come in, the same as sorted columns of numbers goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError
from kg.triples import Triple

Ids = NDArray[np.int64]
FEWEST = 4
"""Triples that an embedding needs at least."""


@dataclass(frozen=True)
class IndexedGraph:
    """A weighted graph as numbers.

    Attributes:
        entities: IRIs, sorted.
        relations: IRIs, sorted.
        ids: (triple, 3) int64 rows of head, relation and tail, sorted by IRI.
        weights: (triple,) float32 in (0, 1].
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    ids: Ids
    weights: NDArray[np.float32]

    def only(self, rows: Ids) -> IndexedGraph:
        """The same entities and relations with some of the triples."""
        return replace(self, ids=self.ids[rows], weights=self.weights[rows])


def index_triples(triples: Sequence[Triple], *, fewest: int = FEWEST) -> IndexedGraph:
    """Triples as numbers; of a triple that stands there twice the larger weight counts.

    Raises:
        InputError: Fewer distinct triples than that, or a weight that is not in (0, 1].
    """
    merged: dict[tuple[str, str, str], float] = {}
    for head, relation, tail, weight in triples:
        if not 0 < weight <= 1:
            raise InputError(
                f"triple {head} {relation} {tail}: weight {weight} is not in (0, 1]",
                "give weights above 0 and up to 1; percentages divided by 100",
            )
        merged[head, relation, tail] = max(weight, merged.get((head, relation, tail), 0.0))
    if len(merged) < fewest:
        raise InputError(
            f"the graph has {len(merged)} triples, too few to embed", "build a larger graph first"
        )
    keys = sorted(merged)
    entities = tuple(sorted({k[0] for k in keys} | {k[2] for k in keys}))
    relations = tuple(sorted({k[1] for k in keys}))
    e, r = {x: i for i, x in enumerate(entities)}, {x: i for i, x in enumerate(relations)}
    ids = np.array([(e[h], r[p], e[t]) for h, p, t in keys], np.int64)
    return IndexedGraph(entities, relations, ids, np.array([merged[k] for k in keys], np.float32))
