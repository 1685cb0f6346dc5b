"""Mining: planted regularities are found, shuffled labels give nothing, one scene is not enough."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import Facet, Not, load_ontology
from kg.rules import load_rules
from reasoning.learning.tiles import LabelledTile
from reasoning.mining.mine import mine
from reasoning.mining.proposals import proposals_table, proposals_turtle, write_proposals

LEGEND = load_legend("s2korea")
BUILDING, ROAD, FIELD, FOREST, OTHER = range(5)
SIZE = 120


def planted(seed):
    """Fields with a forest; true buildings are large and stand in fields, false ones small and stand anywhere.

    Roads are told by a coin: half of what the map calls road is none, whatever its shape.
    """
    rng = np.random.default_rng(seed)
    truth = np.full((SIZE, SIZE), FIELD, np.int16)
    truth[:, 60:] = FOREST
    for y in range(4, 110, 26):
        x = int(rng.integers(3, 40))
        truth[y : y + 9, x : x + 9] = BUILDING
    labels = truth.copy()
    for y in range(2, 116, 8):
        for x in (int(rng.integers(62, 80)), int(rng.integers(84, 110))):
            labels[y : y + 2, x : x + 3] = BUILDING
    for y in range(0, 118, 6):
        length = int(rng.integers(3, 18))
        labels[y, 50 : 50 + length // 2] = ROAD
        labels[y, 96 : 96 + length] = ROAD
        if rng.random() < 0.5:
            truth[y, 50 : 50 + length // 2] = ROAD
        if rng.random() < 0.5:
            truth[y, 96 : 96 + length] = ROAD
    grid = Grid("EPSG:32652", Affine(10, 0, 500000, 0, -10, 4000000), SIZE, SIZE)
    prediction = prediction_from_labels(labels, LEGEND, grid, confidence=0.7)
    return LabelledTile(prediction, truth, name=f"planted {seed}")


@pytest.fixture(scope="module")
def tiles():
    return [planted(seed) for seed in range(4)]


@pytest.fixture(scope="module")
def proposals(tiles):
    return mine(tiles)


def test_the_planted_regularity_is_found(proposals):
    first = proposals[0]
    assert first.axiom.left.iri == vocab.CORE + "Building"
    right = first.axiom.right
    assert isinstance(right, Facet | Not)
    if isinstance(right, Facet):
        assert right.op == ">="
    assert first.wrong == 1.0
    assert first.exceptions < 0.02
    assert (first.scenes, first.held) == (4, 4)
    assert first.support == 4 * 30
    assert 0.5 < first.axiom.weight < 5
    assert "120 mapped regions" in first.sentence()


def test_one_regularity_gives_one_rule(proposals):
    buildings = [one for one in proposals if one.axiom.left.iri == vocab.CORE + "Building"]
    assert len(buildings) == 1


def test_known_rules_are_not_proposed_again(tiles, proposals):
    known = replace(proposals[0].axiom, iri=vocab.RULE + "known")
    again = mine(tiles, axioms=(known,))
    assert all(one.axiom.left.iri != vocab.CORE + "Building" for one in again)


def test_a_coin_gives_no_rule(proposals):
    assert all(one.axiom.left.iri != vocab.CORE + "Road" for one in proposals)


@pytest.mark.parametrize("seed", range(2))
def test_shuffled_labels_give_nothing(tiles, seed):
    rng = np.random.default_rng(seed)
    shuffled = [
        replace(t, truth=rng.permutation(t.truth.ravel()).reshape(t.truth.shape)) for t in tiles
    ]
    assert mine(shuffled) == ()


def test_one_scene_is_not_enough(tiles):
    assert mine([replace(tile, scene="one") for tile in tiles]) == ()


def test_proposals_are_a_rule_file(proposals, tmp_path):
    path = write_proposals(proposals, tmp_path / "proposed.ttl")
    axioms = load_rules([path])
    assert {a.iri for a in axioms} == {one.axiom.iri for one in proposals}
    by_iri = {a.iri: a for a in axioms}
    for one in proposals:
        read = by_iri[one.axiom.iri]
        assert (read.left, read.right, read.weight) == (
            one.axiom.left, one.axiom.right, one.axiom.weight,
        )  # fmt: skip
        assert one.sentence() in read.citation
    text = path.read_text()
    assert text.count("run#proposed> true") == len(proposals)
    assert text == proposals_turtle(proposals, load_ontology())
    assert proposals_table(proposals).count("of 4 scenes") == len(proposals)
    assert proposals_table(()) == "nothing to propose\n"


def test_the_same_tiles_give_the_same_proposals(tiles, proposals):
    assert mine(tiles) == proposals
