from __future__ import annotations

import warnings
from dataclasses import replace

import pytest

from kg import vocab
from kg.errors import InputError
from kg.files import shipped
from kg.queries import load_query
from kg.reasons import ScenePart, SceneReason
from kg.scenes import RELATIONS, load_scenes
from kg.statements import ntriples
from kg.store import KnowledgeGraph
from reasoning.scenes.scene import scene_graph, scene_sentences, scene_statements

LENDERS = (vocab.SCENE + "Desert", vocab.SCENE + "SaltPan")


@pytest.fixture(scope="module")
def knowledge():
    return load_scenes()


def reasons():
    first = (
        ScenePart("triple", RELATIONS[0], vocab.CORE + "Sand", 0.93, 0.0, 1.25),
        ScenePart("triple", RELATIONS[2], vocab.CORE + "RowPattern", 0.0, 0.6, -0.5),
        ScenePart("text", "", "", 0.0, 0.0, 0.25),
    )
    second = (ScenePart("image-text", "", "", 0.0, 0.0, 2.0),)
    sand, field = vocab.SCENE + "Desert", vocab.SCENE + "Farmland"
    return [
        SceneReason("a.png", "desert", "farmland", sand, field, 0.73, 1.0, first, ("beach",)),
        SceneReason(
            'b "2".png', "salt crust", "desert", "", sand, 0.88, 2.0, second, answer_lenders=LENDERS
        ),
    ]


@pytest.fixture(scope="module")
def graph(knowledge):
    store = KnowledgeGraph()
    lines = ntriples(
        scene_statements(reasons(), knowledge, run="r1", model="toy", when="2026-01-31")
    )
    store.replace_graph(scene_graph("r1"), lines)
    return store


def test_answers_can_be_asked_for_by_sparql(graph):
    found = graph.query(
        "SELECT ?item ?name (SUM(?v) AS ?sum) ?odds WHERE { GRAPH ?g { ?a a run:SceneAnswer ; run:item ?item ;"
        " run:answerName ?name ; run:logOdds ?odds ; run:contribution/run:value ?v } }"
        " GROUP BY ?item ?name ?odds ORDER BY ?item"
    )
    rows = [[getattr(term, "value", term) for term in row] for row in found.rows]
    assert [row[0] for row in rows] == ["a.png", 'b "2".png']
    for row in rows:
        assert float(row[2]) == pytest.approx(float(row[3]))


def test_statements_that_spoke_are_linked_to_relation_and_value(graph):
    found = graph.query(
        "SELECT ?value ?w WHERE { GRAPH ?g { ?a run:answer sc:Desert ; run:contribution ?r . ?r run:kind 'triple' ;"
        " run:relation ll:hasCover ; run:about ?value ; run:answerWeight ?w } }"
    )
    assert len(found.rows) == 1
    assert getattr(found.rows[0][0], "value", found.rows[0][0]) == vocab.CORE + "Sand"


def test_same_reasons_give_the_same_bytes_without_blank_nodes(knowledge):
    texts = [
        "".join(ntriples(scene_statements(reasons(), knowledge, run="r1", model="toy")))
        for _ in range(2)
    ]
    assert texts[0] == texts[1]
    assert "_:" not in texts[0]
    assert "endedAtTime" not in texts[0]


def test_sentences_name_what_spoke_for_and_against(knowledge):
    english, chinese = scene_sentences(reasons()[0], knowledge)
    assert "desert (0.73) rather than farmland, log-odds +1.00" in english
    assert "cover sand (0.93 / 0) +1.25" in english
    assert "row pattern (0 / 0.6) -0.50" in english
    assert "沙漠" in chinese
    assert "农田" in chinese
    english, chinese = scene_sentences(reasons()[1], knowledge)
    assert "against it: nothing" in english
    assert "salt crust" in chinese


def test_bad_run_names_and_times_are_refused(knowledge):
    with pytest.raises(InputError, match="run name"):
        list(scene_statements(reasons(), knowledge, run="a b", model="toy"))
    with pytest.raises(InputError, match="ISO 8601"):
        list(scene_statements(reasons(), knowledge, run="r", model="toy", when="yesterday"))


def test_named_query_of_scene_answers(graph):
    rows = [[str(t) for t in row] for row in graph.query(load_query("scene-answers").sparql).rows]
    assert [row[:3] for row in rows] == [["a.png", "desert", "farmland"]]
    assert rows[0][4:6] == [RELATIONS[0], vocab.CORE + "Sand"]
    assert float(rows[0][6]) == 1.25


def test_a_statement_against_the_answer_counts_by_its_size(knowledge):
    against = ScenePart("triple", RELATIONS[2], vocab.CORE + "RowPattern", 0.0, 0.6, -1.5)
    first = reasons()[0]
    store = KnowledgeGraph()
    said = replace(first, parts=(against, first.parts[0], first.parts[2]))
    lines = ntriples(scene_statements([said], knowledge, run="r1", model="toy"))
    store.replace_graph(scene_graph("r1"), lines)
    rows = store.query(load_query("scene-answers").sparql).rows
    assert [(str(row[5]), float(str(row[6]))) for row in rows] == [(against.value, -1.5)]


def test_whose_statements_stood_in_can_be_asked_for(graph):
    found = graph.query(
        "SELECT ?item ?lender WHERE { GRAPH ?g { ?a run:item ?item ; run:answerLender|run:rivalLender ?lender } }"
        " ORDER BY ?lender"
    )
    rows = [[str(getattr(term, "value", term)) for term in row] for row in found.rows]
    assert rows == [['b "2".png', lender] for lender in LENDERS]


def test_scene_answers_are_valid_under_the_shapes(graph):
    assert shacl(graph_lines(graph))
    without = [line for line in graph_lines(graph) if "#rivalName>" not in line]
    assert not shacl(without)


def shacl(lines):
    from pyshacl import validate
    from rdflib import Graph

    data = Graph().parse(data="\n".join(lines), format="nt")
    shapes = Graph().parse(shipped("ontologies/shapes.ttl"), format="turtle")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return validate(data, shacl_graph=shapes, advanced=True)[0]


def graph_lines(graph):
    found = graph.query("CONSTRUCT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } }")
    return [f"{s.ntriples} {p.ntriples} {o.ntriples} ." for s, p, o in found.rows]
