import re

import pytest

from kg import vocab
from kg.errors import SourceError
from kg.sources.expert import ExpertSource
from kg.spatial import relate
from kg.store import KnowledgeGraph
from kg.triples import Triple

TURTLE = """@prefix ll: <https://w3id.org/landlore/core#> .
@prefix dct: <http://purl.org/dc/terms/> .
<> dct:title "Shores" ; dct:source "Somebody (2020): Shores" ; dct:issued "2020-05-01" ;
   dct:license <https://creativecommons.org/licenses/by/4.0/> ; dct:creator "Somebody" .
ll:Sea ll:near [ ll:value ll:BeachSand ; ll:weight 0.9 ], [ ll:value ll:Pier ; ll:weight 0.2 ] .
"""

WITHIN = "POLYGON((24.1 60.1, 24.2 60.1, 24.2 60.2, 24.1 60.1))"


@pytest.fixture
def facts(tmp_path):
    path = tmp_path / "shores.ttl"
    path.write_text(TURTLE)
    return path


def test_facts_keep_their_weights_and_their_citation(facts):
    source, graph = ExpertSource(facts), KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    near = [t for t in graph.triples() if t.relation == vocab.CORE + "near"]
    sea = vocab.CORE + "Sea"
    assert near == [
        Triple(sea, vocab.CORE + "near", vocab.CORE + "BeachSand", 0.9),
        Triple(sea, vocab.CORE + "near", vocab.CORE + "Pier", 0.2),
    ]
    [(cited,)] = graph.query(f"SELECT ?c {{ <{vocab.GRAPH}shores> dct:source ?c }}")
    assert cited == "Somebody (2020): Shores"


def test_provenance_is_read_from_the_file(facts):
    info = ExpertSource(facts).describe()
    assert (info.title, info.attribution, info.date) == ("Shores", "Somebody", "2020-05-01")
    assert info.licence == "https://creativecommons.org/licenses/by/4.0/"
    assert re.fullmatch(r"[0-9a-f]{64}", info.sha256)


def test_the_text_is_the_same_wherever_the_file_lies(facts, tmp_path):
    elsewhere = tmp_path / "folder"
    elsewhere.mkdir()
    copy = elsewhere / facts.name
    copy.write_text(TURTLE)
    one, two = ("".join(ExpertSource(path).ntriples()) for path in (facts, copy))
    assert one == two and str(tmp_path) not in one and "_:" not in one
    assert ExpertSource(facts, name="coast").iri == vocab.GRAPH + "coast"


def test_places_are_written_in_crs84_and_related_to_the_map(tmp_path):
    """Only features of OpenStreetMap were, and a place in another CRS stayed in it."""
    path = tmp_path / "own.ttl"
    front = "<http://www.opengis.net/def/crs/EPSG/0/4326>"
    shapes = {
        "garden": f"{front} POLYGON((60 24, 60 25, 61 25, 61 24, 60 24))",
        "well": "POINT(24.5 60.5)",
    }
    path.write_text(
        '<> <http://purl.org/dc/terms/source> "Me (2026)" .\n'
        + "".join(
            f"<ex:{name}> a <{vocab.CORE}Park> ; <{vocab.GEO}hasGeometry> [ <{vocab.GEO}asWKT> "
            f'"{wkt}"^^<{vocab.GEO}wktLiteral> ] .\n'
            for name, wkt in shapes.items()
        )
    )
    graph, source = KnowledgeGraph(), ExpertSource(path)
    graph.replace_graph(source.iri, source.ntriples())
    texts = {str(w) for (w,) in graph.query("SELECT ?w { GRAPH ?g { ?s geo:asWKT ?w } }")}
    assert all(text.startswith(f"<{vocab.CRS84}> PO") for text in texts) and len(texts) == 2
    graph.load_text(
        f'<ex:house> a ll:House , ll:OsmFeature ; geo:hasGeometry [ geo:asWKT "{WITHIN}"^^geo:wktLiteral ] .',
        graph="ex:map",
    )
    graph.load_text(
        f'<ex:cell> a ll:ProductCell ; geo:hasGeometry [ geo:asWKT "{WITHIN}"^^geo:wktLiteral ] .',
        graph="ex:product",
    )
    relate(graph)
    asked = "SELECT ?a ?b { GRAPH ?g { ?a geo:sfWithin ?b } } ORDER BY ?a"
    assert [tuple(map(str, row)) for row in graph.query(asked)] == [
        ("ex:house", "ex:garden"),
        ("ex:well", "ex:garden"),
    ]
    broken = path.read_text().replace("POINT(24.5 60.5)", "POINT(24.5)")
    path.write_text(broken)
    with pytest.raises(SourceError, match=r"own\.ttl: a geometry"):
        list(ExpertSource(path).ntriples())


@pytest.mark.parametrize(
    ("turtle", "message"),
    [
        ("", "no statement in it"),
        ("<ex:a> <ex:b> .", "facts.ttl:1: not valid RDF"),
        ("<ex:a> <ex:b> <ex:c> .", "1 statement and no citation"),
        (None, "cannot be read"),
    ],
)
def test_bad_files(tmp_path, turtle, message):
    path = tmp_path / "facts.ttl"
    if turtle is not None:
        path.write_text(turtle)
    for ask in (lambda s: s.describe(), lambda s: list(s.ntriples())):
        with pytest.raises(SourceError, match=re.escape(message)) as caught:
            ask(ExpertSource(path))
        assert str(caught.value).count("\n") == 1


def test_alignments_are_facts_and_rules_are_not(tmp_path):
    from kg.files import shipped

    source, graph = ExpertSource(shipped("ontologies/alignments.ttl")), KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    found = graph.query("SELECT ?n { ?n owl:annotatedProperty skos:exactMatch ; ll:confidence ?c }")
    assert len(found) > 100
    with pytest.raises(SourceError, match="holds rules"):
        ExpertSource(shipped("ontologies/rules/water.ttl")).describe()
