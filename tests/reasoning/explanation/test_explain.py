from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fusion.prediction import Prediction
from kg import vocab
from kg.errors import InputError
from kg.ontology import load_ontology
from kg.store import KnowledgeGraph
from reasoning.explanation.explain import explain

SHAPES = Path(__file__).resolve().parents[3] / "ontologies" / "shapes.ttl"
RUN = vocab.ID + "run/small"


@pytest.fixture(scope="module")
def explanation(handmade):
    return explain(handmade, load_ontology(), run="small", when="2026-01-31T12:00:00")


def graph_of(explanation):
    graph = KnowledgeGraph()
    graph.replace_graph(explanation.graph, explanation.ntriples())
    return graph


def validate(graph):
    import pyshacl
    import rdflib

    union = graph.query("CONSTRUCT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } }")
    data = rdflib.Graph().parse(data=union.to_turtle(), format="turtle")
    shapes = rdflib.Graph().parse(SHAPES)
    conforms, _, text = pyshacl.validate(data, shacl_graph=shapes, allow_warnings=True)
    return conforms, text


def test_names_of_run_graph_and_corrections(explanation):
    assert explanation.run == RUN
    assert explanation.graph == vocab.GRAPH + "run/small"
    found = graph_of(explanation).query("SELECT ?c { ?c a run:Correction } ORDER BY ?c")
    assert [str(c) for (c,) in found] == [f"{RUN}/correction/{i}" for i in range(4)]


def test_contributions_sum_to_the_log_odds(explanation, handmade):
    found = graph_of(explanation).query(
        """SELECT ?i (SUM(?v) AS ?sum) ?l { ?c run:index ?i ; run:logOdds ?l ;
        run:contribution/run:value ?v } GROUP BY ?i ?l ORDER BY ?i"""
    )
    for (i, total, stated), correction in zip(found, handmade.corrections, strict=True):
        assert float(total) == pytest.approx(correction.log_odds, abs=1e-12), i
        assert float(stated) == correction.log_odds


def test_provenance_names_sources_rule_files_model_and_software(explanation):
    graph = graph_of(explanation)
    used = {str(e) for (e,) in graph.query(f"SELECT ?e {{ <{RUN}> prov:used ?e }}")}
    assert used == {
        vocab.GRAPH + "osm", vocab.GRAPH + "nlcd", f"{RUN}/before",
        vocab.ID + "model/handmade%20labels",
        *(vocab.ID + f"file/{name}.ttl" for name in ("built", "ice", "water")),
    }  # fmt: skip
    ended = graph.query(f"SELECT ?t {{ <{RUN}> prov:endedAtTime ?t }}").rows[0][0]
    assert ended == "2026-01-31T12:00:00" and ended.datatype == vocab.XSD + "dateTime"
    made = graph.query(f"ASK {{ <{RUN}/correction/3> prov:wasGeneratedBy <{RUN}> }}")
    assert made


def test_rules_in_force_are_described(explanation):
    rows = (
        graph_of(explanation)
        .query(
            "SELECT ?text ?weight ?source { rule:water-min-width rdfs:comment ?text ; run:weight ?weight ;"
            " dct:source ?source }"
        )
        .rows
    )
    assert [str(x) for x in rows[0]] == [
        "Water SubClassOf minWidth some xsd:decimal[>= 12]", "1.5", "Handmade, 2026",
    ]  # fmt: skip


def test_evidence_exists_in_the_graph_of_its_source(handmade_graph):
    rows = handmade_graph.query(
        "SELECT ?term ?e { ?p a run:Contribution ; run:term ?term ; run:evidence ?e ."
        " GRAPH ?term { ?e a geo:Feature } } ORDER BY ?term ?e"
    ).rows
    assert [(t.rsplit("/", 1)[1], e.rsplit("/", 1)[1]) for t, e in rows] == [
        ("nlcd", "1"), ("osm", "11"), ("osm", "12"),
    ]  # fmt: skip
    linked = handmade_graph.query("SELECT DISTINCT ?e { ?c a run:Correction ; run:evidence ?e }")
    assert len(linked) == 4


def test_outline_and_bounds_hold_the_changed_pixels(explanation, handmade):
    outline = explanation.outlines[0]
    assert outline.startswith(f"<{vocab.CRS84}> POLYGON")
    grid = handmade.before.grid
    lon, lat = grid.lonlat([1, 5], [2, 5])
    west, south, east, north = explanation.bounds[0]
    assert west == pytest.approx(lon[0], abs=1e-7) and east == pytest.approx(lon[1], abs=1e-7)
    assert north == pytest.approx(lat[0], abs=1e-7) and south == pytest.approx(lat[1], abs=1e-7)


def test_trig_and_ntriples_hold_the_same_statements(explanation):
    one, other = KnowledgeGraph(), graph_of(explanation)
    one.load_text("".join(explanation.trig()), "trig")
    everything = "SELECT ?s ?p ?o { GRAPH ?g { ?s ?p ?o } }"
    assert one.graphs() == (explanation.graph,)
    assert set(one.query(everything).rows) == set(other.query(everything).rows)
    assert len(other) > 200


def test_bytes_are_the_same_twice(explanation, handmade):
    again = explain(handmade, load_ontology(), run="small", when="2026-01-31T12:00:00")
    assert "".join(explanation.trig()) == "".join(again.trig())
    assert "_:" not in "".join(explanation.ntriples())


def test_without_a_time_no_clock_is_read(handmade):
    lines = "".join(explain(handmade, load_ontology(), run="small").ntriples())
    assert "endedAtTime" not in lines


def test_shapes_accept_the_run_and_its_sources(handmade_graph):
    conforms, text = validate(handmade_graph)
    assert conforms, text


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"log_odds": 5.0}, "the contributions sum to"),
        ({"confidence": 1.5}, "Value is not <="),
        ({"after": vocab.LEGEND + "handmade/10"}, "DisjointConstraint"),
        ({"excluded_by": (vocab.RULE + "mapped-building",)}, "HardRule"),
        ({"contributions": ()}, "MinCountConstraint"),
    ],
)
def test_shapes_refuse_a_broken_correction(handmade, broken, told):
    first, *rest = handmade.corrections
    wrong = replace(handmade, corrections=(replace(first, **broken), *rest))
    conforms, text = validate(graph_of(explain(wrong, load_ontology(), run="broken")))
    assert not conforms
    assert told in text
    assert "correction/0" in text


def test_shapes_refuse_shares_above_one():
    graph = KnowledgeGraph()
    graph.load_text(
        f"""<x:c> a ll:ProductCell ; ll:row 1 ; ll:column 1 ; geo:hasGeometry [
        geo:asWKT "<{vocab.CRS84}> POINT (1 2)"^^geo:wktLiteral ] ;
        ll:hasCover [ ll:value ll:Water ; ll:weight 0.8 ] , [ ll:value ll:Grassland ; ll:weight 0.7 ] .""",
        graph="x:g",
    )
    conforms, text = validate(graph)
    assert not conforms and "shares sum to" in text


@pytest.mark.parametrize("name", ["", "a b", "a/b", "läuft"])
def test_run_names_that_no_iri_can_hold(handmade, name):
    with pytest.raises(InputError, match="expected letters"):
        explain(handmade, load_ontology(), run=name)


def test_a_time_that_is_none(handmade):
    with pytest.raises(InputError, match="ISO 8601"):
        explain(handmade, load_ontology(), run="a", when="yesterday")


def test_many_corrections_stream(handmade):
    """4,900 corrections come out in chunks, each with its own outline."""
    n = 70
    grid = replace(handmade.before.grid, height=4 * n, width=4 * n)
    index = np.full(grid.shape, -1, np.int32)
    for dy, dx in ((0, 0), (0, 1), (1, 0)):
        index[dy::4, dx::4] = np.arange(n * n).reshape(n, n)
    empty = Prediction(np.zeros((4, *grid.shape), np.float32), handmade.before.legend, grid, "m")
    many = tuple(handmade.corrections[i % 4] for i in range(n * n))
    big = replace(handmade, before=empty, after=empty, index=index, corrections=many)
    chunks = list(explain(big, load_ontology(), run="big").ntriples())
    assert len(chunks) > 50
    assert max(map(len, chunks)) < 1_000_000
    assert sum(chunk.count("asWKT") for chunk in chunks) == n * n
