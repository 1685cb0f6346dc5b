"""What is said of sources whose files do not say it: date, licence, whom to name."""

import json

import pytest
from typer.testing import CliRunner

import landlore as ll
from kg.errors import InputError
from kg.store import KnowledgeGraph
from landlore.cli import app

RING = [[24.1, 60.1], [24.2, 60.1], [24.2, 60.2], [24.1, 60.1]]
ASKED = """SELECT ?title ?licence ?rights ?issued { GRAPH ?g { ?g a dcat:Dataset ; dct:title ?title
  OPTIONAL { ?g dct:license ?licence } OPTIONAL { ?g dct:rights ?rights } OPTIONAL { ?g dct:issued ?issued } } }"""


@pytest.fixture
def parks(tmp_path):
    path = tmp_path / "parks.geojson"
    shape = {"type": "Polygon", "coordinates": [RING]}
    one = {"type": "Feature", "properties": {"leisure": "park"}, "geometry": shape}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}))
    return path


def origin(place):
    [row] = KnowledgeGraph.open(place).query(ASKED)
    return tuple(None if term is None else str(term) for term in row)


@pytest.mark.parametrize("name", ["vector", "parks.geojson"])
def test_what_is_stated_is_kept(tmp_path, parks, name):
    said = {
        "date": {name: "2021-06"},
        "licence": {name: "CC-BY-4.0"},
        "attribution": {name: "© City"},
    }
    ll.build(tmp_path / "g", ll.Sources(vector=str(parks), stated=said))
    assert origin(tmp_path / "g") == ("parks.geojson", "CC-BY-4.0", "© City", "2021-06")


def test_a_new_licence_is_a_change_and_the_same_is_none(tmp_path, parks):
    def build(licence):
        said = {"licence": {"vector": licence}} if licence else {}
        built = ll.build(
            tmp_path / "g", ll.Sources(vector=str(parks), stated=said), existing="update"
        )
        return built.report.sources[0]

    assert [build("").kept, build("A").kept, build("A").kept, build("B").kept] == [
        False,
        False,
        True,
        False,
    ]
    assert origin(tmp_path / "g")[1] == "B"
    assert build("B").statements == build("C").statements


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"date": {"vectr": "2021"}}, "--source-date vectr=2021: there is no source 'vectr'"),
        ({"date": {"vector": "last year"}}, "--source-date: vector"),
        ({"licence": {"osm": "x"}}, "--source-licence osm=x: there is no source 'osm'"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, parks, said, words):
    with pytest.raises(InputError, match=words):
        ll.build(tmp_path / "g", ll.Sources(vector=str(parks), stated=said))
    assert not (tmp_path / "g").exists()


def test_the_command_says_what_nobody_knows(tmp_path, parks):
    def lines(*more):
        words = ["build", str(tmp_path / "g"), "--vector", str(parks), "--overwrite", *more]
        return CliRunner().invoke(app, words).stdout.splitlines()

    plain = lines()
    assert plain[-2:] == [
        "no licence known: vector; --source-licence vector=CC-BY-4.0 states one",
        "no date known: vector; --source-date vector=2021 states one",
    ]
    stated = lines(
        "--source-licence",
        "vector=CC0",
        "--source-date",
        "vector=2020",
        "--source-rights",
        "vector=Me",
    )
    assert not any("known" in line for line in stated)
    assert origin(tmp_path / "g") == ("parks.geojson", "CC0", "Me", "2020")
