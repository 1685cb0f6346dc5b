"""Landlore's own small network: its weights file comes in, a backbone that needs no other download goes out.

The network is that of `fusion.backbones.compact_network`, 7 million numbers, for ordinary processors. An
image's vector says how strongly each of 1,280 things is seen in it. `training/compact.py` makes the file, which carries
image vectors of labelled classes too, so that any class name can be asked about at once. Weights are kept as whole
numbers of 8 bits, with a scale for each output of a convolution.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusion.backbone import FeatureSet, unit_rows
from fusion.backbones.preprocessing import Preprocessing
from fusion.backbones.weights import file_hash, read_weights
from kg.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT = "landlore-compact-2"
MEAN, STD = (0.35, 0.36, 0.33), (0.18, 0.17, 0.17)
"""Of the images that it was trained on, roughly."""
SIDE = 160
TURNS = 2
"""Seen from above there is no upright: a vector is the mean over an image as it is and turned by a quarter."""
PREPROCESSING = Preprocessing(SIDE, SIDE, 2, MEAN, STD)


def standardised(pixels: NDArray[np.uint8]) -> Tensor:
    """(image, 3, y, x) of (image, y, x, 3) uint8 pixels, in units of deviation."""
    import torch

    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return (scaled - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def vectors(net: nn.Module, pixels: Tensor) -> Tensor:
    """(image, 1280) of square (image, 3, y, x) pixels in units of deviation."""
    import torch

    with torch.no_grad():
        turned = [net(torch.rot90(pixels, quarter, (2, 3))) for quarter in range(TURNS)]
    return torch.stack(turned).mean(dim=0)


def packed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as the file keeps them: convolutions in 8 bits, `scale.` beside them, the rest as it is."""
    import torch

    kept = {}
    for name, values in state.items():
        if values.ndim == 4:
            scale = values.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12) / 127
            kept[f"network.{name}"] = torch.round(values / scale).to(torch.int8)
            kept[f"scale.{name}"] = scale
        else:
            kept[f"network.{name}"] = values
    return kept


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `packed` kept, as floats."""
    found = {}
    for name, values in tensors.items():
        if name.startswith("network."):
            short = name.removeprefix("network.")
            scale = tensors.get(f"scale.{short}")
            found[short] = values if scale is None else values.float() * scale
    return found


class CompactBackbone:
    """The network with trained weights.

    Args:
        path: A `.safetensors` file of the format `landlore-compact-2`.

    Raises:
        InputError: Missing, unreadable, or of another format.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._record = compact_record(self.path)
        if not self._record:
            raise InputError(
                f"{path}: no weights of Landlore's own network (format {FORMAT})",
                "make them with: python training/compact.py",
            )

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.stem

    @property
    def preprocessing(self) -> Preprocessing:
        """Resized to 160 pixels, central square."""
        return PREPROCESSING

    @property
    def reads_text(self) -> bool:
        """False: class names reach it through class vectors."""
        return False

    def facts(self) -> Mapping[str, Any]:
        """Hash of the weights."""
        return {"format": FORMAT, "sha256": file_hash(self.path)}

    def prompts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """It reads no text."""
        raise InputError(
            f"{self.name}: sees images only", "give --seen, or class names it can look up"
        )

    @cached_property
    def _weights(self) -> dict[str, Any]:
        return read_weights(self.path)

    @cached_property
    def _network(self) -> nn.Module:
        from fusion.backbones.compact_network import Network

        made = Network()
        made.load_state_dict(unpacked(self._weights))
        return made.eval()

    def images(self, images: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(image, 1280) float32 vectors."""
        import torch

        pixels = torch.from_numpy(np.stack([PREPROCESSING.apply(image) for image in images]))
        out: NDArray[np.float32] = vectors(self._network, pixels).numpy()
        return out

    def seen(self) -> FeatureSet:
        """Unit image vectors of labelled classes, some of each."""
        names = tuple(self._record["classes"])
        labels = self._weights["seen.labels"].numpy().astype(np.int64)
        rows = unit_rows(self._weights["seen.vectors"].numpy(), f"{self.path}: seen images")
        items = tuple(f"{names[c]} {i}" for i, c in enumerate(labels))
        return FeatureSet(items, rows, self.name, labels, names)


def compact_record(path: Path) -> dict[str, Any]:
    """What a weights file says of itself: classes, sets, figures; empty when it is of another format.

    Raises:
        InputError: Weights of this network in another version of the format.
        MissingExtraError: The package safetensors is missing.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingExtraError(f"the weights {path}", "vision", error) from error
    try:
        with safe_open(path, "np") as file:
            said = file.metadata() or {}
    except (OSError, SafetensorError):
        return {}
    form = said.get("format", "")
    if form != FORMAT and form.startswith(FORMAT.rstrip("0123456789")):
        raise InputError(
            f"{path}: weights of Landlore's own network in the format {form}, expected {FORMAT}",
            "train them again: python training/compact.py; or leave --model out for those that ship",
        )
    return dict(json.loads(said["record"])) if form == FORMAT else {}
