"""The IRI behind a name: in what ships, and in a graph."""

import json

import pytest

import landlore as ll
from kg import vocab
from kg.errors import InputError, SourceError


@pytest.mark.parametrize(
    ("words", "first", "kind"),
    [
        ("lake", vocab.CORE + "Lake", "class"),
        ("湖泊", vocab.CORE + "Lake", "class"),
        ("Minimum Width", vocab.CORE + "minWidth", "measure"),
        ("adjacentTo", vocab.CORE + "adjacentTo", "relation"),
        ("water-min-width", vocab.RULE + "water-min-width", "rule"),
        ("parking lot", vocab.SCENE + "Parking", "scene"),
    ],
)
def test_the_best_match_comes_first(words, first, kind):
    found = ll.find(words)[0]
    assert (found.iri, found.kind) == (first, kind)


def test_a_class_of_a_legend_has_its_code():
    codes = {one.iri: one.code for one in ll.find("mangroves")}
    assert codes[vocab.LEGEND + "worldcover/95"] == "95"


def test_every_iri_that_is_found_is_one_and_has_the_words_in_a_name():
    every = ll.find("forest")
    assert len(every) == len({one.iri for one in every}) > 30
    for one in every:
        assert one.iri.startswith("http") and one.labels
        assert any("forest" in name.lower() for name in (*one.labels, one.iri))


def test_names_of_a_graph_are_found_in_the_graph(tmp_path, landlore):
    path = tmp_path / "own.ttl"
    path.write_text(f"""@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
      <http://x.example/7> rdfs:label "Old mill" ; a <{vocab.CORE}Building> .
      [] rdfs:label "a mill that cannot be asked for" .""")
    code, out, _ = landlore("find", "MILL", path)
    assert code == 0 and out.split() == ["http://x.example/7", "ll:Building", "Old", "mill"]
    code, out, _ = landlore("find", "mill", path, "--json")
    assert json.loads(out)[0]["iri"] == "http://x.example/7"
    code, out, _ = landlore("find", "lake", path)
    assert code == 1 and "nothing is called 'lake'" in out


def test_what_is_not_found_is_said_with_what_is_spelt_alike(landlore):
    code, out, _ = landlore("find", "forst")
    assert code == 1 and "known: forest" in out
    code, out, _ = landlore("find", "a", "--top", "2")
    assert code == 0 and len(out.splitlines()) == 3 and "--top N" in out


def test_no_words_and_no_graph_are_wrong_use(tmp_path):
    with pytest.raises(InputError, match="no words"):
        ll.find(" ")
    with pytest.raises(SourceError):
        ll.find("lake", tmp_path / "none")


def test_columns_stand_below_each_other_whatever_the_length_of_an_iri(landlore, tmp_path):
    path = tmp_path / "far.ttl"
    names = ("mill", "a" * 60 + "mill")
    path.write_text(
        "".join(
            f'<http://x/{name}> <http://www.w3.org/2000/01/rdf-schema#label> "mill" .\n'
            for name in names
        )
    )
    _, out, _ = landlore("find", "mill", path)
    assert len({line.rindex(" mill") for line in out.splitlines()}) == 1
    assert len(out.splitlines()) == 2
