"""Where images lie and a graph of the place come in; what the map under an image says for each class goes out.

A class of scenes states what it has (`hasPart`) and what covers it (`hasCover`), with weights. The map shows such a
thing under an image or does not. With u the share of places all over the map that show it, and a class that has it with
weight w, the map would show it with probability u + w (RECALL - u): maps are not complete, so it may be missing, and
what a class does not state says nothing. The log-odds against u add up over statements (naive Bayes), and count by
`CREDIT` only, because what a map shows comes together (a port has quays, ships and water at once).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import GridError, InputError, RasterError
from kg.footprints import Mapped, map_shares
from kg.reasons import ScenePart

if TYPE_CHECKING:
    from kg.scenes import SceneConcept
    from kg.store import KnowledgeGraph

_F64 = NDArray[np.float64]
_PART, _COVER = vocab.CORE + "hasPart", vocab.CORE + "hasCover"

RECALL = 0.5
"""Probability that a map shows what is there."""
CREDIT = 0.5
"""Share of the log-odds that counts."""
HALF = 0.5
"""A cover is shown where the map has at least this share of what the class states."""


@dataclass(frozen=True)
class PlacePrior:
    """What the map says.

    Attributes:
        logs: (image, class) float64 nats; 0 where the map says nothing.
        pieces: (relation, value) -> (image, class) float64 nats of this statement; they add up to `logs`.
        weights: (relation, value) -> (class,) weight of the statement, 0 where it is not said.
        known: (image,) whether the image has coordinates and the map shows anything there.
    """

    logs: _F64
    pieces: dict[tuple[str, str], _F64]
    weights: dict[tuple[str, str], _F64]
    known: NDArray[np.bool_]

    def parts(self, item: int, pair: tuple[int, int]) -> tuple[ScenePart, ...]:
        """Additive parts of an image's log-odds between two classes."""
        found = []
        for key, nats in self.pieces.items():
            amount = float(nats[item, pair[0]] - nats[item, pair[1]])
            if amount:
                own, rival = (float(self.weights[key][c]) for c in pair)
                found.append(ScenePart("map", *key, own, rival, amount))
        return tuple(found)


def place_prior(
    items: Sequence[str], concepts: Sequence[SceneConcept | None], graph: KnowledgeGraph
) -> PlacePrior:
    """What a graph with map features says about images that have coordinates.

    Args:
        items: Image files.
        concepts: The scene concept of each candidate class, None for a name outside the ontology.
        graph: Graph that `landlore build` made with OpenStreetMap or other vector features.

    Raises:
        InputError: No image has coordinates, or the graph has no features.
    """
    from kg.features import read_features

    outlines = [outline_of(item) for item in items]
    if all(outline is None for outline in outlines):
        raise InputError(
            f"{items[0]}: no coordinates, nor in any other image: the map cannot be looked at",
            "give georeferenced images (GeoTIFF), or leave --map out",
        )
    features = read_features(graph)
    if not features.iris:
        raise InputError(
            "the graph has no map features", "make one with: landlore build --osm FILE -o GRAPH"
        )
    return prior_of(map_shares(features, outlines), concepts)


def prior_of(mapped: Mapped, concepts: Sequence[SceneConcept | None]) -> PlacePrior:
    """Nats of each statement of the candidate classes for each image."""
    column = {cls: i for i, cls in enumerate(mapped.classes)}
    known: NDArray[np.bool_] = np.asarray(np.isfinite(mapped.shares).all(axis=1))
    shares = np.where(known[:, None], mapped.shares, 0.0)
    pieces: dict[tuple[str, str], _F64] = {}
    weights: dict[tuple[str, str], _F64] = {}
    for k, concept in enumerate(concepts):
        for triple in concept.triples if concept else ():
            key = (triple.relation, triple.tail)
            if triple.relation not in (_PART, _COVER) or triple.tail not in column:
                continue
            place = column[triple.tail]
            least = HALF * triple.weight if triple.relation == _COVER else 0.0
            nats = _nats(shares[:, place], mapped.usual[:, place], least, triple.weight)
            shape = (len(shares), len(concepts))
            pieces.setdefault(key, np.zeros(shape))[:, k] = CREDIT * nats * known
            weights.setdefault(key, np.zeros(len(concepts)))[k] = triple.weight
    logs = sum(pieces.values(), np.zeros((len(shares), len(concepts))))
    return PlacePrior(logs, dict(sorted(pieces.items())), weights, known)


def _nats(shares: _F64, usual: _F64, least: float, weight: float) -> _F64:
    """(image,) log-odds of one statement: shown or not, under the class and anywhere."""
    shows = shares > least if least == 0 else shares >= least
    often = usual > least if least == 0 else usual >= least
    anywhere = (often.sum() + 0.5) / (len(usual) + 1)
    stated = anywhere + weight * (max(RECALL, anywhere) - anywhere)
    nats: _F64 = np.where(shows, np.log(stated / anywhere), np.log((1 - stated) / (1 - anywhere)))
    return nats


def outline_of(item: str) -> _F64 | None:
    """(4, 2) corners of an image file in CRS84, or None: not there, not a raster, or without coordinates."""
    from kg.raster import read_grid

    if not Path(item).is_file():
        return None
    try:
        grid = read_grid(item)
    except (GridError, RasterError):
        return None
    height, width = grid.shape
    east, north = grid.lonlat([0, 0, height, height], [0, width, width, 0])
    return np.column_stack([east, north])
