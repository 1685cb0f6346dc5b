"""Rules to be learned for a data set, and their control: tiles come in, weightless or exchanged axioms go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from kg import vocab
from kg.legend import Legend
from kg.ontology import Axiom, load_ontology
from reasoning.learning.context import label_name
from reasoning.learning.facets import bound_rules, knots_of, view_rules, with_view
from reasoning.learning.tiles import LabelledTile
from reasoning.regions.graph import build_regions

NEAR, FAR = 8, 24
"""Pixels: standard deviations of the two coarse views."""
MEASURES = {"minWidth": "min_width", "meanWidth": "mean_width"}


def candidates(tiles: Sequence[LabelledTile]) -> dict[str, tuple[Axiom, ...]]:
    """Two families of rules, and both together, each at weight 0; classes that no tile truly has are left out."""
    legend, pixel = tiles[0].prediction.legend, tiles[0].prediction.grid.pixel_size[0]
    tree, views = load_ontology(), []
    for reach in (NEAR, FAR):
        name, tree = with_view(tree, reach * pixel)
        views.append(name)
    regions = [build_regions(tile.prediction) for tile in tiles]
    knots = {
        vocab.CORE + name: knots_of([(getattr(one, column), one.count) for one in regions])
        for name, column in MEASURES.items()
    }
    shapes = _known(bound_rules(legend, tree, knots), tiles)
    around = _known([rule for view in views for rule in view_rules(legend, tree, view)], tiles)
    return {"shapes": shapes, "views": around, "shapes and views": (*shapes, *around)}


def _known(rules: Sequence[Axiom], tiles: Sequence[LabelledTile]) -> tuple[Axiom, ...]:
    """Without rules about classes that no tile truly has."""
    legend = tiles[0].prediction.legend
    seen = {int(label) for tile in tiles for label in np.unique(tile.truth) if label >= 0}
    gone = {label_name(legend, i) for i in range(len(legend)) if i not in seen}
    slugs = {rule.iri: set(_classes(rule, legend)) for rule in rules}
    return tuple(rule for rule in rules if not gone & slugs[rule.iri])


def _classes(rule: Axiom, legend: Legend) -> Iterator[str]:
    """Names of the classes that a rule is about, as they stand in its IRI."""
    names = [label_name(legend, i) for i in range(len(legend))]
    slug = f"-{rule.iri.removeprefix(vocab.RULE)}-"
    for one in names:
        if f"-{one}-" in slug:
            yield one


def exchanged(rules: Sequence[Axiom], legend: Legend, rng: np.random.Generator) -> list[Axiom]:
    """The rules with the weights that were learned for other classes, none for its own."""
    names = sorted({name for rule in rules for name in _classes(rule, legend)})
    order = np.roll(rng.permutation(len(names)), 1)
    order = order if (order != np.arange(len(names))).all() else np.roll(np.arange(len(names)), 1)
    other = {one: names[i] for one, i in zip(names, order, strict=True)}
    weights = {rule.iri: rule.weight for rule in rules}
    return [replace(rule, weight=weights[_swapped(rule.iri, other)]) for rule in rules]


def _swapped(iri: str, other: Mapping[str, str]) -> str:
    """The IRI of the same rule about other classes."""
    slug = iri.removeprefix(vocab.RULE)
    out, at = "", 0
    while at < len(slug):
        fresh = at == 0 or slug[at - 1] == "-"
        hits = [one for one in other if fresh and f"{slug}-".startswith(f"{one}-", at)]
        step = max(hits, key=len) if hits else slug[at]
        out, at = out + (other[step] if hits else step), at + len(step)
    return vocab.RULE + out
