from __future__ import annotations

import pytest

from kg import vocab
from kg.errors import InputError
from kg.scene_lists import MATCHES, class_list, plain
from kg.scenes import load_scenes

OFFICIAL = {
    "eurosat": 10, "ucm": 21, "aid": 30, "nwpu": 45, "whu-rs19": 19, "rsscn7": 7, "patternnet": 38,
    "optimal-31": 31, "rsi-cb256": 35, "mlrsnet": 46, "rssdivcs": 70, "bigearthnet-19": 19,
}  # fmt: skip


@pytest.fixture(scope="module")
def knowledge():
    return load_scenes()


@pytest.mark.parametrize(("name", "count"), OFFICIAL.items())
def test_each_data_set_has_its_classes_and_each_means_a_concept_of_its_own(knowledge, name, count):
    listed = knowledge.lists[name]
    assert len(listed.classes) == len(set(listed.official)) == count
    concepts = {one.concept for one in listed.classes}
    assert len(concepts) == count and concepts <= {c.iri for c in knowledge.concepts}
    assert {one.match for one in listed.classes} <= set(MATCHES)
    assert "doi.org" in listed.source or "ieee" in listed.source
    known = knowledge.of_list(name)
    for one in listed.classes:
        for spelling in (one.name, one.words, *one.spellings):
            assert known.find(spelling).iri == one.concept, spelling


def test_no_other_class_list_ships(knowledge):
    assert set(knowledge.lists) == set(OFFICIAL)


def test_names_that_were_not_confirmed_say_so(knowledge):
    unsure = {name for name, one in knowledge.lists.items() if "NOT CONFIRMED" in one.note}
    assert unsure == {"rsscn7", "rssdivcs"}
    assert all(one.note for one in knowledge.lists.values())


def test_lists_that_share_a_class_name_mean_the_same_by_it(knowledge):
    harbour = vocab.SCENE + "Harbor"
    for name in ("ucm", "nwpu", "patternnet", "optimal-31", "rssdivcs"):
        assert knowledge.lists[name].find("harbor").concept == harbour
    assert {c.concept for c in knowledge.lists["optimal-31"].classes} < {
        c.concept for c in knowledge.lists["nwpu"].classes
    }


@pytest.mark.parametrize("name", ["NWPU-RESISC45", "resisc45", "nwpu", "UC Merced", "WHU_RS19"])
def test_lists_are_found_by_their_usual_names(knowledge, name):
    found = class_list(knowledge.lists, name)
    assert plain(name) in map(plain, (found.key, *found.names))


def test_unknown_list_is_refused_with_the_nearest(knowledge):
    with pytest.raises(InputError, match="no class list 'eurosta'") as error:
        knowledge.of_list("eurosta")
    assert "did you mean eurosat" in error.value.hint
    with pytest.raises(InputError) as error:
        knowledge.of_list("whu")
    assert "did you mean whu-rs19" in error.value.hint


def test_own_list_decides_what_its_names_mean(tmp_path):
    own = tmp_path / "own.ttl"
    own.write_text(
        "@prefix sc: <https://w3id.org/landlore/scene#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"
        '<urn:mine> a skos:ConceptScheme ; skos:notation "mine" .\n'
        '<urn:mine/field> a skos:Concept ; skos:inScheme <urn:mine> ; skos:notation "field" ;\n'
        "    skos:exactMatch sc:FootballField .\n",
        encoding="utf-8",
    )
    knowledge = load_scenes([own])
    assert knowledge.find("field").label == "farmland"
    assert knowledge.of_list("mine").find("Field").label == "football field"
    assert knowledge.of_list("mine").find("beach").label == "beach"
