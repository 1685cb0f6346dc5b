"""Candidate rules about one region alone: labelled tiles come in, weightless axioms go out.

Two families. `X SubClassOf coveredBy some (View and X)` and `X SubClassOf not (coveredBy some (View and Y))` ask what
the network itself says of the ground around (`reasoning.evidence.views`). `X SubClassOf minWidth some decimal[>= b]`
and `[<= b]`, with a tolerance, are steps of a curve: together their weights draw, class by class, any curve of the
measure that is straight between the bounds (the terms of a generalised additive model: Hastie and Tibshirani,
"Generalized additive models", Statistical Science 1, 1986). All are local, so the likelihood of their weights is
concave whatever the neighbours are. Every rule starts at weight 0: a question, which only labelled tiles answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import InputError
from kg.legend import Legend
from kg.ontology import And, Axiom, Expression, Facet, Named, Not, Ontology, Or, Some
from kg.schema import ontology_of
from kg.terms import TYPE, Literal, Term, Terms
from reasoning.learning.tiles import LabelledTile, class_counts
from reasoning.regions.graph import build_regions

Floats = NDArray[np.float64]

CITATION = (
    "Candidate made for every class of the legend; its weight is learned from labelled tiles."
)
MEASURES = {vocab.CORE + "minWidth": "min_width", vocab.CORE + "meanWidth": "mean_width"}
"""Data property -> column of a region graph: what bounds are put on."""
FARTHER = 3
"""The second view looks so many times as far as the first."""


def candidates(
    tiles: Sequence[LabelledTile], ontology: Ontology, reach: float
) -> dict[str, tuple[Axiom, ...]]:
    """Two families of rules, at weight 0, about the classes that some tile truly has.

    Args:
        tiles: Of one legend; bounds of widths are taken from their maps.
        ontology: What rules are written in so far.
        reach: Metres that the first view looks; the second looks `FARTHER` times as far.

    Returns:
        "shapes" and "views"; their axioms know the ontology with the views.

    Raises:
        InputError: A reach that is not above 0, no tile, or no known pixel.
    """
    present = [i for i, count in enumerate(class_counts(tiles)) if count]
    legend, views = tiles[0].prediction.legend, []
    for distance in (reach, FARTHER * reach):
        name, ontology = with_view(ontology, distance)
        views.append(name)
    columns: dict[str, list[tuple[Floats, Floats]]] = {name: [] for name in MEASURES}
    for tile in tiles:
        regions = build_regions(tile.prediction)
        for name, column in MEASURES.items():
            columns[name].append((getattr(regions, column), regions.count.astype(np.float64)))
    knots = {name: knots_of(values) for name, values in columns.items()}
    around = [rule for view in views for rule in view_rules(legend, ontology, view, present)]
    return {"shapes": bound_rules(legend, ontology, knots, present), "views": tuple(around)}


def expression_of(legend: Legend, label: int, ontology: Ontology) -> Expression:
    """The class expression that holds for one label of a legend and for no other."""
    kind = legend.classes[label].kind
    below = sorted({one.kind for one in legend.classes if one.kind != kind} & ontology.below(kind))
    if not below:
        return Named(kind)
    inner: Expression = Named(below[0]) if len(below) == 1 else Or(tuple(map(Named, below)))
    return And((Named(kind), Not(inner)))


def label_name(legend: Legend, label: int) -> str:
    """The label of a class in letters that an identifier may have, or its number."""
    words = re.sub("[^a-z0-9]+", "-", legend.classes[label].label.lower()).strip("-")
    return words or f"class-{label}"


def with_view(ontology: Ontology, distance: float) -> tuple[str, Ontology]:
    """A coarse view of a distance of its own.

    Args:
        ontology: What rules are written in so far.
        distance: Standard deviation in metres.

    Returns:
        IRI of the view, a class below `ll:CoarseView`, and the ontology with it.

    Raises:
        InputError: A distance that is not above 0.
    """
    if not 0 < distance < np.inf:
        raise InputError(
            f"--context {distance:g}: expected a distance in metres, above 0",
            "for example --context 80: eight pixels of a 10 m map",
        )
    iri = vocab.RULE + f"view-{distance:g}".replace(".", "-")
    said: dict[str, list[Term]] = {
        TYPE: [vocab.OWL + "Class"],
        vocab.RDFS + "subClassOf": [vocab.COARSE_VIEW],
        vocab.RDFS + "label": [Literal(f"view over {distance:g} m", "en")],
        vocab.DISTANCE: [Literal(float(distance))],
    }
    digest = f"{ontology.digest}, {iri}"
    return iri, ontology_of([Terms({iri: said})], digest, extending=ontology)


def view_rules(
    legend: Legend, ontology: Ontology, view: str, labels: Sequence[int] | None = None
) -> tuple[Axiom, ...]:
    """One rule per ordered pair of classes about what a coarse view shows, sorted by IRI.

    Args:
        legend: Its classes.
        ontology: Knows the view (`with_view`) and which class is below which.
        view: IRI of the view.
        labels: The classes that rules are made for, by their place in the legend; default all.
    """
    alone = [expression_of(legend, i, ontology) for i in range(len(legend))]
    name = view.rpartition("/")[2].rpartition("#")[2]
    found, places = [], range(len(legend)) if labels is None else labels
    for i in places:
        for j in places:
            one, other = legend.classes[i], legend.classes[j]
            shown = Some(vocab.COVERED_BY, And((Named(view), alone[j])))
            says = (
                "lies where the ground around" if i == j else "does not lie where the ground around"
            )
            found.append(
                _rule(
                    f"{name}-{label_name(legend, i)}-{label_name(legend, j)}",
                    f"{one.label} {says} is {other.label.lower()} ({ontology.label(view)})",
                    (alone[i], shown if i == j else Not(shown)),
                    ontology,
                )
            )
    return tuple(sorted(found, key=lambda rule: rule.iri))


def bound_rules(
    legend: Legend,
    ontology: Ontology,
    knots: Mapping[str, Sequence[float]],
    labels: Sequence[int] | None = None,
) -> tuple[Axiom, ...]:
    """Steps between neighbouring knots, upwards and downwards, for every class and measure; sorted by IRI.

    Args:
        legend: Its classes.
        ontology: Names and units.
        knots: Data property IRI -> rising values; n of them give 2 (n - 1) rules per class.
        labels: As `view_rules` takes them.
    """
    found = [
        rule
        for i in (range(len(legend)) if labels is None else labels)
        for measure, values in sorted(knots.items())
        for rule in _steps(legend, i, ontology, (measure, values))
    ]
    return tuple(sorted(found, key=lambda rule: rule.iri))


def _steps(
    legend: Legend, label: int, ontology: Ontology, curve: tuple[str, Sequence[float]]
) -> Iterator[Axiom]:
    measure, values = curve
    left = expression_of(legend, label, ontology)
    short, unit = ontology.short(measure), ontology.data_properties.get(measure, "")
    for low, high in pairwise(values):
        middle, half = (low + high) / 2, (high - low) / 2
        for word, op in (("at least", ">="), ("at most", "<=")):
            slug = f"{label_name(legend, label)}-{short}-{word.split()[1]}-{middle:g}"
            yield _rule(
                slug.lower().replace(".", "-").replace("+", ""),
                f"{legend.classes[label].label} has {ontology.label(measure)} of {word} {middle:g} {unit}".strip(),
                (left, Facet(measure, op, middle, half)),
                ontology,
            )


def _rule(slug: str, says: str, sides: tuple[Expression, Expression], ontology: Ontology) -> Axiom:
    return Axiom(
        iri=vocab.RULE + slug,
        label=says,
        label_zh="",
        left=sides[0],
        right=sides[1],
        weight=0.0,
        hard=False,
        citation=CITATION,
        file="",
        comment="",
        ontology=ontology,
    )


def knots_of(columns: Sequence[tuple[Floats, Floats]], parts: int = 4) -> tuple[float, ...]:
    """Bounds that cut the pixels of some tiles into parts of equal size.

    Args:
        columns: Per tile: (region,) values, NaN where unknown, and (region,) pixels.
        parts: How many.

    Returns:
        The least value, the quantiles between the parts, and the quantile of 95 %, in two digits; fewer where they
        coincide.
    """
    values = np.concatenate([column for column, _ in columns])
    pixels = np.concatenate([count for _, count in columns]).astype(np.float64)
    known = np.isfinite(values) & (pixels > 0)
    if not known.any():
        return ()
    order = np.argsort(values[known], kind="stable")
    ranked, shares = values[known][order], np.cumsum(pixels[known][order])
    places = np.searchsorted(shares / shares[-1], [*np.linspace(0, 1, parts + 1)[1:-1], 0.95])
    inner = ranked[np.minimum(places, len(ranked) - 1)]
    rounded = {float(f"{value:.2g}") for value in (ranked[0], *inner)}
    return tuple(sorted(rounded))
