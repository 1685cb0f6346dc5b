"""Landlore's own small network: its weights file comes in, a backbone that needs no other download goes out.

A plain residual network (He et al., CVPR 2016) of four stages without pretrained parts, 3 million numbers, for the
processors of ordinary machines. An image's vector is what its last three stages see, pooled: the early ones keep
texture, the last one things. `training/compact.py` makes the file, which carries image vectors of the labelled classes
too, so that any class name can be asked about at once.
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
    from torch import nn

FORMAT = "landlore-compact-1"
WIDTHS = (48, 96, 192, 384)
MEAN, STD = (0.35, 0.36, 0.33), (0.18, 0.17, 0.17)
"""Of the images that it was trained on, roughly."""
SIDE = 224
STAGES = 3
"""So many of the last stages are pooled."""
PREPROCESSING = Preprocessing(SIDE, SIDE, 3, MEAN, STD)


def network() -> nn.Module:
    """The network with random weights: (image, 3, y, x) in, (image, 384) out."""
    from torch import nn

    def convolution(inside: int, outside: int, stride: int) -> list[nn.Module]:
        """A convolution and its normalisation."""
        return [nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)]

    class Residual(nn.Module):
        """Two convolutions beside a shortcut."""

        def __init__(self, inside: int, outside: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                *convolution(inside, outside, stride),
                nn.ReLU(True),
                *convolution(outside, outside, 1),
            )
            short = [nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)]
            self.short = nn.Sequential(*short) if stride != 1 else nn.Identity()
            self.act = nn.ReLU(True)

        def forward(self, x: Any) -> Any:
            """Sum of both."""
            return self.act(self.body(x) + self.short(x))

    stages: list[nn.Module] = [*convolution(3, WIDTHS[0], 2), nn.ReLU(True)]
    for inside, outside in zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False):
        stages.append(Residual(inside, outside, 2))
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def pooled(net: Any, pixels: Any) -> Any:
    """(image, vector) of square (image, 3, y, x) pixels: mean, maximum, deviation of the last stages' channels.

    Seen from above there is no upright: it is the mean over the image as it is and turned by a quarter.
    """
    import torch

    stages, turned = list(net.children())[:-2], torch.rot90(pixels, 1, (2, 3))
    found = []
    for given in (pixels, turned):
        kept, seen = [], given
        for i, stage in enumerate(stages):
            seen = stage(seen)
            if i >= len(stages) - STAGES:
                kept += [seen.mean((2, 3)), seen.amax((2, 3)), seen.std((2, 3), correction=0)]
        found.append(torch.cat(kept, dim=1))
    return torch.stack(found).mean(dim=0)


class CompactBackbone:
    """The network with trained weights.

    Args:
        path: A `.safetensors` file of the format `landlore-compact-1`.

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
        """Resized to 224 pixels, central square."""
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
    def _network(self) -> Any:
        made = network()
        made.load_state_dict(
            {
                k.removeprefix("network."): v
                for k, v in self._weights.items()
                if k.startswith("network.")
            }
        )
        return made.eval()

    def images(self, images: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(image, 2016) float32 vectors, standardised over the training images."""
        import torch

        pixels = torch.from_numpy(np.stack([PREPROCESSING.apply(image) for image in images]))
        with torch.no_grad():
            found = pooled(self._network, pixels)
        found = (found - self._weights["mean"]) / self._weights["deviation"]
        out: NDArray[np.float32] = found.numpy()
        return out

    def seen(self) -> FeatureSet:
        """Unit image vectors of the labelled classes that it was trained on, some of each."""
        names = tuple(self._record["classes"])
        labels = self._weights["seen.labels"].numpy().astype(np.int64)
        vectors = unit_rows(self._weights["seen.vectors"].numpy(), f"{self.path}: seen images")
        items = tuple(f"{names[c]} {i}" for i, c in enumerate(labels))
        return FeatureSet(items, vectors, self.name, labels, names)


def compact_record(path: Path) -> dict[str, Any]:
    """What a weights file says of itself: classes, sets, figures; empty when it is of another format.

    Raises:
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
    return dict(json.loads(said["record"])) if said.get("format") == FORMAT else {}
