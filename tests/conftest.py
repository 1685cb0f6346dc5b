"""A small finished correction run, built by hand: four corrections for four different reasons.

`handmade` is the run itself, `handmade_graph` its explanation beside the graphs of its sources.
"""

import os
import re
from dataclasses import replace

import numpy as np
import pytest
import servers
from affine import Affine
from hypothesis import settings
from scipy.sparse import csr_matrix

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import LandClass, Legend
from kg.ontology import And, Axiom, Facet, Named, Not, Some, load_ontology
from kg.store import KnowledgeGraph
from reasoning.correction import Contribution, Corrected, Correction, Trace
from reasoning.explanation.explain import explain
from reasoning.regions.graph import RegionGraph

settings.register_profile("same", derandomize=True)  # the same examples in every run
settings.register_profile("search")  # HYPOTHESIS_PROFILE=search draws others every time
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

SOURCES = {
    "osm": """
<https://w3id.org/landlore/graph/osm> a dcat:Dataset , prov:Entity ;
  dct:title "Town extract" ; dct:license <https://opendatacommons.org/licenses/odbl/1-0/> ;
  dct:rights "© OpenStreetMap contributors" ; dct:issued "2024" ; ll:file "town.osm.pbf" ;
  prov:wasDerivedFrom <https://www.openstreetmap.org/> .
way:11 a geo:Feature , ll:OsmFeature , ll:Building ; rdfs:label "Town hall" ; geo:hasGeometry [
  geo:asWKT "CRS84 POLYGON ((15.0002 48.0331, 15.0004 48.0331, 15.0004 48.0334, 15.0002 48.0331))"^^geo:wktLiteral ] .
way:12 a geo:Feature , ll:OsmFeature , ll:Building ; geo:hasGeometry [
  geo:asWKT "CRS84 POLYGON ((15.0004 48.0331, 15.0006 48.0331, 15.0006 48.0334, 15.0004 48.0331))"^^geo:wktLiteral ] .
way:20 a geo:Feature , ll:OsmFeature , ll:Park ; geo:hasGeometry [
  geo:asWKT "CRS84 POLYGON ((15 48, 15.1 48, 15.1 48.1, 15 48))"^^geo:wktLiteral ] .
""",
    "nlcd": """
<https://w3id.org/landlore/graph/nlcd> a dcat:Dataset , prov:Entity ; dct:title "NLCD 2021" ;
  dct:license <https://creativecommons.org/publicdomain/zero/1.0/> .
cell:0 a geo:Feature , ll:ProductCell ; ll:row 0 ; ll:column 0 ; geo:hasGeometry [
  geo:asWKT "CRS84 POLYGON ((15 48, 15.001 48, 15.001 48.01, 15 48))"^^geo:wktLiteral ] ;
  ll:hasCover [ ll:value ll:Building ; ll:weight 0.5 ] , [ ll:value ll:Grassland ; ll:weight 0.5 ] .
cell:1 a geo:Feature , ll:ProductCell ; ll:row 0 ; ll:column 1 ; geo:hasGeometry [
  geo:asWKT "CRS84 POLYGON ((15.001 48, 15.002 48, 15.002 48.01, 15.001 48))"^^geo:wktLiteral ] ;
  ll:hasCover [ ll:value ll:Grassland ; ll:weight 1.0 ] .
ll:Building ll:adjacentTo [ ll:value ll:Grassland ; ll:weight 1.0 ; ll:boundaryLength 240.0 ] .
ll:Grassland ll:adjacentTo [ ll:value ll:Building ; ll:weight 1.0 ; ll:boundaryLength 240.0 ] .
""",
    "relations": "way:11 geo:sfWithin way:20 . way:12 geo:sfWithin way:20 .",
    "scenes": """
sc:Airport a ll:SceneClass ; skos:prefLabel "Airport"@en , "机场"@zh ; skos:definition "Where aircraft land."@en ;
  ll:hasPart [ ll:value ll:Runway ; ll:weight 0.95 ] , [ ll:value ll:Taxiway ; ll:weight 0.9 ] ,
    [ ll:value ll:Apron ; ll:weight 0.9 ] , [ ll:value ll:Building ; ll:weight 0.8 ] ;
  ll:hasCover [ ll:value ll:Grassland ; ll:weight 0.35 ] , [ ll:value ll:Pavement ; ll:weight 0.2 ] .
""",
}

LEGEND = vocab.LEGEND + "handmade"
OSM, COVER = vocab.GRAPH + "osm", vocab.GRAPH + "nlcd"
NARROW, COVERED, ALPINE = (vocab.RULE + n for n in ("water-min-width", "mapped-building", "no-ice"))
WAY = "https://www.openstreetmap.org/way/"


def _legend() -> Legend:
    names = [("Water", "水体"), ("Grass", "草地"), ("Building", "建筑"), ("Ice", "冰川")]
    codes = (10, 30, 60, 80)
    kinds = ("Water", "Grassland", "Building", "Glacier")
    classes = tuple(
        LandClass(
            f"{LEGEND}/{code}", en, zh, core=((vocab.CORE + kind, 1.0),), kind=vocab.CORE + kind
        )
        for code, (en, zh), kind in zip(codes, names, kinds, strict=True)
    )
    colours = ((70, 120, 200), (130, 190, 90), (200, 80, 70), (235, 240, 250))
    return Legend(LEGEND, "handmade", classes, codes, colours)


def _axioms() -> tuple[Axiom, ...]:
    c = vocab.CORE
    building = Some(vocab.COVERED_BY, And((Named(vocab.OSM_FEATURE), Named(c + "Building"))))
    return (
        Axiom(
            NARROW, "Water is at least 12 m wide", "水体宽度不小于 12 米",
            Named(c + "Water"), Facet(c + "minWidth", ">=", 12.0, 3.0), 1.5, False,
            "Handmade, 2026", "water.ttl",
        ),
        Axiom(
            COVERED, "Mapped buildings are buildings", "已测绘的建筑是建筑",
            building, Named(c + "Building"), 0.8, False, "Handmade, 2026", "built.ttl",
        ),
        Axiom(
            ALPINE, "No glacier below 500 m", "海拔 500 米以下无冰川",
            Named(c + "Glacier"), Not(Facet(c + "meanElevation", "<", 500.0)), 0.0, True,
            "Handmade, 2026", "ice.ttl",
        ),
    )  # fmt: skip


def _regions(labels: np.ndarray, region: np.ndarray, grid: Grid) -> RegionGraph:
    count = np.bincount(region.ravel())
    n = len(count)
    first = [int(np.flatnonzero(region.ravel() == r)[0]) for r in range(n)]
    spans = [np.nonzero(region == r) for r in range(n)]
    bbox = [(r.min(), c.min(), r.max() + 1, c.max() + 1) for r, c in spans]
    area = count * grid.pixel_area
    nan = np.full(n, np.nan)
    return RegionGraph(
        region.astype(np.int32), labels.ravel()[first].astype(np.int16), count, area, np.sqrt(area) * 4,
        np.sqrt(area) / 2, np.sqrt(area), nan, np.array(bbox, np.int32), np.empty((n, 0)), (),
        csr_matrix((n, n)),
    )  # fmt: skip


def _correction(region, classes, pixels, place, contributions, **rest) -> Correction:
    order = sorted(contributions, key=lambda c: -abs(c.value))
    return Correction(
        region=region, before=classes[0], after=classes[1], pixels=pixels, area=pixels * 100.0,
        lon=place[0], lat=place[1], log_odds=sum(c.value for c in order),
        contributions=tuple(order), **{"evidence": (), "confidence": 0.9, **rest},
    )  # fmt: skip


def _corrections(legend: Legend, index: np.ndarray, grid: Grid) -> tuple[Correction, ...]:
    water, grass, building, ice = (c.iri for c in legend.classes)
    network, smooth = vocab.NETWORK, vocab.SMOOTHNESS
    make = Contribution
    places = []
    for i in range(4):
        rows, cols = np.nonzero(index == i)
        lon, lat = grid.lonlat(rows[0] + 0.5, cols[0] + 0.5)
        places.append((float(lon), float(lat)))
    return (
        _correction(1, (water, building), 12, places[0], [
            make(network, "network", -1.75), make(OSM, "evidence", 2.25),
            make(COVERED, "axiom", 0.5), make(NARROW, "axiom", 1.125),
            make(smooth, "smoothness", -0.5),
        ], evidence=(WAY + "11", WAY + "12", vocab.ID + "nlcd/cell/0/0")),
        _correction(2, (building, grass), 6, places[1], [
            make(network, "network", -0.0625), make(smooth, "smoothness", 0.875),
        ], confidence=0.69),
        _correction(3, (ice, grass), 4, places[2], [
            make(network, "network", -3.0), make(COVER, "evidence", 1.5),
        ], excluded_by=(ALPINE,), evidence=(vocab.ID + "nlcd/cell/0/1",), confidence=0.8),
        _correction(4, (water, grass), 2, places[3], [
            make(network, "network", -2.5), make(NARROW, "axiom", 3.5),
            make(COVER, "evidence", -0.75),
        ], confidence=0.56),
    )  # fmt: skip


@pytest.fixture(scope="session")
def handmade() -> Corrected:
    """12 x 16 pixels of 10 m near 15 E, 48 N; corrections 0 building, 1 smooth, 2 excluded, 3 rule."""
    grid = Grid("EPSG:32633", Affine(10, 0, 500_000, 0, -10, 5_320_000), 12, 16)
    labels = np.full(grid.shape, 1)
    region, index = np.zeros(grid.shape, int), np.full(grid.shape, -1, np.int32)
    changes = [
        ((slice(1, 5), slice(2, 5)), 0, 2), ((slice(1, 3), slice(9, 12)), 2, 1),
        ((slice(7, 9), slice(2, 4)), 3, 1), ((slice(8, 10), slice(10, 11)), 0, 1),
    ]  # fmt: skip
    after = labels.copy()
    for i, (where, old, new) in enumerate(changes):
        labels[where], after[where], region[where], index[where] = old, new, i + 1, i
    legend = _legend()
    before = prediction_from_labels(labels, legend, grid, model="handmade labels")
    before = replace(before, from_labels=False)  # told as if a network had said it
    cell = np.zeros(grid.shape, np.int32)
    cell[:, 8:] = 1
    osm = np.full(grid.shape, -1, np.int32)
    osm[1:5, 2:4], osm[1:5, 4] = 0, 1
    core = (vocab.CORE + "Building", vocab.CORE + "Grassland")
    layers = (
        EvidenceLayer("osm", vocab.OSM_FEATURE, OSM, grid, osm, np.float32([[1, 0], [1, 0]]), core,
                      (WAY + "11", WAY + "12"), 5.0),
        EvidenceLayer("nlcd", vocab.PRODUCT_CELL, COVER, grid, cell, np.float32([[.5, .5], [0, 1]]), core,
                      (vocab.ID + "nlcd/cell/0/0", vocab.ID + "nlcd/cell/0/1"), date="2021"),
    )  # fmt: skip
    return Corrected(
        before=before,
        after=prediction_from_labels(after, legend, grid, confidence=0.9),
        regions=_regions(labels, region, grid),
        corrections=_corrections(legend, index, grid),
        index=index,
        axioms=_axioms(),
        layers=layers,
        trace=Trace((10.0, 8.5, 8.25), 1e-9, 2, "converged"),
    )


@pytest.fixture(scope="session")
def handmade_graph(handmade) -> KnowledgeGraph:
    """The explanation of `handmade` as run "small", with its sources, a relation and a scene."""
    graph = KnowledgeGraph()
    first = "@prefix way: <https://www.openstreetmap.org/way/> ."
    for name, text in SOURCES.items():
        turtle = text.replace('"CRS84 ', f'"<{vocab.CRS84}> ')
        turtle = re.sub(r"cell:(\d) ", rf"<{vocab.ID}nlcd/cell/0/\1> ", turtle)
        graph.load_text(f"{first}\n{turtle}", graph=vocab.GRAPH + name)
    explanation = explain(handmade, load_ontology(), run="small", when="2026-01-31T12:00:00")
    graph.replace_graph(explanation.graph, explanation.ntriples())
    return graph


@pytest.fixture(scope="session")
def oxigraph_server(tmp_path_factory):
    """A running Oxigraph server; tests share its database."""
    try:
        with servers.oxigraph(tmp_path_factory.mktemp("oxigraph") / "data") as server:
            yield server
    except servers.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def virtuoso_server(tmp_path_factory):
    """A running Virtuoso 7 server; tests share its database."""
    try:
        program = servers.unpack_virtuoso(tmp_path_factory.mktemp("virtuoso-program"))
        with servers.virtuoso(tmp_path_factory.mktemp("virtuoso"), program) as server:
            yield server
    except servers.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(params=["oxigraph", "virtuoso"])
def server(request):
    """Each of the two independent servers."""
    return request.getfixturevalue(f"{request.param}_server")
