"""Weighted rules: annotations matched by structure, and every way in which a file can be wrong."""

import pytest
from rule_text import NOTE, WIDE, writer

from kg import vocab
from kg.errors import RuleError
from kg.ontology import HARD_WEIGHT, And, Facet, Named, Not, Some
from kg.rules import load_rules

LL = vocab.CORE
INSIDE = WIDE.removeprefix("[ a owl:Restriction ;").removesuffix("]")


@pytest.fixture
def write(tmp_path):
    return writer(tmp_path)


@pytest.fixture
def rules(write):
    return lambda text: load_rules([write(text)])


WATER, LAKE = Named(LL + "Water"), Named(LL + "Lake")


def test_a_shared_node_and_a_copied_node_say_the_same(rules):
    shared = rules(f"""
        ll:Water rdfs:subClassOf _:r . _:r a owl:Restriction ; {INSIDE} .
        {NOTE} ; owl:annotatedSource ll:Water ; owl:annotatedTarget _:r ; ll:tolerance 2.0 .""")
    copied = rules(f"""
        ll:Water rdfs:subClassOf {WIDE} .
        {NOTE} ; owl:annotatedSource ll:Water ; owl:annotatedTarget {WIDE} ; ll:tolerance 2.0 .""")
    assert shared == copied
    (axiom,) = shared
    assert axiom.left == WATER
    assert axiom.right == Facet(LL + "minWidth", ">=", 5.0, 2.0)
    assert (axiom.iri, axiom.weight, axiom.hard) == (vocab.RULE + "w", 1.5, False)
    assert (axiom.label, axiom.label_zh, axiom.citation) == ("wide", "宽", "a book")
    assert axiom.file == "rules.ttl"


def test_a_general_class_axiom_with_operands_in_another_order(rules):
    some = "[ a owl:Restriction ; owl:onProperty ll:coveredBy ; owl:someValuesFrom ll:Building ]"
    (axiom,) = rules(f"""
        [ a owl:Class ; owl:intersectionOf ( ll:Water {some} ) ] rdfs:subClassOf ll:Building .
        {NOTE} ; owl:annotatedTarget ll:Building ;
          owl:annotatedSource [ a owl:Class ; owl:intersectionOf ( {some} ll:Water ) ] .""")
    covered = Some(vocab.COVERED_BY, Named(LL + "Building"))
    assert axiom.left in (And((WATER, covered)), And((covered, WATER)))
    assert axiom.right == Named(LL + "Building")


def test_ranges_become_two_bounds(rules):
    narrow = WIDE.replace(
        "[ xsd:minInclusive 5.0 ]", "[ xsd:minExclusive 1 ] [ xsd:maxInclusive 9.5 ]"
    )
    (axiom,) = rules(f"""
        ll:Water rdfs:subClassOf {narrow} .
        {NOTE} ; owl:annotatedSource ll:Water ; owl:annotatedTarget {narrow} .""")
    low, high = Facet(LL + "minWidth", ">", 1.0), Facet(LL + "minWidth", "<=", 9.5)
    assert axiom.right == And((low, high))


def test_equivalence_is_two_axioms_and_disjointness_is_not(rules):
    equivalent = rules("""
        ll:Water owl:equivalentClass ll:Lake .
        [] a owl:Axiom ; owl:annotatedSource ll:Water ; owl:annotatedProperty owl:equivalentClass ;
          owl:annotatedTarget ll:Lake ; ll:weight 1 ; dct:identifier "same" .""")
    assert [(a.left, a.right) for a in equivalent] == [(WATER, LAKE), (LAKE, WATER)]
    assert [a.iri for a in equivalent] == [vocab.RULE + "same", vocab.RULE + "same-converse"]
    (disjoint,) = rules("""
        ll:Water owl:disjointWith ll:Lake .
        [] a owl:Axiom ; owl:annotatedSource ll:Lake ; owl:annotatedProperty owl:disjointWith ;
          owl:annotatedTarget ll:Water ; ll:weight 1 .""")
    assert (disjoint.left, disjoint.right) == (WATER, Not(LAKE))


def test_hard_rules_need_no_weight(rules):
    (axiom,) = rules(f"""
        ll:Lake rdfs:subClassOf {WIDE} .
        [] a owl:Axiom ; owl:annotatedSource ll:Lake ; owl:annotatedProperty rdfs:subClassOf ;
          owl:annotatedTarget {WIDE} ; ll:hard true .""")
    assert axiom.hard
    assert axiom.weight == HARD_WEIGHT
    assert axiom.iri.startswith(vocab.RULE + "axiom-")
    assert axiom.label == "Lake SubClassOf minWidth some xsd:decimal[>= 5]"


def test_schema_axioms_that_an_editor_copied_in_are_not_rules(rules):
    text = "ll:Lake rdfs:subClassOf ll:InlandWater . ll:Lake a owl:Class ."
    assert rules(text) == ()


AXIOM = f"ll:Water rdfs:subClassOf {WIDE} ."
NOTED = f"{NOTE} ; owl:annotatedSource ll:Water ; owl:annotatedTarget {WIDE} ."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (AXIOM, "no weight on `Water SubClassOf minWidth some xsd:decimal[>= 5]`"),
        (AXIOM + NOTED.replace("ll:weight 1.5", 'rdfs:comment "x"'), "no weight on rule 'w'"),
        (AXIOM + NOTED.replace("1.5", '"much"'), "ll:weight 'much'; expected a number"),
        (AXIOM + NOTED.replace("1.5", "-1.0"), "ll:weight -1.0; expected a number of at least 0"),
        (AXIOM + NOTED.replace("1.5", "1.5, 2.5"), "ll:weight 1.5 and 2.5"),
        (AXIOM + NOTED.replace("ll:weight", "ll:hard"), "ll:hard 1.5"),
        (
            AXIOM + NOTED.replace("5.0", "6.0"),
            "the annotation 'w' is on `Water SubClassOf minWidth some xsd:decimal[>= 6]`, which the file "
            "does not state; the nearest that it does is `Water SubClassOf minWidth some xsd:decimal[>= 5]`",
        ),
        (
            (AXIOM + NOTED).replace("ll:Water", "ll:Watr"),
            "rule `ll:Watr SubClassOf minWidth some xsd:decimal[>= 5]`: unknown class ll:Watr; the nearest "
            "known is ll:Water",
        ),
        (
            (AXIOM + NOTED).replace("ll:minWidth", "ll:minWidht"),
            "unknown data property ll:minWidht; the nearest known is ll:minWidth",
        ),
        (
            (AXIOM + NOTED).replace(WIDE, "ll:Lake") + NOTED.replace(WIDE, "ll:Sea"),
            "which the file does not state",
        ),
        (
            (AXIOM + NOTED).replace("ll:weight", "ll:tolerance 1.0 ; ll:weight").replace(WIDE, "ll:Lake"),
            "needs bounds on one property"),
        (
            "ll:Water rdfs:subClassOf [ a owl:Restriction ; owl:onProperty ll:near ;"
            " owl:minQualifiedCardinality 2.5 ; owl:onClass ll:Lake ] .",
            "a SubClassOf axiom about ll:Water holds `min 2.5`; expected a whole number",
        ),
        (
            "ll:Water rdfs:subClassOf [ a owl:Restriction ; owl:onProperty ll:near ; owl:hasSelf true ] .",
            "no region is a neighbour of itself",
        ),
        ("ll:Water rdfs:subClassOf [ a owl:Class ; owl:oneOf ( ll:x ) ] .", "oneOf (`{...}`) lists individuals"),
        (
            (AXIOM + NOTED).replace("xsd:minInclusive 5.0", 'xsd:pattern "x"'),
            "the facet xsd:pattern; expected <, <=, > or >=",
        ),
        (
            "ll:Water rdfs:subClassOf _:a . _:a a owl:Class ; owl:complementOf _:a .",
            "an anonymous class that contains itself",
        ),
        ("[] a <http://www.w3.org/2003/11/swrl#Imp> .", "a SWRL rule has no head"),
        ("[] a owl:AllDisjointClasses ; owl:members ( ll:Water ll:Lake ) .", "no weight on `Lake DisjointWith Water`"),
    ],
)  # fmt: skip
def test_rules_that_are_wrong_name_file_axiom_and_cause(rules, text, message):
    with pytest.raises(RuleError) as caught:
        rules(text)
    assert "rules.ttl: " in caught.value.message
    assert message in caught.value.message
    assert caught.value.hint


def test_two_rules_of_one_name(write):
    one = write(AXIOM + NOTED, "one.ttl")
    two = write((AXIOM + NOTED).replace("ll:Water", "ll:Lake"), "two.ttl")
    with pytest.raises(
        RuleError, match=r"two\.ttl: two rules are called rule:w; the other is in one\.ttl"
    ):
        load_rules([one, two])


def test_rules_are_read_again_when_a_file_changes(write):
    path = write(f"""
        ll:Water rdfs:subClassOf {WIDE} .
        {NOTE} ; owl:annotatedSource ll:Water ; owl:annotatedTarget {WIDE} .""")
    (first,) = load_rules([path])
    assert load_rules([path])[0] is first
    text = path.read_text()
    path.write_text(text.replace("ll:weight 1.5", "ll:weight 2.5"))
    assert path.read_text() != text
    assert load_rules([path])[0].weight == 2.5
