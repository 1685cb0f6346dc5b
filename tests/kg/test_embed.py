from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kg.embed import MODELS, Beside, EmbedSettings, embed_graph, extend_embedding
from kg.embedding import graph_hash, load_embedding, save_embedding
from kg.embeddings import loop
from kg.errors import InputError, OutputError, SourceError
from kg.store import KnowledgeGraph
from kg.triples import Triple

pytestmark = pytest.mark.skipif(find_spec("pykeen") is None, reason="needs the vision extra")
SHORT = EmbedSettings(dim=8, epochs=3)
ROOT = Path(__file__).parents[2]


def towns(count: int = 24) -> list[Triple]:
    """Two kinds of places that share values within their kind only."""
    triples = []
    for i in range(count):
        kind = "water" if i % 2 else "stone"
        triples += [
            Triple(f"place{i}", "has", f"{kind}{j}", 0.9) for j in range(4) if (i // 2 + j) % 4
        ]
    return triples


def words(entities):
    """Sentence vectors: names of one kind point the same way, places nowhere in particular."""
    out = np.zeros((len(entities), 6), np.float32)
    for i, name in enumerate(entities):
        out[i] = np.random.default_rng(sum(map(ord, name))).normal(scale=0.3, size=6)
        out[i, 0] += 2.0 * name.startswith("water") - 2.0 * name.startswith("stone")
    return out


def likeness(found, one, others):
    vectors = found.lookup([one, *others])
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return float((vectors[1:] @ vectors[0]).mean())


@pytest.mark.parametrize("weight", [float("inf"), float("nan"), 1e300, 5.0, 0.0, -3.0])
def test_weights_out_of_range_are_refused(weight):
    with pytest.raises(InputError, match=r"weight .* is not in \(0, 1\]"):
        embed_graph([*towns(), Triple("place1", "has", "thing", weight)], SHORT)


def test_weight_that_is_no_number_is_refused(tmp_path):
    (tmp_path / "edges.ttl").write_text(
        "@prefix ll: <https://w3id.org/landlore/core#> . @prefix : <https://e.org/> .\n"
        ':a :r [ ll:value :b ; ll:weight "abc" ] .\n'
    )
    graph = KnowledgeGraph.open(tmp_path / "edges.ttl")
    with pytest.raises(SourceError, match=r"e.org/a> has the weight 'abc'"):
        graph.triples()


@pytest.mark.parametrize(
    "setting",
    [
        {"dim": -1}, {"dim": 0}, {"dim": "x"}, {"dim": 2.5}, {"dim": True}, {"epochs": 0}, {"rate": -1.0},
        {"rate": float("nan")}, {"rate": "a"}, {"candidates": 0}, {"held_out": 1}, {"held_out": "x"}, {"seed": -1},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_meant_are_refused(setting):
    (name,) = setting
    with pytest.raises(InputError, match=f"{name} is .*expected a") as told:
        embed_graph(towns(), EmbedSettings(**setting))
    assert f"{name}=" in told.value.hint


def test_settings_of_another_kind_are_refused():
    with pytest.raises(InputError, match="expected EmbedSettings"):
        embed_graph(towns(), "TransE")


def test_one_flipped_byte_is_noticed_and_files_without_a_checksum_open(tmp_path):
    found = embed_graph(towns(), EmbedSettings(model="graded", dim=4))
    path = save_embedding(found, tmp_path / "towns.safetensors")
    body = path.read_bytes()
    for place in (-5, body.index(b"place7") + 5):
        flipped = bytearray(body)
        flipped[place] ^= 0x10
        path.write_bytes(flipped)
        with pytest.raises(InputError, match="damaged"):
            load_embedding(path)
    header = body[8 : 8 + int.from_bytes(body[:8], "little")]
    start = header.index(b', \\"entities')
    former = header.replace(header[header.index(b'\\"checksum') : start + 2], b"").ljust(
        len(header)
    )
    path.write_bytes(body[:8] + former + body[8 + len(header) :])
    assert b"checksum" not in path.read_bytes()
    assert load_embedding(path).entities == found.entities


@pytest.mark.parametrize("model", [m for m in MODELS if m != "text"])
def test_every_model_beats_guessing(model):
    found = embed_graph(towns(), EmbedSettings(model, 16, 60), beside=Beside(words))
    assert found.vectors.dtype == np.float32
    assert found.vectors.shape[0] == len(found.entities)
    assert np.isfinite(found.vectors).all()
    assert found.metrics["mrr"] > 2 * found.metrics["random_mrr"]
    assert found.metrics["mrr"] > found.metrics["frequency_mrr"] > found.metrics["random_mrr"]
    assert found.metrics["hits_at_1"] <= found.metrics["hits_at_3"] <= found.metrics["hits_at_10"]


def test_places_of_one_kind_lie_together():
    found = embed_graph(towns(), EmbedSettings(dim=16, epochs=80, held_out=0))
    water, stone = ([f"place{i}" for i in range(start, 24, 2)] for start in (1, 0))
    assert likeness(found, "place1", water[1:]) > likeness(found, "place1", stone) + 0.2


@pytest.mark.parametrize("model", MODELS)
def test_same_triples_in_any_order_give_the_same_bytes(model, tmp_path):
    settings = EmbedSettings(model, 8, 3)
    files = []
    for number, triples in enumerate((towns(), towns()[::-1])):
        found = embed_graph(triples, settings, beside=Beside(words))
        files.append(save_embedding(found, tmp_path / f"{number}.safetensors").read_bytes())
    assert files[0] == files[1]
    if model not in ("text", "graded"):
        other = embed_graph(towns(), EmbedSettings(model, 8, 3, seed=1), beside=Beside(words))
        assert other.vectors.tobytes() != found.vectors.tobytes()


@pytest.mark.parametrize("model", ["TransE", "RGCN", "graded"])
def test_weights_count(model):
    settings = EmbedSettings(model, 8, 3, held_out=0)
    weaker = [t._replace(weight=0.1) if t.tail == "water1" else t for t in towns()]
    one, other = (embed_graph(t, settings, beside=Beside(words)) for t in (towns(), weaker))
    assert not np.array_equal(one.vectors, other.vectors)


def test_literals_count():
    def numbers(entities):
        return np.array([[float(e.startswith("water"))] for e in entities], np.float32)

    settings = EmbedSettings("DistMultLiteral", 8, 3, held_out=0)
    told = embed_graph(towns(), settings, beside=Beside(literals=numbers))
    assert not np.array_equal(told.vectors, embed_graph(towns(), settings).vectors)


def test_global_random_state_is_left_alone():
    import torch

    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    embed_graph(towns(), SHORT)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_progress_reaches_the_end():
    seen = []
    embed_graph(towns(), SHORT, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (1, 6)
    assert seen[-1] == (6, 6)


# In a process of its own: torch's threads do not survive a fork.
KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
from test_embed import Beside, EmbedSettings, Path, embed_graph, loop, towns, words

def progress(done, total):
    if done == 9:  # of 12: in the second run
        os.kill(os.getpid(), signal.SIGKILL)

loop.SAVED_EVERY = 0.0
embed_graph(towns(), EmbedSettings({model!r}, 8, 6), beside=Beside(words),
            keep=Path(sys.argv[1]), progress=progress)
"""


@pytest.mark.parametrize("model", ["ComplEx", "CompGCN", "RGCN"])
def test_a_killed_run_goes_on_and_gives_the_same_bytes(model, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVED_EVERY", 0.0)
    settings, keep, beside = EmbedSettings(model, 8, 6), tmp_path / "part", Beside(words)
    whole = embed_graph(towns(), settings, beside=beside)
    ask = [sys.executable, "-c", KILLED.format(here=str(Path(__file__).parent), model=model), keep]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.run(ask, env=env, timeout=300, check=False)
    assert child.returncode == -signal.SIGKILL
    seen = []
    again = embed_graph(
        towns(), settings, beside=beside, keep=keep, progress=lambda done, _: seen.append(done)
    )
    assert seen == [10, 11, 12]
    assert again.vectors.tobytes() == whole.vectors.tobytes()
    assert again.metrics == whole.metrics
    assert not keep.exists()


def test_states_of_other_work_and_broken_states_are_not_used(tmp_path):
    keep = tmp_path / "part"
    keep.mkdir()
    (keep / "key.json").write_text("{}")
    (keep / "run0.pt").write_bytes(b"of another graph")
    settings = EmbedSettings(dim=8, epochs=2, held_out=0)
    found = embed_graph(towns(), settings, keep=keep)
    assert found.vectors.tobytes() == embed_graph(towns(), settings).vectors.tobytes()


@pytest.mark.parametrize("model", ["TransE", "RGCN", "graded"])
def test_hidden_places_find_their_neighbours_without_training(model):
    hidden = ("place3", "place8")
    known = [t for t in towns() if t.head not in hidden]
    new = [t for t in towns() if t.head in hidden]
    made = embed_graph(known, EmbedSettings(model, 16, 60, held_out=0), beside=Beside(words))
    found = extend_embedding(made, new, words)
    assert set(found.entities) - set(made.entities) == set(hidden)
    np.testing.assert_array_equal(found.lookup(made.entities), made.vectors)
    rng = np.random.default_rng(0)
    for place in hidden:
        mine = [f"place{i}" for i in range(24) if i % 2 == int(place[5:]) % 2]
        mine.remove(place)
        near = likeness(found, place, mine)
        chance = rng.normal(size=(200, made.vectors.shape[1]))
        chance /= np.linalg.norm(chance, axis=1, keepdims=True)
        vectors = found.lookup(mine)
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        assert near > np.quantile((chance @ vectors.T).mean(axis=1), 0.99)


@pytest.mark.parametrize("model", ["TransE", "RGCN", "graded"])
def test_extended_twice_is_extended_at_once(model, tmp_path):
    hidden = ("place3", "place8")  # not linked with each other
    known = [t for t in towns() if t.head not in hidden]
    one, two = ([t for t in towns() if t.head == place] for place in hidden)
    made = embed_graph(known, EmbedSettings(model, 16, 5, held_out=0), beside=Beside(words))
    once = extend_embedding(made, [*one, *two], words)
    path = save_embedding(extend_embedding(made, two, words), tmp_path / "two.safetensors")
    twice = extend_embedding(load_embedding(path), one, words)
    assert twice.entities == once.entities
    np.testing.assert_allclose(twice.vectors, once.vectors, atol=1e-5)
    assert np.ptp(once.lookup(hidden), axis=0).max() > 1e-3, "the two differ"


def test_only_what_is_new_and_can_be_placed_is_extended():
    made = embed_graph(towns(), SHORT, beside=Beside(words))
    with pytest.raises(InputError, match="nothing in the graph is new"):
        extend_embedding(made, towns()[:3], words)
    with pytest.raises(InputError, match="made without words"):
        extend_embedding(embed_graph(towns(), SHORT), [Triple("new", "has", "water1", 1)], words)


def test_file_round_trip_and_refusal_of_another_graph(tmp_path):
    found = embed_graph(towns(), SHORT, beside=Beside(words))
    path = save_embedding(found, tmp_path / "kge.safetensors")
    back = load_embedding(path, triples=towns()[::-1])
    assert back.entities == found.entities
    assert back.metrics == found.metrics
    np.testing.assert_array_equal(back.vectors, found.vectors)
    assert back.parts.keys() == found.parts.keys()
    np.testing.assert_array_equal(back.parts["map"], found.parts["map"])
    with pytest.raises(InputError, match="the graph in use is"):
        load_embedding(path, triples=towns(20))
    assert [p.name for p in tmp_path.iterdir()] == ["kge.safetensors"]


def test_unknown_entities_look_up_as_zeros():
    found = embed_graph(towns(), EmbedSettings(dim=8, epochs=2, held_out=0))
    assert not found.lookup(["nowhere"]).any()
    assert found.metrics == {}


def test_hash_ignores_order_and_sees_weights():
    assert graph_hash(towns()) == graph_hash(towns()[::-1])
    assert graph_hash(towns()) != graph_hash([t._replace(weight=0.8) for t in towns()])


def test_bad_input_is_refused(tmp_path):
    with pytest.raises(InputError, match="unknown embedding model"):
        embed_graph(towns(), EmbedSettings(model="TransQ"))
    with pytest.raises(InputError, match="needs words"):
        embed_graph(towns(), EmbedSettings(model="RGCN"))
    with pytest.raises(InputError, match="too few"):
        embed_graph(towns()[:2])
    with pytest.raises(InputError, match="is not in"):
        embed_graph([*towns(), Triple("a", "b", "c", 0.0)])
    with pytest.raises(InputError, match="not a graph embedding"):
        load_embedding(tmp_path / "missing.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(InputError, match="not a graph embedding"):
        load_embedding(tmp_path / "broken.safetensors")
    with pytest.raises(OutputError):
        found = embed_graph(towns(), EmbedSettings(dim=8, epochs=1, held_out=0))
        save_embedding(found, tmp_path / "no" / "folder.safetensors")


def test_module_imports_neither_torch_nor_pykeen():
    code = "import sys, kg.embed; print(sorted({'torch', 'pykeen'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
