"""Conflicts between rules: the function and the named query agree."""

from dataclasses import replace

import pytest

from kg import vocab
from kg.ontology import load_ontology
from kg.queries import load_query
from kg.store import KnowledgeGraph
from reasoning.correction import Contribution
from reasoning.explanation.conflicts import rule_conflicts
from reasoning.explanation.explain import explain

NARROW, COVERED = vocab.RULE + "water-min-width", vocab.RULE + "mapped-building"


@pytest.fixture(scope="module")
def fighting(handmade):
    """`handmade`, with two corrections in which one rule pulls against the other, and one where it hardly does."""
    first, second, third, last = handmade.corrections

    def against(one, value):
        parts = (*one.contributions, Contribution(COVERED, "axiom", value))
        return replace(one, contributions=parts, log_odds=one.log_odds + value)

    kept = tuple(c for c in first.contributions if c.term != COVERED)
    first = replace(first, contributions=kept, log_odds=sum(c.value for c in kept))
    corrections = (against(first, -0.25), second, third, against(last, -0.75))
    return replace(handmade, corrections=corrections)


def test_pairs_are_counted_with_their_means(fighting):
    (pair,) = rule_conflicts(fighting.corrections)
    assert (pair.pushed, pair.pulled) == (NARROW, COVERED)
    assert (pair.corrections, pair.regions, pair.pixels) == (2, 2, 14)
    assert (pair.push, pair.pull) == (pytest.approx((1.125 + 3.5) / 2), pytest.approx(-0.5))
    assert rule_conflicts(fighting.corrections, least=0.3)[0].corrections == 1


def test_the_named_query_says_the_same(fighting):
    graph = KnowledgeGraph()
    told = explain(fighting, load_ontology(), run="fight")
    graph.replace_graph(told.graph, told.ntriples())
    (row,) = graph.query(load_query("rule-conflicts").sparql).rows
    (pair,) = rule_conflicts(fighting.corrections)
    assert [str(row[0].value), str(row[1].value)] == [pair.pushed, pair.pulled]
    assert [float(t.value) for t in row[2:]] == pytest.approx(
        [pair.corrections, pair.regions, pair.pixels, pair.push, pair.pull]
    )
    assert len(graph.query(load_query("rule-conflicts", {"least": 5.0}).sparql).rows) == 0


def test_a_run_without_conflicts(handmade):
    assert rule_conflicts(handmade.corrections) == ()
