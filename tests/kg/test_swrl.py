"""SWRL rules: trees become class axioms, everything else is refused with its reason."""

import textwrap

import pytest

from kg import vocab
from kg.errors import RuleError
from kg.expressions import And, Facet, Named, Some, inverse
from kg.ontology import load_ontology, manchester
from kg.rules import load_rules

LL = vocab.CORE
PREFIXES = """
@prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix swrl: <http://www.w3.org/2003/11/swrl#> .
@prefix swrlb: <http://www.w3.org/2003/11/swrlb#> .
@prefix swrla: <http://swrl.stanford.edu/ontologies/3.3/swrla.owl#> .
@prefix var: <urn:swrl:var#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix dct: <http://purl.org/dc/terms/> .
var:x a swrl:Variable . var:y a swrl:Variable . var:z a swrl:Variable . var:a a swrl:Variable . var:b a swrl:Variable .
"""


def atom(kind, says, one, other):
    return f"[ a swrl:{kind} ; {says} ; swrl:argument1 {one} ; swrl:argument2 {other} ]"


def is_a(cls, x):
    return f"[ a swrl:ClassAtom ; swrl:classPredicate {cls} ; swrl:argument1 {x} ]"


def linked(role, x, y):
    return atom("IndividualPropertyAtom", f"swrl:propertyPredicate {role}", x, y)


def value(name, x, a):
    return atom("DatavaluedPropertyAtom", f"swrl:propertyPredicate {name}", x, a)


def built_in(name, *arguments):
    return f"[ a swrl:BuiltinAtom ; swrl:builtin swrlb:{name} ; swrl:arguments ( {' '.join(arguments)} ) ]"


def rule(body, head, notes='ll:weight 1.5 ; dct:identifier "w" ; rdfs:label "pond"@en'):
    return f"[] a swrl:Imp ; {notes} ; swrl:body ( {' '.join(body)} ) ; swrl:head ( {' '.join(head)} ) ."


@pytest.fixture
def rules(tmp_path):
    def _rules(text, name="rules.ttl"):
        path = tmp_path / name
        path.write_text(text if name.endswith(".owl") else PREFIXES + text, encoding="utf-8")
        return load_rules([path])

    return _rules


def rendered(axiom):
    return manchester(axiom, load_ontology())


WATER_X, POND_X = is_a("ll:Water", "var:x"), is_a("ll:Pond", "var:x")
AREA_X = value("ll:area", "var:x", "var:a")
SMALL_X = [AREA_X, built_in("lessThan", "var:a", "5000.0")]


def test_a_rule_about_one_region(rules):
    (axiom,) = rules(rule([WATER_X, *SMALL_X], [POND_X]))
    assert axiom.left == And((Named(LL + "Water"), Facet(LL + "area", "<", 5000.0)))
    assert axiom.right == Named(LL + "Pond")
    assert (axiom.iri, axiom.weight, axiom.label) == (vocab.RULE + "w", 1.5, "pond")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            [WATER_X, linked("ll:near", "var:x", "var:y"), is_a("ll:Building", "var:y")],
            "Water and (near some Building)",
        ),
        ([linked("ll:within", "var:y", "var:x")], "inverse within some owl:Thing"),
        (
            [
                linked("ll:near", "var:x", "var:y"),
                linked("ll:adjacentTo", "var:z", "var:y"),
                is_a("ll:Road", "var:z"),
                is_a("ll:Building", "var:y"),
                WATER_X,
            ],
            "Water and (near some (Building and (inverse adjacentTo some Road)))",
        ),
        (
            [linked("ll:near", "var:x", "var:y"), value("ll:area", "var:y", "var:a")]
            + [built_in("greaterThanOrEqual", "10", "var:a"), built_in("greaterThan", "var:a", "2")],
            "near some ((area some xsd:decimal[<= 10]) and (area some xsd:decimal[> 2]))",
        ),
        (
            [linked("ll:near", "var:x", "var:y"), linked("ll:near", "var:x", "var:z"), is_a("ll:Road", "var:z")],
            "(near some owl:Thing) and (near some Road)",
        ),
        (
            [
                AREA_X,
                "[ a swrl:DataRangeAtom ; swrl:argument1 var:a ; swrl:dataRange [ a rdfs:Datatype ;"
                " owl:onDatatype xsd:decimal ; owl:withRestrictions ( [ xsd:minInclusive 3 ] ) ] ]",
            ],
            "area some xsd:decimal[>= 3]",
        ),
    ],
)  # fmt: skip
def test_trees_are_rolled_up(rules, body, expected):
    (axiom,) = rules(rule(body, [POND_X]))
    assert rendered(axiom) == f"{expected} SubClassOf Pond"


def test_classes_of_atoms_may_be_expressions_and_tolerance_softens(rules):
    negated = "[ a owl:Class ; owl:complementOf ll:Road ]"
    (axiom,) = rules(
        rule([WATER_X, *SMALL_X], [is_a(negated, "var:x")], "ll:weight 1 ; ll:tolerance 100.0")
    )
    assert rendered(axiom) == "Water and (area some xsd:decimal[< 5000]) SubClassOf not Road"
    assert axiom.left.parts[1].tolerance == 100  # fmt: skip


def test_a_rule_that_is_switched_off_is_left_out(rules):
    assert rules(rule([WATER_X], [POND_X], "swrla:isRuleEnabled false ; ll:weight 1")) == ()


@pytest.mark.parametrize(
    ("body", "head", "reason"),
    [
        ([WATER_X], [POND_X, is_a("ll:Lake", "var:x")], "2 atoms in its head"),
        ([WATER_X], [linked("ll:near", "var:x", "var:y")], "a head that is no class"),
        ([WATER_X, is_a("ll:Road", "var:y")], [POND_X], "?y, which is not connected to ?x"),
        (
            [
                linked("ll:near", "var:x", "var:y"),
                linked("ll:near", "var:y", "var:z"),
                linked("ll:near", "var:z", "var:x"),
            ],
            [POND_X],
            "a circle through ?z and ?x; the body must be a tree",
        ),
        (
            [linked("ll:near", "var:x", "var:y"), linked("ll:adjacentTo", "var:x", "var:y")],
            [POND_X],
            "a circle through ?y and ?x",
        ),
        ([linked("ll:near", "var:x", "var:x")], [POND_X], "a circle through ?x and ?x"),
        ([], [POND_X], "nothing about ?x in its body"),
        ([atom("DifferentIndividualsAtom", "a owl:Thing", "var:x", "var:y")], [POND_X], "differentFrom; write `min 2`"),
        ([WATER_X, atom("SameIndividualAtom", "a owl:Thing", "var:x", "var:y")], [POND_X], "sameAs"),
        ([WATER_X, AREA_X, built_in("add", "var:a", "1", "2")], [POND_X], "the built-in add; only greaterThan"),
        ([WATER_X, AREA_X, built_in("equal", "var:a", "1")], [POND_X], "the built-in equal"),
        ([WATER_X, AREA_X, built_in("lessThan", "var:a", "var:b")], [POND_X], "lessThan between two variables"),
        ([WATER_X, AREA_X, built_in("lessThan", "var:a")], [POND_X], "lessThan with 1 arguments"),
        ([WATER_X, AREA_X, built_in("lessThan", "var:a", '"wide"')], [POND_X], "lessThan with 'wide'; expected"),
        ([WATER_X, built_in("lessThan", "var:a", "3")], [POND_X], "a bound on ?a, which is the value of no"),
        ([WATER_X, AREA_X], [POND_X], "?a without a bound"),
        ([value("ll:perimeter", "var:x", "var:a"), *SMALL_X], [POND_X], "?a, the value of two properties"),
        ([WATER_X, value("ll:area", "var:x", "5.0")], [POND_X], "the value 5.0, and no measure"),
        ([linked("ll:near", "var:x", "ll:LakeGeneva")], [POND_X], "the individual LakeGeneva, and regions"),
        ([is_a("ll:Watr", "var:x")], [POND_X], "unknown class ll:Watr; the nearest known is ll:Water"),
        (["[ a swrl:Atom ; swrl:argument1 var:x ]"], [POND_X], "an atom of the kind 'Atom'"),
    ],
)  # fmt: skip
def test_rules_that_are_no_class_axiom_say_why(rules, body, head, reason):
    with pytest.raises(RuleError) as caught:
        rules(rule(body, head))
    assert "rules.ttl: " in caught.value.message
    assert reason in caught.value.message
    assert caught.value.hint


def test_a_swrl_rule_needs_a_weight_too(rules):
    with pytest.raises(RuleError, match=r"no weight on rule 'pond', `Water SubClassOf Pond`"):
        rules(rule([WATER_X], [POND_X], 'rdfs:label "pond"@en'))


PROTEGE = """<?xml version="1.0"?>
<rdf:RDF xmlns="https://example.org/mine#" xml:base="https://example.org/mine"
   xmlns:ll="https://w3id.org/landlore/core#" xmlns:owl="http://www.w3.org/2002/07/owl#"
   xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:swrl="http://www.w3.org/2003/11/swrl#"
   xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" xmlns:swrla="http://swrl.stanford.edu/ontologies/3.3/swrla.owl#">
  <owl:Ontology rdf:about="https://example.org/mine"/>
  <owl:AnnotationProperty rdf:about="https://w3id.org/landlore/core#weight"/>
  <owl:Class rdf:about="https://w3id.org/landlore/core#Water"/>
  <rdf:Description rdf:about="urn:swrl:var#x">
    <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#Variable"/>
  </rdf:Description>
  <rdf:Description rdf:about="urn:swrl:var#a">
    <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#Variable"/>
  </rdf:Description>
  <rdf:Description>
    <swrla:isRuleEnabled rdf:datatype="http://www.w3.org/2001/XMLSchema#boolean">true</swrla:isRuleEnabled>
    <rdfs:comment rdf:datatype="http://www.w3.org/2001/XMLSchema#string"></rdfs:comment>
    <rdfs:label rdf:datatype="http://www.w3.org/2001/XMLSchema#string">small water</rdfs:label>
    <ll:weight rdf:datatype="http://www.w3.org/2001/XMLSchema#decimal">0.75</ll:weight>
    <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#Imp"/>
    <swrl:body>
      <rdf:Description>
        <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#AtomList"/>
        <rdf:first>
          <rdf:Description>
            <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#ClassAtom"/>
            <swrl:classPredicate rdf:resource="https://w3id.org/landlore/core#Water"/>
            <swrl:argument1 rdf:resource="urn:swrl:var#x"/>
          </rdf:Description>
        </rdf:first>
        <rdf:rest>
          <rdf:Description>
            <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#AtomList"/>
            <rdf:first>
              <rdf:Description>
                <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#DatavaluedPropertyAtom"/>
                <swrl:propertyPredicate rdf:resource="https://w3id.org/landlore/core#area"/>
                <swrl:argument1 rdf:resource="urn:swrl:var#x"/>
                <swrl:argument2 rdf:resource="urn:swrl:var#a"/>
              </rdf:Description>
            </rdf:first>
            <rdf:rest>
              <rdf:Description>
                <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#AtomList"/>
                <rdf:first>
                  <rdf:Description>
                    <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#BuiltinAtom"/>
                    <swrl:builtin rdf:resource="http://www.w3.org/2003/11/swrlb#lessThan"/>
                    <swrl:arguments>
                      <rdf:Description>
                        <rdf:type rdf:resource="http://www.w3.org/1999/02/22-rdf-syntax-ns#List"/>
                        <rdf:first rdf:resource="urn:swrl:var#a"/>
                        <rdf:rest>
                          <rdf:Description>
                            <rdf:type rdf:resource="http://www.w3.org/1999/02/22-rdf-syntax-ns#List"/>
                            <rdf:first rdf:datatype="http://www.w3.org/2001/XMLSchema#integer">400</rdf:first>
                            <rdf:rest rdf:resource="http://www.w3.org/1999/02/22-rdf-syntax-ns#nil"/>
                          </rdf:Description>
                        </rdf:rest>
                      </rdf:Description>
                    </swrl:arguments>
                  </rdf:Description>
                </rdf:first>
                <rdf:rest rdf:resource="http://www.w3.org/1999/02/22-rdf-syntax-ns#nil"/>
              </rdf:Description>
            </rdf:rest>
          </rdf:Description>
        </rdf:rest>
      </rdf:Description>
    </swrl:body>
    <swrl:head>
      <rdf:Description>
        <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#AtomList"/>
        <rdf:first>
          <rdf:Description>
            <rdf:type rdf:resource="http://www.w3.org/2003/11/swrl#ClassAtom"/>
            <swrl:classPredicate rdf:resource="https://w3id.org/landlore/core#Pond"/>
            <swrl:argument1 rdf:resource="urn:swrl:var#x"/>
          </rdf:Description>
        </rdf:first>
        <rdf:rest rdf:resource="http://www.w3.org/1999/02/22-rdf-syntax-ns#nil"/>
      </rdf:Description>
    </swrl:head>
  </rdf:Description>
</rdf:RDF>
"""


def test_rdf_xml_in_the_manner_of_ontology_editors(rules):
    (axiom,) = rules(textwrap.dedent(PROTEGE), "mine.owl")
    assert rendered(axiom) == "Water and (area some xsd:decimal[< 400]) SubClassOf Pond"
    assert (axiom.label, axiom.weight) == ("small water", 0.75)


def test_a_backwards_role_is_forwards_again_behind_an_anonymous_inverse(rules):
    body = [linked("[ owl:inverseOf ll:within ]", "var:y", "var:x"), is_a("ll:Lake", "var:y")]
    (axiom,) = rules(rule(body, [POND_X]))
    assert axiom.left == Some(LL + "within", Named(LL + "Lake"))
    assert inverse(axiom.left.role).startswith("^")
