"""What is measured in a small graph is what was laid there."""

from pathlib import Path

import numpy as np
import pytest

from kg import vocab
from kg.build import build_graph
from kg.measure import MEASURED, measure
from kg.queries import load_query
from kg.sources.landcover import LandCoverSource
from kg.sources.osm import OsmSource
from kg.spatial import relate
from kg.store import KnowledgeGraph
from kg.triples import Triple

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "geo" / "helsinki"
WORLDCOVER = vocab.LEGEND + "worldcover/"
LL = vocab.CORE


def cell(number: int, west: float, covers: dict[int, float]) -> str:
    """A product cell of 0.01 degrees on the equator."""
    ring = f"{west} 0, {west + 0.01} 0, {west + 0.01} 0.01, {west} 0.01, {west} 0"
    said = " , ".join(
        f"[ ll:value <{WORLDCOVER}{code}> ; ll:weight {share} ]" for code, share in covers.items()
    )
    return (
        f"<ex:cell{number}> a ll:ProductCell ; ll:hasCover {said} ; geo:hasGeometry "
        f'[ geo:asWKT "<{vocab.CRS84}> POLYGON(({ring}))"^^geo:wktLiteral ] .\n'
    )


def feature(name: str, kind: str, box: tuple[float, float, float, float]) -> str:
    west, south, east, north = box
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    return (
        f"<ex:{name}> a ll:OsmFeature , {kind} ; geo:hasGeometry "
        f'[ geo:asWKT "<{vocab.CRS84}> POLYGON(({ring}))"^^geo:wktLiteral ] .\n'
    )


@pytest.fixture
def graph() -> KnowledgeGraph:
    """Cell 1 is all grass, half of it a park; cell 2 half water, half trees, a quarter of it a pond."""
    found = KnowledgeGraph()
    build_graph([], found)
    found.load_text(cell(1, 0.0, {30: 1.0}) + cell(2, 0.01, {80: 0.5, 10: 0.5}), graph="ex:product")
    features = [
        feature("park", "ll:Park", (0, 0, 0.005, 0.01)),
        feature("pond", "ll:Pond", (0.01, 0, 0.015, 0.005)),
    ]
    features += [
        feature(f"h{i}", "ll:House", (0.001, 0.001 * i, 0.0015, 0.001 * i + 0.0005))
        for i in range(1, 5)
    ]
    features += [feature("h5", "ll:House", (0.007, 0.002, 0.0075, 0.0025))]
    found.load_text("".join(features), graph=f"{vocab.GRAPH}osm")
    relate(found)
    return found


def weights(graph: KnowledgeGraph) -> dict[tuple[str, str, str], float]:
    aside = (LL + "comparison", LL + "comparedClass")
    return {t[:3]: t[3] for t in graph.triples(graph=MEASURED) if t[1] not in aside}


def test_composition_is_that_of_the_ground(graph):
    counts = measure(graph)
    found = weights(graph)
    grass, water, trees = (f"{WORLDCOVER}{code}" for code in (30, 80, 10))
    park, pond, house = LL + "Park", LL + "Pond", LL + "House"
    assert found[grass, LL + "hasCover", park] == pytest.approx(
        0.976, abs=0.01
    )  # houses lie over it
    assert found[grass, LL + "hasCover", house] == pytest.approx(0.024, abs=0.01)
    assert found[water, LL + "hasCover", pond] == found[trees, LL + "hasCover", pond] == 1
    seen = {tail: weight for (head, role, tail), weight in found.items() if head == pond}
    assert sorted(seen.values()) == pytest.approx([0.5, 0.5], abs=1e-6)
    assert found[park, LL + "hasCover", LL + "Grassland"] == 1
    assert counts["hasCover"] == len([1 for _, role, _ in found if role == LL + "hasCover"])


def test_surroundings_are_shares_of_features(graph):
    measure(graph)
    found = weights(graph)
    assert found[LL + "House", LL + "within", LL + "Park"] == pytest.approx(0.8)
    assert (LL + "Pond", LL + "within", LL + "Park") not in found
    rows = graph.query(load_query("measured-surroundings").sparql).records()
    assert [
        (str(r["what"]), int(str(r["features"]))) for r in rows if r["relation"] == LL + "within"
    ] == [(LL + "Park", 4)]


def test_measured_stands_beside_the_expert(graph):
    graph.load_text(
        f"<ex:park> skos:closeMatch ll:Park ; ll:hasCover [ ll:value ll:Grassland ; ll:weight 0.6 ] ,"
        f" [ ll:value ll:TreeCover ; ll:weight 0.4 ] ."
        f"<{WORLDCOVER}80> ll:crosswalk [ ll:value ll:Pond ; ll:weight 0.25 ] .",
        graph="ex:expert",
    )
    measure(graph)
    rows = {
        (str(r["class"]), str(r["what"])): (r["measured"], r["expert"])
        for r in graph.query(load_query("measured-and-expert").sparql).records()
    }
    measured, expert = rows[LL + "Park", LL + "Grassland"]
    assert (float(measured), float(expert)) == (1, 0.6)
    unseen, said = rows[LL + "Park", LL + "TreeCover"]
    assert float(unseen) == 0 and float(said) == 0.4
    assert [float(v) for v in rows[f"{WORLDCOVER}80", LL + "Pond"]] == [1, 0.25]


def test_shares_are_compared_on_one_level_of_classes():
    """Below counts as what it is below of; a class that may hold some of another, or nothing said, leaves it open."""
    from kg.compared import share_of

    def share(what, **shares):
        return share_of(LL + what, {LL + name: value for name, value in shares.items()})

    assert share("Grassland", Lawn=0.3, TreeCover=0.7) == pytest.approx(0.3)
    assert share("Lawn", Lawn=0.3, TreeCover=0.7) == pytest.approx(0.3)
    assert share("Water", Lawn=0.3, TreeCover=0.7) == 0, "other covers: a real nought"
    assert share("Lawn", Grassland=1.0) is None, "how much of the grass is lawn is not said"
    assert share("Lawn", UrbanGreen=0.4, Lawn=0.6) is None, "a use may be covered by anything"
    assert share("Building", UrbanGreen=0.4, House=0.6) == pytest.approx(0.6), "mapped for itself"
    assert share("Lawn") is None


def test_several_products_of_one_ground_give_one_weight(graph):
    """Each product wrote a weight of its own onto the same statement."""
    graph.load_text("\n".join(graph.ntriples("ex:product")), graph="ex:product-2")
    measure(graph)
    asked = (
        f"SELECT ?n (COUNT(?w) AS ?k) {{ GRAPH <{MEASURED}> {{ ?n ll:weight ?w }} }} GROUP BY ?n"
    )
    assert {int(str(k)) for _, k in graph.query(asked)} == {1}


def test_measuring_again_gives_the_same(graph):
    measure(graph)
    first = sorted(graph.ntriples(MEASURED))
    measure(graph)
    assert sorted(graph.ntriples(MEASURED)) == first
    [(source,)] = graph.query(
        f"SELECT ?s {{ GRAPH <{MEASURED}> {{ <{MEASURED}> prov:wasDerivedFrom ?s FILTER(?s = <ex:product>) }} }}"
    )
    assert source == "ex:product"


def test_a_graph_without_products_says_nothing_of_covers():
    graph = KnowledgeGraph()
    graph.add([Triple("ex:a", "ex:b", "ex:c")], "ex:g")
    assert measure(graph) == {"hasCover": 0, "within": 0, "touches": 0}


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")
def test_helsinki():
    """CORINE 20 m and OpenStreetMap of the centre: buildings stand on artificial ground."""
    bounds = (24.94, 60.167, 24.947, 60.171)
    sources = [
        OsmSource(DATA / "helsinki_centre.osm.pbf", bounds=bounds),
        LandCoverSource(DATA / "corine_20m_helsinki.tif", "corine:49", cell=1, bounds=bounds),
    ]
    graph = KnowledgeGraph()
    build_graph(sources, graph)
    measure(graph)
    found = weights(graph)
    assert found[LL + "Building", LL + "hasCover", LL + "BuiltUp"] > 0.95
    covers = np.array([w for (head, role, _), w in found.items() if head == LL + "Park"])
    assert 0.95 < covers.sum() <= 1.000001
