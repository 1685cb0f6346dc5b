"""Servers that are broken, slow or not what they say, on the loopback address: two lines, and no end without one."""

import contextlib
import http.server
import json
import threading
import time
from urllib.parse import parse_qs

import pytest

from kg.errors import QueryError, SourceError
from kg.measure import measure
from kg.remote import RemoteGraph
from kg.sparql import columns_of


@contextlib.contextmanager
def serving(reply):
    """A server that answers by `reply(question) -> (status, headers, body)`; a list is sent bit by bit."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, headers, body = reply(parse_qs(asked)["query"][0])
            self.send_response(status)
            parts = body if isinstance(body, list) else [body]
            kind = {"Content-Type": "application/sparql-results+json"}
            size = {"Content-Length": str(sum(map(len, parts)))}
            for name, value in {**kind, **size, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for part in parts:
                with contextlib.suppress(OSError):
                    self.wfile.write(part)
                if len(parts) > 1:
                    time.sleep(0.05)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/query"
        finally:
            server.shutdown()


def answer(names="s", count=3):
    row = {name: {"type": "uri", "value": "ex:a"} for name in names}
    told = {"head": {"vars": list(names)}, "results": {"bindings": [row] * count}}
    return json.dumps(told).encode()


ASKED = "SELECT ?s { ?s ?p ?o }"


@pytest.mark.parametrize("said", ["abc", "-3", "0", ""])
def test_a_limit_of_rows_that_is_no_number(said):
    with (
        serving(lambda _: (200, {"X-SPARQL-MaxRows": said}, answer())) as url,
        pytest.raises(SourceError, match="X-SPARQL-MaxRows"),
    ):
        RemoteGraph(url).query(ASKED)


def test_a_server_that_does_not_heed_offset_is_left():
    with (
        serving(lambda _: (200, {"X-SPARQL-MaxRows": "3"}, answer())) as url,
        pytest.raises(SourceError, match="the same ones at every OFFSET"),
    ):
        RemoteGraph(url).query(ASKED)


def test_pages_that_are_alike_are_no_fault():
    def reply(asked):
        start = int(asked.rpartition("OFFSET")[2] or 0) if "OFFSET" in asked else 0
        return 200, {"X-SPARQL-MaxRows": "3"}, answer(count=max(0, min(3, 10 - start)))

    with serving(reply) as url:
        assert len(RemoteGraph(url).query(ASKED)) == 10


@pytest.mark.parametrize("names", ["x", "sp", ""])
def test_an_answer_with_other_columns_is_refused(names):
    with (
        serving(lambda _: (200, {}, answer(names))) as url,
        pytest.raises(SourceError, match=r"has the columns .*, expected \?s"),
    ):
        RemoteGraph(url).query(ASKED)


def test_columns_in_another_order_are_put_right():
    with serving(lambda _: (200, {}, answer("ba", 1))) as url:
        assert RemoteGraph(url).query("SELECT ?a ?b { ?a ?p ?b }").variables == ("a", "b")


def test_an_answer_that_only_drips_is_given_up():
    with serving(lambda _: (200, {}, [bytes([one]) for one in answer()])) as url:
        start = time.monotonic()
        with pytest.raises(SourceError, match=r"bytes within .* expected 100 a second"):
            RemoteGraph(url, timeout=0.5).query(ASKED)
        assert time.monotonic() - start < 5


def test_a_server_that_fails_is_not_called_bad_sparql():
    with (
        serving(lambda _: (500, {}, b"NullPointerException")) as url,
        pytest.raises(QueryError, match="NullPointerException") as told,
    ):
        RemoteGraph(url).query(ASKED)
    assert "the server failed" in told.value.hint


def test_measuring_on_a_server_with_other_columns(tmp_path):
    with (
        serving(lambda _: (200, {}, answer("x"))) as url,
        pytest.raises(SourceError, match="columns"),
    ):
        measure(RemoteGraph(url))


def test_measuring_on_a_server_that_leaves_values_out():
    told = {"head": {"vars": ["class", "core"]}, "results": {"bindings": [{}]}}
    with (
        serving(lambda _: (200, {}, json.dumps(told).encode())) as url,
        pytest.raises(SourceError, match="lacks a value"),
    ):
        measure(RemoteGraph(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1/x",
        "http://me:secret@[::1/x",
        "http://h:abc/q",
        "http://h:99999/q",
        "http://a b/q",
    ],
)
def test_addresses_that_are_none(url):
    with pytest.raises(SourceError, match="not the address of a server") as told:
        RemoteGraph(url)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("sparql", "columns"),
    [
        ("SELECT * { ?s ?p ?o }", None),
        ("ASK { ?s ?p ?o }", None),
        ("select distinct ?where $b where { ?s ?p ?o }", ["where", "b"]),
        (
            "PREFIX select: <ex:> SELECT ?a (COUNT(*) AS ?n) (?x * 2 AS ?m) FROM <ex:g> {}",
            ["a", "n", "m"],
        ),
        ("SELECT (EXISTS { ?s ?p ?o } AS ?x) {}", None),
        ("SELECT ?a { SELECT ?b { ?b ?c ?d } }", ["a"]),
    ],
)
def test_columns_that_a_query_asks_for(sparql, columns):
    assert columns_of(sparql) == columns
