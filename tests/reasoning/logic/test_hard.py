"""Hard axioms: what they remove, and minimal sets where they remove everything."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kg import vocab
from kg.errors import RuleError
from kg.legend import LandClass, Legend
from reasoning.logic.hard import exclude, minimal

NAMES = ("Water", "Grassland", "Building")
LEGEND = Legend(
    vocab.LEGEND + "test",
    "test",
    tuple(LandClass(f"{vocab.LEGEND}test/{n}", n, kind=vocab.CORE + n) for n in NAMES),
    (1, 2, 3),
    ((0, 0, 0),) * 3,
)


class Judged:
    """A hard axiom that removes what a table says."""

    def __init__(self, name, gone):
        self.axiom = SimpleNamespace(iri=vocab.RULE + name, label=name, file="test.ttl")
        self.gone = np.array(gone, float)

    def truth(self, q):
        return self.gone, np.zeros_like(self.gone)


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 5))))
def test_no_proper_subset_of_a_minimal_set_removes_every_class(removed):
    assume(removed.any(axis=0).all())
    needed = minimal(removed)
    assert removed[needed].any(axis=0).all()
    for size in range(len(needed)):
        for subset in itertools.combinations(needed, size):
            assert not removed[list(subset)].any(axis=0).all()


def test_what_is_removed_is_known_by_axiom():
    rules = [
        Judged("wet", [[1, 0, 0], [0, 0, 0]]),
        Judged("dry", [[1, 0, 1], [0, 0, 0.5]]),
    ]
    found = exclude(rules, 2, LEGEND)
    assert found.allowed.tolist() == [[False, True, False], [True, True, True]]
    assert found.by(0, 0) == (vocab.RULE + "wet", vocab.RULE + "dry")
    assert found.by(0, 2) == (vocab.RULE + "dry",)
    assert found.by(1, 2) == ()  # a truth of one half is not true


def test_a_contradiction_names_the_region_with_its_class_and_a_minimal_set():
    rules = [
        Judged("idle", [[1, 0, 0], [1, 0, 0]]),
        Judged("wet", [[0, 0, 0], [1, 1, 0]]),
        Judged("dry", [[0, 0, 0], [0, 1, 1]]),
    ]
    with pytest.raises(RuleError) as caught:
        exclude(rules, 2, LEGEND, before=np.array([0, 2], np.int16))
    message = str(caught.value)
    assert "wet (test.ttl), dry (test.ttl) leave no class for region 1 (Building)" in message
    assert "idle" not in message
