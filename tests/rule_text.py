"""Rule files as tests write them: a few words of Turtle come in, whole files and their rules come out."""

import textwrap

from kg.rules import load_rules

PREFIXES = """
@prefix : <http://x#> .
@prefix ll: <https://w3id.org/landlore/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix dct: <http://purl.org/dc/terms/> .
"""
WIDE = """[ a owl:Restriction ; owl:onProperty ll:minWidth ; owl:someValuesFrom
  [ a rdfs:Datatype ; owl:onDatatype xsd:decimal ; owl:withRestrictions ( [ xsd:minInclusive 5.0 ] ) ] ]"""
NOTE = """[] a owl:Axiom ; owl:annotatedProperty rdfs:subClassOf ; ll:weight 1.5 ;
  dct:identifier "w" ; rdfs:label "wide"@en, "宽"@zh ; dct:source "a book" """


def writer(folder):
    """A function that writes a file into `folder`, Turtle with the usual prefixes; the path."""

    def write(text, name="rules.ttl"):
        path = folder / name
        before = PREFIXES if name.endswith("ttl") else ""
        path.write_text(before + textwrap.dedent(text), encoding="utf-8")
        return path

    return write


def reader(folder):
    """A function that writes such a file and reads its rules."""
    write = writer(folder)
    return lambda text, name="rules.ttl": load_rules([write(text, name)])


def weighted(left, right, property="rdfs:subClassOf"):
    """An axiom of weight 1, in Turtle."""
    return f"""{left} {property} {right} . [] a owl:Axiom ; owl:annotatedProperty {property} ; ll:weight 1.0 ;
        owl:annotatedSource {left} ; owl:annotatedTarget {right} ."""
