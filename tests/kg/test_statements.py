import math

import pytest

from kg import statements as rdf
from kg import vocab
from kg.store import KnowledgeGraph

DOUBLE = vocab.XSD + "double"
HARD = [
    ("<x:o>", "<x:o>"),
    (rdf.text('line\n"quoted" \\ tab\t', "en"), '"line\\n\\"quoted\\" \\\\ tab\\t"@en'),
    (rdf.double(0.1), f'"0.1e0"^^<{DOUBLE}>'),
    (rdf.double(1e-9), f'"1e-09"^^<{DOUBLE}>'),
    (rdf.double(math.inf), f'"INF"^^<{DOUBLE}>'),
    (rdf.double(math.nan), f'"NaN"^^<{DOUBLE}>'),
    (rdf.decimal(12.34567), f'"12.346"^^<{vocab.XSD}decimal>'),
    (rdf.integer(7), f'"7"^^<{vocab.XSD}integer>'),
    (rdf.boolean(True), f'"true"^^<{vocab.XSD}boolean>'),
    (rdf.typed("2026-01-31", vocab.XSD + "date"), f'"2026-01-31"^^<{vocab.XSD}date>'),
    (rdf.text("水体", "zh"), '"水体"@zh'),
    (rdf.iri("https://x/a b>c"), "<https://x/a%20b%3Ec>"),
]


@pytest.mark.parametrize(("term", "expected"), HARD)
def test_terms_in_ntriples(term, expected):
    assert term == expected


def test_ntriples_and_trig_say_the_same():
    data = [(vocab.CORE + "a-1", [(vocab.RDF + "type", f"<{vocab.CORE}Water>")])]
    data.append(("x:s", [(vocab.CORE + "p", term) for term, _ in HARD]))
    one, other = KnowledgeGraph(), KnowledgeGraph()
    one.load_text("".join(rdf.ntriples(data)), "nt", graph="x:g")
    other.load_text("".join(rdf.trig(data, "x:g")), "trig")
    everything = "SELECT ?s ?p ?o { GRAPH <x:g> { ?s ?p ?o } }"
    rows = set(map(str, one.query(everything).rows))
    assert rows == set(map(str, other.query(everything).rows))
    assert len(one) == len(HARD) + 1


def test_trig_is_short_where_it_may_be():
    data = [("x:s", [(vocab.RDF + "type", f"<{vocab.CORE}Water>"), (vocab.RUN + "value", rdf.double(0.5)),
                     (vocab.RUN + "value", rdf.boolean(False)), ("x:p", f"<{vocab.CORE}a/b>")])]  # fmt: skip
    text = "".join(rdf.trig(data, "x:g"))
    assert "<x:g> {" in text
    assert "    a ll:Water ;\n    run:value 0.5e0, false ;\n" in text
    assert f"<x:p> <{vocab.CORE}a/b> ." in text, "a slash may not stand in a short name"


def test_doubles_read_back_to_the_same_bits():
    graph = KnowledgeGraph()
    values = [0.1 + 0.2, 1 / 3, 5e-324, -1.7976931348623157e308]
    graph.load_text(
        "".join(rdf.ntriples([("x:s", [("x:p", rdf.double(v)) for v in values])])), "nt", "x:g"
    )
    assert sorted(float(v) for (v,) in graph.query("SELECT ?v { <x:s> <x:p> ?v }")) == sorted(
        values
    )


def test_chunks_are_whole_lines():
    data = ((f"x:{i}", [("x:p", rdf.integer(i))] * 10) for i in range(1000))
    chunks = list(rdf.ntriples(data))
    assert len(chunks) > 3
    assert all(chunk.endswith(" .\n") for chunk in chunks if chunk)
