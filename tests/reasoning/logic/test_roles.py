"""Relations made of measured ones: inverses, sub-properties, chains, thresholds."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_sparse

import reasoning.logic.roles
from fusion.prediction import Prediction
from kg import vocab
from kg.errors import RuleError
from kg.expressions import inverse
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import Axiom, Named, Some, load_ontology
from kg.rules import load_rules
from reasoning.correct import CorrectSettings, correct
from reasoning.facts import Facts
from reasoning.logic.roles import chained, with_roles

LL, X = vocab.CORE, "http://x#"
PREFIXES = """
@prefix : <http://x#> .
@prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:a a owl:ObjectProperty . :b a owl:ObjectProperty . :c a owl:ObjectProperty . :d a owl:ObjectProperty .
"""


@pytest.fixture
def made(tmp_path):
    def _made(text, role, **measured):
        path = tmp_path / "roles.ttl"
        path.write_text(PREFIXES + text, encoding="utf-8")
        anything = Named(vocab.OWL + "Thing")
        rule = Axiom("", "", "", Some(role, anything), anything, 1.0, False, "", "")
        known = {X + name: csr_matrix(np.array(m, float)) for name, m in measured.items()}
        found = with_roles(Facts({}, {}, known), [rule], load_ontology([path])).relations
        return found[role].toarray() if role in found else None

    return _made


ONE = [[0, 0.5, 0], [0, 0, 1.0], [0.2, 0, 0]]
TWO = [[0, 0.1, 0.9], [0.3, 0, 0], [0, 0, 0]]


def test_an_inverse_is_the_measured_inverse_else_the_transposed_matrix(made):
    told = ":a owl:inverseOf :b ."
    assert np.array_equal(made("", inverse(X + "a"), a=ONE), np.transpose(ONE))
    assert np.array_equal(made(told, inverse(X + "a"), a=ONE, b=TWO), TWO)
    assert np.array_equal(made(told, X + "a", b=TWO), np.transpose(TWO))
    assert np.array_equal(made(told, inverse(X + "a"), b=TWO), TWO)


def test_a_symmetric_relation_read_backwards_is_itself(made):
    assert np.array_equal(made(":a a owl:SymmetricProperty .", inverse(X + "a"), a=ONE), ONE)
    both = made(":a rdfs:subPropertyOf :b . :b a owl:SymmetricProperty .", X + "b", a=ONE)
    assert np.array_equal(both, np.maximum(ONE, np.transpose(ONE)))


def test_sub_properties_give_the_larger_value_unless_it_was_measured(made):
    told = ":a rdfs:subPropertyOf :c . :b rdfs:subPropertyOf :c ."
    assert np.array_equal(made(told, X + "c", a=ONE, b=TWO), np.maximum(ONE, TWO))
    assert np.array_equal(made(told, X + "c", a=ONE, c=TWO), TWO)
    backwards = "[ owl:inverseOf :a ] rdfs:subPropertyOf :c ."
    assert np.array_equal(made(backwards, X + "c", a=ONE), np.transpose(ONE))


def test_what_nothing_measured_leads_to_is_absent(made):
    assert made(":a rdfs:subPropertyOf :c .", X + "c", b=ONE) is None
    assert made(":c owl:propertyChainAxiom ( :a :b ) .", X + "c", b=ONE) is None
    assert made(":c rdfs:subPropertyOf :d . :d rdfs:subPropertyOf :c .", X + "c", b=ONE) is None


def test_at_least_makes_it_all_or_nothing(made):
    told = ":a rdfs:subPropertyOf :c . :c ll:atLeast "
    assert np.array_equal(made(told + "0.0 .", X + "c", a=ONE), np.array(ONE) > 0)
    assert np.array_equal(made(told + "0.5 .", X + "c", a=ONE), np.array(ONE) >= 0.5)


def test_a_transitive_relation_that_is_made_is_closed(made):
    line = np.eye(5, k=1)
    told = ":a rdfs:subPropertyOf :b . :b a owl:TransitiveProperty ."
    assert np.array_equal(made(told, X + "b", a=line), np.triu(np.ones((5, 5)), 1))
    assert np.array_equal(made(told, X + "b", a=line, b=line), line)
    told = ":a rdfs:subPropertyOf :b . :b owl:propertyChainAxiom ( :b :a ) ."
    assert np.array_equal(made(told, X + "b", a=line), np.triu(np.ones((5, 5)), 1))


def naive(one, other):
    out = 1 - np.prod(1 - one[:, :, None] * other[None, :, :], axis=1)
    np.fill_diagonal(out, 0)
    return out


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), st.integers(0, 10_000))
def test_chains_are_the_noisy_or_over_middles(n, seed):
    rng = np.random.default_rng(seed)
    one, other = (random_sparse(n, n, density=0.4, random_state=rng).tocsr() for _ in range(2))
    for matrix in (one, other):
        matrix.data[rng.random(len(matrix.data)) < 0.3] = 1.0
    found = chained(one, other)
    assert np.allclose(found.toarray(), naive(one.toarray(), other.toarray()), atol=1e-12)
    assert found.has_sorted_indices


def test_chains_of_three_with_an_inverse(made):
    told = ":d owl:propertyChainAxiom ( :a [ owl:inverseOf :b ] :a ) ."
    found = made(told, X + "d", a=ONE, b=TWO)
    assert np.allclose(found, naive(naive(np.array(ONE), np.transpose(TWO)), np.array(ONE)))


def test_chains_over_too_many_regions_are_refused(monkeypatch):
    monkeypatch.setattr(reasoning.logic.roles, "MOST_PAIRS", 10)
    everywhere = csr_matrix(np.ones((5, 5)) - np.eye(5))
    with pytest.raises(RuleError, match="relates more than 10 pairs"):
        chained(everywhere, everywhere)


MINE = """
@prefix : <http://x#> .
@prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix dct: <http://purl.org/dc/terms/> .
:near50 rdfs:subPropertyOf ll:near ; ll:distance 50.0 .
ll:Water rdfs:subClassOf _:few . _:few a owl:Restriction ; owl:onProperty :near50 ;
    owl:maxQualifiedCardinality 1 ; owl:onClass ll:Building .
[] a owl:Axiom ; owl:annotatedSource ll:Water ; owl:annotatedProperty rdfs:subClassOf ; owl:annotatedTarget _:few ;
    dct:identifier "no-pond-between-houses" ; ll:weight 6.0 .
"""


@pytest.mark.parametrize(("houses", "dry"), [((5,), False), ((5, 19), False), ((5, 14), True)])
def test_a_count_over_a_relation_of_ones_own_corrects_a_map(tmp_path, houses, dry):
    """A dark patch between two houses within 50 m is no pond; beside one, or with the other far off, it may be."""
    path = tmp_path / "mine.ttl"
    path.write_text(MINE, encoding="utf-8")
    legend = load_legend("town")
    names = [one.kind.removeprefix(LL) for one in legend.classes]
    water, grass, building = map(names.index, ("Water", "Grassland", "Building"))
    labels = np.full((9, 24), grass)
    labels[3:6, 8:12] = water
    for column in houses:
        labels[3:6, column : column + 2] = building
    p = np.full((len(names), 9, 24), 0.01, np.float32)
    np.put_along_axis(p, labels[None], np.where(labels == water, 0.9, 90.0)[None], axis=0)
    grid = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), 9, 24)
    before = Prediction(p / p.sum(axis=0), legend, grid, "drawn")
    found = correct(before, axioms=load_rules([path]), settings=CorrectSettings(smoothness=0.0))
    assert found.inactive == ()
    after = found.after.probabilities.argmax(axis=0)
    assert (after[3:6, 8:12] != water).all() == dry
    assert (after == labels).all() != dry
    if dry:
        terms = {part.term for one in found.corrections for part in one.contributions}
        assert vocab.RULE + "no-pond-between-houses" in terms
