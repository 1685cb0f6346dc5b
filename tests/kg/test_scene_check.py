from __future__ import annotations

from dataclasses import replace

import pytest

from kg import vocab
from kg.scene_check import TOO_ALIKE, alike_pairs, check_scenes
from kg.scenes import RELATIONS, load_scenes


@pytest.fixture(scope="module")
def knowledge():
    return load_scenes()


def test_nothing_that_ships_needs_a_second_look(knowledge):
    assert check_scenes(knowledge) == ()


def test_no_pair_of_a_data_set_is_alike_and_pairs_come_most_alike_first(knowledge):
    assert alike_pairs(knowledge) == ()
    pairs = alike_pairs(knowledge, 0.85)
    assert pairs and all(0.85 <= p.likeness < TOO_ALIKE for p in pairs)
    assert [p.likeness for p in pairs] == sorted((p.likeness for p in pairs), reverse=True)


def test_a_copied_concept_is_reported_unless_it_is_declared_a_synonym(knowledge):
    lake, pond = knowledge.find("lake"), knowledge.find("tennis court")
    same = replace(pond, triples=tuple(t._replace(head=pond.iri) for t in lake.triples))
    copied = replace(knowledge, concepts=_with(knowledge, same))
    (line,) = {one.partition(": ")[2] for one in check_scenes(copied)}
    assert line == "sc:Lake and sc:TennisCourt are too alike (1.000)"
    meant = replace(same, matches=((vocab.SKOS + "closeMatch", lake.iri),))
    assert check_scenes(replace(knowledge, concepts=_with(knowledge, meant))) == ()


def test_each_fault_of_a_concept_is_named(knowledge):
    beach = knowledge.find("beach")
    cover = [t for t in beach.triples if t.relation == RELATIONS[0]]
    full = tuple(t._replace(weight=0.9) for t in cover)
    broken = replace(
        beach,
        triples=full,
        label_zh="",
        confidence=0.0,
        matches=((vocab.SKOS + "broadMatch", "urn:nothing"),),
    )
    found = check_scenes(replace(knowledge, concepts=_with(knowledge, broken)))
    assert f"sc:Beach: cover shares sum to {0.9 * len(cover):.2f}, at most 1 expected" in found
    assert f"sc:Beach: {len(cover)} statements, at least 6 expected" in found
    assert "sc:Beach: says nothing about ll:hasPart" in found
    assert "sc:Beach: needs a label in English and Chinese and a definition" in found
    assert "sc:Beach: needs sc:confidence above 0 and at most 1" in found
    assert "sc:Beach: matches unknown urn:nothing" in found


def test_faults_of_class_lists_are_named(knowledge):
    listed = knowledge.lists["rsscn7"]
    first, second = listed.classes[:2]
    wrong = (first, replace(second, concept=first.concept), replace(second, concept="urn:gone"))
    lists = {**knowledge.lists, "rsscn7": replace(listed, classes=wrong, source="")}
    found = check_scenes(replace(knowledge, lists=lists))
    assert "class list rsscn7: aGrass and bField mean the same sc:Grassland" in found
    assert "class list rsscn7: bField means unknown urn:gone" in found
    assert "class list rsscn7: cites no source" in found


def _with(knowledge, concept):
    return tuple(concept if c.iri == concept.iri else c for c in knowledge.concepts)
