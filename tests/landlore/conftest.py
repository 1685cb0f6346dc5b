"""A drawn meadow, corrected: what pages about runs are tested on."""

import numpy as np
import pytest
from affine import Affine

import landlore as ll
from kg import vocab
from kg.cog import write_raster
from kg.grid import Grid
from kg.raster import Raster

GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 60, 70)
RULE = f"""
@prefix ll: <{vocab.CORE}> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix dct: <http://purl.org/dc/terms/> .
ll:Water rdfs:subClassOf _:wide .
_:wide a owl:Restriction ; owl:onProperty ll:minWidth ;
  owl:someValuesFrom [ a rdfs:Datatype ; owl:onDatatype xsd:decimal ;
    owl:withRestrictions ( [ xsd:minInclusive 6.0 ] ) ] .
[] a owl:Axiom ; owl:annotatedSource ll:Water ; owl:annotatedProperty rdfs:subClassOf ; owl:annotatedTarget _:wide ;
  dct:identifier "wide" ; rdfs:label "</script><b>water</b> is wide"@en ; ll:weight 3.0 ; dct:source "a test" .
"""


def osm_house(path):
    lon, lat = GRID.lonlat(np.array([10, 10, 22, 22]), np.array([30, 45, 45, 30]))
    nodes = "".join(
        f'<node id="{i}" version="1" lon="{x:.7f}" lat="{y:.7f}"/>'
        for i, (x, y) in enumerate(zip(lon, lat, strict=True), 1)
    )
    refs = "".join(f'<nd ref="{i}"/>' for i in (1, 2, 3, 4, 1))
    tag = '<tag k="building" v="house"/>'
    path.write_text(f'<osm version="0.6">{nodes}<way id="7" version="1">{refs}{tag}</way></osm>')


@pytest.fixture(scope="session")
def village(tmp_path_factory):
    """A meadow whose house is missed, a ditch that is called water, and a corner without data."""
    home = tmp_path_factory.mktemp("village")
    osm_house(home / "house.osm")
    (home / "mine.ttl").write_text(RULE)
    codes = np.full((1, *GRID.shape), 40, np.uint8)
    codes[0, 50, 10:16], codes[0, :5, :5] = 10, 0
    write_raster(home / "labels.tif", Raster(codes, GRID, 0))
    codes[0, 10:22, 30:45], codes[0, 50, 10:13] = 60, 40
    write_raster(home / "truth.tif", Raster(codes, GRID, 0))
    image = np.linspace(0, 200, 3 * 60 * 70).reshape(3, 60, 70).astype(np.uint8)
    write_raster(
        home / "image.tif", Raster(image, GRID, None, ("red", "green", "blue")), overviews="average"
    )
    sources = ll.Sources(osm=home / "house.osm", rules=home / "mine.ttl", image=home / "image.tif")
    ll.correct(home / "labels.tif", legend="town", sources=sources, out=home / "run",
               settings=ll.RunSettings(confidence=0.6))  # fmt: skip
    return home
