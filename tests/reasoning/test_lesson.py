"""A lesson about the network's errors is a source of its own: what it changes has a reason, and sums stay exact."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import Lesson, Prediction, prediction_from_labels
from kg import vocab
from kg.errors import InputError, RasterError
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import Axiom, Facet, Named
from kg.rules import load_rules, schema_of
from kg.store import KnowledgeGraph
from reasoning.correct import CorrectSettings, correct, solve
from reasoning.explanation.explain import explain
from reasoning.explanation.whatif import term_named, what_if
from reasoning.explanation.whynot import why_not
from reasoning.learning.calibration import Calibration
from reasoning.learning.tiles import LabelledTile
from reasoning.terms import Change

LEGEND = load_legend("town")
K = len(LEGEND.classes)
GRASS, BUILDING, WATER = 3, 5, 0
PLACE = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), 24, 24)
CALM = CorrectSettings(smoothness=0.2)
NARROW = Axiom(
    vocab.RULE + "water-min-width", "Water is wide", "", Named(vocab.CORE + "Water"),
    Facet(vocab.CORE + "minWidth", ">=", 40), 2.0, False, "a test", "test.ttl",
)  # fmt: skip


def taught(seed=0, noise=2.0):
    """Labels of fields and water, and a lesson that knows many a patch of water for a roof."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    labels = np.full(PLACE.shape, GRASS, np.int16)
    labels[4:10, 3:20], labels[14, 2:9], labels[:2, :2] = WATER, WATER, -1
    given = prediction_from_labels(labels, LEGEND, PLACE, model="labels.tif")
    fields = np.stack([gaussian_filter(rng.normal(size=PLACE.shape), 2) for _ in range(K)])
    scores = np.log(np.maximum(given.probabilities, 1e-3)) + noise * fields / fields.std()
    scores[BUILDING, 5:9, 4:12] += 9
    p = np.exp(scores - scores.max(axis=0))
    p = np.where(given.valid, p / p.sum(axis=0), 0).astype(np.float32)
    return replace(given, lesson=Lesson(p, "network.npz"))


def check_sums(run):
    for one in run.corrections:
        parts = sum(part.value for part in one.contributions)
        assert parts == pytest.approx(one.log_odds, abs=1e-6)
    assert ((run.before.labels != run.after.labels) == run.changed).all()
    assert all(one.contributions for one in run.corrections)


@pytest.mark.parametrize(
    "settings",
    [
        CALM, CorrectSettings(nodes="regions"), replace(CALM, mode="map"),
        replace(CALM, calibration=Calibration(1.7, (0.4, *[-0.4 / (K - 1)] * (K - 1)),
                                              tuple(c.iri for c in LEGEND.classes), 0.3)),
    ],
    ids=["pixels", "regions", "map", "calibrated"],
)  # fmt: skip
def test_the_map_is_that_of_the_lessons_probabilities_and_every_change_has_a_reason(settings):
    given = taught()
    run = correct(given, axioms=[NARROW], settings=settings)
    two_steps = correct(given.advised, axioms=[NARROW], settings=settings)
    np.testing.assert_array_equal(run.after.labels, two_steps.after.labels)
    np.testing.assert_allclose(run.after.probabilities, two_steps.after.probabilities, atol=1e-6)
    assert run.after.lesson is None
    check_sums(run)
    assert run.changed_pixels > two_steps.changed_pixels  # what had no reason has one now
    kinds = {part.kind for one in run.corrections for part in one.contributions}
    assert {"network", "lesson"} <= kinds


def test_what_the_lesson_says_is_its_probabilities_less_those_of_the_label():
    given = taught()
    run = correct(given, axioms=[], settings=CorrectSettings(smoothness=0.0))
    rows, cols = np.nonzero(run.index == 0)
    one = run.corrections[0]
    old, new = (LEGEND.index(iri) for iri in (one.before, one.after))

    def odds(p):
        p = np.maximum(p.astype(np.float64), 1e-4)
        return (np.log(p[new, rows, cols]) - np.log(p[old, rows, cols])).mean()

    value = {part.term: part.value for part in one.contributions}
    given_odds = odds(given.probabilities)
    assert value[vocab.NETWORK] == pytest.approx(given_odds)
    assert value[vocab.LESSON] == pytest.approx(odds(given.lesson.probabilities) - given_odds)
    assert set(value) == {vocab.NETWORK, vocab.LESSON}


def test_without_a_lesson_nothing_is_new():
    given = replace(taught(), lesson=None)
    run = correct(given, axioms=[NARROW], settings=CALM)
    assert given.advised is given
    assert vocab.LESSON not in solve(given, axioms=[], settings=CALM).terms.values()
    assert not any(p.kind == "lesson" for one in run.corrections for p in one.contributions)


def test_dropped_or_halved_it_gives_the_labels_back():
    solved = solve(taught(), axioms=[], settings=CorrectSettings(smoothness=0.0))
    lesson = term_named(solved.terms, "lesson")
    assert lesson == vocab.LESSON
    dropped = what_if(solved, Change({lesson: 0.0}))
    np.testing.assert_array_equal(dropped.labels, solved.corrected.before.labels)
    assert dropped.pixels == solved.corrected.changed_pixels
    halved = what_if(solved, Change({lesson: 0.5}))
    assert 0 < halved.pixels < dropped.pixels
    row, col = (int(v) for v in np.argwhere(solved.corrected.changed)[0])
    back = why_not(solved, row, col, LEGEND.classes[solved.corrected.before.labels[row, col]].iri)
    (knob,) = [k for k in back.knobs if k.term == vocab.LESSON]
    assert 0 <= knob.needed < 1


def test_the_sentence_says_that_this_network_usually_errs_here():
    run = correct(taught(), axioms=[], settings=CorrectSettings(smoothness=0.0))
    told = explain(run, schema_of(()), run="lesson")
    assert "because this network usually errs here" in told.sentences_en[0]
    assert "常常出错" in told.sentences_zh[0]
    beside = explain(correct(taught(), axioms=load_rules(), settings=CALM), schema_of(()), run="r")
    assert any("the usual errors of this network (+" in text for text in beside.sentences_en)


def test_the_graph_names_the_lesson_and_its_shapes_hold():
    pyshacl = pytest.importorskip("pyshacl")
    rdflib = pytest.importorskip("rdflib")
    from kg.files import shipped
    from kg.queries import load_query

    run = correct(taught(noise=0.5), axioms=[NARROW], settings=CALM)
    told = explain(run, schema_of(()), run="lesson")
    text = "".join(told.ntriples())
    graph = KnowledgeGraph()
    graph.replace_graph(told.graph, told.ntriples())
    rows = list(graph.query(load_query("lesson-changes").sparql).records())
    assert {str(row["after"]) for row in rows} >= {LEGEND.classes[BUILDING].label}
    by_lesson = [one for one in told.corrected.corrections if _largest(one) == vocab.LESSON]
    assert sum(int(str(row["corrections"])) for row in rows) == len(by_lesson)
    assert all(0 < float(str(row["meanShare"])) <= 1 for row in rows)
    used = graph.query("SELECT ?name { GRAPH ?g { ?run run:lesson ?l . ?l rdfs:label ?name } }")
    assert [str(name) for (name,) in used] == ["network.npz"]

    def conforms(triples):
        data = rdflib.Graph().parse(data=triples, format="nt")
        shapes = rdflib.Graph().parse(str(shipped("ontologies/shapes.ttl")))
        return pyshacl.validate(data, shacl_graph=shapes, allow_warnings=True)

    good, _, said = conforms(text)
    assert good, said
    lines = [line for line in text.splitlines() if f"<{vocab.RUN}lesson>" not in line]
    bad, _, said = conforms("\n".join(lines))  # a run that does not say which lesson it used
    assert not bad and "lesson" in said


def _largest(one):
    speaking = [part for part in one.contributions if part.kind != "network" and part.value > 0.01]
    return max(speaking, key=lambda part: part.value).term if speaking else vocab.NETWORK


def test_what_is_refused():
    given = taught()
    with pytest.raises(RasterError, match="expected"):
        replace(given, lesson=Lesson(given.probabilities[1:], "other"))
    holes = given.lesson.probabilities.copy()
    holes[:, 20:] = 0
    with pytest.raises(RasterError, match="says nothing"):
        correct(replace(given, lesson=Lesson(holes, "holes")), axioms=[])
    wild = Lesson(2 * given.lesson.probabilities, "wild")
    with pytest.raises(RasterError, match="sum 2"):
        correct(replace(given, lesson=wild), axioms=[])
    with pytest.raises(InputError, match="advised"):
        LabelledTile(given, np.maximum(given.labels, 0))
    assert isinstance(given.advised, Prediction)
