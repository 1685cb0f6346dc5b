"""Files of what was found in images: read, refused with two lines, and acting on the answers of `classify`."""

import json
from dataclasses import replace

import numpy as np
import pytest

import landlore as ll
from kg import vocab
from kg.errors import InputError, LandloreWarning
from kg.files import shipped
from kg.ontology import load_ontology
from kg.scenes import load_scenes, scene_files, strength
from landlore.classified import ClassifySettings
from landlore.scene_parts import read_parts
from landlore.scenes import classify
from reasoning.scenes.scene import scene_sentences
from reasoning.scenes.scene_parts import COVER, HAS_COVER, HAS_PART

LL = vocab.CORE
ONTOLOGY = load_ontology([shipped("ontologies/core.ttl"), *scene_files()])
STATED = {
    "a.png": {"hasPart": {"Ship": [0.9, 0.8], "Runway": 0}, "hasCover": {"Water": 0.6}},
    "*": {"hasPart": ["Vehicle"]},
}


def write(path, stated):
    path.write_text(json.dumps(stated))
    return path


def test_parts_are_found_looked_for_or_unknown(tmp_path):
    path = write(tmp_path / "parts.json", STATED)
    found = read_parts(path, ("some/where/a.png", "b.png"), ONTOLOGY)
    a, b = found["some/where/a.png"], found["b.png"]
    assert [(one.cls, one.probability) for one in a.found] == [
        (LL + "Ship", 0.9), (LL + "Ship", 0.8), (LL + "Water", min(1, 0.6 / COVER)),
    ]  # fmt: skip
    assert (HAS_PART, LL + "Runway") in a.looked_for
    assert (HAS_COVER, LL + "Water") in a.looked_for
    assert b.found == () and b.looked_for == {(HAS_PART, LL + "Vehicle")}


def test_csv_says_the_same(tmp_path):
    path = tmp_path / "parts.csv"
    path.write_text(
        "item,relation,class,value\na.png,hasPart,Ship,0.9\na.png,hasPart,Ship,0.8\n"
        "a.png,hasPart,Runway,0\na.png,hasCover,Water,0.6\n*,hasPart,Vehicle,0\n"
    )
    other = write(tmp_path / "parts.json", STATED)
    items = ("a.png", "b.png")
    one, two = (read_parts(place, items, ONTOLOGY) for place in (path, other))
    assert [(k, repr(v.found), v.looked_for) for k, v in one.items()] == [  # a share may be NaN
        (k, repr(v.found), v.looked_for) for k, v in two.items()
    ]


@pytest.mark.parametrize(
    "stated, message",
    [
        (
            {"a.png": {"hasPart": {"Runwy": 1}}},
            "unknown class 'Runwy'; the nearest known is Runway",
        ),
        ({"a.png": {"hasColour": {"Ship": 1}}}, "relation 'hasColour', expected hasPart"),
        ({"a.png": {"hasPart": {"Ship": "many"}}}, "Ship has value 'many'"),
        ({"a.png": {"hasPart": {"Ship": 3}}}, "a.png: found ll:Ship with probability 3"),
        ({"z.png": {"hasPart": {"Ship": 1}}}, "none of its images"),
        ({"a.png": {"hasPart": {"Ship": -1}}}, "a.png: found ll:Ship with probability -1"),
        ({"a.png": {"hasPart": {"Ship": float("nan")}}}, "Ship has value nan, expected a number"),
        ({"a.png": {"hasPart": {"Ship": {"a": 1}}}}, "Ship has value {'a': 1}"),
        (
            {"*": {"hasPart": {"Ship": 0.9}}},
            "has value 0.9, expected 0: what was looked for everywhere",
        ),
        ({}, "names no image"),
        (None, "no evidence of scenes"),
        ([1, 2], "no evidence of scenes"),
    ],
)
def test_what_cannot_be_used_is_said_in_two_lines(tmp_path, stated, message):
    with pytest.raises(InputError, match=message) as caught:
        read_parts(write(tmp_path / "parts.json", stated), ("a.png",), ONTOLOGY)
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        read_parts(tmp_path / "none.json", ("a.png",), ONTOLOGY)


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """Two classes that look alike but for noise."""
    knowledge, rng = load_scenes(), np.random.default_rng(0)
    names = ("forest", "farmland", "parking", "mountain", "airport", "beach")
    stated = [[(t, strength(t)) for t in knowledge.find(name).triples] for name in names]
    table = knowledge.attributes(stated)
    prototypes = table @ rng.normal(size=(table.shape[1], 32))
    labels = np.repeat(np.arange(len(names)), 3)
    spread = 1.5 * prototypes.std() * rng.normal(size=(len(labels), 32))
    path = tmp_path_factory.mktemp("parts") / "features.npz"
    np.savez(
        path, images=(prototypes[labels] + spread).astype(np.float32), labels=labels, names=names
    )
    return path


def test_axioms_act_on_answers_with_exact_reasons_in_sentences_and_sparql(features, tmp_path):
    plain = classify(features, seen=SEEN, settings=GRADED)
    stated = {"*": {"hasPart": ["Runway"], "hasCover": ["Water"]}}
    parts = str(write(tmp_path / "parts.json", stated))
    how = ClassifySettings(blocks=("graded",), parts=parts)
    done = classify(features, seen=SEEN, settings=how, out=tmp_path / "out")
    airport, beach = (done.scores.classes.index(name) for name in ("airport", "beach"))
    for before, after in zip(plain.scores.scores.astype(float), done.scores.scores, strict=True):
        change = np.log(after[airport] / after[beach]) - np.log(before[airport] / before[beach])
        assert change == pytest.approx(1.0 - 1.5, abs=1e-4)  # no runway, no water
    for item, reason in enumerate(done.reasons):
        assert sum(p.contribution for p in reason.parts) == pytest.approx(reason.log_odds, abs=1e-4)
        best = np.sort(done.scores.scores[item].astype(float))[::-1]
        assert reason.log_odds == pytest.approx(np.log(best[0] / best[1]), abs=1e-4)
        assert any(p.kind == "axiom" for p in reason.parts)
    english, chinese = scene_sentences(done.reasons[0], done.knowledge, most=20)
    assert "an airport has a runway" in english and "机场有跑道" in chinese
    rows = ll.query(
        tmp_path / "out",
        "SELECT DISTINCT ?rule { ?a a run:SceneAnswer ; run:contribution ?r . ?r run:kind 'axiom' ; run:about ?rule }",
    ).rows
    assert vocab.RULE + "scene-airport-runway" in {str(row[0]).strip("<>") for row in rows}


SEEN = ("forest", "farmland", "parking", "mountain")
GRADED = ClassifySettings(blocks=("graded",))


RULE = f"""
@prefix ll: <{LL}> . @prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix sc: <{vocab.SCENE}> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix dct: <http://purl.org/dc/terms/> .
LEFT rdfs:subClassOf ll:Water .
[] a owl:Axiom ; owl:annotatedSource LEFT ; owl:annotatedProperty rdfs:subClassOf ; owl:annotatedTarget ll:Water ;
  dct:identifier "mine" ; rdfs:label "mine"@en ; ll:weight 1.0 ; dct:source "a test" .
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.ttl: holds no rule"),
        ("@prefix : <x> . :a :b", "not valid RDF"),
        (RULE.replace("LEFT", "sc:Airprt"), "unknown class sc:Airprt"),
        (None, "cannot be read"),
    ],
)
def test_rules_of_scenes_that_cannot_be_used(features, tmp_path, text, message):
    path = tmp_path / "mine.ttl"
    if text is not None:
        path.write_text(text)
    parts = str(write(tmp_path / "parts.json", STATED))
    how = ClassifySettings(blocks=("graded",), parts=parts, axioms=(str(path),))
    with pytest.raises(InputError, match=message) as caught:
        classify(features, seen=SEEN, settings=how, out=tmp_path / "out")
    assert len(str(caught.value).splitlines()) == 2 and not (tmp_path / "out").exists()


def test_rules_about_other_things_than_scenes_are_told(features, tmp_path):
    path = tmp_path / "mine.ttl"
    path.write_text(RULE.replace("LEFT", "ll:Grassland"))
    parts = str(write(tmp_path / "parts.json", {"*": {"hasPart": ["Runway"]}}))
    how = ClassifySettings(blocks=("graded",), parts=parts, axioms=(str(path),))
    with pytest.warns(
        LandloreWarning, match="none of the 1 rules acts on these images; rule:mine: "
    ):
        classify(features, seen=SEEN, settings=how)
    beside = replace(how, axioms=(), add_axioms=(str(path),))
    done = classify(features, seen=SEEN, settings=beside)
    assert any(p.kind == "axiom" for reason in done.reasons for p in reason.parts)
