"""`landlore serve`: the SPARQL 1.1 Protocol over a run, for programs and people; what is too much or not allowed."""

import csv
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlencode, urlsplit

import pytest
import rdflib
from rdflib.query import Result

import landlore as ll
from kg.errors import InputError, OutputError, SourceError
from landlore.server import Server, ServeSettings

ALL = "SELECT ?s ?o { ?s rdfs:label ?o } ORDER BY ?s ?o"
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


@pytest.fixture(scope="module")
def server(village):
    """The run of the village, served with answers of at most 200 rows within six seconds."""
    one = Server(village / "run", ServeSettings(port=0, timeout=6.0, rows=200))
    threading.Thread(target=one.serve, daemon=True).start()
    yield one
    one.close()


def ask(server, form=None, accept="", path="sparql", body=None, kind=None, **head):
    """(status, headers, text)."""
    told = {"Accept": accept, **head} | ({"Content-Type": kind} if kind else {})
    data = (
        body if body is not None else urlencode(form or {}).encode() if form is not None else None
    )
    request = urllib.request.Request(server.url + path, data, told)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.headers, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_all_three_ways_to_ask_give_the_same(server, village):
    query = "SELECT ?s { ?s a run:Correction } ORDER BY ?s"
    found = [ask(server, {"query": query}), ask(server, path=f"sparql?{urlencode({'query': query})}"),
             ask(server, body=query.encode(), kind="application/sparql-query")]  # fmt: skip
    assert {code for code, _, _ in found} == {200} and len({text for _, _, text in found}) == 1
    own = [str(s) for (s,) in ll.query(village / "run", query)]
    told = json.loads(found[0][2])["results"]["bindings"]
    assert own and [row["s"]["value"] for row in told] == own


@pytest.mark.parametrize("kind", ["json", "xml", "csv", "tsv"])
def test_other_programs_can_read_each_format(server, village, kind):
    media = {"json": "application/sparql-results+json", "xml": "application/sparql-results+xml",
             "csv": "text/csv", "tsv": "text/tab-separated-values"}[kind]  # fmt: skip
    query = """SELECT ?c ?n ?p { ?c a run:Correction
      OPTIONAL { ?c run:pixels ?n } OPTIONAL { ?c ll:none ?p } } ORDER BY ?c"""
    code, head, text = ask(server, {"query": query}, accept=media)
    assert code == 200 and head.get_content_type() == media
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(text)))[1:]
    else:
        found = Result.parse(io.BytesIO(text.encode()), format=kind)
        rows = [["" if one is None else str(one) for one in row] for row in found]
    own = [
        ["" if one is None else one.value for one in row]
        for row in ll.query(village / "run", query)
    ]
    assert own and sorted(rows) == sorted(own)


@pytest.mark.parametrize(
    ("media", "form"), [("text/turtle", "turtle"), ("application/n-triples", "nt")]
)
def test_triples_are_the_same_graph(server, village, media, form):
    query = "CONSTRUCT { ?s rdfs:label ?o } WHERE { ?s a run:Correction ; ?p ?o }"
    code, head, text = ask(server, {"query": query}, accept=f"text/html;q=0.1, {media}")
    assert code == 200 and head.get_content_type() == media
    got = rdflib.Graph().parse(data=text, format=form)
    own = rdflib.Graph().parse(data=ll.query(village / "run", query).to_turtle(), format="turtle")
    assert len(own) and got.isomorphic(own)


def test_a_long_answer_is_cut_and_our_own_client_gets_it_whole(server, village):
    own = ll.query(village / "run", ALL)
    assert len(own) > 200
    _, head, text = ask(server, {"query": ALL})
    assert head["X-SPARQL-MaxRows"] == "200" and len(json.loads(text)["results"]["bindings"]) == 200
    assert ll.query(server.url + "sparql", ALL).rows == own.rows


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ({"form": {"query": "SELECT ?s { ?s a }"}}, 400, "SPARQL line 1"),
        ({"form": {"query": "ASK {}", "default-graph-uri": "x:y"}}, 400, "graphs are named in the question"),
        ({"form": {}}, 400, "expected one as `query`"),
        ({"form": {"query": "INSERT DATA { <x:a> <x:b> 1 }"}}, 400, "only read"),
        ({"form": {"update": "CLEAR ALL"}}, 403, "only reads"),
        ({"form": {"query": "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"}}, 400, "SERVICE"),
        ({"form": {"query": "ASK {}"}, "accept": "text/turtle"}, 406, "no answer to ASK as text/turtle"),
        ({"body": b"ASK {}", "kind": "text/plain"}, 415, "text/plain"),
        ({"body": b"x" * 1_000_001, "kind": "application/sparql-query"}, 413, "at most"),
        ({"path": "../run.json"}, 404, "nothing is here"),
        ({"path": "sparql"}, 400, "no question"),
        ({"path": "", "Host": "evil.example"}, 403, "another name"),
        ({"form": {"query": "ASK {}"}, "Host": "evil.example:80"}, 403, "another name"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told(server, how, code, said):
    status, head, text = ask(server, **how)
    assert status == code and said in text and head.get_content_type() == "text/plain"
    assert ask(server, {"query": "ASK { ?s ?p ?o }"})[0] == 200


def test_a_connection_goes_on_after_a_refusal(server):
    parts = urlsplit(server.url)
    kept = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    for path, kind, code in (("/else", "text/plain", 404), ("/sparql", "text/plain", 415),
                             ("/sparql", "application/sparql-query", 200)):  # fmt: skip
        kept.request("POST", path, b"ASK { ?s ?p ?o }", {"Content-Type": kind})
        reply = kept.getresponse()
        reply.read()
        assert reply.status == code
    kept.close()


def test_words_that_only_look_like_a_service_pass(server):
    query = 'SELECT ?s { ?s rdfs:label "service" # SERVICE <x:y>\n }'
    assert ask(server, {"query": query})[0] == 200


def test_a_question_that_takes_too_long_is_ended_and_others_go_on(server):
    begun, slow = time.monotonic(), []
    threads = [
        threading.Thread(target=lambda: slow.append(ask(server, {"query": SLOW}))) for _ in range(2)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [code for code, _, _ in slow] == [503, 503] and "no answer within 6 s" in slow[0][2]
    assert time.monotonic() - begun < 20
    assert ask(server, {"query": "ASK { ?s ?p ?o }"})[0] == 200


def test_people_see_questions_and_the_report(server, village):
    code, head, text = ask(server, path="")
    assert (
        code == 200 and "default-src 'self'" in head["Content-Security-Policy"] and "ask.js" in text
    )
    facts = json.loads(ask(server, path="facts.json")[2])
    assert facts["report"] and {one["name"] for one in facts["queries"]} >= {"corrections-by-rule"}
    first = next(one for one in facts["queries"] if one["name"] == "corrections-by-rule")
    assert ask(server, {"query": first["sparql"]})[0] == 200
    page = ll.write_page(village / "run", village / "served.html").path
    assert ask(server, path="report")[2] == page.read_text(encoding="utf-8")
    request = urllib.request.Request(server.url, method="HEAD")
    with urllib.request.urlopen(request) as reply:
        assert reply.status == 200 and not reply.read()


def test_only_a_named_origin_may_ask_from_a_page_elsewhere(server, village):
    assert (
        ask(server, {"query": "ASK {}"}, Origin="https://x.example")[1][
            "Access-Control-Allow-Origin"
        ]
        is None
    )
    open_one = Server(
        village / "run", ServeSettings(port=0, origin="https://x.example", processes=1)
    )
    threading.Thread(target=open_one.serve, daemon=True).start()
    try:
        _, head, _ = ask(open_one, {"query": "ASK {}"}, Origin="https://x.example")
        assert head["Access-Control-Allow-Origin"] == "https://x.example"
        with pytest.raises(OutputError, match="cannot be listened at"):
            Server(village / "run", ServeSettings(port=int(open_one.url.split(":")[2].strip("/"))))
    finally:
        open_one.close()


def test_what_cannot_be_served_is_told(tmp_path, server):
    with pytest.raises(SourceError, match="no such run"):
        Server(tmp_path / "nothing", ServeSettings(port=0))
    with pytest.raises(InputError, match="is a server already"):
        Server(server.url)
    (tmp_path / "broken.ttl").write_text("<a> <b")
    with pytest.raises(SourceError, match=r"broken\.ttl"):
        Server(tmp_path / "broken.ttl", ServeSettings(port=0))
    for wrong in ({"rows": 0}, {"timeout": float("nan")}, {"processes": 0}, {"port": 70000}):
        with pytest.raises(InputError, match="expected"):
            Server(tmp_path, ServeSettings(**wrong))


def test_a_graph_on_disk_is_served_while_it_is_read(village, tmp_path):
    ll.build(tmp_path / "graph", ll.Sources(osm=village / "house.osm"))
    one = Server(tmp_path / "graph", ServeSettings(port=0, processes=2))
    threading.Thread(target=one.serve, daemon=True).start()
    try:
        query = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
        codes = []
        threads = [
            threading.Thread(target=lambda: codes.append(ask(one, {"query": query})[0]))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == [200] * 4
        assert ll.query(tmp_path / "graph", query).rows
    finally:
        one.close()


def test_control_c_ends_it_and_all_that_it_began(village):
    program = [sys.executable, "-m", "landlore", "serve", str(village / "run"), "--port", "0"]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as one:
        url = one.stdout.readline().split()[0]
        with urllib.request.urlopen(f"{url}sparql?query=ASK%7B%7D") as reply:
            assert reply.status == 200
        one.send_signal(signal.SIGINT)
        out, said = one.communicate(timeout=30)
        assert one.returncode == 0 and "Traceback" not in said and not out
    with pytest.raises(ProcessLookupError):
        for _ in range(50):
            os.killpg(one.pid, 0)  # nobody of its group is left
            time.sleep(0.1)
