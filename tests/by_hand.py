"""Facts of a few regions, a legend of five classes and one rule, written by hand: what tests of logic are about."""

import numpy as np
from scipy.sparse import csr_matrix

from kg import vocab
from kg.legend import LandClass, Legend
from kg.ontology import Axiom, Named, load_ontology
from reasoning.facts import Facts
from reasoning.logic.axioms import compile_axioms

LL = vocab.CORE
NAMES = ("Water", "BeachSand", "TreeCover", "Grassland", "Building")
WATER, BEACH, TREES, GRASS, BUILDING = (Named(LL + name) for name in NAMES)
ADJACENT, AREA, WIDTH = LL + "adjacentTo", LL + "area", LL + "minWidth"


def legend(*names):
    classes = tuple(
        LandClass(f"{vocab.LEGEND}test/{i}", n, kind=LL + n) for i, n in enumerate(names)
    )
    codes = tuple(range(1, len(names) + 1))
    return Legend(vocab.LEGEND + "test", "test", classes, codes, ((0, 0, 0),) * len(names))


LEGEND = legend(*NAMES)


def axiom(left, right, **more):
    return Axiom(vocab.RULE + "test", "test", "", left, right, 1.0, False, "", "test.ttl", **more)


def compiled(left, right, facts, among=LEGEND):
    return compile_axioms([axiom(left, right)], among, load_ontology(), facts)[0]


def facts(n=3, data=None, shares=None, links=()):
    relations = {}
    for role, edges in dict(links).items():
        matrix = np.zeros((n, n))
        for r, s, value in edges:
            matrix[r, s] = value
        relations[role] = csr_matrix(matrix)
    return Facts(
        {name: np.array(v, float) for name, v in (data or {AREA: np.ones(n)}).items()},
        {pair: np.array(v, float) for pair, v in (shares or {}).items()},
        relations,
    )


def one_hot(*labels):
    return np.eye(len(NAMES))[list(labels)]


def uniform(n):
    return np.full((n, len(NAMES)), 1 / len(NAMES))
