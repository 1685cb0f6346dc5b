"""Small random graphs of regions with real compiled axioms: a seed comes in, problems that can be enumerated go out.

They serve to compare inference with the truth (`reasoning.inference.exact`, `benchmarks/exactness.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from kg import vocab
from kg.axiom import Axiom
from kg.expressions import And, Count, Expression, Facet, Named, Not, Only, Or, Some
from kg.legend import LandClass, Legend
from kg.schema import Ontology
from reasoning.facts import ADJACENT_TO, Facts
from reasoning.inference.infer import Problem, region_problem

NAMES = ("Water", "TreeCover", "Grassland", "Building", "BeachSand")
AREA = vocab.CORE + "area"
FORMS = ("fact", "some", "only", "count", "not", "and", "or")


@dataclass(frozen=True)
class GraphKind:
    """What graphs are drawn.

    Attributes:
        regions: Nodes of each.
        classes: Labels, 2 to 5.
        degree: Mean number of neighbours.
        axioms: Axioms of each, of the forms in turn.
        weight: Largest weight of an axiom, nats; weights are uniform from half of it on.
        spread: Standard deviation of the nodes' scores, nats.
        smoothness: Largest weight of a pair of neighbours, nats.
        forms: Forms of axioms, of `FORMS`.
    """

    regions: int = 7
    classes: int = 3
    degree: float = 2.5
    axioms: int = 6
    weight: float = 1.0
    spread: float = 1.5
    smoothness: float = 0.0
    forms: tuple[str, ...] = FORMS


def random_graph(seed: int, kind: GraphKind, ontology: Ontology) -> Problem:
    """Draw one problem whose nodes are regions; the same seed gives the same."""
    from reasoning.logic.axioms import compile_axioms

    rng, n, legend = np.random.default_rng(seed), kind.regions, _legend(kind.classes)
    tied = np.triu(rng.random((n, n)) < kind.degree / max(n - 1, 1), 1)
    tied |= tied.T
    matrix = np.where(tied, rng.choice([0.25, 0.5, 1.0], (n, n)), 0.0)
    facts = Facts({AREA: rng.uniform(0, 10, n)}, {}, {ADJACENT_TO: csr_matrix(matrix)})
    rules = [_axiom(i, kind, rng) for i in range(kind.axioms)]
    compiled = compile_axioms(rules, legend, ontology, facts)
    scores = rng.normal(0, kind.spread, (n, kind.classes))
    unary = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    strength = np.triu(rng.random((n, n)), 1) * kind.smoothness
    cuts = csr_matrix(np.where(tied, strength + strength.T, 0.0)) if kind.smoothness else None
    axioms = tuple((one.axiom.weight, one) for one in compiled if one.active)
    return region_problem(unary, np.ones(n), axioms, cuts=cuts)


def _legend(classes: int) -> Legend:
    made = tuple(
        LandClass(f"{vocab.LEGEND}drawn/{name}", name, kind=vocab.CORE + name)
        for name in NAMES[:classes]
    )
    codes = tuple(range(1, classes + 1))
    return Legend(vocab.LEGEND + "drawn", "drawn", made, codes, ((0, 0, 0),) * classes)


def _axiom(i: int, kind: GraphKind, rng: np.random.Generator) -> Axiom:
    mine, other, third = (Named(vocab.CORE + NAMES[c]) for c in rng.integers(0, kind.classes, 3))
    form = kind.forms[i % len(kind.forms)]
    left, right = _sides(form, (mine, other, third), rng)
    weight = float(rng.uniform(0.5, 1.0) * kind.weight)
    return Axiom(f"{vocab.RULE}drawn{i}", form, "", left, right, weight, False, "drawn", "drawn")


def _sides(
    form: str, named: tuple[Expression, Expression, Expression], rng: np.random.Generator
) -> tuple[Expression, Expression]:
    """Left and right side of an axiom of a form."""
    mine, other, third = named
    beside, big = Some(ADJACENT_TO, other), Facet(AREA, ">=", float(rng.uniform(2, 8)), 1.0)
    n = int(rng.integers(1, 4))
    least, most = ((n, None), (0, n), (n, n))[int(rng.integers(0, 3))]
    counts = Count(ADJACENT_TO, least, most, other)
    sides: dict[str, tuple[Expression, Expression]] = {
        "fact": (mine, big),
        "some": (mine, beside),
        "only": (mine, Only(ADJACENT_TO, Or((mine, other)))),
        "count": (mine, counts),
        "not": (mine, Not(beside)),
        "and": (And((mine, Some(ADJACENT_TO, third))), And((big, Not(beside)))),
        "or": (Or((mine, third)), Or((big, beside))),
    }
    return sides[form]
