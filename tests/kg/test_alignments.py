"""Alignments with other vocabularies: what is read, and that those that ship are sound."""

from collections import Counter
from pathlib import Path

import pytest

from kg import vocab
from kg.alignments import VOCABULARIES, alignment_faults, read_alignments
from kg.files import shipped
from kg.ontology import load_ontology, read_owl
from kg.rdf import read_turtle
from kg.terms import Terms

WORLDKG = (
    Path(__file__).resolve().parents[2].parent
    / "shared"
    / "data"
    / "vocab"
    / "WorldKG_Ontology.ttl"
)
LL, SKOS = vocab.CORE, vocab.SKOS
FOUND = read_alignments(read_owl(shipped("ontologies/alignments.ttl")))


def test_those_that_ship_are_many_and_sound():
    assert list(alignment_faults(FOUND, load_ontology().classes)) == []
    numbers = Counter(one.vocabulary for one in FOUND)
    assert set(numbers) == set(VOCABULARIES)
    assert min(numbers[name] for name in ("ENVO", "SWEET", "WorldKG", "Wikidata")) >= 80
    assert {one.confidence for one in FOUND} == {0.95, 0.85, 0.8}
    assert all(one.confidence == 0.95 for one in FOUND if one.match == SKOS + "exactMatch")
    assert len({one.source for one in FOUND}) == len(VOCABULARIES)


def test_well_known_ones_are_there():
    said = {(one.cls.removeprefix(LL), one.term) for one in FOUND}
    assert ("Lake", "http://purl.obolibrary.org/obo/ENVO_00000020") in said
    assert ("Lake", "http://sweetontology.net/realmHydroBody/Lake") in said
    assert ("Lake", "http://www.worldkg.org/schema/Lake") in said
    assert ("Lake", "http://www.wikidata.org/entity/Q23397") in said
    assert ("Flood", "http://www.wikidata.org/entity/Q8068") in said


def test_the_terms_of_worldkg_are_terms_of_worldkg():
    if not WORLDKG.is_file():
        pytest.skip("../shared/data/vocab/WorldKG_Ontology.ttl is not here")
    known = {s.value for s, _, _ in read_turtle(WORLDKG)}
    terms = {one.term for one in FOUND if one.vocabulary == "WorldKG"}
    assert terms and terms <= known


def test_what_cannot_be_right_is_told():
    wikidata = "http://www.wikidata.org/entity/"
    row = {
        SKOS + "exactMatch": [wikidata + "Q1", wikidata + "Q2"],
        SKOS + "closeMatch": [LL + "Pond"],
    }
    found = read_alignments(Terms({LL + "Laek": row}))
    told = "\n".join(alignment_faults(found, {LL + "Lake"}))
    for words in (
        "no such class",
        "no ll:confidence",
        "no dct:source",
        "exactly several things of Wikidata",
    ):
        assert words in told
    assert "ll:closeMatch" not in told and f"<{LL}Pond>: not an identifier of ENVO" in told
