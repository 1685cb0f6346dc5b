"""The protocols that ship are those that their seeds give, and cross-set classes are new to the training sets."""

from __future__ import annotations

import pytest

from fusion.splits import draw_splits, read_splits, write_splits
from kg.files import shipped
from kg.scenes import load_scenes

SHIPPED = {"nwpu12_8_4": (12, 4), "eurosat_7_3": (10, 3), "whu_rs19_cross": (10, 5)}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_protocols_are_those_that_the_seed_gives(name, tmp_path):
    classes, unseen = SHIPPED[name]
    path = shipped(f"data/splits/{name}.json")
    splits = read_splits(path)
    assert (splits.name, len(splits.classes), len(splits.unseen)) == (name, classes, 20)
    again = draw_splits(name, splits.classes, unseen=unseen, draws=20, seed=splits.seed)
    write_splits(again, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_classes_asked_about_across_sets_are_new_concepts_to_the_training_sets():
    knowledge = load_scenes()

    def concepts(name):
        found = {
            knowledge.find(c) for c in read_splits(shipped(f"data/splits/{name}.json")).classes
        }
        assert None not in found
        return {concept.iri for concept in found}

    trained = concepts("nwpu12_8_4") | concepts("eurosat_7_3")
    assert len(trained) == 18
    assert not trained & concepts("whu_rs19_cross")
    assert len(concepts("whu_rs19_14_5") - trained) == len(concepts("whu_rs19_cross")) == 10
