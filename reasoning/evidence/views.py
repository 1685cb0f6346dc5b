"""What the map says, seen from farther away: a prediction and rules come in, a layer per scale they ask for goes out.

A coarse view is a class of a rule file, below `ll:CoarseView`, with an `ll:distance` in metres. `coveredBy some
(View and Building)` is then the share of the ground around a region that the network itself gives to buildings, by a
Gaussian with that standard deviation. Views are facts, as the network saw it: they do not change during inference, so
rules about them are local and their weights are learned without approximation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fusion.prediction import Prediction
from kg import vocab
from kg.errors import RuleError
from kg.evidence import EvidenceLayer
from kg.expressions import walk
from kg.ontology import Axiom, Named, Ontology

CELLS = 4
"""Cells of a view per standard deviation: finer ones would say the same."""


def views_for(
    axioms: Iterable[Axiom], prediction: Prediction, ontology: Ontology
) -> tuple[EvidenceLayer, ...]:
    """The coarse views that rules ask for.

    Args:
        axioms: Rules.
        prediction: What the network said.
        ontology: Schema of the rules: which classes are coarse views, and of which distance.

    Returns:
        One layer per view, sorted by IRI, without entities: nobody made these observations.

    Raises:
        RuleError: A view without a usable `ll:distance`.
    """
    views = ontology.below(vocab.COARSE_VIEW) - {vocab.COARSE_VIEW}
    sides = [side for axiom in axioms for side in (axiom.left, axiom.right)]
    named = {part.iri for side in sides for part in walk(side) if isinstance(part, Named)}
    return tuple(
        coarse_view(prediction, kind, _distance(kind, ontology)) for kind in sorted(named & views)
    )


def coarse_view(prediction: Prediction, kind: str, distance: float) -> EvidenceLayer:
    """One coarse view.

    Args:
        prediction: Class probabilities.
        kind: IRI of the view.
        distance: Standard deviation of the Gaussian, metres.

    Returns:
        A layer whose cells are blocks of about a quarter of the distance, and whose classes are the kinds of the
        legend's classes. Pixels without prediction count for nothing.
    """
    grid = prediction.grid
    steps = [max(1, round(distance / CELLS / size)) for size in reversed(grid.pixel_size)]
    rows, cols = -(-grid.height // steps[0]), -(-grid.width // steps[1])
    cell = (np.arange(grid.height) // steps[0])[:, None] * cols + np.arange(grid.width) // steps[1]
    deviation = [
        distance / (step * size)
        for step, size in zip(steps, reversed(grid.pixel_size), strict=True)
    ]
    p = prediction.probabilities
    seen = _blurred(prediction.valid.astype(np.float32), steps, deviation)
    planes = [_blurred(plane, steps, deviation) / np.maximum(seen, 1e-9) for plane in p]
    shares = np.stack(planes, axis=-1).reshape(rows * cols, len(p))
    return EvidenceLayer(
        name=vocab.curie(kind),
        kind=kind,
        source=kind,
        grid=grid,
        cell=cell.astype(np.int32),
        shares=shares.astype(np.float32),
        classes=tuple(one.kind for one in prediction.legend.classes),
        entities=(),
    )


def _blurred(
    plane: NDArray[np.float32], steps: Sequence[int], deviation: Sequence[float]
) -> NDArray[np.float64]:
    """Sums over blocks, averaged with a Gaussian; nothing lies beyond the edge."""
    total = plane.astype(np.float64)
    for axis, step in enumerate(steps):
        total = np.add.reduceat(total, np.arange(0, total.shape[axis], step), axis=axis)
    out: NDArray[np.float64] = gaussian_filter(total, deviation, mode="constant", truncate=3.0)
    return out


def _distance(kind: str, ontology: Ontology) -> float:
    value = ontology.class_notes.get(kind, {}).get(vocab.DISTANCE)
    if not isinstance(value, int | float) or not 0 < value < np.inf:
        raise RuleError(
            f"{vocab.curie(kind)} is a coarse view with ll:distance {value}, expected metres above 0",
            f"{vocab.curie(kind)} ll:distance 80.0 .",
        )
    return float(value)
