"""Pixels to learn from: the terms of a tile and its marginals come in, choices with one feature per weight go out.

The score of pixel i in region r for class k is linear in what is learned,

    log p_ik / T + bias_k + sum_s strength_s potential_s_ik + smoothness * pull_ik - sum_a w_a message_a(r, k),

each part being exactly what the last step of `reasoning.inference.infer` adds up at the marginals given. So the
likelihood of the true labels, given the marginals around them (a pseudo-likelihood: Besag, The Statistician 24, 1975),
is concave.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.ontology import HARD_WEIGHT
from reasoning.inference.infer import EXCLUDED, Solution, region_message
from reasoning.learning.choices import Choices
from reasoning.learning.fit import Parameters
from reasoning.learning.prepared import Prepared

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

DENSITY = 4.0
"""Of a region of n pixels at most DENSITY * sqrt(n) are looked at: a lake does not hide a thousand small regions, and
none of its pixels stands for so many that chance decides."""
PER_TILE = 4_000
"""Most pixels of one tile that are looked at."""


def choose_pixels(
    tile: Prepared, *, density: float = DENSITY, per_tile: int = PER_TILE
) -> tuple[Ints, Ints, Floats]:
    """Draw known pixels of a tile by region, always the same ones.

    Of each region of n known pixels at most `density * sqrt(n)` are kept at random, and of all at most `per_tile`. Each
    stands for the inverse of its chance to be drawn, so that sums over the sample estimate sums over the tile. Pixels
    whose true class a hard rule removed are left out: no weight can make them right.

    Returns:
        Rows, columns, and how many pixels each stands for.
    """
    region = tile.terms.regions.label
    rows, cols = np.nonzero(tile.tile.known)
    mine = region[rows, cols].astype(np.intp)
    possible = tile.allowed[mine, tile.tile.truth[rows, cols].astype(np.intp)]
    rows, cols, mine = rows[possible], cols[possible], mine[possible]
    rng = np.random.default_rng(0)
    draw = rng.random(len(mine))
    order = np.lexsort((draw, mine))
    count = np.bincount(mine, minlength=len(tile.terms.regions))
    most = np.minimum(np.ceil(density * np.sqrt(count)), count)
    starts = np.cumsum(count) - count
    kept = order[np.arange(len(order)) - starts[mine[order]] < most[mine[order]]]
    stands = count[mine[kept]] / most[mine[kept]]
    if len(kept) > per_tile:
        fewer = np.sort(rng.permutation(len(kept))[:per_tile])
        stands = stands[fewer] * (len(kept) / per_tile)
        kept = kept[fewer]
    return rows[kept], cols[kept], np.asarray(stands, np.float64)


def choices_of(
    tile: Prepared,
    solution: Solution,
    parameters: Parameters,
    pixels: tuple[Ints, Ints, Floats],
) -> Choices:
    """Features of the pixels of one tile.

    Args:
        tile: The tile.
        solution: Marginals that neighbours and messages are taken at.
        parameters: Order of the features.
        pixels: As `choose_pixels` gives them.

    Returns:
        Choices whose weight is what each pixel stands for; their clusters are regions.
    """
    from reasoning.inference.smooth import smoothness_gradient

    rows, cols, stands = pixels
    n, k, terms = len(rows), len(parameters.legend), tile.terms
    features = np.zeros((n, k, len(parameters)))
    features[:, :, 0] = tile.logs[rows, cols]
    features[:, :, 1 : 1 + k] = np.eye(k)
    for one in terms.observations:
        column = 1 + k + parameters.sources.index(one.layer.name)
        features[:, :, column] += one.potential[:, rows, cols].T
    rough = smoothness_gradient(solution.at, *terms.contrast, rows, cols)
    features[:, :, parameters.smoothness] = -rough
    region, offset = terms.regions.label[rows, cols].astype(np.intp), np.zeros((n, k))
    first, place = parameters.smoothness + 1, {r: i for i, r in enumerate(parameters.rules)}
    for compiled, _ in terms.axioms():
        message = region_message(compiled, solution.means, tile.counts)[region]
        if compiled.axiom.hard:
            offset -= HARD_WEIGHT * message
        else:
            features[:, :, first + place[compiled.axiom.iri]] = -message
    offset[~tile.allowed[region]] = EXCLUDED
    truth = tile.tile.truth[rows, cols].astype(np.intp)
    cluster = np.unique(region, return_inverse=True)[1].ravel().astype(np.intp)
    return Choices(features, offset, truth, stands.copy(), stands, cluster)
