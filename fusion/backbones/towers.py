"""Sizes come in; the two towers of CLIP go out as torch modules with the parameter names of published checkpoints.

Architecture: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, 2.4;
the names are those of the files of OpenAI and open_clip, so that these load without renaming.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TowerSize:
    """Size of one transformer.

    Attributes:
        width: Numbers per token.
        layers: Blocks.
        heads: Attention heads.
        hidden: Width of the two-layer perceptron inside a block.
    """

    width: int
    layers: int
    heads: int
    hidden: int


class QuickGelu(nn.Module):
    """x times the logistic function of 1.702 x: what OpenAI trained with; not the same as GELU."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "quick_gelu": QuickGelu}


class Block(nn.Module):
    """Attention and a perceptron, each after a layer norm and beside a shortcut."""

    def __init__(self, size: TowerSize, activation: str) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(size.width)
        self.attn = nn.MultiheadAttention(size.width, size.heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(size.width)
        layers = [
            ("c_fc", nn.Linear(size.width, size.hidden)),
            ("gelu", ACTIVATIONS[activation]()),
            ("c_proj", nn.Linear(size.hidden, size.width)),
        ]
        self.mlp = nn.Sequential(OrderedDict(layers))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, token, width) to the same."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class Transformer(nn.Module):
    """Blocks one after the other."""

    def __init__(self, size: TowerSize, activation: str) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(size, activation) for _ in range(size.layers))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, token, width) to the same."""
        for block in self.resblocks:
            x = block(x, mask)
        return x


class VisionTransformer(nn.Module):
    """Patches of an image and a class token through a transformer; the class token is projected."""

    def __init__(self, size: TowerSize, patch: int, side: int, out: int, activation: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, size.width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(size.width))
        self.positional_embedding = nn.Parameter(torch.empty((side // patch) ** 2 + 1, size.width))
        self.ln_pre = nn.LayerNorm(size.width)
        self.transformer = Transformer(size, activation)
        self.ln_post = nn.LayerNorm(size.width)
        self.proj = nn.Parameter(torch.empty(size.width, out))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, side, side) to (batch, out)."""
        patches = self.conv1(x).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(x), 1, -1)
        tokens = torch.cat([first, patches], dim=1) + self.positional_embedding
        done = self.transformer(self.ln_pre(tokens))
        out: Tensor = self.ln_post(done[:, 0]) @ self.proj
        return out


class TwoTowers(nn.Module):
    """An image tower under "visual", and the prompt tower of CLIP beside it."""

    def __init__(
        self, visual: nn.Module, size: TowerSize, words: tuple[int, int], out: int, activation: str
    ) -> None:
        """`words` are the numbers of known tokens and of tokens per prompt."""
        super().__init__()
        self.visual = visual
        self.token_embedding = nn.Embedding(words[0], size.width)
        self.positional_embedding = nn.Parameter(torch.empty(words[1], size.width))
        self.transformer = Transformer(size, activation)
        self.ln_final = nn.LayerNorm(size.width)
        self.text_projection = nn.Parameter(torch.empty(size.width, out))

    def images(self, pixels: Tensor) -> Tensor:
        """(batch, 3, side, side) to (batch, out)."""
        found: Tensor = self.visual(pixels)
        return found

    def prompts(self, tokens: Tensor) -> Tensor:
        """(batch, token) whole numbers, the largest of a row ending it, to (batch, out)."""
        ends = tokens.argmax(dim=1)
        length = int(ends.max()) + 1  # what follows the end is never looked at
        x = self.token_embedding(tokens[:, :length]) + self.positional_embedding[:length]
        mask = torch.full((length, length), float("-inf")).triu(1)
        done = self.ln_final(self.transformer(x, mask))
        found: Tensor = done[torch.arange(len(tokens)), ends] @ self.text_projection
        return found


def filled(module: Any, weights: dict[str, Tensor]) -> Any:
    """A module made on the device "meta", with the tensors of a checkpoint as its parameters, for inference."""
    module.load_state_dict(weights, strict=True, assign=True)
    return module.eval().requires_grad_(False)
