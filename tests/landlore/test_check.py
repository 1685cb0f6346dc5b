"""`landlore check`: what is found about rules, ontologies and extracts, and the exit code."""

import importlib.util
import json
from pathlib import Path

import pytest
from drawn import wide_water

from kg import vocab
from kg.errors import RuleError
from kg.rules import load_rules

SHIPPED = sorted((Path(vocab.__file__).parents[1] / "ontologies" / "rules").glob("*.ttl"))
WRONG = f"""
@prefix ll: <{vocab.CORE}> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix dct: <http://purl.org/dc/terms/> .
ll:Watr rdfs:subClassOf ll:Grassland .
[] a owl:Axiom ; owl:annotatedSource ll:Watr ; owl:annotatedProperty rdfs:subClassOf ;
  owl:annotatedTarget ll:Grassland ; dct:identifier "misspelt" ; rdfs:label "misspelt"@en ; ll:weight 1.0 ;
  dct:source "a test" .
"""


@pytest.fixture
def check(landlore, monkeypatch):
    """`landlore check` without HermiT, which takes seconds: exit code and standard output."""
    monkeypatch.setattr("shutil.which", lambda name: None)

    def call(*words):
        kind = () if words[0] in ("ontology", "osm") else ("rules",)
        return landlore("check", *kind, *words)[:2]

    return call


def test_rules_that_ship_are_fine(check):
    code, out = check(SHIPPED[0])
    assert code == 0 and "; 0 faults" in out and "HermiT: not run" in out


def test_a_wrong_rule_is_named_and_the_exit_code_is_1(check, tmp_path):
    path = tmp_path / "wrong.ttl"
    path.write_text(WRONG)
    code, out = check(path, "--legend", "worldcover")
    assert code == 1 and "wrong.ttl" in out and "ll:Watr" in out and "ll:Water" in out
    code, out = check(path, "--json")
    told = json.loads(out)
    assert code == 1 and not told["fine"] and told["faults"][0]["file"].endswith("wrong.ttl")


def test_identifiers_that_ship_are_told_where_add_rules_would_refuse_them(check, tmp_path):
    path = tmp_path / "mine.ttl"
    path.write_text(wide_water("water-min-width", "water is wide"))
    code, out = check(path)
    assert code == 0 and "ships under the same name: rule:water-min-width\n  --rules FILE" in out
    with pytest.raises(RuleError, match="two rules are called rule:water-min-width"):
        load_rules([*SHIPPED, path])
    assert json.loads(check(path, "--json")[1])["taken"]
    path.write_text(wide_water("my-water", "water is wide"))
    assert "ships under" not in check(path)[1]
    assert "ships under" not in check(*SHIPPED)[1]
    assert load_rules([*SHIPPED, path])


def test_an_unknown_legend_is_wrong_use(check):
    assert check(SHIPPED[0], "--legend", "nowhere")[0] == 2


def test_an_empty_file_is_told(check, tmp_path):
    path = tmp_path / "empty.ttl"
    path.write_text("")
    code, out = check(path)
    assert code == 1 and f"error: {path}: holds no rule" in out


def test_a_wrong_ontology_is_told_check_by_check(check, tmp_path):
    path = tmp_path / "own.ttl"
    path.write_text(
        WRONG + 'll:Dell a owl:Class ; rdfs:subClassOf ll:Vally ; rdfs:label "dell"@en .'
    )
    code, out = check("ontology", path)
    assert code == 1
    assert (
        "name        1" in out
        and "profile     " in out
        and "HermiT      not run: needs Java" in out
    )
    assert f"match: {path}: rdfs:subClassOf of ll:Dell: there is no ll:Vally" in out
    code, out = check("ontology", path, "--json", "--no-reasoner")
    told = json.loads(out)
    assert code == 1 and not told["fine"] and told["classes"] == 1
    assert {fault["check"] for fault in told["faults"]} >= {"name", "definition", "match"}


def test_tags_without_a_class_are_told(check, tmp_path):
    path = tmp_path / "own.osm"
    nodes = "".join(f'<node id="{i}" version="1" lat="{i % 2}" lon="{i // 2}"/>' for i in (1, 2, 3))
    refs = "".join(f'<nd ref="{i}"/>' for i in (1, 2, 3, 1))
    way = f'<way id="1" version="1">{refs}<tag k="castle_type" v="palace"/></way>'
    path.write_text(f'<osm version="0.6">{nodes}{way}</osm>')
    code, out = check("osm", path)
    assert code == 1 and "castle_type=palace" in out and "0.00 % of it has a class" in out
    assert check("osm", path, "--least", "0")[0] == 0
    assert check("osm", tmp_path / "gone.osm")[0] == 2


def test_what_was_not_checked_of_an_ontology_stands_in_the_last_line(check, tmp_path, monkeypatch):
    path = tmp_path / "mine.ttl"
    path.write_text(
        f"""@prefix ll: <{vocab.CORE}> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        <urn:Igloo> a owl:Class ; rdfs:subClassOf ll:House ; rdfs:label "igloo"@en , "冰屋"@zh ;
          skos:definition "House of snow."@en , "雪做的房子。"@zh ."""
    )
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n: None if n == "pyshacl" else find(n))
    last = check("ontology", path, "--no-reasoner")[1].splitlines()[-1]
    assert last.endswith(
        "HermiT not run: --no-reasoner; SHACL not run: needs pyshacl: pip install pyshacl"
    )
