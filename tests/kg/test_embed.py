from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from kg.embed import MODELS, EmbedSettings, embed_graph
from kg.embedding import graph_hash, load_embedding, save_embedding
from kg.errors import InputError, OutputError
from kg.triples import Triple

pytestmark = pytest.mark.skipif(find_spec("pykeen") is None, reason="needs the vision extra")


def towns(count: int = 24) -> list[Triple]:
    """Two kinds of places that share values within their kind only."""
    triples = []
    for i in range(count):
        kind = "water" if i % 2 else "stone"
        triples += [
            Triple(f"place{i}", "has", f"{kind}{j}", 0.9) for j in range(4) if (i // 2 + j) % 4
        ]
    return triples


@pytest.mark.parametrize("model", MODELS)
def test_every_model_beats_guessing(model):
    found = embed_graph(towns(), EmbedSettings(model=model, dim=16, epochs=60))
    assert found.vectors.dtype == np.float32
    assert found.vectors.shape[0] == len(found.entities)
    assert np.isfinite(found.vectors).all()
    assert found.metrics["mrr"] > 2 * found.metrics["random_mrr"]


def test_places_of_one_kind_lie_together():
    found = embed_graph(towns(), EmbedSettings(dim=16, epochs=80))
    vectors = found.lookup([f"place{i}" for i in range(24)])
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = vectors @ vectors.T
    same = np.add.outer(np.arange(24), np.arange(24)) % 2 == 0
    assert likeness[same].mean() > likeness[~same].mean() + 0.2


def test_same_triples_in_any_order_give_the_same_bytes():
    settings = EmbedSettings(dim=8, epochs=5)
    first, second = embed_graph(towns(), settings), embed_graph(towns()[::-1], settings)
    assert first.vectors.tobytes() == second.vectors.tobytes()
    assert first.metrics == second.metrics
    other = embed_graph(towns(), EmbedSettings(dim=8, epochs=5, seed=1))
    assert other.vectors.tobytes() != first.vectors.tobytes()


def test_weights_count():
    settings = EmbedSettings(dim=8, epochs=5, held_out=0)
    weaker = [t._replace(weight=0.1) if t.tail == "water1" else t for t in towns()]
    assert not np.array_equal(
        embed_graph(towns(), settings).vectors, embed_graph(weaker, settings).vectors
    )


def test_global_random_state_is_left_alone():
    import torch

    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    embed_graph(towns(), EmbedSettings(dim=8, epochs=2, held_out=0))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_progress_reaches_the_end():
    seen = []
    embed_graph(
        towns(),
        EmbedSettings(dim=8, epochs=3),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[0] == (1, 6)
    assert seen[-1] == (6, 6)


def test_file_round_trip_and_refusal_of_another_graph(tmp_path):
    found = embed_graph(towns(), EmbedSettings(dim=8, epochs=2))
    path = save_embedding(found, tmp_path / "kge.safetensors")
    back = load_embedding(path, triples=towns()[::-1])
    assert back.entities == found.entities
    assert back.metrics == found.metrics
    np.testing.assert_array_equal(back.vectors, found.vectors)
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
    with pytest.raises(InputError, match="too few"):
        embed_graph(towns()[:2])
    with pytest.raises(InputError, match="not positive"):
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
