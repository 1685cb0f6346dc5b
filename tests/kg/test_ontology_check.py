"""What is said about ontologies, legends and scenes with faults, and that those that ship have none."""

import pytest

from kg import vocab
from kg.errors import SourceError
from kg.ontology_check import CHECKS, check_ontology, shipped_ontologies
from kg.shapes import shape_faults

HEAD = f"""
@prefix ll: <{vocab.CORE}> . @prefix sc: <{vocab.SCENE}> . @prefix skos: <{vocab.SKOS}> .
@prefix owl: <{vocab.OWL}> . @prefix rdfs: <{vocab.RDFS}> . @prefix dct: <{vocab.DCT}> .
@prefix wd: <http://www.wikidata.org/entity/> . @prefix xsd: <{vocab.XSD}> . @prefix : <https://example.org/own#> .
"""
NAMES = 'rdfs:label "dell"@en , "小谷"@zh'
DELL = f':Dell a owl:Class ; rdfs:subClassOf ll:Valley ; {NAMES} ; skos:definition "Small valley."@en .'
SURE = """[] a owl:Axiom ; owl:annotatedSource ll:Lake ; owl:annotatedProperty skos:exactMatch ;
    owl:annotatedTarget wd:Q23397 ; ll:confidence 0.9 ; dct:source "looked up" ."""


@pytest.fixture(autouse=True)
def _no_shapes(monkeypatch):
    monkeypatch.setattr("kg.ontology_check.shape_faults", lambda *_: ())  # tested in test_shapes.py


def faults(folder, text, *, reasoner=False):
    path = folder / "own.ttl"
    path.write_text(HEAD + text, encoding="utf-8")
    found = check_ontology([path], reasoner=reasoner)
    assert found.is_fine == (not found.faults)
    assert all(fault.check in CHECKS for fault in found.faults)
    return {(fault.check, fault.what) for fault in found.faults}


def test_what_ships_is_fine():
    found = check_ontology(reasoner=False)
    assert found.faults == ()
    assert found.classes > 600 and found.relations > 150 and found.concepts > 400
    assert len(found.files) == len(set(found.files)) == len(shipped_ontologies())


def test_a_class_of_ones_own_is_fine(tmp_path):
    assert faults(tmp_path, DELL) == set()


@pytest.mark.parametrize(
    ("text", "check", "words"),
    [
        ("oops", "file", "own.ttl:5"),
        (DELL.replace(' , "小谷"@zh', ""), "name", "#Dell has no label in zh"),
        (DELL.replace('"Small valley."', '"Small valley"'), "definition", "no sentence"),
        (DELL.partition(" ; skos:definition")[0] + " .", "definition", "#Dell has no definition"),
        (DELL + DELL.replace(":Dell", ":Dingle"), "label", "share the label 'dell'@en"),
        (DELL.replace("ll:Valley", "ll:Vally"), "match", "there is no ll:Vally"),
        (":Dell ll:hasCover [ ll:value ll:Lawn ; ll:weight 0.7 ] .", "share", "sums to 0.7, 1 expected"),
        (":Dell ll:hasCover [ ll:value ll:Lawn ; ll:weight 7 ] .", "share", "a weight outside 0..1"),
        (":Dell ll:hasCover [ ll:value ll:Lawn ] .", "share", "a weight outside 0..1"),
        (":Dell ll:hasPart [ ll:value ll:Oke ; ll:weight 1 ] .", "match", "there is no ll:Oke"),
        (
            ":one a skos:Concept ; skos:exactMatch ll:Lake ; skos:narrowMatch ll:Lake .",
            "match",
            "own#one is matched with ll:Lake by skos:exactMatch and skos:narrowMatch",
        ),
        (":one skos:relatedMatch ll:Lake ; skos:broadMatch ll:Lake .", "match", "is matched with ll:Lake by"),
        ("ll:Lake skos:exactMatch wd:Q23397 .", "alignment", "no ll:confidence in 0..1"),
        ("ll:Lake skos:exactMatch wd:Lake .", "alignment", "not an identifier of ENVO"),
        (f"ll:Laek skos:exactMatch wd:Q23397 , wd:Q1 . {SURE}", "alignment", "no such class"),
        (f":dips a owl:ObjectProperty, owl:DatatypeProperty ; {NAMES} .", "profile", "an object property and a data"),
        (f":aged a owl:DatatypeProperty ; {NAMES} ; rdfs:range xsd:date .", "profile", "no datatype of OWL 2"),
        (DELL + ":Dell :drains ll:Lake .", "profile", "own#drains is used as a property"),
        (DELL + ":Dell rdfs:subClassOf :Combe .", "profile", "own#Combe is used as a class"),
        (
            DELL + ":Dell rdfs:subClassOf [ a owl:Restriction ; owl:onProperty ll:upstreamOf ; "
            'owl:maxCardinality "1"^^xsd:nonNegativeInteger ] .',
            "profile",
            "ll:upstreamOf is not simple, so it cannot be counted",
        ),
        (
            ":a a owl:ObjectProperty ; owl:propertyChainAxiom ( :b :b ) . "
            ":b a owl:ObjectProperty ; owl:propertyChainAxiom ( :a :a ) .",
            "profile",
            "are made of each other",
        ),
    ],
)  # fmt: skip
def test_a_fault_is_named(tmp_path, text, check, words):
    shown = faults(tmp_path, text)
    assert [what for kind, what in shown if kind == check and words in what], shown


def test_two_exact_matches_in_one_vocabulary_are_too_many(tmp_path):
    text = (
        f"ll:Lake skos:exactMatch wd:Q23397 , wd:Q35509 . {SURE} {SURE.replace('Q23397', 'Q35509')}"
    )
    assert {check for check, _ in faults(tmp_path, text)} == {"alignment"}
    assert any("exactly several things of Wikidata" in what for _, what in faults(tmp_path, text))


def test_a_scene_may_leave_ground_unsaid_but_not_have_too_much(tmp_path):
    scene = (
        'sc:Glen a ll:SceneClass ; skos:prefLabel "glen"@en , "幽谷"@zh ; skos:definition "A glen."@en ; '
        "ll:hasCover [ ll:value ll:Grassland ; ll:weight 0.6 ] , [ ll:value ll:Water ; ll:weight 0.3 ] ."
    )
    assert {check for check, _ in faults(tmp_path, scene)} == {"scene"}
    shares = {
        what for check, what in faults(tmp_path, scene.replace("0.3", "0.5")) if check == "share"
    }
    assert shares == {"ll:hasCover of sc:Glen sums to 1.1, at most 1 expected"}


def test_scenes_are_checked_beside_those_that_ship(tmp_path):
    words = "2 statements, at least 6 expected"
    glen = (
        'sc:Glen a ll:SceneClass ; skos:prefLabel "glen"@en , "幽谷"@zh ; skos:definition "A glen."@en ; '
        "sc:confidence 0.5 ; ll:hasCover [ ll:value ll:Grassland ; ll:weight 0.6 ] ; "
        "ll:hasPart [ ll:value ll:House ; ll:weight 0.3 ] ."
    )
    found = faults(tmp_path, glen)
    assert ("scene", f"sc:Glen: {words}") in found and {check for check, _ in found} == {"scene"}
    no_weight = faults(tmp_path, glen.replace(" ; ll:weight 0.3", ""))
    assert any(c == "scene" and "found 1 values and 0 weights" in what for c, what in no_weight)


def test_a_legend_is_read_as_one(tmp_path):
    names = 'skos:prefLabel "a"@en , "甲"@zh'
    text = f'<> a skos:ConceptScheme . <#1> a skos:Concept ; {names} ; ll:code 1 ; ll:color "x" .'
    found = faults(tmp_path, text)
    assert any(check == "match" and "ll:color is not known" in what for check, what in found)


def test_what_hermit_finds_is_told(tmp_path, monkeypatch):
    both = DELL + ":Dell rdfs:subClassOf ll:Flood ."
    monkeypatch.setattr("shutil.which", lambda name: None)
    path = tmp_path / "own.ttl"
    path.write_text(HEAD + both, encoding="utf-8")
    assert check_ontology([path]).skipped["HermiT"].startswith("needs Java")
    dell = "https://example.org/own#Dell"
    monkeypatch.setattr("shutil.which", lambda name: "java")  # HermiT itself: test_ontology.py
    monkeypatch.setattr("kg.ontology_check.check_consistent", lambda paths: (dell,))
    assert [(x.check, x.what) for x in check_ontology([path]).faults] == [
        ("HermiT", f"{dell} can have no instance")
    ]


def test_turtle_by_another_name_is_told(tmp_path):
    path = tmp_path / "own.owl"
    path.write_text(
        "# mine\n@prefix owl: <http://www.w3.org/2002/07/owl#> .\n<https://e.org/A> a owl:Class .\n"
    )
    (fault,) = check_ontology([path], reasoner=False).faults
    assert (fault.check, fault.what) == ("file", "holds Turtle, and its name does not say so")


def test_a_file_that_rdflib_cannot_read_is_no_fault_of_its_shapes(tmp_path):
    path = tmp_path / "own.owl"
    path.write_text("<oops")
    skipped = {}
    assert list(shape_faults([path], skipped)) == []
    assert str(path) in skipped["SHACL"]


@pytest.mark.parametrize("name", ["none.ttl", "folder.ttl"])
def test_no_such_file_is_bad_input(tmp_path, name):
    (tmp_path / "folder.ttl").mkdir()
    with pytest.raises(SourceError, match=r"no such file|is a folder"):
        check_ontology([tmp_path / name], reasoner=False)
