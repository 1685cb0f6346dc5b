"""Parts of drawn places that several tests correct: a rule about narrow water, and a house of OpenStreetMap."""

import numpy as np

from kg import vocab


def wide_water(identifier, label):
    """Turtle of one rule: water is 6 metres wide or more."""
    return f"""
@prefix ll: <{vocab.CORE}> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix dct: <http://purl.org/dc/terms/> .
ll:Water rdfs:subClassOf _:wide .
_:wide a owl:Restriction ; owl:onProperty ll:minWidth ;
  owl:someValuesFrom [ a rdfs:Datatype ; owl:onDatatype xsd:decimal ;
    owl:withRestrictions ( [ xsd:minInclusive 6.0 ] ) ] .
[] a owl:Axiom ; owl:annotatedSource ll:Water ; owl:annotatedProperty rdfs:subClassOf ; owl:annotatedTarget _:wide ;
  dct:identifier "{identifier}" ; rdfs:label "{label}"@en ; ll:weight 3.0 ; dct:source "a test" .
"""


def write_house(path, grid, rows, columns):
    """Write an .osm file with one house, way 7, over a block of pixels (slices)."""
    top, bottom, left, right = rows.start, rows.stop, columns.start, columns.stop
    corners = [(top, left), (top, right), (bottom, right), (bottom, left)]
    lon, lat = grid.lonlat(*np.array(corners, float).T)
    nodes = "".join(
        f'<node id="{i}" version="1" lon="{x:.7f}" lat="{y:.7f}"/>'
        for i, (x, y) in enumerate(zip(lon, lat, strict=True), 1)
    )
    refs = "".join(f'<nd ref="{i}"/>' for i in (1, 2, 3, 4, 1))
    tag = '<tag k="building" v="house"/>'
    path.write_text(f'<osm version="0.6">{nodes}<way id="7" version="1">{refs}{tag}</way></osm>')
