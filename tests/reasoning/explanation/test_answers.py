"""Answers in words, English and Chinese: every number told is the number found."""

import numpy as np
import pytest

from kg import vocab
from kg.ontology import load_ontology
from reasoning.correction import Trace
from reasoning.explanation.answers import told_place, told_what_if, told_why_not
from reasoning.explanation.sentences import names_of
from reasoning.explanation.whatif import Flip, WhatIf
from reasoning.explanation.whynot import Knob, WhyNot
from reasoning.terms import Change

NARROW, ALPINE = vocab.RULE + "water-min-width", vocab.RULE + "no-ice"
OSM = vocab.GRAPH + "osm"
WHOLE = (slice(0, 12), slice(0, 16))


@pytest.fixture(scope="module")
def names(handmade):
    return names_of(handmade, load_ontology())


@pytest.fixture(scope="module")
def iris(handmade):
    return [one.iri for one in handmade.before.legend.classes]


def what(handmade, values, flips, window=WHOLE):
    labels = handmade.after.labels[window].copy()
    q = np.moveaxis(handmade.after.probabilities, 0, -1)[window].astype(np.float64)
    return WhatIf(Change(values), window, labels, q, flips, Trace((1.0,), 0.0, 1, "converged"))


def test_what_flips_is_told_by_pairs_of_classes(handmade, names, iris):
    flips = (
        Flip(1, iris[2], iris[0], 9, 900.0, 15.0, 48.0, 1.0),
        Flip(4, iris[2], iris[0], 3, 300.0, 15.1, 48.0, 2.0),
        Flip(2, iris[1], iris[2], 1, 100.0, 15.0, 48.0, 0.5),
    )
    found = what(handmade, {OSM: 0.0, NARROW: 0.5}, flips)
    old = {OSM: 1.0, NARROW: 1.5}
    assert told_what_if(found, names, handmade.before, old) == [
        "Without OpenStreetMap and with the rule “Water is at least 12 m wide” at 0.5 instead of 1.5: "
        "13 pixels (1,300 m²) would have another class.",
        "  “Building” would become “Water” on 1,200 m² (12 pixels) in 2 regions, first at 48.00000° N, 15.00000° E "
        "(+1.25).",
        "  “Grass” would become “Building” on 100 m² (1 pixel) in 1 region, first at 48.00000° N, 15.00000° E (+0.50).",
        "Solved again for the whole map.",
    ]
    chinese = told_what_if(found, names, handmade.before, old, "zh")
    assert "13 个像元" in chinese[0] and "“建筑”将变为“水体”" in chinese[1]
    assert len(chinese) == 4 and chinese[-1] == "对整幅图重新求解。"


def test_nothing_flips_in_a_window(handmade, names):
    found = what(handmade, {OSM: 0.0}, (), (slice(0, 5), slice(2, 9)))
    assert told_what_if(found, names, handmade.before, {OSM: 1.0}) == [
        "Without OpenStreetMap: no pixel would have another class.",
        "Solved again in 7 x 5 pixels; everything outside was held as it is.",
    ]
    told = told_place(found, (2, 3), names, handmade.after)
    assert told.endswith("“Building” would stay (probability 0.90, was 0.90).")


def test_why_not_names_the_least_change_first(handmade, names, iris):
    parts = ((OSM, "evidence", 2.0), (vocab.NETWORK, "network", -0.5), (NARROW, "axiom", 0.0001))
    knobs = (
        Knob(OSM, "evidence", 1.0, 0.25, 0.2, 0.75),
        Knob(vocab.NETWORK, "network", 0.0, 1.6, 1.5, 1.6),
        Knob(NARROW, "axiom", 1.5, None, None, np.inf),
    )
    found = WhyNot(2, 3, iris[2], iris[0], 1.5001, parts, knobs, ())
    lines = told_why_not(found, names, handmade.before)
    assert "it is “Building” and not “Water”: “Building” is 4.5 times as likely (+1.50)" in lines[0]
    assert lines[0].endswith(
        "by OpenStreetMap +2.00, the network −0.50 and a smaller reason (+0.00)."
    )
    assert lines[1:] == [
        "The smallest single change that gives “Water”: OpenStreetMap at 0.25 instead of 1 (75% less).",
        "So would, alone: the network 1.60 nats more for it.",
        "Nothing does it alone among: the rule “Water is at least 12 m wide”.",
    ]
    chinese = told_why_not(found, names, handmade.before, "zh")
    assert chinese[1] == "得到“水体”的最小单项改动:OpenStreetMap 取 0.25 而非 1(减少 75%)。"


def test_why_not_says_when_nothing_does_it_and_when_a_hard_rule_forbids(handmade, names, iris):
    knobs = (Knob(OSM, "evidence", 1.0, None, None, np.inf),)
    stuck = WhyNot(2, 3, iris[2], iris[0], 1.0, ((OSM, "evidence", 1.0),), knobs, ())
    assert told_why_not(stuck, names, handmade.before)[1] == (
        "No single change gives “Water”: not OpenStreetMap."
    )
    hard = (Knob(ALPINE, "axiom", np.inf, 0.0, None, 1.0),)
    gone = WhyNot(7, 2, iris[1], iris[3], np.inf, (), hard, (ALPINE,))
    lines = told_why_not(gone, names, handmade.before)
    assert lines[0].endswith("cannot be “Ice”: the rule “No glacier below 500 m” excludes it.")
    assert lines[1].endswith("gives “Ice”: the rule “No glacier below 500 m” left out.")
