"""Turtle as plain values, and what a file imports."""

import pytest

from kg.errors import SourceError
from kg.files import core_files
from kg.ontology import load_ontology
from kg.terms import Literal
from kg.turtle_terms import turtle_terms, with_parts
from kg.vocab import BASE, CORE

HEAD = "@prefix : <https://example.org/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"


def test_values_keep_their_kind_and_blank_nodes_their_order(tmp_path):
    path = tmp_path / "a.ttl"
    path.write_text(
        HEAD + ':a :p [ :q 7 ] , [ :q 0.5 ] , "x"@en , true , "many"^^xsd:integer , <b> .'
    )
    terms = turtle_terms(path)
    name = "https://example.org/"
    assert terms.objects(name + "a", name + "p") == [
        "_:1", "_:2", Literal("x", "en"), Literal("true"), Literal("many"), (tmp_path / "b").as_uri(),
    ]  # fmt: skip
    assert terms.objects("_:1", name + "q") == [Literal(7)]
    assert terms.objects("_:2", name + "q") == [Literal(0.5)]


def test_imports_beside_a_file_are_its_parts(tmp_path):
    (tmp_path / "core").mkdir()
    text = "<{}core> a owl:Ontology ; owl:imports {} ."
    owl = "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
    names = f"<{BASE}core/use> , <{BASE}core/gone> , <https://example.org/other>"
    (tmp_path / "core.ttl").write_text(owl + text.format(BASE, names))
    (tmp_path / "core" / "use.ttl").write_text(
        f"{owl}<{BASE}core/use> owl:imports <{BASE}core> . <{CORE}Mine> a owl:Class ."
    )
    first = tmp_path / "core.ttl"
    assert with_parts(first) == (first, tmp_path / "core" / "use.ttl")
    assert load_ontology([first]).classes == (CORE + "Mine",)
    (tmp_path / "core" / "use.ttl").write_text(f"{owl}<{CORE}Yours> a owl:Class .")
    assert load_ontology([first]).classes == (CORE + "Yours",)


def test_the_core_is_all_its_files():
    assert set(with_parts(core_files()[0])) == set(core_files())
    assert len(core_files()) > 10


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        turtle_terms(tmp_path / "nowhere.ttl")
