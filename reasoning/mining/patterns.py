"""What a mined rule may say: true maps come in, candidate axioms of a few forms, with bounds from the truth, go out.

Bounds are quantiles over the pixels of the true regions of a class, so that few true pixels break them. Regions cut by
the edge of a tile are left out where enough others remain, because they look smaller than they are; upper bounds on
area are never proposed for that reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.legend import Legend, membership
from kg.ontology import Axiom, Expression, Facet, Named, Not, Only, Ontology, Some
from reasoning.facts import Beside, Facts, gather_facts
from reasoning.learning.tiles import LabelledTile
from reasoning.regions.graph import RegionGraph, build_regions

Floats = NDArray[np.float64]

LL = vocab.CORE
LOWER = ("area", "minWidth", "meanWidth")
UPPER = (
    "meanWidth", "minWidth", "distanceToWater", "distanceToSea", "distanceToRoad", "distanceToBuilding",
    "distanceToTreeCover",
)  # fmt: skip
BOTH = (
    "meanNdvi", "meanNdwi", "meanNdbi", "meanNdsi", "meanBrightness", "meanElevation", "meanSlope", "elongation",
)  # fmt: skip
"""Data properties that lower bounds, upper bounds and both are looked for."""
WHOLE = 5
"""True regions that the edge does not cut, from which on the others are left out."""


@dataclass(frozen=True)
class Pattern:
    """A candidate.

    Attributes:
        axiom: The rule, with weight 1.
        label: Index of the class on its left side.
        says: What it says of the class, for sentences.
    """

    axiom: Axiom
    label: int
    says: str


@dataclass(frozen=True, eq=False)
class TrueMap:
    """The truth of a tile as regions with facts.

    Attributes:
        regions: Regions of the truth.
        facts: What is known of them.
    """

    regions: RegionGraph
    facts: Facts


def true_map(tile: LabelledTile, ontology: Ontology) -> TrueMap:
    """Regions of the truth of a tile, measured like those of a map."""
    legend, grid = tile.prediction.legend, tile.prediction.grid
    truth = prediction_from_labels(tile.truth, legend, grid, confidence=0.99, model="truth")
    regions = build_regions(truth, tile.image)
    beside = Beside(tile.image, tile.dem)
    return TrueMap(regions, gather_facts(regions, truth, (), ontology, beside=beside))


def classes_of(legend: Legend, ontology: Ontology) -> dict[int, str]:
    """Label -> the core class that it alone is; labels that share a class, or cover others, are left out."""
    out = {}
    for i, one in enumerate(legend.classes):
        if one.kind and membership(legend, ontology, one.kind).sum() == 1:
            out[i] = one.kind
    return out


def patterns(
    maps: Sequence[TrueMap], legend: Legend, ontology: Ontology, tail: float
) -> tuple[Pattern, ...]:
    """All candidates.

    Args:
        maps: True maps of the tiles.
        legend: Labels.
        ontology: Names and units.
        tail: Share of the true pixels of a class that may lie beyond a bound.
    """
    found: list[Pattern] = []
    classes = classes_of(legend, ontology)
    for label, kind in classes.items():
        found += _bounds(maps, label, kind, ontology, tail)
        others = {i: other for i, other in classes.items() if i != label}
        for other in others.values():
            found += _neighbours(label, kind, other, ontology)
    return tuple(found)


def _neighbours(label: int, kind: str, other: str, ontology: Ontology) -> Iterator[Pattern]:
    beside = Some(LL + "adjacentTo", Named(other))
    inside = Only(LL + "surroundedBy", Named(other))
    name = ontology.label(other)
    forms: tuple[tuple[str, Expression, str], ...] = (
        ("not-beside", Not(beside), f"does not lie beside {name}"),
        ("beside", beside, f"lies beside {name}"),
        ("not-inside", Not(inside), f"does not lie inside {name}"),
    )
    for word, right, says in forms:
        yield _pattern(label, kind, f"{word}-{ontology.short(other)}", right, (says, ontology))


def _bounds(
    maps: Sequence[TrueMap], label: int, kind: str, ontology: Ontology, tail: float
) -> Iterator[Pattern]:
    for name in dict.fromkeys((*LOWER, *UPPER, *BOTH)):
        values, weights = _values(maps, label, LL + name)
        if len(values) < 2:
            continue
        low, high, *middle = _quantiles(values, weights, (tail, 1 - tail, 0.25, 0.75))
        tolerance = _rounded((middle[1] - middle[0]) / 10)
        unit = ontology.data_properties.get(LL + name, "")
        shown = "" if unit in ("", "1") else f" {unit}"
        for op, bound, names in ((">=", low, (*LOWER, *BOTH)), ("<=", high, (*UPPER, *BOTH))):
            value = _rounded(bound)
            if name in names and (value > 0 or name in BOTH):
                word = "at least" if op == ">=" else "at most"
                says = f"has {ontology.label(LL + name)} of {word} {value:g}{shown}"
                right = Facet(LL + name, op, value, min(tolerance, abs(value) / 2))
                slug = f"{name}-{'min' if op == '>=' else 'max'}"
                yield _pattern(label, kind, slug, right, (says, ontology))


def _pattern(
    label: int, kind: str, slug: str, right: Expression, said: tuple[str, Ontology]
) -> Pattern:
    says, ontology = said
    name = f"mined-{ontology.short(kind)}-{slug}".lower()
    sentence = f"{ontology.label(kind)} {says}"
    axiom = Axiom(vocab.RULE + name, sentence, "", Named(kind), right, 1.0, False, "", "mined.ttl")
    return Pattern(axiom, label, says)


def _values(maps: Sequence[TrueMap], label: int, name: str) -> tuple[Floats, Floats]:
    """Values of the true regions of a class, and their pixels."""
    rows = []
    for one in maps:
        column = one.facts.data.get(name)
        if column is not None:
            mine = (one.regions.cls == label) & np.isfinite(column)
            cut = np.zeros(len(mine)) if one.regions.cut is None else one.regions.cut
            rows.append(np.stack([column, one.regions.count, cut], axis=1)[mine])
    every = np.concatenate(rows) if rows else np.empty((0, 3))
    whole = every[every[:, 2] == 0]
    kept = whole if len(whole) >= WHOLE else every
    return kept[:, 0], kept[:, 1]


def _quantiles(values: Floats, weights: Floats, levels: Sequence[float]) -> list[float]:
    """Weighted quantiles: the smallest value with at least this share of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order]) / weights.sum()
    places = np.minimum(np.searchsorted(shares, levels), len(values) - 1)
    return [float(values[order][i]) for i in places]


def _rounded(value: float) -> float:
    """Two significant digits: nobody should read more into a quantile."""
    return float(f"{value:.2g}")
