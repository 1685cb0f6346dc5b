"""The same graph on two real servers: Oxigraph and Virtuoso 7, both on the loopback address."""

import time

import pytest
import servers

from kg import rdf, vocab
from kg.errors import InputError, OutputError, QueryError, SourceError
from kg.queries import load_query, query_names
from kg.remote import RemoteGraph
from kg.store import KnowledgeGraph
from kg.triples import Triple
from kg.upload import PART

POINT = f'"<{vocab.CRS84}> POINT(24.9412345 60.1712345)"^^<{vocab.GEO}wktLiteral>'
FACTS = f"""<ex:pond> a ll:Water ; rdfs:label "Pond, \\"old\\"\\n池塘"@en ; ll:area 12.5 ; ll:width 0.123456789012e0 ;
    ll:hard true ; ll:hasCover [ ll:value ll:HerbaceousWetland ; ll:weight 0.4 ] ; geo:hasGeometry <ex:shape> .
<ex:shape> geo:asWKT {POINT} ."""


@pytest.fixture
def graph(server):
    found = RemoteGraph(server.url)
    for iri in found.graphs():
        found.replace_graph(iri, [])
    return found


def line(number: int) -> str:
    return f"<ex:s> <ex:p> <ex:o{number}> .\n"


def objects(graph: KnowledgeGraph, iri: str = "ex:g") -> list[str]:
    return [
        str(o) for (o,) in graph.query(f"SELECT ?o {{ GRAPH <{iri}> {{ ?s ?p ?o }} }} ORDER BY ?o")
    ]


def test_what_is_written_comes_back(graph):
    graph.load_text(FACTS, graph="ex:g")
    graph.add([Triple("ex:a", "ex:b", "ex:c", 0.25), Triple("ex:a", "ex:b", "ex:d")], "ex:h")
    local = KnowledgeGraph()
    local.load_text(FACTS, graph="ex:g")
    assert graph.graphs() == ("ex:g", "ex:h") and len(graph) == len(local) + 4
    assert graph.triples(graph="ex:g") == local.triples()
    assert Triple("ex:a", "ex:b", "ex:c", 0.25) in graph.triples(graph="ex:h")
    asked = "SELECT ?l ?a ?w ?h { GRAPH ?g { ?s a ll:Water ; rdfs:label ?l ; ll:area ?a ; ll:width ?w ; ll:hard ?h } }"
    [(label, area, width, hard)] = graph.query(asked)
    assert label == 'Pond, "old"\n池塘' and label.language == "en" and hard == "true"
    assert float(area) == 12.5 and float(width) == 0.123456789012
    [(wkt,)] = graph.query("SELECT ?w { GRAPH ?g { ?x geo:asWKT ?w } }")
    assert wkt == f"<{vocab.CRS84}> POINT(24.9412345 60.1712345)"
    assert wkt.datatype == vocab.GEO + "wktLiteral"


def test_every_form_of_query(graph):
    graph.load_text(FACTS, graph="ex:g")
    assert graph.query("ASK { GRAPH ?g { <ex:pond> a ll:Water } }").to_table() == "yes\n"
    assert not graph.query("ASK { GRAPH ?g { <ex:pond> a ll:Bare } }")
    built = graph.query("CONSTRUCT { ?s ll:weight ?o } WHERE { GRAPH ?g { ?s ll:weight ?o } }")
    assert built.form == "graph" and float(str(built.rows[0][2])) == 0.4
    found = {str(p) for _, p, _ in graph.describe("ex:pond")}
    assert {vocab.VALUE, vocab.WEIGHT, vocab.GEO + "asWKT", vocab.RDFS + "label"} < found
    assert not graph.describe("ll:Nothing")
    assert graph.query("PREFIX ll: <ex:> SELECT ?p { GRAPH ?g { ll:pond ?p ?o } }").variables == (
        "p",
    )


def test_bad_sparql_names_the_place(graph):
    with pytest.raises(QueryError, match="line 2, column"):
        graph.query("SELECT ?x\nWHERE { ?x ll:bar }")
    with pytest.raises(QueryError, match="unknown prefix foo:"):
        graph.query("SELECT ?x { ?x foo:bar ?y }")
    with pytest.raises(QueryError, match="line 1"):
        graph.update("INSERT DATA { GRAPH <ex:g> { <ex:b> a }")
    with pytest.raises(QueryError, match=r"begin with|cannot go on"):
        graph.query("FIND ?x")


def test_large_graphs_travel_in_batches_and_come_back_whole(graph):
    number = servers.ROWS + 1500
    graph.replace_graph("ex:g", (line(i) + line(i) for i in range(number)))
    assert len(graph) == number
    assert len(graph.query("SELECT ?o { GRAPH <ex:g> { ?s ?p ?o } }")) == number
    kept = sorted(graph.ntriples("ex:g"))
    assert kept == sorted(line(i) for i in range(number))


def test_rows_that_a_server_leaves_out_are_an_error(virtuoso_server):
    graph = RemoteGraph(virtuoso_server.url)
    graph.replace_graph("ex:g", [line(i) for i in range(servers.ROWS + 9)])
    with pytest.raises(QueryError, match="at most 1,000 rows"):
        graph.query("SELECT ?o { GRAPH <ex:g> { ?s ?p ?o } } LIMIT 9000")
    with pytest.raises(QueryError, match="exactly 1,001 triples"):
        graph.query("CONSTRUCT { ?s ?p ?o } WHERE { GRAPH <ex:g> { ?s ?p ?o } }")


def test_replacing_and_adding(graph):
    graph.replace_graphs({"ex:g": [line(1), line(2) + line(3)], "ex:h": [line(9)]})
    graph.replace_graph("ex:g", line(4))
    assert objects(graph) == ["ex:o4"] and objects(graph, "ex:h") == ["ex:o9"]
    graph.load_text(line(5), "nt", "ex:g")
    assert objects(graph) == ["ex:o4", "ex:o5"]
    graph.replace_graph("ex:g", [])
    assert objects(graph) == [] and graph.graphs() == ("ex:h",)
    graph.update("DELETE DATA { GRAPH <ex:h> { <ex:s> <ex:p> <ex:o9> } }")
    assert len(graph) == 0


def test_blank_nodes_stay_one_across_batches_and_apart_between_graphs(graph):
    many = [f"_:b <ex:p> <ex:o{i}> .\n" for i in range(2500)]
    graph.replace_graphs({"ex:g": many, "ex:h": many[:1]})
    subjects = "SELECT DISTINCT ?s { GRAPH ?g { ?s <ex:p> ?o } }"
    assert len(graph.query(subjects)) == 2


def test_a_failure_leaves_the_former_graph(graph):
    graph.replace_graph("ex:g", [line(1)])

    def stops():
        yield "".join(line(i) for i in range(3000))
        raise SourceError("the file ends early", "fetch it again")

    with pytest.raises(SourceError, match="ends early"):
        graph.replace_graphs({"ex:new": [line(5)], "ex:g": stops()})
    with pytest.raises(SourceError, match="not valid RDF"):
        graph.replace_graph("ex:g", [line(3), "<ex:s> <ex:p>"])
    with pytest.raises(SourceError, match="outside of a named graph"):
        graph.load_text(line(3), "nt")
    assert graph.graphs() == ("ex:g",) and objects(graph) == ["ex:o1"]
    parts = graph.query(
        f'SELECT ?g {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?g), "{PART}")) }}'
    )
    assert len(parts) == 0


def test_a_saved_copy_opens(graph, tmp_path):
    graph.load_text(FACTS, graph="ex:g")
    again = KnowledgeGraph.open(graph.save(tmp_path / "copy.trig"))
    assert again.triples() == graph.triples() and len(again) == len(graph)


def test_a_server_that_dies_on_the_way(tmp_path):
    """The former graph is there again after a restart, and what was half sent is gone with the next write."""
    port = servers.free_port()
    try:
        first = servers.oxigraph(tmp_path / "data", port)
        server = first.__enter__()
    except servers.Unavailable as error:
        pytest.skip(str(error))
    graph = RemoteGraph(server.url, timeout=10)
    graph.replace_graph("ex:g", [line(1)])

    def lines():
        yield "".join(line(i) for i in range(3000))
        server.process.kill()
        server.process.wait()
        yield "".join(line(i) for i in range(3000, 5000))

    with pytest.raises(
        OutputError, match=r"statements of <ex:g> were sent, none is in place"
    ) as error:
        graph.replace_graph("ex:g", lines())
    assert str(error.value).count("\n") == 1 and "run it again" in error.value.hint
    first.__exit__(None, None, None)
    with servers.oxigraph(tmp_path / "data", port):
        assert graph.graphs() == ("ex:g",) and objects(graph) == ["ex:o1"]
        graph.replace_graph("ex:g", [line(2)])
        assert objects(graph) == ["ex:o2"]
        assert len(graph.query("SELECT ?s { GRAPH ?g { ?s ?p ?o } }")) == 1


def test_a_restart_that_loses_batches_is_noticed(oxigraph_server):
    graph = RemoteGraph(oxigraph_server.url)
    graph.replace_graph("ex:lost", [line(1)])

    def lines():
        yield "".join(line(i) for i in range(1500))
        graph.update(f"CLEAR GRAPH <{PART}ex%3Alost>")
        yield line(1)

    with pytest.raises(OutputError, match="1,500 statements of <ex:lost> were sent"):
        graph.replace_graph("ex:lost", lines())
    assert objects(graph, "ex:lost") == ["ex:o1"]


def test_no_server_wrong_address_wrong_password(server):
    nobody = RemoteGraph(f"http://127.0.0.1:{servers.free_port()}/sparql")
    with pytest.raises(SourceError, match="does not answer") as error:
        nobody.graphs()
    assert str(error.value).count("\n") == 1
    with pytest.raises(OutputError, match="does not answer"):
        nobody.update("CLEAR GRAPH <ex:g>")
    with pytest.raises(SourceError, match=r"no SPARQL there|expected application"):
        RemoteGraph(server.bare.rpartition("/")[0] + "/nothing").graphs()
    for place in ("ftp://host/x", "http:///query"):
        with pytest.raises(SourceError, match="not the address of a server"):
            RemoteGraph(place)


def test_passwords(virtuoso_server):
    for url in (virtuoso_server.bare, virtuoso_server.url.replace("dba:dba", "dba:s3cret")):
        with pytest.raises(SourceError, match="user or password refused") as error:
            RemoteGraph(url).graphs()
        assert "s3cret" not in str(error.value) and "USER:PASSWORD" in error.value.hint
    open_to_all = RemoteGraph(virtuoso_server.bare.replace("sparql-auth", "sparql"))
    with pytest.raises(OutputError, match="user or password refused"):
        open_to_all.update("INSERT DATA { GRAPH <ex:g> { <ex:a> <ex:b> 1 } }")


def test_a_server_that_is_silent():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        graph = RemoteGraph(f"http://127.0.0.1:{listener.getsockname()[1]}/query", timeout=0.3)
        start = time.monotonic()
        with pytest.raises(SourceError, match=r"no answer within 0\.3 s"):
            graph.query("SELECT ?s { GRAPH ?g { ?s ?p ?o } }")
        assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("url", "update"),
    [
        ("http://h:7878", "http://h:7878/update"),
        ("http://h/ds/query", "http://h/ds/update"),
        ("http://h/repositories/land", "http://h/repositories/land/statements"),
        ("http://me:secret@h:8890/sparql", "http://h:8890/sparql"),
    ],
)
def test_where_updates_go(url, update):
    assert RemoteGraph(url).endpoint.update_url == update


def plain(result):
    """Rows without what a server may write differently: 0.5 and 0.50 are one number."""
    rows = [tuple(_number(term) for term in row) for row in result]
    return sorted(rows, key=str)


def _number(term):
    try:
        return round(float(term), 9)
    except (TypeError, ValueError):
        return term


def test_every_named_query_answers_as_in_memory(graph, handmade_graph):
    lines = {
        iri: list(rdf.grounded(handmade_graph.ntriples(iri), iri))
        for iri in handmade_graph.graphs()
    }
    local = KnowledgeGraph()
    local.replace_graphs(lines)
    graph.replace_graphs({iri: list(handmade_graph.ntriples(iri)) for iri in lines})
    answered = 0
    for name in query_names():
        asked = load_query(name).sparql
        expected = plain(local.query(asked))
        assert plain(graph.query(asked)) == expected, name
        answered += bool(expected)
    assert answered >= 12


def test_an_explanation_on_a_server_is_that_of_the_folder(graph, handmade_graph, tmp_path, server):
    import landlore as ll
    from landlore.publish import publish
    from reasoning.explanation.reasons import reason_at, reason_of

    run = f"{vocab.GRAPH}run/small"
    assert run in handmade_graph.graphs()
    only = KnowledgeGraph()
    only.replace_graph(run, handmade_graph.ntriples(run))
    only.save(tmp_path / "explanations.trig")
    handmade_graph.save(tmp_path / "graph.trig")
    graph.replace_graph(f"{vocab.GRAPH}osm", [line(1)])
    done = publish(tmp_path, server.url)
    assert run in done.graphs and f"{vocab.GRAPH}nlcd" in done.graphs
    assert f"{vocab.GRAPH}osm" not in done.graphs, "what the server has of a source is kept"
    publish(tmp_path, server.url)
    expected = reason_of(handmade_graph, 1)
    [account] = ll.explain(server.url, region=1)
    assert (
        account.sentence == expected[0].sentence and account.sentence_zh == expected[0].sentence_zh
    )
    assert [r.value for r in account.reasons] == pytest.approx(
        [r.value for r in expected[0].reasons], abs=1e-12
    )
    assert sum(r.value for r in account.reasons) == pytest.approx(account.log_odds, abs=1e-9)
    assert [a.iri for a in ll.explain(server.url, place=(account.lon, account.lat))] == [
        a.iri for a in reason_at(handmade_graph, account.lon, account.lat)
    ]
    assert len(ll.explain(server.url, top=3)) == 3
    with pytest.raises(InputError, match=r"no explanations\.trig"):
        publish(tmp_path / "none", server.url)
