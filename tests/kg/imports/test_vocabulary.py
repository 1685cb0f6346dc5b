"""What words and foreign identifiers mean."""

import pytest

from kg import vocab
from kg.imports.vocabulary import Vocabulary, local_name

PART, COVER = vocab.CORE + "hasPart", vocab.CORE + "hasCover"
WIKIDATA = "http://www.wikidata.org/entity/"


@pytest.fixture(scope="module")
def known():
    return Vocabulary()


@pytest.mark.parametrize(
    ("name", "relation", "head", "iri", "by"),
    [
        ("Airports", PART, True, "sc:Airport", "label en"),
        ("airport", "", False, "ll:Airport", "label en"),
        ("机场", PART, True, "sc:Airport", "label zh"),
        ("aerodrome", PART, True, "sc:Airport", "label en"),
        ("buildings", PART, False, "ll:Building", "label en"),
        ("storagetanks", PART, True, "sc:StorageTanks", "label en"),
        ("BareSoil", COVER, False, "ll:BareSoil", "label en"),
    ],
)
def test_names_are_understood_by_where_they_stand(known, name, relation, head, iri, by):
    found = known.named(name, relation, head=head)
    assert (vocab.curie(found.iri), found.by) == (iri, by)


def test_what_nobody_knows_is_not_guessed_but_hinted_at(known):
    assert known.named("aiport") is None and known.relation_named("hasparts") is None
    assert known.nearest("aiport")[0] == "airport"
    assert known.nearest("rectangular") == (
        "rectangular pattern",
        vocab.CORE + "RectangularPattern",
    )
    assert known.nearest("is component of", relation=True)[1] == vocab.CORE + "componentOf"
    assert known.nearest("xyzzyx") == ("", "")


def test_relations_are_understood_by_name(known):
    assert known.relation_named("has_part").iri == PART
    assert known.values_of(vocab.CORE + "width") == "numbers"
    assert known.values_of(vocab.RDFS + "label") == "words" and known.values_of(PART) == ""


def test_alignments_that_ship_work_both_ways_and_wider_ones_say_so(known):
    lake = known.matches[WIKIDATA + "Q23397"]
    assert (lake.iri, lake.by) == (vocab.CORE + "Lake", "alignment")
    assert all(known.knows(found.iri) for found in known.matches.values())


def test_alignments_of_ones_own_reach_ours_directly_and_in_two_steps(known):
    own = Vocabulary()
    e, same, near = "http://e/", vocab.SKOS + "exactMatch", vocab.SKOS + "closeMatch"
    own.align(
        [
            (e + "wood", near, vocab.CORE + "Park"),
            (e + "wood", same, vocab.CORE + "TreeCover"),
            (vocab.CORE + "Lake", same, e + "lac"),
            (e + "mere", vocab.OWL + "sameAs", WIKIDATA + "Q23397"),
            (e + "oak", vocab.SKOS + "broadMatch", vocab.CORE + "Park"),
            (e + "land", vocab.SKOS + "narrowMatch", vocab.CORE + "Park"),
        ]
    )
    assert own.matches[e + "wood"].iri == vocab.CORE + "Park", "the first of equals stays"
    assert own.matches[e + "lac"].iri == own.matches[e + "mere"].iri == vocab.CORE + "Lake"
    assert own.matches[e + "oak"].by == "wider alignment"
    assert e + "land" not in own.matches, "something wider than ours is not ours"


def test_the_end_of_an_iri():
    assert local_name("http://e/land/Tree%20Cover/") == "Tree Cover" and local_name("a/b") == "a/b"
