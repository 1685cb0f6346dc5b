"""The command `embed` on a small graph: file, neighbours, new entities; words stand for sentence vectors."""

import json
import re
from importlib.util import find_spec

import numpy as np
import pytest
from typer.testing import CliRunner

from kg.embed import EmbedSettings
from kg.errors import OutputError
from landlore import embedding
from landlore.cli import app

pytestmark = pytest.mark.skipif(find_spec("pykeen") is None, reason="needs the vision extra")
PLACES = "".join(
    f'<ex:place{i}> a ll:{"Pond" if i % 2 else "Road"} ; rdfs:label "place {i}"@en ; '
    f"ll:near <ex:place{(i + 2) % 12}> .\n"
    for i in range(12)
)
SHORT = EmbedSettings(dim=8, epochs=2)
HEAD = """@prefix ll: <https://w3id.org/landlore/core#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""


@pytest.fixture(autouse=True)
def words(monkeypatch):
    """Vectors of the letters of a name instead of a sentence model."""

    def texts(content):
        def vectors(entities):
            told = content.sentences(entities)
            return np.array([[t.count(c) for c in "aeiorp"] for t in told], np.float32)

        return vectors

    monkeypatch.setattr(embedding, "_texts", texts)


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / "graph.ttl"
    path.write_text(HEAD + PLACES)
    return str(path)


def run(*words):
    done = CliRunner().invoke(app, ["embed", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_embed_ask_and_extend(graph, tmp_path):
    made, more = tmp_path / "made.safetensors", tmp_path / "more.safetensors"
    record = json.loads(run(made, "--graph", graph, "--dim", "8", "--epochs", "40", "--json"))
    assert (record["entities"], record["relations"], record["new"]) == (14, 2, 0)
    assert 0 <= record["metrics"]["mrr"] <= 1
    assert not (tmp_path / "made.safetensors.part").exists()
    before = made.read_bytes()
    said = run(
        made, "--graph", graph, "--neighbours", "place1", "--neighbours", "place 2", "--count", "3"
    )
    assert made.read_bytes() == before
    assert [line for line in said.splitlines() if not line.startswith(" ")] == [
        "ex:place1",
        "ex:place2",
    ]
    assert len(said.splitlines()) == 8
    new = tmp_path / "new.ttl"
    new.write_text(
        HEAD + '<ex:place99> a ll:Pond ; rdfs:label "place 99"@en ; ll:near <ex:place1> .\n'
    )
    assert "15 entities, 2 relations" in run(more, "--graph", new, "--extend", made)
    (found,) = embedding.neighbours(more, ["ex:place99"], count=4, graph=new)
    assert sum(iri in {f"ex:place{i}" for i in range(1, 12, 2)} for iri, _ in found.near) >= 3


def test_wrong_use_is_two_lines(graph, tmp_path):
    for words, message in (
        ((tmp_path / "a.npz",), "expected a name that ends in .safetensors"),
        (
            (tmp_path / "a.safetensors", "--graph", graph, "--model", "TransQ"),
            "unknown embedding model",
        ),
        ((tmp_path / "no" / "a.safetensors", "--graph", graph), "cannot be written"),
    ):
        done = CliRunner().invoke(app, ["embed", *map(str, words)])
        assert message in str(done.exception), done.output
    assert not list(tmp_path.glob("*.part"))


def test_an_embedding_is_replaced_only_when_asked(graph, tmp_path):
    made, other = tmp_path / "made.safetensors", tmp_path / "other.ttl"
    run(made, "--graph", graph, "--dim", "8", "--epochs", "2")
    other.write_text(HEAD + "".join(PLACES.splitlines()[:5]))
    before, words = made.read_bytes(), ["--graph", other, "--dim", "8", "--epochs", "2"]
    done = CliRunner().invoke(app, ["embed", *map(str, [made, *words])])
    assert "exists already, an embedding of 14 entities" in str(done.exception)
    assert "--overwrite replaces it" in done.exception.hint
    with pytest.raises(OutputError, match="exists already"):
        embedding.embed(made, graph=other)
    assert made.read_bytes() == before
    assert "9 entities" in run(made, *words, "--overwrite")
    assert embedding.embed(made, graph=graph, settings=SHORT, overwrite=True).entities == 14
    made.write_bytes(b"weights of a network")
    with pytest.raises(OutputError, match="was not written by landlore embed"):
        embedding.embed(made, graph=graph, overwrite=True)
    assert made.read_bytes() == b"weights of a network"


def test_what_is_printed_says_what_is_to_be_beaten_and_what_is_counted(graph, tmp_path):
    words = [tmp_path / "made.safetensors", "--graph", graph, "--dim", "8", "--epochs", "3"]
    done = CliRunner().invoke(app, ["embed", *map(str, words)])
    found = re.search(
        r"MRR (\S+), hits.*to beat: MRR (\S+) by how often .* \((\S+) at random\)", done.stdout
    )
    assert all(0 < float(value) <= 1 for value in found.groups()), done.stdout
    assert (
        "· epochs of two trainings of 3 (one without the held-out links, one with all): 6 of 6"
        in done.output
    )
