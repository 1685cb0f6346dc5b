"""Beside an answer: which examples a named query was asked with, and which names the graph does not know."""

import sys

import pytest

from kg.queries import load_query
from kg.remote import RemoteGraph
from kg.results import QueryResult
from kg.store import KnowledgeGraph
from landlore import cli
from landlore.remarks import remarks


def said(graph, sparql, named=None, given=None):
    return list(remarks(graph, graph.query(sparql), sparql, (named, given or {})))


def test_a_named_query_says_which_values_it_was_asked_with(handmade_graph):
    named = load_query("corrections-at")
    first, second = said(handmade_graph, named.sparql, named)
    assert "lon = 24.94 (longitude, degrees east), lat = 60.17" in first
    assert first.endswith("--set lon=VALUE --set lat=VALUE")
    assert second == "nothing in the graph answers this; every name in it is known"
    (only,) = said(handmade_graph, named.sparql, named, {"lon": "1", "lat": "2"})
    assert "example" not in only


@pytest.mark.parametrize(
    ("sparql", "told"),
    [
        ("SELECT ?c { ?c a run:Corection }", "run:Corection stands nowhere in the graph; did you mean run:Correction"),
        ("SELECT ?c { ?c a ll:Buildng }", "did you mean ll:Building"),
        ("PREFIX x: <http://x#> SELECT ?c { ?c a x:Y }", "http://x#Y stands nowhere in the graph"),
        ('SELECT ?c { ?c rdfs:label "run:Nothing"@en } # ll:Nothing', "every name in it is known"),
    ],
)  # fmt: skip
def test_names_that_the_graph_does_not_have(handmade_graph, sparql, told):
    (line,) = said(handmade_graph, sparql)
    assert told in line


def test_an_answer_needs_no_remark(handmade_graph):
    assert said(handmade_graph, "SELECT ?c { ?c a run:Correction }") == []
    assert said(handmade_graph, "ASK { ?c a run:Correction }") == []


def test_a_no_names_what_the_graph_does_not_know(handmade_graph):
    (line,) = said(handmade_graph, "ASK { ?c a run:Nothing }")
    assert line.startswith("run:Nothing stands nowhere in the graph")
    assert said(handmade_graph, "ASK { run:Correction a run:Correction }") == []


def test_the_command_tells_on_standard_error_only(handmade_graph, tmp_path, monkeypatch, capsys):
    path = handmade_graph.save(tmp_path / "graph.trig")
    monkeypatch.setattr(sys, "argv", ["landlore", "query", str(path), "--name", "corrections-at"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert ended.value.code in (0, None)
    assert "--set lon=VALUE" in err and "--set" not in out


def test_a_file_without_named_graphs_is_told_as_such(handmade_graph, tmp_path):
    asked = "SELECT ?s { GRAPH <https://w3id.org/landlore/graph/measured> { ?s ?p ?o } }"
    flat = KnowledgeGraph.open(handmade_graph.save(tmp_path / "graph.ttl"))
    line = said(flat, asked)[0]
    assert line.startswith(
        "the file holds no named graphs, so no <https://w3id.org/landlore/graph/measured>"
    )
    assert not any("holds no named graphs" in line for line in said(handmade_graph, asked))


class Deaf(RemoteGraph):
    """A server that computes no geometry."""

    def query(self, sparql, **_):
        rows = ((None,),) if "BIND" in sparql else ()
        return QueryResult(("a",), rows if "geof" in sparql else ((True,),))


def test_a_server_may_lack_functions():
    server = Deaf("http://127.0.0.1:9/sparql")
    for sparql in (
        "SELECT ?a { ?s geo:asWKT ?w . FILTER(geof:area(?w, uom:hectare) > 1) }",
        "SELECT ?a { ?s geo:asWKT ?w . BIND(geof:area(?w, uom:hectare) AS ?a) }",
    ):
        (line,) = said(server, sparql)
        assert line.startswith("a server without geof:area leaves the answer empty"), line
    assert said(server, "SELECT ?a { ?s ?p ?a }") == []
    (line,) = said(
        KnowledgeGraph(), "SELECT ?a { BIND(1 AS ?a) FILTER(geof:area('', uom:metre) > 1) }"
    )
    assert line.startswith("nothing in the graph answers this")
