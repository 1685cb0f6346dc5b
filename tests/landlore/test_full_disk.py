"""Graphs and imports for which there is no room: two lines that name the place, and what was there is there still."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import landlore as ll
from kg.store import KnowledgeGraph

resource = pytest.importorskip("resource", reason="no limits of file sizes here")
ROOT = Path(__file__).resolve().parents[2]
ALLOWED = 100_000  # bytes of a file; a graph with the ontology has larger ones
MAPPING = """file = "edges.csv"
name = "edges"
[source]
title = "Edges"
citation = "Somebody (2020): Edges"
licence = "https://creativecommons.org/licenses/by/4.0/"
[table]
head = "head"
relation = "relation"
tail = "tail"
[relations]
has = "ll:hasPart"
"""


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes.ttl"
    path.write_text(
        '<> <http://purl.org/dc/terms/source> "Somebody (2020)" .\n<ex:s> <ex:p> <ex:o> .\n'
    )
    return path


def run(folder: Path, *words: str, allowed: int = ALLOWED) -> list[str]:
    """Standard error of a command that may write small files only, without what it says on its way."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, allowed))

    done = subprocess.run(
        [sys.executable, "-m", "landlore", *words],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, preexec_fn=limit,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    return [line for line in done.stderr.splitlines() if not line.lstrip().startswith("·")]


def check(said: list[str], place: str) -> None:
    assert len(said) == 2, said
    assert said[0] == f"error: {place}: cannot be written (File too large)"
    assert said[1].startswith("  try: the system allows no file of this size there")


@pytest.mark.parametrize("place", ["graph", "graph.trig", "graph.nq", "graph.ttl"])
def test_a_graph_for_which_there_is_no_room(tmp_path, notes, place):
    target = str(tmp_path / place)
    check(run(tmp_path, "build", target, "--facts", "notes.ttl"), target)
    assert [one.name for one in tmp_path.iterdir()] == ["notes.ttl"]
    former = len(KnowledgeGraph.open(ll.build(target, ll.Sources(facts=str(notes))).path))
    notes.write_text(notes.read_text() + "<ex:s> <ex:p> <ex:more> .\n")
    for how in ["--overwrite", *(["--update"] if not place.endswith("ttl") else [])]:
        check(run(tmp_path, "build", target, "--facts", "notes.ttl", how), target)
        assert len(KnowledgeGraph.open(target)) == former
        assert sorted(one.name for one in tmp_path.iterdir()) == sorted([place, "notes.ttl"])


@pytest.mark.parametrize("words", ["edges.toml -o e.nt", "edges.csv --suggest e.toml"])
def test_an_import_for_which_there_is_no_room(tmp_path, words):
    (tmp_path / "edges.toml").write_text(MAPPING)
    (tmp_path / "edges.csv").write_text("head,relation,tail\nairport,has,runway\n")
    check(run(tmp_path, "import", *words.split(), allowed=100), words.split()[-1])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["edges.csv", "edges.toml"]
