"""A TorchScript archive comes in; its tensors go out, read as data: no code of the archive is run.

Such an archive is a zip with `data.pkl`, a pickle of nested modules whose tensors refer to `data/N` (PyTorch,
"TorchScript serialization"). OpenAI published CLIP in this form. Every global of the pickle is answered from the short
list below; anything else is refused.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kg.errors import InputError

_STORAGES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "BoolStorage": "bool",
}


class _Module:
    """A module of the archive: nothing but its attributes."""

    state: Mapping[str, Any] = MappingProxyType({})

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, Mapping) else {}


class _Reader(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(archive.open(f"{root}/data.pkl"))
        self.archive, self.root = archive, root

    def find_class(self, module: str, name: str) -> Any:
        """A class that the file may name; any other is refused."""
        if module.startswith("__torch__"):
            return _Module
        if module == "torch" and name in _STORAGES:
            return name
        known = {
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
            ("collections", "OrderedDict"): OrderedDict,
        }
        if (module, name) in known:
            return known[module, name]
        if module == "torch.jit._pickle":
            return lambda *values: values[0] if values else None
        raise pickle.UnpicklingError(f"{module}.{name} is not data")

    def persistent_load(self, pid: Any) -> Any:
        """A tensor storage from the archive."""
        import torch

        _, kind, key, _, count = pid
        kind = getattr(torch, _STORAGES[kind])
        content = bytearray(self.archive.read(f"{self.root}/data/{key}"))
        return torch.frombuffer(content, dtype=kind, count=count) if count else torch.empty(0)


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> Any:
    return storage.as_strided(tuple(size), tuple(stride), offset)


def _root(archive: zipfile.ZipFile) -> str | None:
    names = archive.namelist()
    pickles = [n for n in names if n.endswith("/data.pkl") and n.count("/") == 1]
    root = pickles[0].removesuffix("/data.pkl") if pickles else None
    return root if any(n.startswith(f"{root}/code/") for n in names) else None


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive (a zip with `data.pkl` and code)."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return _root(archive) is not None


def read_torchscript(path: Path) -> dict[str, Any]:
    """Tensors and numbers of a TorchScript archive by their dotted names.

    Raises:
        InputError: Truncated, or with something else than modules and tensors in it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return dict(_named(_Reader(archive, str(_root(archive))).load(), ""))
    except (OSError, KeyError, ValueError, TypeError, AttributeError, EOFError) as error:
        raise InputError(
            f"{path}: a TorchScript archive that cannot be read ({error})",
            "copy the file again, whole",
        ) from error
    except (pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: a TorchScript archive with more than tensors in it ({error})",
            "save its state_dict with torch.save, or give the same model as .safetensors",
        ) from error


def _named(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, _Module):
        for key, part in value.state.items():
            yield from _named(part, f"{name}.{key}" if name else str(key))
    elif hasattr(value, "shape") and name:
        yield name, value
