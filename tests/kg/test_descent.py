"""How a class spreads over the kinds of a legend, on a tree small enough to count by hand."""

import numpy as np
import pytest

from kg.descent import Descent, nearest_above, spread

# land > water > (lake, river) ; land > green > (trees > (oak, pine), grass) ; park stands alone
PARENTS = {
    "water": ("land",),
    "lake": ("water",),
    "river": ("water",),
    "green": ("land",),
    "trees": ("green",),
    "grass": ("green",),
    "oak": ("trees",),
    "pine": ("trees",),
    "lawn": ("grass", "garden"),
    "garden": ("land",),
    "park": (),
}


class Tree:
    """A class tree from direct parents."""

    def above(self, iri):
        return frozenset((iri,)).union(*(self.above(one) for one in PARENTS.get(iri, ())))

    def below(self, iri):
        return frozenset(one for one in (*PARENTS, "land") if iri in self.above(one))


TREE = Tree()


@pytest.mark.parametrize(
    ("source", "kinds", "expected"),
    [
        ("oak", {"trees", "land"}, {"trees": 1.0}),  # the nearest kind above
        ("trees", {"trees", "oak"}, {"trees": 1.0}),  # the kind itself wins
        ("green", {"oak", "pine", "grass"}, {"oak": 0.25, "pine": 0.25, "grass": 0.5}),
        ("water", {"lake", "land"}, {"lake": 1.0}),  # a kind below beats a kind above
        ("lawn", {"grass", "garden"}, {"grass": 0.5, "garden": 0.5}),  # two nearest kinds above
        ("river", {"lake", "trees"}, {}),  # neither above nor below
    ],
)
def test_spread(source, kinds, expected):
    assert spread(source, frozenset(kinds), TREE) == expected


def test_nearest_above_prefers_the_most_specific():
    assert nearest_above("oak", {"green": 1, "trees": 1}, TREE) == "trees"
    assert nearest_above("oak", {"water": 1}, TREE) == ""


def test_labels_of_one_kind_share_by_how_much_of_the_class_they_hold():
    labels = [(("green",), [("trees", 0.2), ("grass", 0.8)]), (("green",), [("trees", 0.6)])]
    descent = Descent(labels, TREE, {})
    assert descent.row("oak") == pytest.approx([0.25, 0.75])
    assert descent.row("lawn") == pytest.approx([1.0, 0.0])


def test_a_class_without_relation_goes_through_its_usual_cover():
    labels = [(("trees",), [("trees", 1.0)]), (("grass",), [("grass", 1.0)])]
    descent = Descent(labels, TREE, {"park": [("oak", 0.3), ("lawn", 0.6), ("lake", 0.1)]})
    assert descent.row("park") == pytest.approx([1 / 3, 2 / 3])  # the lake says nothing here


def test_a_cover_that_leads_back_says_nothing_whatever_was_asked_first():
    covers = {"lake": [("river", 0.5), ("oak", 0.5)], "river": [("lake", 1.0)]}
    labels = [(("trees",), [("trees", 1.0)])]
    for order in (("lake", "river"), ("river", "lake")):
        descent = Descent(labels, TREE, covers)
        assert [descent.row(one).tolist() for one in order] == [[1.0], [1.0]]
    assert np.all(Descent(labels, TREE, {"lake": [("lake", 1.0)]}).row("lake") == 0)


def test_a_label_that_is_a_part_of_its_kind_gives_way_to_a_cover():
    labels = [(("trees",), [("trees", 1.0)]), (("green",), [("grass", 1.0)])]
    covers = {"lawn": [("oak", 0.5), ("grass", 0.5)]}
    assert Descent(labels, TREE, covers).row("lawn") == pytest.approx([0, 1])
    descent = Descent(labels, TREE, covers, {"green"})
    assert descent.row("lawn") == pytest.approx([0.5, 0.5])
    assert descent.row("grass") == pytest.approx([0, 1])  # nothing says what covers it
    assert descent.row("green") == pytest.approx([0, 1])  # the kind itself
    assert descent.row("oak") == pytest.approx([1, 0])  # a kind that is whole is no part


def test_a_class_is_split_among_what_labels_are_before_what_stands_for_them():
    labels = [(("oak", "lawn"), [("oak", 1.0)]), (("pine",), [("pine", 1.0)])]
    descent = Descent(labels, TREE, {})
    assert descent.row("green") == pytest.approx([0.5, 0.5])  # not three parts of four
    assert descent.row("grass") == pytest.approx([1, 0]) and descent.row("lawn").tolist() == [1, 0]
