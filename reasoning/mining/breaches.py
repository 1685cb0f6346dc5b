"""Which regions break which candidate, and how wrong they are: a tile and candidates come in, columns go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction, prediction_from_labels
from kg.ontology import Axiom
from reasoning.correct import terms_of
from reasoning.learning.calibration import Calibration, identity
from reasoning.learning.tiles import LabelledTile
from reasoning.regions.graph import region_means

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BROKEN = 0.5
"""Degree from which on a region counts as breaking a rule, were its label the one it has."""


@dataclass(frozen=True, eq=False)
class Breaches:
    """The regions of one map, and which of them break which rule.

    Attributes:
        label: (region,) class index of the map.
        known: (region,) pixels whose truth is known.
        wrong: (region,) share of these whose truth is another class; 0 where none is known.
        broken: (rule, region) bool: breaks the rule with the label that it has.
        would: (rule, region) bool: would break the rule with the label that the rule is about.
        said: (region, class) mean calibrated probability.
        true: (region, class) share of the known pixels that truly are of the class.
    """

    label: NDArray[np.int16]
    known: Floats
    wrong: Floats
    broken: Mask
    would: Mask
    said: Floats
    true: Floats


def breaches_of_map(
    tile: LabelledTile, axioms: Sequence[Axiom], about: Sequence[int], calibration: Calibration
) -> Breaches:
    """Breaches in what the model said.

    Args:
        tile: The tile.
        axioms: Rules.
        about: Index of the class that each rule is about; -1 for rules about several.
        calibration: Of the model.
    """
    return _breaches(tile, tile.prediction, axioms, about, calibration)


def breaches_of_truth(
    tile: LabelledTile, axioms: Sequence[Axiom], about: Sequence[int]
) -> Breaches:
    """Breaches in the truth itself: exceptions to the rules."""
    legend, grid = tile.prediction.legend, tile.prediction.grid
    truth = prediction_from_labels(tile.truth, legend, grid, confidence=0.99, model="truth")
    return _breaches(tile, truth, axioms, about, identity(legend))


def _breaches(
    tile: LabelledTile,
    prediction: Prediction,
    axioms: Sequence[Axiom],
    about: Sequence[int],
    calibration: Calibration,
) -> Breaches:
    terms, _, _ = terms_of(
        prediction, layers=tile.layers, axioms=axioms, image=tile.image, dem=tile.dem
    )
    n, label, k = len(terms.regions), terms.regions.label, len(prediction.legend)
    q = np.concatenate([_means(label, n, terms.before.probabilities), terms.fixed()])
    cls, each = terms.regions.cls.astype(np.intp), np.arange(n)
    broken, would = np.zeros((len(axioms), n), bool), np.zeros((len(axioms), n), bool)
    place = {axiom.iri: i for i, axiom in enumerate(axioms)}
    for one in terms.compiled:
        row, degree = place[one.axiom.iri], one.violation.matrix(q)[:n]
        broken[row] = degree[each, cls] >= BROKEN
        if about[row] >= 0:
            would[row] = degree[:, about[row]] >= BROKEN
    seen = (label >= 0) & (tile.truth >= 0)
    pair = label[seen].astype(np.intp) * k + tile.truth[seen]
    counts = np.bincount(pair, minlength=n * k).reshape(n, k).astype(np.float64)
    known = counts.sum(axis=1)
    true = counts / np.maximum(known, 1)[:, None]
    wrong = np.where(known > 0, 1 - true[each, cls], 0.0)
    said = _means(label, n, calibration.apply(terms.before).probabilities)
    return Breaches(terms.regions.cls, known, wrong, broken, would, said, true)


def _means(label: NDArray[np.int32], n: int, planes: NDArray[np.float32]) -> Floats:
    """(region, class) means."""
    return np.stack([region_means(label, n, plane) for plane in planes], axis=1)
