from __future__ import annotations

import argparse
import zipfile
from importlib.util import find_spec

import pytest

from kg.errors import InputError

if find_spec("torch") is None:
    pytest.skip("needs the vision extra", allow_module_level=True)

import torch

from fusion.backbones.weights import file_hash, read_weights


@pytest.mark.parametrize("key", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
def test_wrappings_of_training_are_taken_off(tmp_path, key, prefix):
    weights = {f"{prefix}a.weight": torch.ones(2, dtype=torch.float16), f"{prefix}b": torch.ones(1)}
    torch.save(weights if key is None else {"epoch": 3, key: weights}, tmp_path / "x.pt")
    found = read_weights(tmp_path / "x.pt")
    assert set(found) == {"a.weight", "b"}
    assert found["a.weight"].dtype == torch.float32


def test_a_pickle_that_could_run_code_is_not_opened(tmp_path):
    torch.save(
        {"state_dict": {"a": torch.ones(1)}, "args": argparse.Namespace(lr=1)}, tmp_path / "x.pt"
    )
    with pytest.raises(InputError, match="could run code") as caught:
        read_weights(tmp_path / "x.pt")
    assert "only if you trust" in caught.value.hint


@pytest.mark.parametrize("name", ["x.pt", "x.bin", "x.safetensors"])
def test_broken_files_are_refused_with_two_lines(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(InputError, match="no such file"):
        read_weights(path)
    path.write_bytes(b"hello, this is no checkpoint")
    with pytest.raises(InputError, match=r"not a (readable|checkpoint)") as caught:
        read_weights(path)
    assert len(str(caught.value).splitlines()) == 2
    torch.save({"a": torch.ones(1000)}, tmp_path / "cut.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "cut.pt").read_bytes()[:900])
    with pytest.raises(InputError, match=r"cut\.pt"):
        read_weights(tmp_path / "cut.pt")


def test_files_without_tensors_are_refused(tmp_path):
    torch.save([1, 2], tmp_path / "x.pt")
    with pytest.raises(InputError, match="holds no tensors"):
        read_weights(tmp_path / "x.pt")


def test_a_torchscript_archive_with_other_objects_is_refused(tmp_path):
    import pickle

    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(argparse.Namespace(lr=1), protocol=2))
        archive.writestr("x/code/m.py", "")
    with pytest.raises(InputError, match=r"argparse\.Namespace is not data"):
        read_weights(tmp_path / "x.pt")


def test_the_hash_is_that_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"1")
    assert file_hash(tmp_path / "a") == file_hash(tmp_path / "b")
    assert file_hash(tmp_path / "a") != file_hash(tmp_path / "a", tmp_path / "b")
