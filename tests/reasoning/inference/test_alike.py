"""Labels that no rule tells apart act as one, and nothing but the work changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.ontology import load_ontology
from reasoning.inference import layout
from reasoning.inference.alike import told_apart
from reasoning.inference.infer import infer, region_problem
from reasoning.inference.layout import lay_out
from reasoning.inference.random_graphs import GraphKind, random_graph

ONTOLOGY = load_ontology()
KIND = GraphKind(regions=80, classes=5, axioms=2, weight=2.0)


def one_at_a_time(problem, monkeypatch):
    """The solution where each label stands for itself."""
    with monkeypatch.context() as here:
        here.setattr(layout, "told_apart", lambda *_: None)
        return infer(problem)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["some", "only", "count", "or"]))
def test_groups_end_where_labels_end(seed, form):
    kind = GraphKind(regions=80, classes=5, axioms=1, weight=2.0, forms=(form,))
    problem = random_graph(seed, kind, ONTOLOGY)
    with pytest.MonkeyPatch.context() as patch:
        alone = one_at_a_time(problem, patch)
    together = infer(problem)
    assert together.q == pytest.approx(alone.q, abs=1e-7)
    assert together.means == pytest.approx(alone.means, abs=1e-7)
    assert together.trace.energy[-1] == pytest.approx(alone.trace.energy[-1], abs=1e-9, rel=1e-9)


def test_one_rule_about_two_classes_leaves_three_groups_of_five_labels():
    kind = GraphKind(regions=80, classes=5, axioms=1, weight=2.0, forms=("some",))
    found = lay_out(random_graph(3, kind, ONTOLOGY), None)
    rows, columns = found.field.nodes.unary.shape
    assert (rows, columns) == (3, 80)
    assert sorted(np.bincount(found.groups.of)) == [1, 1, 3]
    assert found.planes(found.split(found.start().q)).sum(axis=2) == pytest.approx(np.ones((1, 80)))


def test_smoothness_tells_all_labels_apart():
    kind = GraphKind(regions=80, classes=5, axioms=1, weight=2.0, smoothness=0.5, forms=("some",))
    assert lay_out(random_graph(3, kind, ONTOLOGY), None).groups is None


def test_a_removed_label_has_no_share():
    problem = random_graph(5, KIND, ONTOLOGY)
    unary = problem.unary[0].copy()
    unary[:40, 4] = unary[10:20, 3] = -1e6
    solution = infer(region_problem(unary, problem.size[0], problem.axioms))
    assert (solution.q[0, :40, 4] == 0).all()
    assert (solution.q[0, 10:20, 3] == 0).all()
    assert solution.q.sum(axis=2) == pytest.approx(np.ones((1, 80)))


def test_terms_that_are_no_forms_tell_everything_apart():
    class Own:
        local = False

    assert told_apart(((1.0, Own()),), 4) is None
