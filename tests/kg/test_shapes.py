"""SHACL shapes: what ships passes, and each shape refuses what it is for."""

import pytest

from kg import vocab
from kg.files import core_files, shipped
from kg.shapes import shape_faults

pytest.importorskip("pyshacl")

HEAD = f"""
@prefix ll: <{vocab.CORE}> . @prefix skos: <{vocab.SKOS}> . @prefix owl: <{vocab.OWL}> . @prefix geo: <{vocab.GEO}> .
@prefix rdfs: <{vocab.RDFS}> . @prefix dct: <{vocab.DCT}> . @prefix dcat: <{vocab.DCAT}> .
@prefix : <https://example.org/own#> .
"""
LEGEND = """:l a skos:ConceptScheme ; dct:title "l"@en , "图"@zh ; dct:source :s ; dct:license :a ; ll:nodata 0 .
:c a skos:Concept ; skos:inScheme :l ; skos:prefLabel "c"@en , "类"@zh ; skos:notation "1" ; ll:code 1 ;
    ll:colour "#00FF00" ; skos:closeMatch ll:Lake ; ll:crosswalk [ ll:value ll:Lake ; ll:weight 1 ] ."""
RULE = """[] a owl:Axiom ; owl:annotatedSource ll:Lake ; owl:annotatedProperty rdfs:subClassOf ;
    owl:annotatedTarget ll:Water ; rdfs:label "r"@en , "规"@zh ; ll:weight 1.5 ; dct:source "s" ."""
MATCH = """[] a owl:Axiom ; owl:annotatedSource ll:Lake ; owl:annotatedProperty skos:exactMatch ;
    owl:annotatedTarget :lake ; ll:confidence 0.9 ; dct:source "s" ."""
SCENE = ':s a ll:SceneClass ; skos:prefLabel "s"@en , "景"@zh ; skos:definition "A scene."@en ; ll:hasPart {} .'
PARTS = " , ".join(f"[ ll:value ll:P{n} ; ll:weight 0.5 ]" for n in range(6))
CELL = ':x a ll:ProductCell ; ll:row 1 ; ll:column 2 ; geo:hasGeometry [ geo:asWKT "{}"^^geo:wktLiteral ] ; {} .'
WKT = f"<{vocab.CRS84}> POLYGON((0 0, 1 0, 1 1, 0 0))"
COVER = "ll:hasCover [ ll:value ll:Lake ; ll:weight {} ]"


def told(folder, text):
    path = folder / "own.ttl"
    path.write_text(HEAD + text, encoding="utf-8")
    return list(shape_faults([path], {}))


@pytest.mark.parametrize(
    "text",
    [LEGEND, RULE, MATCH, SCENE.format(PARTS), CELL.format(WKT, COVER.format(0.9))],
    ids=["legend", "rule", "alignment", "scene", "cell"],
)
def test_what_is_right_passes(tmp_path, text):
    assert told(tmp_path, text) == []


@pytest.mark.parametrize(
    "text",
    [
        LEGEND.replace("#00FF00", "green"),
        LEGEND.replace("ll:code 1", "ll:code 1 , 2"),
        LEGEND.replace('ll:code 1', 'll:code "1"'),
        LEGEND.replace("skos:closeMatch ll:Lake", "skos:closeMatch :lake"),
        LEGEND.replace(' , "类"@zh', ""),
        LEGEND.replace("ll:weight 1 ]", "ll:weight 2 ]"),
        LEGEND.replace("ll:value ll:Lake ; ", ""),
        RULE.replace("ll:weight 1.5 ; ", ""),
        RULE.replace("ll:weight 1.5 ; ", "ll:weight 1.5 ; ll:hard true ; "),
        RULE.replace(' , "规"@zh', ""),
        RULE.replace(' ; dct:source "s"', ""),
        MATCH.replace("0.9", "1.9"),
        MATCH.replace("skos:exactMatch", "skos:sameMatch"),
        SCENE.format(PARTS.rpartition(" , ")[0]),
        SCENE.format(PARTS).replace(' , "景"@zh', ""),
        CELL.format(WKT, COVER.format(1.2)),
        CELL.format("POLYGON((0 0, 1 0, 1 1, 0 0))", COVER.format(0.9)),
        ':A a owl:Class ; rdfs:label "a"@en ; skos:definition "An a."@en .',
        ':A a owl:Class ; rdfs:label "a"@en , "甲"@zh ; skos:definition "An a"@en .',
        ":o a owl:Ontology .",
        'll:near ll:distance 0.0 .',
        ':d a dcat:Dataset ; dct:title "d" ; ll:sha256 "12" .',
        ":f a ll:OsmFeature .",
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(tmp_path, text):
    assert told(tmp_path, text)


def test_core_legends_and_rules_pass():
    some = [shipped(f"ontologies/legends/{name}.ttl") for name in ("worldcover", "isprs")]
    assert (
        list(shape_faults([*core_files()[:3], *some, shipped("ontologies/rules/water.ttl")], {}))
        == []
    )


def test_without_pyshacl_nothing_is_claimed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    skipped = {}
    assert list(shape_faults([], skipped)) == []
    assert "pip install pyshacl" in skipped["SHACL"]
