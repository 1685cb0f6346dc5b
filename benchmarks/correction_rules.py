"""Rules to be learned for a data set, and their control: tiles come in, weightless or exchanged axioms go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from kg import vocab
from kg.legend import Legend
from kg.ontology import Axiom, load_ontology
from reasoning.learning.candidates import candidates as families
from reasoning.learning.candidates import label_name
from reasoning.learning.tiles import LabelledTile

NEAR = 8
"""Pixels: standard deviation of the nearer of the two coarse views."""


def candidates(tiles: Sequence[LabelledTile]) -> dict[str, tuple[Axiom, ...]]:
    """Two families of rules, and both together, each at weight 0; classes that no tile truly has are left out."""
    reach = NEAR * tiles[0].prediction.grid.pixel_size[0]
    found = families(tiles, load_ontology(), reach)
    return {**found, "shapes and views": (*found["shapes"], *found["views"])}


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
