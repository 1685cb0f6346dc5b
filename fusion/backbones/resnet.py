"""Sizes come in; the residual network with attention pooling of CLIP's RN50 goes out as a torch module.

Radford et al. 2021, section 2.4: a stem of three convolutions, an average pool in place of every stride (Zhang, "Making
Convolutional Networks Shift-Invariant Again", ICML 2019), and attention of the mean over all places as the last pool.
Parameter names are those of the published checkpoints.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as f

_WIDER = 4  # channels after a bottleneck over those inside it


class Bottleneck(nn.Module):
    """Three convolutions beside a shortcut; a stride is an average pool."""

    def __init__(self, channels: int, inside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, inside, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv2 = nn.Conv2d(inside, inside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.conv3 = nn.Conv2d(inside, inside * _WIDER, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(inside * _WIDER)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.downsample: nn.Module | None = None
        if stride > 1 or channels != inside * _WIDER:
            parts = [
                ("-1", nn.AvgPool2d(stride)),
                ("0", nn.Conv2d(channels, inside * _WIDER, 1, bias=False)),
                ("1", nn.BatchNorm2d(inside * _WIDER)),
            ]
            self.downsample = nn.Sequential(OrderedDict(parts))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, y, x) to (batch, 4 inside, y / stride, x / stride)."""
        y = f.relu(self.bn1(self.conv1(x)))
        y = f.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(self.pool(y)))
        return f.relu(y + (x if self.downsample is None else self.downsample(x)))


class AttentionPool(nn.Module):
    """The mean over all places asks, all places answer: multi-head attention with one query."""

    def __init__(self, places: int, width: int, heads: int, out: int) -> None:
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.empty(places + 1, width))
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, out)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, y, x) to (batch, out)."""
        places = x.flatten(2).transpose(1, 2)
        tokens = torch.cat([places.mean(dim=1, keepdim=True), places], dim=1)
        tokens = tokens + self.positional_embedding
        query, key, value = (
            layer(part).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, part in (
                (self.q_proj, tokens[:, :1]),
                (self.k_proj, tokens),
                (self.v_proj, tokens),
            )
        )
        pooled = f.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.c_proj(pooled.transpose(1, 2).flatten(2)[:, 0])
        return out


class ModifiedResNet(nn.Module):
    """CLIP's residual network.

    Args:
        layers: Bottlenecks per stage; (3, 4, 6, 3) for RN50.
        width: Channels inside the bottlenecks of the first stage, 64 for RN50.
        side: Side of the images, pixels.
        heads: Heads of the attention pool.
        out: Numbers per image.
    """

    def __init__(
        self, layers: tuple[int, ...], width: int, side: int, heads: int, out: int
    ) -> None:
        super().__init__()
        half = width // 2
        self.conv1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        channels = width
        for stage, count in enumerate(layers):
            inside = width * 2**stage
            blocks = []
            for i in range(count):
                blocks.append(Bottleneck(channels, inside, 2 if stage and not i else 1))
                channels = inside * _WIDER
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.stages = len(layers)
        self.attnpool = AttentionPool((side // 32) ** 2, channels, heads, out)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, side, side) to (batch, out)."""
        for i in (1, 2, 3):
            x = f.relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
        x = f.avg_pool2d(x, 2)
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        out: Tensor = self.attnpool(x)
        return out
