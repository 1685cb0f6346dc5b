import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kg import vocab
from kg.build import ONTOLOGY, build_graph, fingerprint, ontology_files, provenance
from kg.errors import OutputError, RasterError, SourceError
from kg.sources import SourceInfo, checksum
from kg.store import KnowledgeGraph

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Lines:
    """A source that says what it is told to, or stops with an error."""

    name: str
    numbers: range
    fails: bool = False

    @property
    def iri(self) -> str:
        return vocab.GRAPH + self.name

    def describe(self) -> SourceInfo:
        return SourceInfo(
            title=f"{self.name} of the test",
            licence="https://creativecommons.org/licenses/by/4.0/",
            attribution="© Somebody",
            date="2021",
            path=Path("/somewhere/data.txt"),
            sha256="ab12",
            url="https://example.org/data",
        )

    def ntriples(self) -> Iterator[str]:
        for number in self.numbers:
            yield f"<ex:{self.name}> <ex:p> <ex:o{number}> .\n"
        if self.fails:
            raise RasterError("only nodata", "choose another file")


@pytest.fixture(params=["memory", "disk"])
def graph(request, tmp_path):
    return KnowledgeGraph(None if request.param == "memory" else tmp_path / "graph")


def objects(graph: KnowledgeGraph, name: str) -> int:
    return len(graph.query(f"SELECT ?o {{ GRAPH <{vocab.GRAPH}{name}> {{ ?s <ex:p> ?o }} }}"))


def test_each_source_has_a_graph_and_its_provenance(graph):
    told = []
    report = build_graph(
        [Lines("one", range(3)), Lines("two", range(2))],
        graph,
        progress=lambda title, n: told.append((title, n)),
    )
    assert graph.graphs() == tuple(sorted([vocab.GRAPH + "one", vocab.GRAPH + "two", ONTOLOGY]))
    assert [(s.iri, s.statements) for s in report.sources] == [
        (vocab.GRAPH + "one", 3),
        (vocab.GRAPH + "two", 2),
    ]
    assert report.triples == len(graph) and told[2] == ("one of the test", 3)
    about = {
        (str(p), str(o))
        for p, o in graph.query(
            f"SELECT ?p ?o {{ GRAPH <{vocab.GRAPH}one> {{ <{vocab.GRAPH}one> ?p ?o }} }}"
        )
    }
    assert about == {
        (vocab.RDF + "type", vocab.DCAT + "Dataset"),
        (vocab.RDF + "type", vocab.PROV + "Entity"),
        (vocab.DCT + "title", "one of the test"),
        (vocab.DCT + "license", "https://creativecommons.org/licenses/by/4.0/"),
        (vocab.DCT + "rights", "© Somebody"),
        (vocab.DCT + "issued", "2021"),
        (vocab.FILE, "data.txt"),
        (vocab.CORE + "sha256", "ab12"),
        (vocab.FINGERPRINT, fingerprint(Lines("one", range(3)).describe())),
        (vocab.PROV + "wasDerivedFrom", "https://example.org/data"),
    }


def test_how_far_a_source_is_right_is_kept_where_somebody_measured_it():
    info = SourceInfo("a product", confidence=0.65)
    statements = dict(provenance("ex:g", info)[1])
    assert statements[vocab.CORE + "confidence"] == f'"0.650"^^<{vocab.XSD}decimal>'
    assert vocab.RDFS + "comment" not in statements
    assert vocab.CORE + "confidence" not in dict(provenance("ex:g", SourceInfo("another"))[1])
    guessed = provenance("ex:g", SourceInfo("a third", assumed=0.9))[1]
    assert dict(guessed)[vocab.CORE + "confidence"].startswith('"0.900"')
    said = [value for role, value in guessed if role == vocab.RDFS + "comment"]
    assert [one[-3:] for one in said] == ["@en", "@zh"] and "assumed" in said[0]


def test_the_ontology_is_there_to_be_asked(graph):
    build_graph([], graph)
    assert graph.query("ASK { ll:Lake rdfs:subClassOf+ ll:Water }")
    [(label,)] = graph.query(
        "SELECT ?l { <https://w3id.org/landlore/legend/worldcover/80> skos:prefLabel ?l "
        "FILTER(LANG(?l) = 'en') }"
    )
    assert label == "Permanent water bodies"
    assert all(path.is_file() for path in ontology_files())


def test_building_again_replaces_only_what_is_given(graph):
    build_graph([Lines("one", range(3)), Lines("two", range(2))], graph)
    before = len(graph)
    build_graph([Lines("two", range(5))], graph)
    assert (objects(graph, "one"), objects(graph, "two")) == (3, 5)
    assert len(graph) == before + 3


def test_a_source_that_fails_leaves_the_former_graph(graph):
    build_graph([Lines("one", range(3))], graph)
    before = len(graph)
    with pytest.raises(RasterError, match="only nodata"):
        build_graph([Lines("one", range(9)), Lines("two", range(2), fails=True)], graph)
    assert len(graph) == before and objects(graph, "one") == 3
    assert vocab.GRAPH + "two" not in graph.graphs()


def test_a_first_build_that_fails_leaves_no_folder(tmp_path):
    with pytest.raises(RasterError):
        build_graph([Lines("one", range(9), fails=True)], KnowledgeGraph(tmp_path / "graph"))
    assert list(tmp_path.iterdir()) == []


def test_two_sources_of_one_name_are_refused(graph):
    with pytest.raises(SourceError, match="two sources would fill"):
        build_graph([Lines("one", range(1)), Lines("one", range(2))], graph)
    assert len(graph) == 0


def test_a_graph_opened_for_reading_is_not_built(tmp_path):
    build_graph([Lines("one", range(1))], KnowledgeGraph(tmp_path / "graph"))
    with pytest.raises(OutputError, match="read-only"):
        build_graph([Lines("one", range(2))], KnowledgeGraph.open(tmp_path / "graph"))


CRASH = """
import os, sys
sys.path.insert(0, sys.argv[2])
from test_build import Lines
from kg.build import build_graph
from kg.store import KnowledgeGraph
def stop(title, statements):
    if statements == 50:
        os._exit(9)
build_graph([Lines("one", range(100))], KnowledgeGraph(sys.argv[1]), progress=stop)
"""


@pytest.mark.parametrize("there", [False, True])
def test_a_killed_build_leaves_what_was_there(tmp_path, there):
    place = tmp_path / "graph"
    if there:
        build_graph([Lines("one", range(3))], KnowledgeGraph(place))
    ended = subprocess.run(
        [sys.executable, "-c", CRASH, str(place), str(Path(__file__).parent)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert ended.returncode == 9
    assert place.exists() == there
    if there:
        assert objects(KnowledgeGraph.open(place), "one") == 3


def test_a_checksum_of_nothing_is_refused(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert checksum(tmp_path / "empty").startswith("e3b0c44298fc1c14")
    with pytest.raises(SourceError, match="cannot be read"):
        checksum(tmp_path / "none")
