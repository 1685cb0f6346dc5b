"""Questions that are put together answer as those that are written."""

import doctest

import pytest

import kg.select
from kg import vocab
from kg.build import build_graph
from kg.errors import QueryError
from kg.select import select
from kg.store import KnowledgeGraph

TOWN = """
<ex:a> a ll:OsmFeature , ll:House ; ll:width 12 ; rdfs:label "Mill"@en ; geo:sfWithin <ex:park> .
<ex:b> a ll:OsmFeature , ll:House ; ll:width 8.5 .
<ex:c> a ll:OsmFeature , ll:Church ; ll:width 20 .
<ex:park> a ll:OsmFeature , ll:Park .
"""


@pytest.fixture(scope="module")
def town() -> KnowledgeGraph:
    graph = KnowledgeGraph()
    build_graph([], graph)
    graph.load_text(TOWN, graph="ex:town")
    graph.load_text("<ex:c> geo:sfTouches <ex:a> .", graph="ex:relations")
    return graph


def ask(graph, question):
    return [tuple("" if t is None else str(t) for t in row) for row in graph.query(question.sparql)]


HOUSES = select("?f").where("?f", "a", "ll:House")


def test_patterns_join_over_graphs(town):
    assert ask(town, HOUSES) == [("ex:a",), ("ex:b",)]
    assert ask(town, HOUSES.where("?church", "geo:sfTouches", "?f")) == [("ex:a",)]
    assert ask(town, HOUSES.where("?f", "ll:width", "?w", graph="<ex:relations>")) == []
    graphs = select("?g").where("?f", "a", "ll:Church", graph="?g")
    assert ask(town, graphs) == [("ex:town",)]


def test_what_is_absent_is_left_out(town):
    assert ask(town, HOUSES.without("?f", "geo:sfWithin", "?park")) == [("ex:b",)]
    assert ask(town, HOUSES.without("?f", "rdfs:label", '"Mill"@en')) == [("ex:b",)]
    with pytest.raises(QueryError, match="shares no variable"):
        HOUSES.without("?x", "a", "ll:Park")


def test_what_may_be_there(town):
    named = select("?f", "?l").where("?f", "a", "ll:House").optional("?f", "rdfs:label", "?l")
    assert ask(town, named) == [("ex:a", "Mill"), ("ex:b", "")]


def test_comparing_ordering_and_counting(town):
    wide = select("?f", "?w").where("?f", "ll:width", "?w")
    assert [f for f, _ in ask(town, wide.filter("?w", ">", 8.5))] == ["ex:a", "ex:c"]
    assert [f for f, _ in ask(town, wide.order_by("?w", descending=True).limit(2))] == [
        "ex:c",
        "ex:a",
    ]
    counted = select("?kind").where("?f", "a", "?kind", graph="<ex:town>").count("?f")
    rows = dict(ask(town, counted))
    assert rows[vocab.CORE + "House"] == "2" and rows[vocab.OSM_FEATURE] == "4"
    everything = select().where("?f", "a", "ll:OsmFeature").count("?f")
    assert ask(town, everything) == [("4",)]


def test_classes_below(town):
    assert ask(town, select("?f").below("?f", "ll:Building")) == [("ex:a",), ("ex:b",), ("ex:c",)]
    twice = select("?f").below("?f", "ll:Building").below("?f", "ll:House")
    assert ask(town, twice) == [("ex:a",), ("ex:b",)]


def test_nothing_slow_or_unportable_is_written(town):
    question = (
        HOUSES.without("?f", "geo:sfWithin", "?p")
        .optional("?f", "rdfs:label", "?l")
        .filter("?f", "!=", "<ex:b>")
    )
    text = str(question)
    assert "EXISTS" not in text and text.count("GRAPH") == 3 and "ORDER BY" in text
    assert ask(town, question) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: select("f"), "is no variable"),
        (lambda: HOUSES.filter("?f", "~", 1), "unknown sign"),
        (lambda: HOUSES.filter("?f", "=", float("nan")), "is no number"),
        (lambda: HOUSES.limit(0), "expected a whole number"),
        (lambda: HOUSES.where("?f", "a", "House"), "neither a variable"),
        (lambda: HOUSES.where("?f", "a", "foo:House"), "no prefix 'foo' is known"),
        (lambda: HOUSES.below("?f", "wkgs:House"), "no prefix 'wkgs' is known"),
        (lambda: HOUSES.where("?f", "a", "x:> } DROP ALL #"), "neither a variable"),
        (lambda: select("?x").where("?f", "a", "ll:House").sparql, r"no pattern has \?x"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(QueryError, match=message) as error:
        make()
    assert str(error.value).count("\n") == 1


def test_an_unknown_prefix_is_told_with_the_nearest_or_all():
    for name, hint in (("skoss:note", "did you mean 'skos'?"), ("foo:House", "known: ll, run")):
        with pytest.raises(QueryError) as error:
            HOUSES.where("?f", "a", name)
        assert error.value.hint.startswith(hint) and error.value.hint.endswith("http://...)")


@pytest.mark.parametrize(
    "whole", ["http://example.org/House", "urn:house", "mailto:a@example.org", "<foo:House>"]
)
def test_whole_iris_need_no_prefix(whole):
    assert f"<{whole.strip('<>')}> }}" in HOUSES.where("?f", "a", whole).sparql


def test_words_cannot_break_out(town):
    assert ask(town, HOUSES.where("?f", "rdfs:label", '"x" } DROP ALL { "')) == []


def test_the_example_is_true():
    assert doctest.testmod(kg.select).failed == 0
