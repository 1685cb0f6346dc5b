"""Graphs that are built on disk and on servers, again and again, and by processes that are killed."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import servers
from affine import Affine
from typer.testing import CliRunner

import landlore as ll
from kg import vocab
from kg.errors import OutputError, SourceError
from kg.folder import held
from kg.grid import Grid
from kg.queries import load_query
from kg.store import KnowledgeGraph
from landlore.cli import app
from landlore.measuring import measure
from landlore.sources import feature_layers

ROOT = Path(__file__).resolve().parents[2]
NAMES = "kg-test-facts", "kg-test-town"
TOWN = """<?xml version="1.0"?><osm version="0.6">
 <node id="1" lat="60.1" lon="24.1"/><node id="2" lat="60.1" lon="24.2"/><node id="3" lat="60.2" lon="24.2"/>
 <node id="4" lat="60.12" lon="24.15"/><node id="5" lat="60.12" lon="24.16"/><node id="6" lat="60.13" lon="24.16"/>
 <way id="7"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="landuse" v="residential"/></way>
 <way id="8"><nd ref="4"/><nd ref="5"/><nd ref="6"/><nd ref="4"/><tag k="building" v="house"/></way>
</osm>"""


def facts(path: Path, number: int) -> Path:
    lines = "".join(f"<ex:s{i}> <ex:p> <ex:o{i}> .\n" for i in range(number))
    path.write_text('<> <http://purl.org/dc/terms/source> "Somebody (2020)" .\n' + lines)
    return path


@pytest.fixture
def files(tmp_path):
    town = tmp_path / "town.osm"
    town.write_text(TOWN)
    return {"osm": str(town), "facts": str(facts(tmp_path / "notes.ttl", 3))}


def count(graph: KnowledgeGraph, name: str) -> int:
    return sum(1 for _ in graph.ntriples(f"{vocab.GRAPH}{name}"))


@pytest.mark.parametrize("place", ["own.ttl", "own.trig", "own.nq"])
def test_only_a_file_that_was_built_is_built_anew(tmp_path, files, place):
    out, sources = tmp_path / place, ll.Sources(**files)
    out.write_text("<x:a> <x:b> <x:c> .\n")
    for existing in ("refuse", "replace", "update"):
        with pytest.raises(OutputError, match="was not written by Landlore"):
            ll.build(out, sources, existing=existing)
    assert out.read_text() == "<x:a> <x:b> <x:c> .\n"
    out.unlink()
    first = ll.build(out, sources).path.read_bytes()
    assert ll.build(out, sources, existing="replace").path.read_bytes() == first


@pytest.mark.parametrize("place", ["graph", "graph.trig"])
def test_an_update_reads_only_what_changed(tmp_path, files, place):
    out = tmp_path / place
    first = ll.build(out, ll.Sources(**files))
    assert [s.kept for s in first.report.sources] == [False, False] and first.relations
    with pytest.raises(OutputError, match="exists already"):
        ll.build(out, ll.Sources(**files))
    again = ll.build(out, ll.Sources(**files), existing="update")
    assert [s.kept for s in again.report.sources] == [True, True] and not again.relations
    counted = [[s.statements for s in one.report.sources] for one in (first, again)]
    assert counted[0] == counted[1], "unchanged, so as many as before"
    assert again.report.triples == first.report.triples
    aligned = f"{vocab.GRAPH}alignments"
    assert aligned in KnowledgeGraph.open(out).graphs()
    plain = ll.build(tmp_path / "plain.trig", ll.Sources(**files, alignments=False))
    assert aligned not in KnowledgeGraph.open(plain.path).graphs()
    facts(Path(files["facts"]), 5)
    third = ll.build(out, ll.Sources(**files), existing="update")
    assert [s.kept for s in third.report.sources] == [True, False]
    assert third.report.triples == first.report.triples + 2
    assert third.relations == first.relations
    narrow = ll.build(out, ll.Sources(**files), existing="update", bounds=(24.0, 60.0, 24.5, 60.5))
    assert [s.kept for s in narrow.report.sources] == [False, True], "the part is another one"
    if place.endswith("trig"):
        rebuilt = ll.build(
            tmp_path / "new.trig", ll.Sources(**files), bounds=(24.0, 60.0, 24.5, 60.5)
        )
        assert out.read_bytes() == rebuilt.path.read_bytes(), (
            "updating gives what building anew gives"
        )


def test_an_update_in_another_order_reads_nothing_and_doubles_nothing(tmp_path, files):
    other = tmp_path / "other.osm"
    other.write_text(TOWN.replace('id="8"', 'id="9"'))
    both = (files["osm"], str(other))
    first = ll.build(tmp_path / "graph", ll.Sources(osm=both))
    for osm in (both[::-1], both[1:]):
        again = ll.build(tmp_path / "graph", ll.Sources(osm=osm), existing="update")
        assert all(s.kept for s in again.report.sources)
        assert again.report.triples == first.report.triples


def test_an_update_measures_again_what_had_been_measured(tmp_path):
    town, out = tmp_path / "town.osm", tmp_path / "graph"
    measured = f"{vocab.GRAPH}measured"

    def fresh(place: Path) -> set[str]:
        return set(KnowledgeGraph.open(place).ntriples(measured))

    for kind, number in (("house", 6), ("barn", 7)):
        ways = "".join(
            f'<way id="{i}"><nd ref="4"/><nd ref="5"/><nd ref="6"/><nd ref="4"/><tag k="building" v="{kind}"/></way>'
            for i in range(10, 10 + number)
        )
        town.write_text(TOWN.replace("</osm>", f"{ways}</osm>"))
        ll.build(out, ll.Sources(osm=str(town)), existing="update")
        if kind == "house":
            assert not fresh(out), "what nobody measured is not measured"
            measure(out)
            before = fresh(out)
            assert any("House" in line for line in before)
    ll.build(tmp_path / "new", ll.Sources(osm=str(town)))
    measure(tmp_path / "new")
    assert fresh(out) != before
    assert sorted(line for line in fresh(out) if "_:" not in line) == sorted(
        line for line in fresh(tmp_path / "new") if "_:" not in line
    )


def test_an_update_that_fails_leaves_the_former_graph(tmp_path, files):
    out = tmp_path / "graph"
    ll.build(out, ll.Sources(**files))
    before = sorted(KnowledgeGraph.open(out).ntriples(f"{vocab.GRAPH}notes"))
    Path(files["facts"]).write_text("<ex:a> <ex:b> .")
    with pytest.raises(SourceError, match="not valid RDF"):
        ll.build(out, ll.Sources(**files), existing="update")
    assert sorted(KnowledgeGraph.open(out).ntriples(f"{vocab.GRAPH}notes")) == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_build_that_is_killed_leaves_the_former_graph(tmp_path):
    """Real processes, killed with SIGKILL at several moments of the second build."""
    out, notes = tmp_path / "graph", facts(tmp_path / "notes.ttl", 10)
    ll.build(out, ll.Sources(facts=str(notes)))
    before = sorted(KnowledgeGraph.open(out).ntriples(f"{vocab.GRAPH}notes"))
    facts(notes, 60_000)
    command = [
        sys.executable,
        "-m",
        "landlore",
        "build",
        str(out),
        "--facts",
        str(notes),
        "--overwrite",
    ]
    for wait in (0.0, 0.3, 0.8):
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stderr and "reading" in process.stderr.readline()
            time.sleep(wait)
            process.kill()
        found = sorted(KnowledgeGraph.open(out).ntriples(f"{vocab.GRAPH}notes"))
        whole = len(found) > 60_000
        assert whole or found == before, "the former graph, or the whole new one"
        assert whole or process.returncode != 0
        if whole:  # it may be killed after the new graph took the place of the old one
            break
    built = ll.build(out, ll.Sources(facts=str(facts(notes, 20))), existing="replace")
    assert built.report.triples == len(KnowledgeGraph.open(out))
    assert count(KnowledgeGraph.open(out), "notes") > 20


def emptied(server):
    """A server that tests share, without what others of them left there."""
    graph = ll.open_graph(server.url)
    graph.replace_graphs({iri: [] for iri in graph.graphs()})
    assert not graph.graphs()
    return server


def test_a_graph_on_a_server_is_that_on_disk(server, tmp_path, files):
    emptied(server)
    shutil.copy(files["facts"], tmp_path / f"{NAMES[0]}.ttl")
    sources = ll.Sources(osm=files["osm"], facts=str(tmp_path / f"{NAMES[0]}.ttl"))
    local = ll.build(tmp_path / "graph", sources)
    built = ll.build(server.url, sources)
    graph, disk = ll.open_graph(server.url), KnowledgeGraph.open(local.path)
    assert built.relations == local.relations and built.report.triples == len(graph)
    assert "dba:dba" not in str(built.path)
    for iri in (f"{vocab.GRAPH}osm", f"{vocab.GRAPH}relations", f"{vocab.GRAPH}{NAMES[0]}"):
        assert graph.triples(graph=iri) == disk.triples(graph=iri)
    assert count(graph, "ontology") == count(disk, "ontology") > 1000
    again = ll.build(server.url, sources, existing="update")
    assert [s.kept for s in again.report.sources] == [True, True]
    facts(tmp_path / f"{NAMES[0]}.ttl", 9)
    third = ll.build(server.url, sources, existing="update")
    assert [s.kept for s in third.report.sources] == [True, False]
    assert (
        third.relations == local.relations and count(graph, NAMES[0]) == count(disk, NAMES[0]) + 6
    )
    Path(files["osm"]).write_text("<osm>")
    with pytest.raises(SourceError):
        ll.build(server.url, sources, existing="replace")
    assert graph.triples(graph=f"{vocab.GRAPH}osm") == disk.triples(graph=f"{vocab.GRAPH}osm")


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "landlore", *words],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_line_speaks_to_a_server(oxigraph_server, files):
    emptied(oxigraph_server)
    built = run("build", "--store", oxigraph_server.url, "--osm", files["osm"])
    assert built.returncode == 0, built.stderr
    assert f"landlore query {oxigraph_server.url} --name list" in built.stdout
    asked = run("query", "--store", oxigraph_server.url, "SELECT ?f { GRAPH ?g { ?f a ll:House } }")
    assert asked.stdout.splitlines()[-1] == "https://www.openstreetmap.org/way/8"
    named = run("query", oxigraph_server.url, "--name", "sources-and-licences")
    assert "OpenStreetMap, town.osm" in named.stdout
    wrong = run("query", "--store", "http://127.0.0.1:9/query", "ASK {}")
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 2
    assert "does not answer" in wrong.stderr and "start it, or check the address" in wrong.stderr


def test_what_others_wrote_on_a_server_is_replaced_only_when_asked(tmp_path, files):
    """The same again is sent again; something else of the same name is not, and all that is there is counted."""
    notes, theirs = f"{vocab.GRAPH}notes", "<ex:theirs> <ex:p> <ex:o> .\n"
    with servers.oxigraph(tmp_path / "data") as server:
        graph = ll.open_graph(server.url)
        graph.replace_graphs({notes: [theirs], "https://example.org/own": [theirs]})
        refused = run("build", "--store", server.url, "--osm", files["osm"], "--facts", files["facts"])  # fmt: skip
        assert refused.returncode == 2 and refused.stderr.count("\n") == 2, refused.stderr
        assert f"has <{notes}> already" in refused.stderr and "--overwrite" in refused.stderr
        assert [*graph.ntriples(notes)] == [theirs] and len(graph) == 2
        built = ll.build(server.url, ll.Sources(osm=files["osm"]))
        assert built.report.triples == len(graph) > 1000, "the two of others are counted"
        again = ll.build(server.url, ll.Sources(osm=files["osm"]))
        assert again.report.triples == built.report.triples
        ll.build(server.url, ll.Sources(**files), existing="update")
        assert count(graph, "notes") > 3 and theirs not in [*graph.ntriples(notes)]
        facts(Path(files["facts"]), 5)
        with pytest.raises(OutputError, match="which came from something else"):
            ll.build(server.url, ll.Sources(**files))
        third = ll.build(server.url, ll.Sources(**files), existing="replace")
        assert third.report.triples == len(graph) and len([*graph.ntriples(notes)]) > 5
        graph.replace_graphs({f"{vocab.GRAPH}ontology": [theirs]})
        with pytest.raises(OutputError, match="graph/ontology> already"):
            ll.build(server.url, ll.Sources(**files))


def test_turtle_is_not_updated_but_built_anew(tmp_path, files):
    """It does not say which source a statement is of: an update doubled blank nodes and kept former sources."""
    ll.build(tmp_path / "g.ttl", ll.Sources(**files))
    whole = (tmp_path / "g.ttl").read_bytes()
    with pytest.raises(OutputError, match=r"(?s)Turtle does not say which source.*build g\.trig"):
        ll.build(tmp_path / "g.ttl", ll.Sources(**files), existing="update")
    assert (tmp_path / "g.ttl").read_bytes() == whole


@pytest.mark.parametrize("name", ["ontology", "alignments", "relations", "measured"])
def test_no_source_takes_the_place_of_a_graph_of_our_own(tmp_path, files, name):
    own = facts(tmp_path / f"{name}.ttl", 3)
    with pytest.raises(SourceError, match=rf"{name}\.ttl: would fill the graph .*{name}> *, which"):
        ll.build(tmp_path / "graph", ll.Sources(osm=files["osm"], facts=str(own)))
    assert not (tmp_path / "graph").exists()


def test_relations_go_with_the_features_that_had_them(tmp_path, files):
    related = f"{vocab.GRAPH}relations"
    built = ll.build(tmp_path / "graph", ll.Sources(**files))
    assert built.relations and related in KnowledgeGraph.open(tmp_path / "graph").graphs()
    Path(files["osm"]).write_text(TOWN.replace('<way id="8">', '<way id="9">'))
    ll.build(tmp_path / "graph", ll.Sources(**files), relations=False, existing="update")
    assert related not in KnowledgeGraph.open(tmp_path / "graph").graphs()
    ll.build(tmp_path / "graph", ll.Sources(**files), existing="update")
    assert related not in KnowledgeGraph.open(tmp_path / "graph").graphs(), "nothing has changed"


def test_one_program_at_a_time_changes_a_graph(tmp_path, files):
    ll.build(tmp_path / "graph", ll.Sources(osm=files["osm"]))
    with held(tmp_path / "graph"):
        for change in (
            lambda: ll.build(tmp_path / "graph", ll.Sources(**files), existing="update"),
            lambda: measure(tmp_path / "graph"),
        ):
            with pytest.raises(OutputError, match="another program is writing it"):
                change()
    with pytest.raises(SourceError, match="nothing can be measured"):
        measure(tmp_path / "graph")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["graph", "notes.ttl", "town.osm"]


def test_an_update_by_a_link_changes_what_it_leads_to(tmp_path, files):
    ll.build(tmp_path / "graph", ll.Sources(osm=files["osm"]))
    (tmp_path / "link").symlink_to(tmp_path / "graph")
    ll.build(tmp_path / "link", ll.Sources(**files), existing="update")
    assert (tmp_path / "link").is_symlink()
    assert count(KnowledgeGraph.open(tmp_path / "graph"), "notes") > 3


def test_a_graph_that_a_crash_left_aside_is_named(tmp_path, files):
    ll.build(tmp_path / "graph", ll.Sources(osm=files["osm"]))
    (tmp_path / "graph").rename(tmp_path / ".graph.former")
    for ask in (
        lambda: ll.query(tmp_path / "graph", "ASK {}"),
        lambda: measure(tmp_path / "graph"),
    ):
        with pytest.raises(
            SourceError, match=rf"mv {tmp_path / '.graph.former'} {tmp_path / 'graph'}"
        ):
            ask()


def test_a_turtle_file_answers_named_questions_and_is_evidence(tmp_path, files):
    place = tmp_path / "a town.ttl"
    ll.build(place, ll.Sources(**files))
    graph = KnowledgeGraph.open(place)
    assert graph.graphs() == (f"{vocab.GRAPH}file/a%20town",)
    for name, answers in (
        ("sources-and-licences", 6),
        ("osm-features-by-class", 2),
        ("feature-relations", 0),
    ):
        assert len(graph.query(load_query(name).sparql)) == answers, name
    inside = load_query("features-within", {"class": "ll:Residential"}).sparql
    assert len(graph.query(inside)) == 1
    grid = Grid("OGC:CRS84", Affine(0.01, 0, 24.1, 0, -0.01, 60.2), 10, 10)
    (layer,) = feature_layers(graph, grid)
    assert vocab.CORE + "Residential" in layer.classes


def test_what_cannot_be_told_apart_is_not_changed(tmp_path, files):
    for name in ("town.ttl", "town.nt"):
        place = KnowledgeGraph.open(
            ll.build(tmp_path / f"{name}.trig", ll.Sources(**files)).path
        ).save(tmp_path / name)
        before = place.read_bytes()
        with pytest.raises(OutputError, match="holds no named graphs, so that what is measured"):
            measure(place)
        assert place.read_bytes() == before


@pytest.mark.parametrize("place", ["town", "town.trig"])
def test_a_graph_in_which_nothing_can_be_measured_is_left_alone(tmp_path, files, place):
    built = ll.build(tmp_path / place, ll.Sources(**files))
    with pytest.raises(SourceError, match="nothing can be measured"):
        measure(built.path)
    graph = KnowledgeGraph.open(built.path)
    assert len(graph) == built.report.triples and f"{vocab.GRAPH}measured" not in graph.graphs()


def test_the_command_says_what_a_turtle_file_cannot_do(tmp_path, files):
    said = (
        CliRunner().invoke(app, ["build", str(tmp_path / "town.ttl"), "--osm", files["osm"]]).stdout
    )
    assert "Turtle holds no named graphs" in said.splitlines()[-1]
    assert (
        "Turtle"
        not in CliRunner()
        .invoke(app, ["build", str(tmp_path / "town.nq"), "--osm", files["osm"]])
        .stdout
    )
