import re

import pytest

from kg import vocab
from kg.errors import SourceError
from kg.sources.expert import ExpertSource
from kg.store import KnowledgeGraph
from kg.triples import Triple

TURTLE = """@prefix ll: <https://w3id.org/landlore/core#> .
@prefix dct: <http://purl.org/dc/terms/> .
<> dct:title "Shores" ; dct:source "Somebody (2020): Shores" ; dct:issued "2020-05-01" ;
   dct:license <https://creativecommons.org/licenses/by/4.0/> ; dct:creator "Somebody" .
ll:Sea ll:near [ ll:value ll:BeachSand ; ll:weight 0.9 ], [ ll:value ll:Pier ; ll:weight 0.2 ] .
"""


@pytest.fixture
def facts(tmp_path):
    path = tmp_path / "shores.ttl"
    path.write_text(TURTLE)
    return path


def test_facts_keep_their_weights_and_their_citation(facts):
    source, graph = ExpertSource(facts), KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    near = [t for t in graph.triples() if t.relation == vocab.CORE + "near"]
    sea = vocab.CORE + "Sea"
    assert near == [
        Triple(sea, vocab.CORE + "near", vocab.CORE + "BeachSand", 0.9),
        Triple(sea, vocab.CORE + "near", vocab.CORE + "Pier", 0.2),
    ]
    [(cited,)] = graph.query(f"SELECT ?c {{ <{vocab.GRAPH}shores> dct:source ?c }}")
    assert cited == "Somebody (2020): Shores"


def test_provenance_is_read_from_the_file(facts):
    info = ExpertSource(facts).describe()
    assert (info.title, info.attribution, info.date) == ("Shores", "Somebody", "2020-05-01")
    assert info.licence == "https://creativecommons.org/licenses/by/4.0/"
    assert re.fullmatch(r"[0-9a-f]{64}", info.sha256)


def test_the_text_is_the_same_wherever_the_file_lies(facts, tmp_path):
    elsewhere = tmp_path / "folder"
    elsewhere.mkdir()
    copy = elsewhere / facts.name
    copy.write_text(TURTLE)
    one, two = ("".join(ExpertSource(path).ntriples()) for path in (facts, copy))
    assert one == two and str(tmp_path) not in one and "_:" not in one
    assert ExpertSource(facts, name="coast").iri == vocab.GRAPH + "coast"


@pytest.mark.parametrize(
    ("turtle", "message"),
    [
        ("", "no statement in it"),
        ("<ex:a> <ex:b> .", "facts.ttl:1: not valid RDF"),
        ("<ex:a> <ex:b> <ex:c> .", "1 statement and no citation"),
        (None, "cannot be read"),
    ],
)
def test_bad_files(tmp_path, turtle, message):
    path = tmp_path / "facts.ttl"
    if turtle is not None:
        path.write_text(turtle)
    for ask in (lambda s: s.describe(), lambda s: list(s.ntriples())):
        with pytest.raises(SourceError, match=re.escape(message)) as caught:
            ask(ExpertSource(path))
        assert str(caught.value).count("\n") == 1


def test_alignments_are_facts_and_rules_are_not(tmp_path):
    from kg.files import shipped

    source, graph = ExpertSource(shipped("ontologies/alignments.ttl")), KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    found = graph.query("SELECT ?n { ?n owl:annotatedProperty skos:exactMatch ; ll:confidence ?c }")
    assert len(found) > 100
    with pytest.raises(SourceError, match="holds rules"):
        ExpertSource(shipped("ontologies/rules/water.ttl")).describe()
