"""Which regions break which candidate, and how wrong they are: a tile and candidates come in, columns go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction, prediction_from_labels
from kg.ontology import Axiom, Ontology
from reasoning.correct import terms_of
from reasoning.learning.tiles import LabelledTile
from reasoning.regions import region_means

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
        broken: (rule, region) bool.
    """

    label: NDArray[np.int16]
    known: Floats
    wrong: Floats
    broken: Mask


def breaches_of_map(tile: LabelledTile, axioms: Sequence[Axiom], ontology: Ontology) -> Breaches:
    """Breaches in what the model said."""
    return _breaches(tile, tile.prediction, axioms, ontology)


def breaches_of_truth(tile: LabelledTile, axioms: Sequence[Axiom], ontology: Ontology) -> Breaches:
    """Breaches in the truth itself: exceptions to the rules."""
    legend, grid = tile.prediction.legend, tile.prediction.grid
    truth = prediction_from_labels(tile.truth, legend, grid, confidence=0.99, model="truth")
    return _breaches(tile, truth, axioms, ontology)


def _breaches(
    tile: LabelledTile, prediction: Prediction, axioms: Sequence[Axiom], ontology: Ontology
) -> Breaches:
    terms, _, _ = terms_of(
        prediction, layers=tile.layers, axioms=axioms, image=tile.image, dem=tile.dem
    )
    n, label = len(terms.regions), terms.regions.label
    means = [region_means(label, n, plane) for plane in terms.before.probabilities]
    q = np.concatenate([np.stack(means, axis=1), terms.fixed()])
    cls = terms.regions.cls.astype(np.intp)
    broken = np.zeros((len(axioms), n), bool)
    place = {axiom.iri: i for i, axiom in enumerate(axioms)}
    for one in terms.compiled:
        degree = one.violation.matrix(q)[:n]
        broken[place[one.axiom.iri]] = degree[np.arange(n), cls] >= BROKEN
    seen = (label >= 0) & (tile.truth >= 0)
    known = np.bincount(label[seen], minlength=n).astype(np.float64)
    false = seen & (tile.truth != prediction.labels)
    wrong = np.bincount(label[false], minlength=n) / np.maximum(known, 1)
    return Breaches(terms.regions.cls, known, wrong, broken)
