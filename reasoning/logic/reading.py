"""A rule and a legend come in; what the rule says in plain expressions goes out, and why it says nothing of a label.

None of this depends on a run's facts, so what was read is kept: many tiles are corrected by the same rules.
"""

from __future__ import annotations

from functools import lru_cache

from kg.expressions import walk
from kg.legend import Legend
from kg.names import check_legend, check_names
from kg.ontology import And, Count, Expression, Facet, Not, Ontology, Some, manchester
from reasoning.logic.meaning import Labels, is_link


class UnknownNameError(Exception):
    """A rule names what no ontology declares; the caller says which rule."""


@lru_cache(maxsize=32)
def labels_of(legend: Legend, ontology: Ontology) -> Labels:
    """What class expressions mean for the labels of a legend.

    Raises:
        LegendError: A class of the legend is nothing that the ontology knows.
    """
    check_legend(legend, ontology)
    return Labels(legend, ontology)


@lru_cache(maxsize=4096)
def read_sides(
    left: Expression, right: Expression, labels: Labels
) -> tuple[Expression, Expression, str]:
    """Both sides of a rule as `Labels.expand` gives them, and why it can never act ("" when it can).

    Raises:
        UnknownNameError: A name is unknown.
        UnusableError: A class is defined through itself, or an expression has no meaning here.
    """
    wrong = check_names(left, labels.ontology) or check_names(right, labels.ontology)
    if wrong:
        raise UnknownNameError(wrong)
    left, right = labels.expand(left), labels.expand(right)
    return left, right, _never_acts(left, right, labels)


def _never_acts(left: Expression, right: Expression, labels: Labels) -> str:
    """Why a rule can never change a decision between the labels of a legend, whatever the facts are; or ""."""
    legend = f"the legend {labels.legend.name}"
    least, greatest = labels.bounds(right)[0], labels.bounds(left)[1]
    if not greatest.any():
        return f"no label of {legend} can be {_said(left, labels)}"
    for part in walk(And((left, right))):
        if is_link(part) and not labels.bounds(part.filler)[1].any():
            return f"no label of {legend} can be {_said(part.filler, labels)}"
    if not ((greatest > 0) & (least < 1)).any():
        return f"holds for every label of {legend}"
    return ""


def _said(expression: Expression, labels: Labels) -> str:
    """The expression without facts and evidence, which have no part in what a label can be."""
    if isinstance(expression, And):
        kept = tuple(p for p in expression.parts if not isinstance(p, Facet | Some | Count | Not))
        expression = kept[0] if len(kept) == 1 else And(kept or expression.parts)
    return manchester(expression, labels.ontology)
