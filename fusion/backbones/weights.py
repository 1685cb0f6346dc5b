"""Weight files of networks come in (.pt, .bin, .safetensors); named tensors and a hash go out, and nothing is run."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_NESTED = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.", "model.")


def file_hash(*paths: Path) -> str:
    """SHA-256 over the contents of files, in the order given."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Named tensors of a checkpoint, without the wrappings of training ("state_dict", "module.").

    Pickles are read with `weights_only`, and TorchScript (OpenAI's own files) as data: neither can run code.

    Raises:
        InputError: Missing, unreadable, or with more than tensors in it.
    """
    where = Path(path)
    if not where.is_file():
        raise InputError(f"{where}: no such file", "check the path")
    if where.suffix == ".safetensors":
        return _bare(_safetensors(where), where)
    from fusion.backbones.torchscript import is_torchscript, read_torchscript

    return _bare(read_torchscript(where) if is_torchscript(where) else _pickled(where), where)


def _safetensors(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found: dict[str, Any] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{path}: not a readable .safetensors file ({error})", "copy the file again, whole"
        ) from error
    return found


def _pickled(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        cause = str(error).splitlines()[0]
        unsafe = "Unsupported" in str(error) or "GLOBAL" in str(error)
        raise InputError(
            f"{path}: {'holds Python objects, which could run code' if unsafe else 'not a checkpoint'} ({cause})",
            "only if you trust its source: python -c \"import torch; torch.save(torch.load('IN', weights_only=False)"
            "['state_dict'], 'OUT.pt')\"",
        ) from error
    except Exception as error:  # bytes that are no pickle lead the reader to any error
        raise InputError(
            f"{path}: not a readable checkpoint ({type(error).__name__}: {str(error).partition(chr(10))[0]})",
            "copy the file again, whole",
        ) from error


def _bare(content: Any, path: Path) -> dict[str, Tensor]:
    import torch

    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    named = content if isinstance(content, Mapping) else {}
    found = {str(key): value for key, value in named.items() if isinstance(value, torch.Tensor)}
    if not found:
        raise InputError(
            f"{path}: holds no tensors under {', '.join(_NESTED)} or at the top",
            "give the file of a checkpoint",
        )
    while prefix := next((p for p in _PREFIXES if all(k.startswith(p) for k in found)), None):
        found = {key.removeprefix(prefix): value for key, value in found.items()}
    return {k: v.float() if v.is_floating_point() else v for k, v in found.items()}
