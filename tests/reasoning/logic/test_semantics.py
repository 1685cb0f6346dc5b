"""Compiled rules against OWL's own semantics: every world is enumerated, with nothing of the compiler's code."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from kg import vocab
from kg.axiom import Axiom
from kg.errors import RuleError
from kg.expressions import And, Count, Facet, Named, Not, Only, Or, Some, inverse
from kg.legend import LandClass, Legend
from kg.ontology import load_ontology
from reasoning.facts import Facts
from reasoning.logic.axioms import compile_axioms

X = "http://x#"
TURTLE = """
@prefix : <http://x#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:Wet a owl:Class . :Lake a owl:Class ; rdfs:subClassOf :Wet . :Sand a owl:Class . :Wood a owl:Class .
:Pool a owl:Class ; owl:equivalentClass [ a owl:Class ; owl:intersectionOf ( :Lake [ a owl:Restriction ;
  owl:onProperty :size ; owl:allValuesFrom [ a rdfs:Datatype ; owl:onDatatype xsd:decimal ;
  owl:withRestrictions ( [ xsd:maxExclusive 5.0 ] ) ] ] ) ] .
:size a owl:DatatypeProperty .
:a a owl:ObjectProperty . :b a owl:ObjectProperty ; owl:inverseOf :back .
:back a owl:ObjectProperty . :either a owl:ObjectProperty . :two a owl:ObjectProperty .
:a rdfs:subPropertyOf :either . [ owl:inverseOf :b ] rdfs:subPropertyOf :either .
:two owl:propertyChainAxiom ( :a [ owl:inverseOf :b ] ) .
"""
NAMES = ("Lake", "Sand", "Wood")
MEANS = {X + "Wet": {0}, X + "Lake": {0}, X + "Sand": {1}, X + "Wood": {2}, vocab.OWL + "Thing": {0, 1, 2}}  # fmt: skip
LEGEND = Legend(
    vocab.LEGEND + "test",
    "test",
    tuple(LandClass(f"{vocab.LEGEND}test/{i}", n, kind=X + n) for i, n in enumerate(NAMES)),
    (1, 2, 3),
    ((0, 0, 0),) * 3,
)
ROLES = [X + "a", inverse(X + "a"), inverse(X + "back"), X + "either", X + "two", X + "back"]


@pytest.fixture(scope="module")
def ontology(tmp_path_factory):
    path = tmp_path_factory.mktemp("semantics") / "small.ttl"
    path.write_text(TURTLE)
    return load_ontology([path])


def edges(role, a, b):
    """OWL 2 Direct Semantics, table 6, on 0/1 arrays; a region is no neighbour of itself."""
    both = {
        X + "a": a,
        inverse(X + "a"): a.T,
        X + "b": b,
        X + "back": b.T,
        inverse(X + "back"): b,
        X + "either": np.maximum(a, b.T),
        X + "two": np.minimum(a @ b.T, 1),
    }
    found = both[role].copy()
    np.fill_diagonal(found, 0)
    return found


def holds(e, r, labels, known):
    """Whether region r is an instance of e in one world: labels of all regions, edges, values."""
    size, neighbours = known
    inner = lambda part, s=r: holds(part, s, labels, known)  # noqa: E731
    match e:
        case Named(iri) if iri == X + "Pool":
            return labels[r] == 0 and size[r] < 5
        case Named(iri):
            return labels[r] in MEANS[iri] or (iri == X + "Wet" and labels[r] == 0)
        case And(parts):
            return all(map(inner, parts))
        case Or(parts):
            return any(map(inner, parts))
        case Not(part):
            return not inner(part)
        case Facet(_, op, value, _):
            return {"<": size[r] < value, "<=": size[r] <= value, ">": size[r] > value}.get(
                op, size[r] >= value
            )
    fulfil = sum(inner(e.filler, s) for s in np.flatnonzero(neighbours(e.role)[r]))
    match e:
        case Some():
            return fulfil >= 1
        case Only():
            return fulfil == neighbours(e.role)[r].sum()
        case Count(_, low, high, _):
            return low <= fulfil and (high is None or fulfil <= high)


CLASSES = st.sampled_from([Named(X + name) for name in ("Wet", "Lake", "Sand", "Wood", "Pool")])
OPS, VALUES = st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from([3.0, 5.0, 7.0])
FACETS = st.builds(Facet, st.just(X + "size"), OPS, VALUES)
BOUNDS = st.sampled_from([(0, None), (1, None), (2, None), (0, 0), (0, 1), (0, 2), (1, 1), (2, 2)])


def mixed(leaves):
    return lambda inner: st.one_of(
        st.tuples(inner, inner).map(And),
        st.tuples(inner, inner).map(Or),
        inner.map(Not),
        *leaves(inner),
    )


def relations(inner):
    roles = st.sampled_from(ROLES)
    return (
        st.builds(Some, roles, inner),
        st.builds(Only, roles, inner),
        st.builds(lambda role, b, e: Count(role, *b, e), roles, BOUNDS, inner),
    )


FLAT = st.recursive(CLASSES | FACETS, mixed(lambda _: ()), max_leaves=3)
ONE_RELATION = st.recursive(
    CLASSES | FACETS | FLAT.flatmap(lambda e: st.one_of(*relations(st.just(e)))),
    mixed(lambda _: ()),
    max_leaves=4,
)
NESTED = st.recursive(CLASSES | FACETS, mixed(relations), max_leaves=5)


def scene(rng, n, share=0.5):
    a, b = (rng.random((2, n, n)) < share).astype(float)
    for matrix in (a, b):
        np.fill_diagonal(matrix, 0)
    return a, b, rng.choice([1.0, 3.0, 5.0, 9.0], n)


def compiled(left, right, ontology, a, b, size):
    rule = Axiom(vocab.RULE + "t", "t", "", left, right, 1.0, False, "", "t.ttl")
    facts = Facts({X + "size": size}, {}, {X + "a": csr_matrix(a), X + "b": csr_matrix(b)})
    try:
        return compile_axioms([rule], LEGEND, ontology, facts)[0]
    except RuleError as error:  # drawn with more than MAX_LINKS relations: refused, and said why
        assume("relations side by side" not in error.message)
        raise


def violations(left, right, labels, a, b, size):
    known = (size, cache(lambda role: edges(role, a, b)))
    return np.array(
        [
            holds(left, r, labels, known) and not holds(right, r, labels, known)
            for r in range(len(size))
        ],
        float,
    )


SEEDS = st.integers(0, 10_000)
QUIET = ("no label of the legend", "says the same about every label", "at most 6 are compiled")


@settings(max_examples=80, deadline=None)
@given(NESTED, NESTED, SEEDS)
def test_in_every_certain_world_the_penalty_is_the_violation(ontology, left, right, seed):
    """Labels known, facts crisp: whatever is nested, the compiled rule says what OWL says."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    a, b, size = scene(rng, n)
    rule = compiled(left, right, ontology, a, b, size)
    for labels in rng.integers(0, 3, (6, n)):
        expected = violations(left, right, labels, a, b, size)
        if rule.active:
            assert rule.penalty(np.eye(3)[labels]) == pytest.approx(expected, abs=1e-12)
        elif not rule.reason.startswith(QUIET):
            assert not expected.any(), rule.reason


@settings(max_examples=60, deadline=None)
@given(ONE_RELATION, ONE_RELATION, SEEDS)
def test_the_penalty_is_the_chance_of_violation_unless_a_note_says_otherwise(
    ontology, left, right, seed
):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    a, b, size = scene(rng, n)
    rule = compiled(left, right, ontology, a, b, size)
    if not rule.active or rule.note:
        return
    q = rng.dirichlet(np.ones(3), size=n)
    expected = np.zeros(n)
    for labels in itertools.product(range(3), repeat=n):
        chance = np.prod(q[range(n), labels])
        expected += chance * violations(left, right, labels, a, b, size)
    assert rule.penalty(q) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(FLAT, BOUNDS, BOUNDS, SEEDS)
def test_counts_of_one_role_and_filler_are_one_event(ontology, filler, one, other, seed):
    """Graded relations: each neighbour counts with the chance R; two bounds on one count depend on each other."""
    rng = np.random.default_rng(seed)
    n, role = 3, X + "a"
    a, b, size = scene(rng, n, 0.8)
    graded = a * rng.choice([0.3, 0.6, 1.0], (n, n))
    left, right = Count(role, *one, filler), Or((Count(role, *other, filler), Named(X + "Sand")))
    rule = compiled(left, right, ontology, graded, b, size)
    assert rule.note == ""
    if not rule.active:
        return
    q = rng.dirichlet(np.ones(3), size=n)
    expected = np.zeros(n)
    for r in range(n):
        others = [s for s in range(n) if s != r]
        for labels in itertools.product(range(3), repeat=n):
            for there in itertools.product((0, 1), repeat=n - 1):
                chance = np.prod(q[range(n), labels])
                for s, bit in zip(others, there, strict=True):
                    chance *= graded[r, s] if bit else 1 - graded[r, s]
                if chance:
                    world = np.zeros((n, n))
                    world[r, others] = there
                    expected[r] += chance * violations(left, right, labels, world, b, size)[r]
    assert rule.penalty(q) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(NESTED, NESTED, SEEDS)
def test_gradients_are_finite_differences(ontology, left, right, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    a, b, size = scene(rng, n)
    a, b = a * rng.uniform(0.2, 1, (n, n)), b * rng.uniform(0.2, 1, (n, n))
    rule = compiled(left, right, ontology, a, b, size)
    q, weights = rng.dirichlet(np.ones(3), size=n) * 0.95 + 0.01, rng.uniform(0, 9, n)
    expected = np.zeros_like(q)
    for place in itertools.product(range(n), range(3)):
        up, down = q.copy(), q.copy()
        up[place] += 1e-6
        down[place] -= 1e-6
        expected[place] = weights @ (rule.penalty(up) - rule.penalty(down)) / 2e-6
    assert rule.gradient(q, weights) == pytest.approx(expected, abs=1e-5)


def test_exactly_two_is_no_product_of_two_chances(ontology):
    everywhere = np.ones((4, 4)) - np.eye(4)
    rule = compiled(
        Named(X + "Sand"),
        Count(X + "a", 2, 2, Named(X + "Lake")),
        ontology,
        everywhere,
        everywhere,
        np.ones(4),
    )
    q = np.array([[0, 1, 0], [0.5, 0, 0.5], [0.5, 0, 0.5], [0.5, 0, 0.5]])
    assert rule.note == ""
    assert rule.penalty(q)[0] == pytest.approx(1 - 3 / 8)
