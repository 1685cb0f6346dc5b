"""Rules written as Turtle are read back as they were."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import vocab
from kg.axiom import Axiom
from kg.expressions import (
    HARD_WEIGHT,
    And,
    Count,
    Facet,
    Named,
    Not,
    Only,
    Or,
    Some,
    inverse,
    soften,
)
from kg.manchester import manchester
from kg.ontology import load_ontology, read_owl
from kg.rule_writer import rules_turtle
from kg.rules import load_rules, ontology_with, schema_of

LL = vocab.CORE
ONTOLOGY = load_ontology()
WATER, BEACH, LAKE = (Named(LL + name) for name in ("Water", "BeachSand", "Lake"))
WIDE = Facet(LL + "minWidth", ">=", 5.25, 2.0)

ROLES = st.sampled_from([LL + "adjacentTo", LL + "near", inverse(LL + "within")])
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
LEAVES = st.one_of(
    st.sampled_from([WATER, BEACH, LAKE, Named(vocab.OWL + "Thing")]),
    st.builds(Facet, st.just(LL + "area"), st.sampled_from(["<", "<=", ">", ">="]), NUMBERS),
)
BOUNDS = st.sampled_from([(1, None), (4, None), (0, 2), (0, 0), (3, 3)])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(And),
        st.tuples(inner, inner, inner).map(Or),
        inner.map(Not),
        st.builds(Some, ROLES, inner),
        st.builds(Only, ROLES, inner),
        st.builds(lambda r, b, c: Count(r, *b, c), ROLES, BOUNDS, inner),
    ),
    max_leaves=6,
)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1).filter(
    str.strip
)


def axiom(left, right, **more):
    row = {"label": "a", "label_zh": "", "weight": 1.0, "hard": False, "citation": "", "file": ""}
    return Axiom(vocab.RULE + "test", left=left, right=right, **(row | more))


def back(axioms, tmp_path, **more):
    path = tmp_path / "written.ttl"
    path.write_text(rules_turtle(axioms, ONTOLOGY, title="Written by a test", **more), "utf-8")
    return load_rules([path], ONTOLOGY)


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS, st.floats(0, 1e3), st.floats(0.01, 50), st.booleans(), TEXT, TEXT)
def test_what_is_written_is_read_back(
    tmp_path_factory, left, right, weight, tolerance, hard, label, citation
):
    soft = any(isinstance(part, Facet) for part in (left, right))
    if soft:
        left, right = (soften(side, LL + "area", tolerance) for side in (left, right))
    one = axiom(left, right, weight=weight, hard=hard, label=label, citation=citation)
    (found,) = back([one], tmp_path_factory.mktemp("written"))
    comment = manchester(one, ONTOLOGY)
    assert found == replace(one, file="written.ttl", comment=comment)


def test_weights_of_hard_rules_and_names_in_chinese(tmp_path):
    hard = axiom(WATER, WIDE, hard=True, weight=HARD_WEIGHT, label_zh="水体的宽度")
    heavy = replace(hard, iri=vocab.RULE + "heavy", left=LAKE, weight=3.5)
    found = back([heavy, hard], tmp_path)
    assert [(a.iri, a.weight, a.hard, a.label_zh) for a in found] == [
        (vocab.RULE + "heavy", 3.5, True, "水体的宽度"),
        (vocab.RULE + "test", HARD_WEIGHT, True, "水体的宽度"),
    ]
    assert found[0].right == WIDE


def test_further_annotations_and_declarations(tmp_path):
    lift = vocab.CORE + "lift"
    back([axiom(WATER, WIDE)], tmp_path, extra={vocab.RULE + "test": {lift: 2.5, LL + "x": "a"}})
    terms = read_owl(tmp_path / "written.ttl")
    (node,) = terms.typed(vocab.OWL + "Axiom")
    assert terms.text(node, lift) == "2.5"
    assert terms.text(node, LL + "x") == "a"
    for iri, kind in ((lift, "AnnotationProperty"), (LL + "minWidth", "DatatypeProperty")):
        assert iri in terms.typed(vocab.OWL + kind)
    assert LL + "Water" in terms.typed(vocab.OWL + "Class")


def test_the_same_axioms_give_the_same_bytes():
    rules = load_rules()
    assert rules_turtle(rules, ONTOLOGY, title="t") == rules_turtle(rules, ONTOLOGY, title="t")


def test_all_shipped_rules_survive(tmp_path):
    rules = load_rules()
    found = {a.iri: a for a in back(rules, tmp_path)}
    assert found == {a.iri: replace(a, file="written.ttl") for a in rules}


OWN = """
@prefix : <http://x#> .
@prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:near250 rdfs:subPropertyOf ll:near ; ll:distance 250.0 .
:beyond owl:propertyChainAxiom ( :near250 [ owl:inverseOf ll:within ] ) .
:beyond a owl:SymmetricProperty ; owl:inverseOf :back .
:Shore a owl:Class ; rdfs:subClassOf ll:Bare ; rdfs:label "shore"@en ; owl:equivalentClass [ a owl:Class ;
  owl:intersectionOf ( ll:BeachSand [ a owl:Restriction ; owl:onProperty :near250 ; owl:someValuesFrom ll:Water ] ) ] .
"""


def test_names_of_a_file_s_own_are_written_with_what_is_said_of_them(tmp_path):
    path = tmp_path / "own.ttl"
    path.write_text(OWN)
    told = ontology_with([path])
    left, right = Named("http://x#Shore"), Only("http://x#beyond", Not(WATER))
    text = rules_turtle([axiom(left, right)], told, title="Own")
    path.write_text(text)
    (found,) = load_rules([path])
    assert (found.left, found.right) == (left, right)
    again = schema_of([found])
    assert again.definitions["http://x#Shore"] == told.definitions["http://x#Shore"]
    assert again.parents["http://x#Shore"] == told.parents["http://x#Shore"]
    assert again.label("http://x#Shore") == "shore"
    for name in ("parts", "inverses", "chains", "symmetric", "notes"):
        assert getattr(again.roles, name) == getattr(told.roles, name)


@pytest.mark.parametrize(
    ("axioms", "message"),
    [
        ([axiom(WATER, LAKE), axiom(BEACH, LAKE)], "two axioms of one name"),
        (
            [axiom(WATER, WIDE), replace(axiom(WATER, WIDE), iri=vocab.RULE + "b", weight=2.0)],
            "two axioms of one name or of one content",
        ),
        ([replace(axiom(WATER, LAKE), iri="http://x#a")], "does not begin with"),
        (
            [axiom(And((WATER, Facet(LL + "area", ">=", 1.0, 5.0))), WIDE)],
            "one ll:tolerance cannot say",
        ),
        ([axiom(WATER, And((WIDE, replace(WIDE, op="<", tolerance=1.0))))], "cannot say"),
    ],
)
def test_what_one_file_cannot_say_is_refused(axioms, message):
    with pytest.raises(ValueError, match=message):
        rules_turtle(axioms, ONTOLOGY, title="t")
