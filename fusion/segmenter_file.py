"""A segmenter comes in, a file of its weights goes out; and back. The same segmenter gives the same bytes."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.features import FeaturePlan
from fusion.segmenter import Segmenter
from fusion.settings import SegmentSettings
from fusion.weak import TrustFit
from kg.errors import InputError
from kg.folder import replace_file

FORMAT = 1
"""Of the file."""
_OPTIONAL = ("around", "prior")


def write_segmenter(learned: Segmenter, path: str | Path) -> None:
    """Write what was learned; the file appears whole or not at all.

    Args:
        learned: The segmenter; losses that taught it are not kept.
        path: The file, .npz.

    Raises:
        OutputError: It cannot be written.
    """
    told = {
        "format": FORMAT,
        "plan": asdict(learned.plan),
        "settings": asdict(replace(learned.settings, losses=())),
        "fit": None if learned.fit is None else _plain(learned.fit),
        **{name: getattr(learned, name) for name in ("usual", "coarse", "majority")},
        "models": [[model.labels, model.loss] for model in learned.models],
    }
    text = json.dumps(told, sort_keys=True).encode()
    arrays: dict[str, NDArray[Any]] = {"told": np.frombuffer(text, np.uint8)}
    arrays |= {"mean": learned.moments[0], "std": learned.moments[1], "trusted": learned.trusted}
    arrays |= {n: getattr(learned, n) for n in _OPTIONAL if getattr(learned, n) is not None}
    if learned.fit is not None:
        arrays |= {"fit.prior": learned.fit.prior, "fit.references": learned.fit.references}
    for i, model in enumerate(learned.models):
        state = model.network.state_dict()
        arrays |= {f"model{i}.{name}": state[name].numpy() for name in sorted(state)}
    body = io.BytesIO()
    np.savez(body, **arrays)  # type: ignore[arg-type]
    replace_file(Path(path), body.getvalue())


def _plain(fit: TrustFit) -> dict[str, Any]:
    return {name: getattr(fit, name) for name in ("majority", "noise", "kappa")}


def read_segmenter(path: str | Path) -> Segmenter:
    """Read what was learned.

    Args:
        path: File of `write_segmenter`.

    Raises:
        InputError: It is no such file, or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        told = json.loads(bytes(arrays["told"]))
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}, expected {FORMAT}")
        return _segmenter(told, arrays)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: not weights of a segmenter of this version ({error})",
            "add --overwrite to learn anew",
        ) from error


def _segmenter(told: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Segmenter:
    import torch

    from fusion.train import Model, new_network

    settings, models = SegmentSettings(**{**told["settings"], "losses": ()}), []
    for i, (labels, loss) in enumerate(told["models"]):
        network = new_network(len(arrays["mean"]), labels, settings)
        mark = f"model{i}."
        state = {n.removeprefix(mark): a for n, a in arrays.items() if n.startswith(mark)}
        network.load_state_dict({name: torch.from_numpy(a) for name, a in state.items()})
        models.append(Model(network, labels, loss))
    names: dict[str, Any] = {n: told[n] for n in ("usual", "coarse", "majority")}
    names |= {name: arrays.get(name) for name in _OPTIONAL}
    return Segmenter(
        plan=_plan(told["plan"]), moments=(arrays["mean"], arrays["std"]), models=tuple(models),
        fit=_fit(told["fit"], arrays), trusted=arrays["trusted"], settings=settings, **names,
    )  # fmt: skip


def _fit(told: dict[str, Any] | None, arrays: dict[str, NDArray[Any]]) -> TrustFit | None:
    if told is None:
        return None
    prior, references = arrays["fit.prior"], arrays["fit.references"]
    return TrustFit(told["majority"], prior, references, told["noise"], told["kappa"])


def _plan(told: dict[str, Any]) -> FeaturePlan:
    return FeaturePlan(**{field.name: _tuples(told[field.name]) for field in fields(FeaturePlan)})


def _tuples(value: Any) -> Any:
    """Lists of JSON as tuples again."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
