"""Axioms and their annotations as ontology editors save them; what is refused, and why."""

import pytest
from rule_text import PREFIXES, reader, weighted

from kg import vocab
from kg.errors import AxiomError, RuleError
from kg.expressions import And, Count, Facet, Named, Not, Only, Some, inverse
from kg.rules import read_rules

LL = vocab.CORE
WATER, LAKE = Named(LL + "Water"), Named(LL + "Lake")


@pytest.fixture
def rules(tmp_path):
    return reader(tmp_path)


# --- restrictions

COUNTS = {
    'owl:minQualifiedCardinality "2"^^xsd:nonNegativeInteger ; owl:onClass ll:Lake': (2, None, LAKE),
    "owl:maxQualifiedCardinality 3 ; owl:onClass ll:Lake": (0, 3, LAKE),
    "owl:qualifiedCardinality 1 ; owl:onClass ll:Lake": (1, 1, LAKE),
    "owl:minCardinality 4": (4, None, Named(vocab.OWL + "Thing")),
    "owl:maxCardinality 0": (0, 0, Named(vocab.OWL + "Thing")),
    "owl:cardinality 2": (2, 2, Named(vocab.OWL + "Thing")),
}  # fmt: skip


@pytest.mark.parametrize("text", COUNTS)
def test_counts_qualified_and_not(rules, text):
    (axiom,) = rules(
        weighted("ll:Water", f"[ a owl:Restriction ; owl:onProperty ll:near ; {text} ]")
    )
    low, high, filler = COUNTS[text]
    assert axiom.right == Count(LL + "near", low, high, filler)


def test_inverses_are_anonymous_or_declared(rules):
    right = "[ a owl:Restriction ; owl:onProperty [ owl:inverseOf ll:within ] ; owl:allValuesFrom ll:Lake ]"
    (axiom,) = rules(weighted("ll:Water", right))
    assert axiom.right == Only(inverse(LL + "within"), LAKE)


def test_ranges_may_be_unions_and_complements(rules):
    low, high = (
        f"[ a rdfs:Datatype ; owl:onDatatype xsd:decimal ; owl:withRestrictions ( [ xsd:{f} 5.0 ] ) ]"
        for f in ("maxExclusive", "minInclusive")
    )
    either = f"[ a rdfs:Datatype ; owl:unionOf ( {low} [ a rdfs:Datatype ; owl:datatypeComplementOf {high} ] ) ]"
    (axiom,) = rules(
        weighted(
            "ll:Water",
            f"[ a owl:Restriction ; owl:onProperty ll:area ; owl:someValuesFrom {either} ]",
        )
    )
    below, above = Facet(LL + "area", "<", 5.0), Facet(LL + "area", ">=", 5.0)
    assert axiom.right.parts == (below, Not(above))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("owl:onProperty ll:near ; owl:hasValue ll:LakeGeneva", "write `some` with a class"),
        ("owl:onProperty ll:area ; owl:hasValue 5", "write `some` with a class or with bounds"),
        ("owl:onProperty ll:near ; owl:hasSelf true", "leave it out"),
        (
            "owl:onProperty ll:area ; owl:qualifiedCardinality 1 ; owl:onDataRange xsd:decimal",
            "a region has one value of each data property",
        ),
        ("owl:onProperty ll:area ; owl:someValuesFrom ll:Lake", "ll:area is a data property"),
        (
            "owl:onProperty ll:near ; owl:someValuesFrom [ a rdfs:Datatype ; owl:onDatatype xsd:decimal ;"
            " owl:withRestrictions ( [ xsd:minInclusive 1 ] ) ]",
            "ll:near is an object property",
        ),
        (
            "owl:onProperty ll:area ; owl:someValuesFrom [ a rdfs:Datatype ; owl:oneOf ( 1 2 ) ]",
            "a list of values of ll:area",
        ),
        (
            "owl:onProperty [ a owl:ObjectProperty ] ; owl:someValuesFrom ll:Lake",
            "an anonymous property that is no inverse",
        ),
        ("owl:onProperty ll:near", "no onProperty with some, only, min, max or exactly"),
    ],
)
def test_what_is_refused_says_why_and_what_to_write(rules, text, reason):
    with pytest.raises(AxiomError, match=r"ll:Water|`Water") as caught:
        rules(weighted("ll:Water", f"[ a owl:Restriction ; {text} ]"))
    assert reason in caught.value.cause


# --- disjoint classes


def test_annotated_disjoint_classes_are_pairs(rules):
    members = "owl:members ( ll:Water ll:Building ll:TreeCover )"
    found = rules(
        f'[] a owl:AllDisjointClasses ; {members} ; ll:weight 0.5 ; dct:identifier "kinds" .'
    )
    building, trees = Named(LL + "Building"), Named(LL + "TreeCover")
    assert [(a.left, a.right) for a in found] == [
        (building, Not(trees)),
        (building, Not(WATER)),
        (trees, Not(WATER)),
    ]
    assert [a.iri for a in found] == [f"{vocab.RULE}kinds-{number}" for number in (1, 2, 3)]
    assert {a.weight for a in found} == {0.5}


def test_disjoint_classes_that_the_ontology_has_may_be_repeated(rules):
    assert rules("[] a owl:AllDisjointClasses ; owl:members ( ll:Water ll:Bare ) .") == ()
    assert rules("ll:Water owl:disjointWith ll:Bare .") == ()


def test_a_weight_on_what_is_no_class_axiom_is_an_error(rules):
    text = """ll:near rdfs:domain ll:Region . [] a owl:Axiom ; owl:annotatedSource ll:near ; {} ;
        owl:annotatedTarget ll:Region ; dct:identifier "d" ; """
    domain = text.format("owl:annotatedProperty rdfs:domain")
    assert rules(domain + 'rdfs:comment "fine" .') == ()
    with pytest.raises(AxiomError, match="'d' has a weight, but is about rdfs:domain"):
        rules(domain + "ll:weight 1.0 .")
    with pytest.raises(AxiomError, match="is about nothing"):
        rules(text.format("a owl:Axiom") + "ll:hard true .")


# --- as editors save it

EDITOR = """<?xml version="1.0"?>
<rdf:RDF xmlns:ll="https://w3id.org/landlore/core#" xmlns:owl="http://www.w3.org/2002/07/owl#"
     xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
     xmlns:xsd="http://www.w3.org/2001/XMLSchema#" xmlns:dct="http://purl.org/dc/terms/">
  <owl:Class rdf:about="https://w3id.org/landlore/core#Water">
    <rdfs:subClassOf>RESTRICTION</rdfs:subClassOf>
  </owl:Class>
  <owl:Axiom>
    <owl:annotatedSource rdf:resource="https://w3id.org/landlore/core#Water"/>
    <owl:annotatedProperty rdf:resource="http://www.w3.org/2000/01/rdf-schema#subClassOf"/>
    <owl:annotatedTarget>RESTRICTION</owl:annotatedTarget>
    <dct:identifier>wide</dct:identifier>
    <rdfs:label xml:lang="en">wide water</rdfs:label>
    <ll:weight rdf:datatype="http://www.w3.org/2001/XMLSchema#decimal">1.25</ll:weight>
  </owl:Axiom>
  <rdf:Description>
    <rdf:type rdf:resource="http://www.w3.org/2002/07/owl#Class"/>
    <owl:intersectionOf rdf:parseType="Collection">
      <rdf:Description rdf:about="https://w3id.org/landlore/core#Lake"/>RESTRICTION
    </owl:intersectionOf>
    <rdfs:subClassOf rdf:resource="https://w3id.org/landlore/core#InlandWater"/>
  </rdf:Description>
  <rdf:Description>
    <rdf:type rdf:resource="http://www.w3.org/2002/07/owl#Axiom"/>
    <owl:annotatedSource>
      <owl:Class>
        <owl:intersectionOf rdf:parseType="Collection">
          RESTRICTION<rdf:Description rdf:about="https://w3id.org/landlore/core#Lake"/>
        </owl:intersectionOf>
      </owl:Class>
    </owl:annotatedSource>
    <owl:annotatedProperty rdf:resource="http://www.w3.org/2000/01/rdf-schema#subClassOf"/>
    <owl:annotatedTarget rdf:resource="https://w3id.org/landlore/core#InlandWater"/>
    <dct:identifier>general</dct:identifier>
    <ll:hard rdf:datatype="http://www.w3.org/2001/XMLSchema#boolean">true</ll:hard>
  </rdf:Description>
</rdf:RDF>
"""
RESTRICTION = """<owl:Restriction>
  <owl:onProperty><rdf:Description><owl:inverseOf rdf:resource="https://w3id.org/landlore/core#near"/></rdf:Description>
  </owl:onProperty>
  <owl:minQualifiedCardinality rdf:datatype="http://www.w3.org/2001/XMLSchema#nonNegativeInteger">2</owl:minQualifiedCardinality>
  <owl:onClass rdf:resource="https://w3id.org/landlore/core#Building"/>
</owl:Restriction>"""


def test_rdf_xml_with_copied_nodes_and_a_general_class_axiom(rules):
    general, wide = rules(EDITOR.replace("RESTRICTION", RESTRICTION), "rules.owl")
    counted = Count(inverse(LL + "near"), 2, None, Named(LL + "Building"))
    assert (wide.left, wide.right, wide.weight, wide.label) == (WATER, counted, 1.25, "wide water")
    assert general.left in (And((LAKE, counted)), And((counted, LAKE)))
    assert general.hard


def test_rdf_xml_with_a_changed_copy_is_an_error(rules):
    text = EDITOR.replace("RESTRICTION", RESTRICTION, 1)
    text = text.replace("RESTRICTION", RESTRICTION.replace(">2<", ">3<"))
    with pytest.raises(
        RuleError, match=r"annotation 'wide' is on `Water SubClassOf inverse near min 3"
    ):
        rules(text, "rules.owl")


OWL_XML = """<?xml version="1.0"?>
<Ontology xmlns="http://www.w3.org/2002/07/owl#" xml:base="http://x" ontologyIRI="http://x"
     xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:xml="http://www.w3.org/XML/1998/namespace"
     xmlns:xsd="http://www.w3.org/2001/XMLSchema#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#">
  <Declaration><Class IRI="https://w3id.org/landlore/core#Water"/></Declaration>
  <SubClassOf>
    <Annotation>
      <AnnotationProperty IRI="https://w3id.org/landlore/core#weight"/>
      <Literal datatypeIRI="http://www.w3.org/2001/XMLSchema#decimal">0.5</Literal>
    </Annotation>
    <Class IRI="https://w3id.org/landlore/core#Water"/>
    <ObjectSomeValuesFrom>
      <ObjectProperty IRI="https://w3id.org/landlore/core#near"/>
      <Class IRI="https://w3id.org/landlore/core#Building"/>
    </ObjectSomeValuesFrom>
  </SubClassOf>
</Ontology>
"""


def test_owl_xml(rules):
    (axiom,) = rules(OWL_XML, "rules.owx")
    assert (axiom.left, axiom.right) == (WATER, Some(LL + "near", Named(LL + "Building")))
    assert axiom.weight == 0.5


def test_every_fault_of_a_file_is_found(tmp_path):
    path = tmp_path / "many.ttl"
    path.write_text(
        PREFIXES
        + "ll:Lake rdfs:subClassOf ll:Building . ll:Water rdfs:subClassOf ll:Watr ."
        + weighted("ll:Water", "ll:Lake")
        + "ll:Sea rdfs:subClassOf [ a owl:Class ; owl:oneOf ( ll:x ) ] ."
    )
    axioms, faults = read_rules([path])
    assert [(a.left, a.right) for a in axioms] == [(WATER, LAKE)]
    assert [fault.file for fault in faults] == [str(path)] * 3
    assert {fault.axiom for fault in faults} == {
        "`Lake SubClassOf Building`",
        "`Water SubClassOf ll:Watr`",
        "a SubClassOf axiom about ll:Sea",
    }
