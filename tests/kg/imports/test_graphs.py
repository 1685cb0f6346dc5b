"""RDF of every syntax as statements: classes by alignment, label and name; things as they are; their schema."""

import gzip
from copy import copy

import pytest
from rdflib import Graph

from kg import vocab
from kg.errors import SourceError
from kg.imports.mapping import ImportMapping, Unknown
from kg.imports.source import ImportSource
from kg.imports.vocabulary import Vocabulary
from kg.store import KnowledgeGraph

pytestmark = pytest.mark.filterwarnings("ignore::kg.errors.LandloreWarning")
E, LL, SC = "http://example.org/", vocab.CORE, vocab.SCENE
PREFIXES = f"""@prefix e: <{E}> . @prefix ll: <{LL}> . @prefix sc: <{SC}> . @prefix owl: <{vocab.OWL}> .
@prefix rdfs: <{vocab.RDFS}> . @prefix skos: <{vocab.SKOS}> . @prefix geo: <{vocab.GEO}> .
@prefix wd: <http://www.wikidata.org/entity/> .
"""
TOWN = """
e:C17 a owl:Class ; rdfs:label "lake"@en ; rdfs:subClassOf e:Water .
e:House owl:equivalentClass wd:Q41176 .
e:a a e:C17 ; rdfs:label "Blue" ; geo:hasGeometry [ geo:asWKT "POINT(1 2)"^^geo:wktLiteral ] ; e:owner "me" .
e:b a e:House ; ll:near e:a .
e:c a e:Zeppelin .
"""


KNOWN = Vocabulary()


def imported(tmp_path, text, ending=".ttl", relations=None, **unknown):
    path = tmp_path / f"town{ending}"
    path.write_bytes(text if isinstance(text, bytes) else (PREFIXES + text).encode())
    mapping = ImportMapping(
        None, path, "town", relations=relations or {}, unknown=Unknown(**unknown)
    )
    known = copy(KNOWN)
    known.matches = dict(KNOWN.matches)
    source, graph = ImportSource(mapping, known), KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    return graph, source.report()


def types(graph):
    found = graph.query(f"SELECT ?s ?c {{ ?s a ?c FILTER(STRSTARTS(STR(?s), '{E}')) }}")
    return {(str(s).removeprefix(E), vocab.curie(str(c))) for s, c in found}


def test_things_keep_their_names_and_get_our_classes(tmp_path):
    graph, report = imported(tmp_path, TOWN)
    assert types(graph) == {("a", "ll:Lake"), ("b", "ll:Building")}
    assert len(graph.query(f"SELECT ?w {{ <{E}b> ll:near/geo:hasGeometry/geo:asWKT ?w }}")) == 1
    assert "_:" not in "".join(graph.ntriples(f"{vocab.GRAPH}town"))
    [(placed,)] = graph.query("SELECT ?w { GRAPH ?g { ?s geo:asWKT ?w } }")
    assert str(placed) == f"<{vocab.CRS84}> POINT(1 2)"
    assert {(u.kind, u.term) for u in report.unknown} >= {
        ("term", E + "Zeppelin"), ("relation", E + "owner"),
    }  # fmt: skip
    assert {"alignment", "label en"} <= report.means["terms"].keys()
    assert report.read == sum((report.understood, *report.left_out.values()))


@pytest.mark.parametrize(
    "ending", [".nt", ".nq", ".trig", ".rdf", ".owl", ".jsonld", ".json", ".n3", ".nt.gz"]
)
def test_every_syntax_says_the_same(tmp_path, ending):
    turtle, _ = imported(tmp_path, TOWN)
    form = {".rdf": "pretty-xml", ".owl": "xml", ".jsonld": "json-ld", ".json": "json-ld"}.get(
        ending
    )
    if ending in (".nq", ".trig"):
        whole = KnowledgeGraph()
        whole.load_text(PREFIXES + TOWN, graph="http://example.org/g")
        body = whole.save(tmp_path / f"saved{ending}").read_bytes()
    else:
        plain = Graph().parse(data=PREFIXES + TOWN, format="turtle")
        body = plain.serialize(format=form or ending[1:].removesuffix(".gz"), encoding="utf-8")
    graph, _ = imported(tmp_path, gzip.compress(body) if ending.endswith("gz") else body, ending)
    assert len(graph) == len(turtle) and types(graph) == types(turtle)


def test_the_same_file_gives_the_same_lines(tmp_path):
    one, _ = imported(tmp_path, TOWN)
    other, _ = imported(tmp_path, TOWN)
    iri = f"{vocab.GRAPH}town"
    assert sorted(one.ntriples(iri)) == sorted(other.ntriples(iri))


def test_statements_between_classes_become_weighted_ones(tmp_path):
    text = """
    e:Airport ll:hasPart e:Runway , [ ll:value e:Hangar ; ll:weight 0.4 ; rdfs:comment "seen" ] .
    e:Hangar e:inside e:Port . e:Port skos:prefLabel "harbor" .
    e:Airport ll:hasCover [ ll:value e:Grassland ; ll:weight 4 ] ; ll:hasPart "a text" .
    """
    graph, report = imported(tmp_path, text, relations={E + "inside": "^ll:hasPart 0.2"})
    found = {
        (vocab.curie(t.head), vocab.curie(t.tail), t.weight)
        for t in graph.triples()
        if t.relation == LL + "hasPart"
    }
    assert found == {
        ("sc:Airport", "ll:Runway", 0.5), ("sc:Airport", "ll:Hangar", 0.4), ("sc:Harbor", "ll:Hangar", 0.2),
    }  # fmt: skip
    assert len(graph.query('SELECT ?n { ?n ll:value ll:Hangar ; rdfs:comment "seen" }')) == 1
    assert report.left_out["weight is no number in 0..1"] == 1
    assert report.left_out["a text where a class was expected"] == 1


def test_their_own_classes_can_be_kept_below_ours(tmp_path):
    text = """e:Igloo a owl:Class ; rdfs:label "igloo" ; rdfs:subClassOf e:House .
        e:i a e:Igloo . e:House skos:closeMatch ll:House ."""
    graph, _ = imported(tmp_path, text, terms="keep")
    assert ("i", E + "Igloo") in types(graph)
    assert (
        len(
            graph.query(
                f'SELECT ?x {{ <{E}Igloo> rdfs:subClassOf ll:House ; rdfs:label "igloo" ; a ?x }}'
            )
        )
        == 1
    )
    left, report = imported(tmp_path, text + " e:h a e:House .")
    assert types(left) == {("h", "ll:House"), ("i", "ll:House")}
    assert report.means["terms"]["superclass"][0] == 1 and not report.unknown


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("e:X rdfs:subClassOf e:Y . e:Y rdfs:subClassOf e:House .", {("x", "ll:House")}),
        ("e:X rdfs:subClassOf e:Y , ll:Pond . e:Y rdfs:subClassOf e:House .", {("x", "ll:Pond")}),
        ("e:X owl:equivalentClass e:Y . e:House owl:equivalentClass e:Y .", {("x", "ll:House")}),
        ("e:House owl:equivalentClass e:X .", {("x", "ll:House")}),
        ("e:X rdfs:subClassOf e:Y . e:Y rdfs:subClassOf e:X , geo:Feature .", set()),
        ("e:House rdfs:subClassOf e:X .", set()),
    ],
)
def test_things_of_a_declared_subclass_are_things_of_the_nearest_class_that_is_understood(
    tmp_path, declared, expected
):
    graph, report = imported(tmp_path, f"{declared} e:x a e:X . e:l ll:near e:x .")
    assert types(graph) == expected
    assert report.left_out.get("unknown class", 0) == (0 if expected else 1)
    kept, _ = imported(tmp_path, f"{declared} e:x a e:X .", terms="keep")
    assert ("x", E + "X") in types(kept)


def test_what_is_said_of_a_subclass_is_not_said_of_its_superclass(tmp_path):
    text = """e:Duckery rdfs:subClassOf e:Pond .
        e:Zeppelinport rdfs:subClassOf e:Airport . e:Airport ll:hasPart e:Duckery .
        e:Zeppelinport ll:hasPart e:Runway ."""
    graph, report = imported(tmp_path, text)
    assert {
        (vocab.curie(t.head), vocab.curie(t.tail))
        for t in graph.triples()
        if "hasPart" in t.relation
    } == {("sc:Airport", "ll:Pond")}
    assert report.left_out["unknown head"] == 1


def test_means_can_be_forbidden(tmp_path):
    text = "e:a a e:Lake . e:b a wd:Q41176 ."
    by_alignment, _ = imported(tmp_path, text, by=("alignment",))
    by_name, _ = imported(tmp_path, text, by=("name",))
    assert types(by_alignment) == {("b", "ll:Building")} and types(by_name) == {("a", "ll:Lake")}


@pytest.mark.parametrize(
    ("text", "ending", "what"),
    [
        (b"<x:a> <x:b> <x:c> .\n<x:a> oops", ".ttl", r"town\.ttl:2: not valid RDF"),
        (b"", ".nt", "no statement in it"),
        (b"{", ".jsonld", "not valid RDF"),
        (b'{"@context": "http://example.org/c", "a": 1}', ".jsonld", "context lies on a server"),
        (b"no gzip", ".nt.gz", "cannot be read"),
        (b"<x:a> <x:b> <x:c> .", ".rdf", "not valid RDF"),
        (b"GIF89a", ".gif", "neither RDF"),
    ],
)
def test_what_is_no_rdf_is_told(tmp_path, text, ending, what):
    with pytest.raises(SourceError, match=what):
        imported(tmp_path, text, ending)
