from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("torch") is None:
    pytest.skip("needs the vision extra", allow_module_level=True)

import torch
from torch.nn import functional as f

from fusion.backbones.openclip import OpenClipFile
from fusion.backbones.resnet import AttentionPool, Bottleneck, ModifiedResNet
from fusion.backbones.towers import TowerSize, TwoTowers


def seeded(module):
    torch.manual_seed(0)
    with torch.no_grad():
        for value in (*module.parameters(), *module.buffers()):
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) * 0.2 + 0.1)
    return module.eval()


def test_attention_pool_is_multi_head_attention_of_the_mean():
    pool, x = seeded(AttentionPool(4, 16, 2, 5)), torch.randn(3, 16, 2, 2)
    places = x.flatten(2).permute(2, 0, 1)
    tokens = torch.cat([places.mean(0, keepdim=True), places]) + pool.positional_embedding[:, None]
    parts = (pool.q_proj, pool.k_proj, pool.v_proj)
    expected, _ = f.multi_head_attention_forward(
        tokens[:1], tokens, tokens, 16, 2, None, torch.cat([p.bias for p in parts]), None, None, False, 0.0,
        pool.c_proj.weight, pool.c_proj.bias, use_separate_proj_weight=True,
        q_proj_weight=parts[0].weight, k_proj_weight=parts[1].weight, v_proj_weight=parts[2].weight,
    )  # fmt: skip
    torch.testing.assert_close(pool(x), expected[0], atol=1e-5, rtol=1e-5)


def test_a_stride_is_an_average_and_the_shortcut_is_added():
    block, x = seeded(Bottleneck(8, 4, 2)), torch.randn(2, 8, 6, 6)
    with torch.no_grad():
        for value in block.conv3.parameters():
            value.zero_()
        block.bn3.bias.zero_()
        block.bn3.running_mean.zero_()
        shortcut = block.downsample[2](block.downsample[1](f.avg_pool2d(x, 2)))
    torch.testing.assert_close(block(x), f.relu(shortcut))


def test_a_checkpoint_of_a_residual_network_is_recognised(tmp_path):
    """Sizes come from the tensors alone; the image tower has ReLU whatever the activation."""
    with torch.device("cpu"):
        visual = ModifiedResNet((1, 2, 1, 1), 8, 64, 4, 24)
        model = seeded(TwoTowers(visual, TowerSize(64, 1, 1, 96), (600, 12), 24, "gelu"))
    torch.save(model.state_dict(), tmp_path / "rn.bin")
    clip, other = (OpenClipFile(tmp_path / "rn.bin", activation=a) for a in ("gelu", "quick_gelu"))
    assert clip.shape.stages == (1, 2, 1, 1)
    assert (clip.shape.side, clip.shape.vision.heads) == (64, 4)
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    pixels = torch.from_numpy(clip.preprocessing.apply(image)[None])
    np.testing.assert_allclose(clip.images([image]), visual(pixels).detach(), rtol=1e-5)
    np.testing.assert_array_equal(clip.images([image]), other.images([image]))
    tokens = torch.tensor([[1, 7, 599, 0, 0]])
    assert not torch.equal(clip._model.prompts(tokens), other._model.prompts(tokens))
