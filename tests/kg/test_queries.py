"""Each named query, by its answer over the small graph of `conftest.py`."""

import re
from pathlib import Path

import pytest

from kg import vocab
from kg.errors import InputError, QueryError
from kg.files import shipped
from kg.queries import load_query, query_names
from kg.select import select
from kg.store import KnowledgeGraph

RUN = vocab.ID + "run/small"
WAY = "https://www.openstreetmap.org/way/"


def ask(graph, name, **values):
    """Rows as tuples of short strings."""
    found = graph.query(load_query(name, values).sparql)
    return [tuple("" if t is None else vocab.curie(str(t)) for t in row) for row in found.rows]


def c(number):
    return f"{RUN}/correction/{number}"


def test_runs(handmade_graph):
    assert ask(handmade_graph, "runs") == [
        (RUN, "4", "24", "2", "converged", "2026-01-31T12:00:00")
    ]


def test_corrections_by_rule(handmade_graph):
    osm = vocab.GRAPH + "osm"
    assert ask(handmade_graph, "corrections-by-rule") == [
        (osm, "", "1", "1200"),
        ("rule:no-ice", "No glacier below 500 m", "1", "400"),
        ("rule:water-min-width", "Water is at least 12 m wide", "1", "200"),
        ("run:Smoothness", "", "1", "600"),
    ]


def test_corrections_at(handmade_graph, handmade):
    lon, lat = handmade.before.grid.lonlat(1.5, 10.5)
    (row,) = ask(handmade_graph, "corrections-at", lon=float(lon), lat=float(lat))
    assert row[:4] == (c(1), "Building", "Grass", "0.69")
    assert row[4].startswith("“Building” became “Grass” on 600 m²")
    assert ask(handmade_graph, "corrections-at", lon=15.0, lat=0.0) == []


def test_biggest_corrections(handmade_graph):
    rows = ask(handmade_graph, "biggest-corrections")
    assert [(r[0], r[1]) for r in rows] == [
        (c(0), "1200"), (c(1), "600"), (c(2), "400"), (c(3), "200"),
    ]  # fmt: skip


def test_class_changes(handmade_graph):
    assert ask(handmade_graph, "class-changes") == [
        ("Water", "Building", "1", "12", "1200"),
        ("Building", "Grass", "1", "6", "600"),
        ("Ice", "Grass", "1", "4", "400"),
        ("Water", "Grass", "1", "2", "200"),
    ]


def test_evidence_for(handmade_graph):
    osm, nlcd = vocab.GRAPH + "osm", vocab.GRAPH + "nlcd"
    assert ask(handmade_graph, "evidence-for", correction=c(0)) == [
        (WAY + "11", osm, "ll:Building", "1", "2.25"),
        (WAY + "12", osm, "ll:Building", "1", "2.25"),
        (vocab.ID + "nlcd/cell/0/0", nlcd, "ll:Building", "0.5", ""),
    ]


def test_rules_in_force(handmade_graph):
    rows = ask(handmade_graph, "rules-in-force")
    assert [r[1] for r in rows] == ["rule:mapped-building", "rule:no-ice", "rule:water-min-width"]
    assert rows[2][2:] == (
        "Water is at least 12 m wide", "Water SubClassOf minWidth some xsd:decimal[>= 12]",
        "1.5", "false", "Handmade, 2026", "water.ttl",
    )  # fmt: skip
    assert rows[1][4:6] == ("", "true")


def test_harmful_candidates(handmade_graph):
    assert ask(handmade_graph, "harmful-candidates") == [
        ("rule:water-min-width", "Water is at least 12 m wide", "1", "3.5", "-0.75")
    ]


def test_why_region(handmade_graph):
    rows = ask(handmade_graph, "why-region", region=f"{RUN}/region/4")
    assert [r[3:6] for r in rows] == [
        ("axiom", "rule:water-min-width", "3.5"),
        ("network", "run:Network", "-2.5"),
        ("evidence", vocab.GRAPH + "nlcd", "-0.75"),
    ]
    assert sum(float(r[5]) for r in rows) == float(rows[0][7]) == 0.25


def test_smoothness_only(handmade_graph):
    assert ask(handmade_graph, "smoothness-only") == [(c(1), "600", "Building", "Grass", "0.69")]


def test_lesson_changes(handmade_graph):
    assert ask(handmade_graph, "lesson-changes") == []
    graph, place = KnowledgeGraph(), "https://example.org/"
    changes = [("a", 600, 2.0, 1.0), ("b", 200, 1.0, 0.5)]
    text = "".join(
        f"""<{place}{name}> a run:Correction ; run:cause run:Lesson ; run:area {area}e0 ;
        run:before <{place}road> ; run:after <{place}roof> ; run:contribution <{place}{name}/1> , <{place}{name}/2> .
        <{place}{name}/1> run:term run:Lesson ; run:value {value}e0 ; run:share {share}e0 .
        <{place}{name}/2> run:term run:Network ; run:value -1e0 ; run:share 0e0 .
        <{place}{name}c> a run:Correction ; run:cause run:Smoothness ; run:area {area}e0 ;
        run:before <{place}road> ; run:after <{place}roof> ; run:contribution <{place}{name}/1> ."""
        for name, area, value, share in changes
    )
    for name in ("road", "roof"):
        text += f'<{place}{name}> skos:prefLabel "{name}"@en , "类"@zh .'
    head = f"@prefix run: <{vocab.RUN}> . @prefix skos: <{vocab.SKOS}> ."
    graph.load_text(f"{head} GRAPH <{place}g> {{ {text} }}", "trig")
    assert ask(graph, "lesson-changes") == [("road", "roof", "2", "800", "1.5", "0.75")]


def test_disagreements(handmade_graph):
    rows = ask(handmade_graph, "disagreements")
    assert [(r[0], r[3]) for r in rows] == [(c(2), "-3"), (c(3), "-2.5")]


def test_doubtful(handmade_graph):
    assert [r[0] for r in ask(handmade_graph, "doubtful")] == [c(3)]


def test_excluded(handmade_graph):
    assert ask(handmade_graph, "excluded") == [
        (c(2), "Ice", "Grass", "rule:no-ice",
         "Glacier SubClassOf not (meanElevation some xsd:decimal[< 500])")
    ]  # fmt: skip


def test_against_the_network(handmade_graph):
    rows = ask(handmade_graph, "against-the-network")
    assert [(r[0], r[1], r[2], r[4]) for r in rows] == [
        (c(2), "-3", "evidence", "1.5"),
        (c(3), "-2.5", "axiom", "3.5"),
        (c(0), "-1.75", "evidence", "2.25"),
        (c(0), "-1.75", "axiom", "1.125"),
        (c(0), "-1.75", "axiom", "0.5"),
        (c(1), "-0.0625", "smoothness", "0.875"),
    ]


def test_features_behind_corrections(handmade_graph):
    osm, nlcd = vocab.GRAPH + "osm", vocab.GRAPH + "nlcd"
    assert ask(handmade_graph, "features-behind-corrections") == [
        (vocab.ID + "nlcd/cell/0/0", nlcd, "1", "1200"),
        (WAY + "11", osm, "1", "1200"),
        (WAY + "12", osm, "1", "1200"),
        (vocab.ID + "nlcd/cell/0/1", nlcd, "1", "400"),
    ]


def test_feature_relations(handmade_graph):
    assert ask(handmade_graph, "feature-relations", feature=WAY + "11") == [
        ("geo:sfWithin", WAY + "20", "ll:Park")
    ]


def test_mixed_cells(handmade_graph):
    assert ask(handmade_graph, "mixed-cells") == [
        (vocab.GRAPH + "nlcd", vocab.ID + "nlcd/cell/0/0", "0.5", "2")
    ]
    assert ask(handmade_graph, "mixed-cells", share=0.5) == []


def test_legend_crosswalk(handmade_graph):
    assert ask(handmade_graph, "legend-crosswalk") == []  # the legends are in no run
    from kg.build import build_graph
    from kg.store import KnowledgeGraph

    graph = KnowledgeGraph()
    build_graph([], graph)
    rows = ask(graph, "legend-crosswalk")
    water = [r[1:] for r in rows if r[0].endswith("worldcover/80")]
    assert {(r[0], r[1]) for r in water} == {("Permanent water bodies", "skos:closeMatch")}
    assert all(r[2].startswith("skos:") or 0 < float(r[4]) <= 1 for r in rows)
    assert len({r[0] for r in rows}) >= 11


def test_sources_before(handmade_graph):
    assert [r[0] for r in ask(handmade_graph, "sources-before", year=2025)] == [vocab.GRAPH + "osm"]
    assert ask(handmade_graph, "sources-before", year=2024) == []


def test_nothing_is_unexplained(handmade_graph):
    assert ask(handmade_graph, "unexplained") == []
    assert ask(handmade_graph, "unknown-evidence") == []


def test_what_is_unexplained_is_found():
    from kg.store import KnowledgeGraph

    graph = KnowledgeGraph()
    graph.load_text("<x:c> a run:Correction ; run:evidence <x:e> .", graph="x:g")
    assert ask(graph, "unexplained") == [("x:c",)]
    assert ask(graph, "unknown-evidence") == [("x:e", "")]
    graph.load_text("<x:e> prov:wasDerivedFrom <x:source> .", graph="x:g")
    assert ask(graph, "unknown-evidence") == [("x:e", "x:source")]
    graph.load_text("<x:source> a dcat:Dataset ; dct:title 'A' .", graph="x:source")
    assert ask(graph, "unknown-evidence") == []


def test_osm_features_by_class(handmade_graph):
    osm = vocab.GRAPH + "osm"
    assert ask(handmade_graph, "osm-features-by-class") == [
        (osm, "ll:Building", "2"), (osm, "ll:Park", "1"),
    ]  # fmt: skip


def test_features_within(handmade_graph):
    assert ask(handmade_graph, "features-within", **{"class": "ll:Park"}) == [
        (WAY + "20", WAY + "11", "ll:Building"), (WAY + "20", WAY + "12", "ll:Building"),
    ]  # fmt: skip
    assert ask(handmade_graph, "features-within", **{"class": "ll:Water"}) == []


def test_features_of_a_foreign_class(handmade_graph, tmp_path):
    assert ask(handmade_graph, "features-of-a-foreign-class") == []  # a run has no alignments
    from kg.build import ALIGNMENTS, build_graph
    from kg.store import KnowledgeGraph

    asked, graph = "features-of-a-foreign-class", KnowledgeGraph()
    build_graph([], graph, shared=[ALIGNMENTS])
    towns = "<x:a> a ll:OsmFeature , ll:House . <x:b> a ll:OsmFeature , ll:Park ."
    graph.load_text(towns, graph=vocab.GRAPH + "osm")
    exact = ("skos:exactMatch", "ll:Building", "0.95")
    assert ask(graph, asked) == [("x:a", "ll:House", *exact)], "a house is a building"
    wikidata = "http://www.wikidata.org/entity/"
    assert [r[0] for r in ask(graph, asked, term=wikidata + "Q22698")] == ["x:b"]
    assert ask(graph, asked, term=wikidata + "Q23397") == []
    mine = "ll:Park skos:closeMatch <x:green> . <x:n> owl:annotatedSource ll:Park ; ll:confidence 0.5 ; "
    graph.load_text(f"{mine} owl:annotatedTarget <x:green> .", graph=vocab.GRAPH + "facts")
    assert ask(graph, asked, term="<x:green>") == [
        ("x:b", "ll:Park", "skos:closeMatch", "ll:Park", "0.5")
    ]
    flat = KnowledgeGraph.open(graph.save(tmp_path / "flat.ttl"))
    assert ask(flat, asked) == ask(graph, asked), "a file without named graphs"
    assert len(flat.query(select("?f").below("?f", "ll:Building").sparql)) == 1


def test_product_shares(handmade_graph):
    nlcd = vocab.GRAPH + "nlcd"
    assert ask(handmade_graph, "product-shares") == [
        (nlcd, "ll:Grassland", "0.75", "2"), (nlcd, "ll:Building", "0.25", "2"),
    ]  # fmt: skip


def test_class_adjacency(handmade_graph):
    assert [r[1:4] for r in ask(handmade_graph, "class-adjacency")] == [
        ("ll:Building", "ll:Grassland", "240")
    ]


def test_sources_and_licences(handmade_graph):
    rows = ask(handmade_graph, "sources-and-licences")
    assert [r[:3] for r in rows] == [
        (vocab.GRAPH + "nlcd", "NLCD 2021", "https://creativecommons.org/publicdomain/zero/1.0/"),
        (vocab.GRAPH + "osm", "Town extract", "https://opendatacommons.org/licenses/odbl/1-0/"),
    ]
    assert rows[1][3:] == (
        "© OpenStreetMap contributors", "2024", "town.osm.pbf", "https://www.openstreetmap.org/", "", "",
    )  # fmt: skip


def test_scene_class_parts(handmade_graph):
    assert ask(handmade_graph, "scene-class-parts") == [
        ("ll:hasCover", "ll:Grassland", "0.35"),
        ("ll:hasCover", "ll:Pavement", "0.2"),
        ("ll:hasPart", "ll:Runway", "0.95"),
        ("ll:hasPart", "ll:Apron", "0.9"),
        ("ll:hasPart", "ll:Taxiway", "0.9"),
        ("ll:hasPart", "ll:Building", "0.8"),
    ]


def test_rule_conflicts(handmade_graph):
    assert ask(handmade_graph, "rule-conflicts") == [], (
        "none here; see tests/reasoning/test_conflicts"
    )


@pytest.mark.parametrize("name", query_names())
def test_every_query_is_portable_and_titled(name, handmade_graph):
    text = shipped(f"ontologies/queries/{name}.rq").read_text(encoding="utf-8")
    query = load_query(name)
    assert query.title and re.search("[一-鿿]", query.title_zh)
    assert "NOT EXISTS" not in text, "108 times slower in Oxigraph; use MINUS or OPTIONAL + !BOUND"
    assert "GRAPH ?" in text, "remote endpoints may have no union default graph"
    assert "ORDER BY" in text
    assert "$" not in query.sparql
    assert not re.search(r"[<>]=? -?\d+(\.\d+)?[ )]", text), "compare with doubles: 0.8e0"
    handmade_graph.query(query.sparql)


def test_every_query_has_a_test():
    here = Path(__file__).read_text(encoding="utf-8")
    assert len(query_names()) >= 30
    elsewhere = {  # tests/reasoning/scenes/test_scene.py, tests/kg/test_measure.py
        "scene-answers", "measured-and-expert", "measured-surroundings",
    }  # fmt: skip
    assert [n for n in query_names() if f'handmade_graph, "{n}"' not in here] == sorted(elsewhere)


def test_every_query_is_documented():
    page = (Path(__file__).resolve().parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")
    for name in query_names():
        query = load_query(name)
        values = ", ".join(f"`{p.name}` ({p.meaning})" for p in query.parameters)
        assert f"| `{name}` | {query.title} | {values} |" in page


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(QueryError, match="no query 'smoothnes'") as error:
        load_query("smoothnes")
    assert "did you mean 'smoothness-only'?" in error.value.hint
    with pytest.raises(QueryError, match="no parameter of corrections-at 'lng'") as error:
        load_query("corrections-at", {"lng": 1})
    assert error.value.hint == "known: lon, lat"
    with pytest.raises(QueryError) as error:
        load_query("zebra")
    assert "did you mean" not in error.value.hint and "known: " in error.value.hint
    with pytest.raises(QueryError) as error:
        load_query("runs", {"x": 1})
    assert error.value.hint == "it takes none"


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("corrections-at", {"lon": "east"}, "expected a number"),
        ("corrections-at", {"lat": "nan"}, "expected a number"),
        ("evidence-for", {"correction": "x> } DROP ALL #"}, "expected an IRI"),
        ("why-region", {"region": "12"}, "expected an IRI"),
        ("features-within", {"class": "foo:Park"}, "no prefix 'foo' is known"),
        ("legend-crosswalk", {"legend": "worldcovr"}, "no legend 'worldcovr'"),
    ],
)
def test_values_are_checked(name, values, expected):
    with pytest.raises(InputError, match=expected):
        load_query(name, values)


def test_values_become_terms():
    assert "<= 1e-07" in load_query("corrections-at", {"lon": 1e-7}).sparql
    assert "<= 24.5e0" in load_query("corrections-at", {"lon": "24.5"}).sparql
    sparql = load_query("features-within", {"class": "ll:Water"}).sparql
    assert "a <https://w3id.org/landlore/core#Water>" in sparql
    for typed in ("nlcd", f"{vocab.LEGEND}nlcd"):
        sparql = load_query("legend-crosswalk", {"legend": typed}).sparql
        assert f"<{vocab.LEGEND}nlcd>" in sparql
