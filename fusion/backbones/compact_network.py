"""The network behind Landlore's own weights: (image, 3, y, x) pixels come in, (image, 1280) vectors go out.

Plain convolutions and residual blocks (He et al., CVPR 2016) in five stages. Each stage ends in as many channels as a
MobileNetV2 (Sandler et al., CVPR 2018) has at the same place, so that each can be taught by what the frozen one sees
there (hints: Romero et al., ICLR 2015); within stages the two have nothing in common.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

HINTS = (32, 64, 96, 160, 320)
"""Channels that each stage gives to the next."""
LENGTH = 1280
"""Numbers of an image's vector."""
STAGES: tuple[tuple[int | tuple[int, int], ...], ...] = (
    ((32, 2), (48, 2), 48, (96, 2), 96),
    ((128, 2), 128, 128),
    ((192, 1), 192),
    ((256, 2), 256, 256),
    ((320, 1), 320),
)
"""Of each stage: convolutions (width, stride), and residual blocks (width)."""


def convolution(inside: int, outside: int, stride: int = 1) -> list[nn.Module]:
    """Three by three pixels, and the normalisation."""
    return [nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)]


class Residual(nn.Module):
    """Two convolutions beside what comes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *convolution(width, width), nn.ReLU(True), *convolution(width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sum of both."""
        return F.relu(x + self.body(x))


def stage(inside: int, steps: tuple[int | tuple[int, int], ...], outside: int) -> nn.Sequential:
    """One stage, (image, inside, y, x) to (image, outside, y / strides, x / strides)."""
    made: list[nn.Module] = []
    for step in steps:
        if isinstance(step, int):
            made.append(Residual(step))
        else:
            made += [*convolution(inside, *step), nn.ReLU(True)]
            inside = step[0]
    return nn.Sequential(*made, nn.Conv2d(inside, outside, 1))


class Tail(nn.Module):
    """All stages but the first, and what is pooled."""

    def __init__(self) -> None:
        super().__init__()
        pairs = zip(HINTS, STAGES[1:], HINTS[1:], strict=False)
        self.stages = nn.ModuleList([stage(i, steps, o) for i, steps, o in pairs])
        self.last = nn.Conv2d(HINTS[-1], LENGTH, 1)
        self.mean: torch.Tensor
        self.deviation: torch.Tensor
        self.register_buffer("mean", torch.zeros(LENGTH))
        self.register_buffer("deviation", torch.ones(LENGTH))

    def hints(
        self, x: torch.Tensor, taught: list[torch.Tensor] | None = None
    ) -> list[torch.Tensor]:
        """What each stage gives, and the pooled vector in units of deviation; with `taught` each sees what is right."""
        found = []
        for i, part in enumerate(self.stages):
            x = part(x)
            found.append(x)
            x = x if taught is None else taught[i]
        return [*found, (self.pooled(x) - self.mean) / self.deviation]

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """(image, 1280): how strongly things are there, mean over the image."""
        return F.relu6(self.last(x)).float().mean((2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(image, 1280) of what the first stage gives."""
        for part in self.stages:
            x = part(x)
        return self.pooled(x)


class Network(nn.Module):
    """The whole network."""

    def __init__(self) -> None:
        super().__init__()
        self.first = stage(3, STAGES[0], HINTS[0])
        self.tail = Tail()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(image, 1280) of pixels in units of deviation."""
        found: torch.Tensor = self.tail(self.first(x))
        return found
