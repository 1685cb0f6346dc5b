"""Random weights under open_clip's names must give the vectors that CLIPModel of transformers gives."""

from __future__ import annotations

import json
import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from kg.errors import InputError

if find_spec("transformers") is None:
    pytest.skip("needs the vision extra", allow_module_level=True)

import torch
from transformers import CLIPConfig, CLIPModel

from fusion.backbones.openclip import OpenClipFile
from fusion.backbones.protocol import class_texts, fingerprint

PAIRS = [("a", "n</w>"), ("p", "o"), ("s", "e"), ("se", "a</w>")]
WORDS = 512 + len(PAIRS) + 2
VISION = {"width": 32, "layers": 2, "head_width": 16, "patch_size": 8, "image_size": 32}
TEXT = {"width": 64, "layers": 2, "heads": 4, "context_length": 12, "vocab_size": WORDS}


def reference(activation):
    size = {"num_hidden_layers": 2, "hidden_act": activation}
    text = {
        "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "vocab_size": WORDS,
        "max_position_embeddings": 12, "eos_token_id": WORDS - 1, "bos_token_id": WORDS - 2,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "image_size": 32, "patch_size": 8,
    }  # fmt: skip
    torch.manual_seed(0)
    config = CLIPConfig(text_config=text | size, vision_config=vision | size, projection_dim=24)
    model = CLIPModel(config).eval()
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.2 * torch.randn_like(value))
    return model


def renamed(model):
    """The state of a CLIPModel under the names of open_clip."""
    out, state = {}, model.state_dict()
    for ours, theirs in (("visual.", "vision_model"), ("", "text_model")):
        for i in range(2):
            here, there = f"{ours}transformer.resblocks.{i}.", f"{theirs}.encoder.layers.{i}."
            for kind in ("weight", "bias"):
                rows = [state[f"{there}self_attn.{x}_proj.{kind}"] for x in "qkv"]
                out[f"{here}attn.in_proj_{kind}"] = torch.cat(rows)
                for a, b in (
                    ("attn.out_proj", "self_attn.out_proj"),
                    ("ln_1", "layer_norm1"),
                    ("ln_2", "layer_norm2"),
                    ("mlp.c_fc", "mlp.fc1"),
                    ("mlp.c_proj", "mlp.fc2"),
                ):
                    out[f"{here}{a}.{kind}"] = state[f"{there}{b}.{kind}"]
    for kind in ("weight", "bias"):
        out[f"visual.ln_pre.{kind}"] = state[f"vision_model.pre_layrnorm.{kind}"]
        out[f"visual.ln_post.{kind}"] = state[f"vision_model.post_layernorm.{kind}"]
        out[f"ln_final.{kind}"] = state[f"text_model.final_layer_norm.{kind}"]
    seen = "vision_model.embeddings."
    out["visual.conv1.weight"] = state[f"{seen}patch_embedding.weight"]
    out["visual.class_embedding"] = state[f"{seen}class_embedding"]
    out["visual.positional_embedding"] = state[f"{seen}position_embedding.weight"]
    out["visual.proj"] = state["visual_projection.weight"].T.contiguous()
    out["token_embedding.weight"] = state["text_model.embeddings.token_embedding.weight"]
    out["positional_embedding"] = state["text_model.embeddings.position_embedding.weight"]
    out["text_projection"] = state["text_projection.weight"].T.contiguous()
    out["logit_scale"] = state["logit_scale"]
    return out


def config(quick=False, **changes):
    model = {"embed_dim": 24, "quick_gelu": quick, "vision_cfg": VISION, "text_cfg": TEXT}
    return {"model_cfg": model} | changes


@pytest.fixture
def place(tmp_path):
    """A folder with the weights, the settings beside them, and byte pairs."""
    torch.save(renamed(reference("gelu")), tmp_path / "tiny.pt")
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config()), encoding="utf-8")
    lines = ["version", *(" ".join(pair) for pair in PAIRS)]
    (tmp_path / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def image(seed=0, shape=(40, 57, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def expected(model, clip, images, texts):
    with torch.no_grad():
        pixels = torch.from_numpy(np.stack([clip.preprocessing.apply(i) for i in images]))
        seen = model.get_image_features(pixel_values=pixels)
        read = model.get_text_features(input_ids=torch.from_numpy(clip._tokenizer(texts)))
    return [np.asarray(getattr(x, "pooler_output", x)) for x in (seen, read)]


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
def test_vectors_equal_those_of_transformers(place, activation):
    model = reference(activation)
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in renamed(model).items()}},
        place / "tiny.pt",
    )
    settings = config(activation == "quick_gelu")
    (place / "open_clip_config.json").write_text(json.dumps(settings), encoding="utf-8")
    clip = OpenClipFile(place / "tiny.pt")
    images, texts = [image(), image(1, (32, 33, 3))], ["An aerial photo of the sea", "port " * 30]
    seen, read = expected(model, clip, images, texts)
    np.testing.assert_allclose(clip.images(images), seen, atol=2e-5)
    np.testing.assert_allclose(clip.prompts(texts), read, atol=2e-5)
    other = reference("gelu" if activation == "quick_gelu" else "quick_gelu")
    assert np.abs(expected(other, clip, images, texts)[0] - seen).max() > 1e-3


def test_safetensors_and_a_prefix_of_the_text_tower(place):
    from safetensors.torch import save_file

    before = OpenClipFile(place / "tiny.pt")
    weights = {
        k if k.startswith(("visual.", "logit")) else f"text.{k}": v.clone()
        for k, v in renamed(reference("gelu")).items()
    }
    save_file(weights, place / "tiny.safetensors")
    after = OpenClipFile(place / "tiny.safetensors")
    np.testing.assert_array_equal(before.images([image()]), after.images([image()]))
    texts = ["an aerial photo of a {}"]
    np.testing.assert_array_equal(
        class_texts(before, ["sea"], texts), class_texts(after, ["sea"], texts)
    )
    assert fingerprint(before) != fingerprint(after)  # another file; nobody promised equal tensors


def test_what_is_in_doubt_is_refused_with_the_way_out(place):
    (place / "open_clip_config.json").unlink()
    with pytest.raises(InputError, match="attention heads") as caught:
        OpenClipFile(place / "tiny.pt", activation="gelu")
    assert "open_clip_config.json" in caught.value.hint
    wide = {k: v for k, v in renamed(reference("gelu")).items()}
    shape = (768, 3, 8, 8)  # as wide and deep as a ViT-B, whose heads are known
    wide["visual.conv1.weight"] = torch.zeros(shape)
    for i in range(12):
        wide[f"visual.transformer.resblocks.{i}.mlp.c_fc.weight"] = torch.zeros(4, 768)
    torch.save(wide, place / "wide.pt")
    with pytest.raises(InputError, match="GELU or with QuickGELU") as caught:
        OpenClipFile(place / "wide.pt")
    assert "--activation quick_gelu or gelu" in caught.value.hint
    with pytest.raises(InputError, match="expected gelu or quick_gelu"):
        OpenClipFile(place / "wide.pt", activation="relu")
    with pytest.raises(InputError, match="of other shape"):
        OpenClipFile(place / "wide.pt", activation="gelu")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (config() | {"model_cfg": config()["model_cfg"] | {"embed_dim": 8}}, "embed_dim is 24"),
        (config(preprocess_cfg={"resize_mode": "longest"}), "resize_mode longest"),
        (config(preprocess_cfg={"size": 64}), "size 64"),
        (
            config() | {"model_cfg": config()["model_cfg"] | {"multimodal_cfg": {}}},
            "multimodal_cfg",
        ),
        ({}, "not settings of open_clip"),
    ],
)
def test_settings_that_do_not_fit_are_refused(place, settings, message):
    (place / "open_clip_config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        OpenClipFile(place / "tiny.pt")


def test_an_activation_against_the_settings_is_refused(place):
    with pytest.raises(InputError, match="--activation quick_gelu, but"):
        OpenClipFile(place / "tiny.pt", activation="quick_gelu")


def test_settings_bring_their_preprocessing(place):
    plain = OpenClipFile(place / "tiny.pt")
    settings = config(preprocess_cfg={"mean": [0, 0, 0], "std": [1, 1, 1], "resize_mode": "squash"})
    (place / "open_clip_config.json").write_text(json.dumps(settings), encoding="utf-8")
    clip = OpenClipFile(place / "tiny.pt")
    assert clip.preprocessing.square
    assert clip.preprocessing.apply(image()).max() <= 1
    assert fingerprint(clip) != fingerprint(plain)


def test_prompts_need_the_byte_pairs(place):
    (place / "merges.txt").unlink()
    clip = OpenClipFile(place / "tiny.pt")
    assert clip.images([image()]).shape == (1, 24)
    with pytest.raises(InputError, match="byte pairs") as caught:
        clip.prompts(["sea"])
    assert "pip download --no-deps open_clip_torch" in caught.value.hint


def test_openais_own_archive_is_read_as_data(place):
    """TorchScript with the three entries of OpenAI's code: QuickGELU, no flag needed, and no code run."""
    (place / "open_clip_config.json").unlink()
    weights = {k: v for k, v in renamed(reference("quick_gelu")).items()}

    class Holder(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    holder = Holder()
    for key, value in weights.items():
        *path, last = key.split(".")
        module = holder
        for part in path:
            if not hasattr(module, part):
                module.add_module(part, Holder())
            module = getattr(module, part)
        module.register_buffer(last, value.half() if value.is_floating_point() else value)
    for name in ("input_resolution", "context_length", "vocab_size"):
        holder.register_buffer(name, torch.tensor(32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(holder), place / "openai.pt")
    from fusion.backbones.clip_shape import _activation
    from fusion.backbones.weights import read_weights

    found = read_weights(place / "openai.pt")
    for key, value in weights.items():
        np.testing.assert_allclose(found[key], value, atol=2e-3)
    assert _activation(found, {}, None, place) == "quick_gelu"
    with pytest.raises(InputError, match="its own entries"):
        _activation(found, {}, "gelu", place)
