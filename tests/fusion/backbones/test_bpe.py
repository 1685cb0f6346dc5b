from __future__ import annotations

import gzip
import json
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest

from fusion.backbones.bpe import PAIRS_FILE, ClipTokenizer
from kg.errors import InputError

if find_spec("tokenizers") is None:
    pytest.skip("needs the vision extra", allow_module_level=True)

PAIRS = ["h a", "ha r", "b o", "bo u", "bou r</w>", "har bour</w>", "c a", "Ã ©</w>"]
SIZE = 512 + len(PAIRS) + 2
TEXTS = ["Harbour", "a  harbour's\tboat, 2 ships!", "café &amp; 港口", "", "har" * 30]


@pytest.fixture
def merges(tmp_path):
    path = tmp_path / "merges.txt"
    path.write_text("\n".join(["#version: 0.2", *PAIRS]), encoding="utf-8")
    return path


def test_numbers_are_those_of_the_tokenizer_of_transformers(merges):
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizerFast

    ours = ClipTokenizer(merges, SIZE, 16)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *(c + "</w>" for c in letters), *(p.replace(" ", "") for p in PAIRS)]
    vocab = {t: i for i, t in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    (merges.parent / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 16}
    (merges.parent / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    theirs = CLIPTokenizerFast.from_pretrained(merges.parent)
    for text, row in zip(TEXTS, ours(TEXTS), strict=True):
        plain = text.replace(
            "&amp;", "&"
        )  # the reference leaves entities alone, open_clip does not
        wanted = theirs([plain], truncation=True, max_length=16)["input_ids"][0]
        assert row[: len(wanted)].tolist() == wanted, text
        assert not row[len(wanted) :].any()
    assert ours(["harbour"])[0, 1] == vocab["harbour</w>"]


def test_the_same_pairs_in_other_wrappings(merges, tmp_path):
    plain = ClipTokenizer(merges, SIZE, 16)(TEXTS)
    packed = tmp_path / "packed" / PAIRS_FILE
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(merges.read_bytes()))
    wheel = tmp_path / "open_clip_torch-3.3.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(packed, f"open_clip/{PAIRS_FILE}")
    for path in (packed, packed.parent, wheel, merges.parent):
        np.testing.assert_array_equal(ClipTokenizer(path, SIZE, 16)(TEXTS), plain)


def test_files_that_do_not_fit_are_refused(merges, tmp_path):
    for path, size in ((merges, SIZE + 1), (tmp_path / "none.txt", SIZE), (merges, 100)):
        with pytest.raises(InputError) as caught:
            ClipTokenizer(path, size, 16)
        assert "--tokenizer" in caught.value.hint
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="not a tokenizer"):
        ClipTokenizer(tmp_path / "tokenizer.json", SIZE, 16)
