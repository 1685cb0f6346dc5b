"""SigLIP, DINOv2 and DINOv3 folders of random weights, beside what transformers makes of the same files."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest
from image_processors import image_processor

from kg.errors import InputError

if find_spec("transformers") is None:
    pytest.skip("needs the vision extra", allow_module_level=True)

import torch
import transformers as tf

from fusion.backbones.choice import open_backbone
from fusion.backbones.protocol import class_texts, fingerprint
from fusion.backbones.reading import ReadSettings

SIZE = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
HALF, NET = [0.5, 0.5, 0.5], ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
SIGLIP = {
    "image_processor_type": "SiglipImageProcessor", "size": {"height": 32, "width": 32}, "resample": 3,
    "image_mean": HALF, "image_std": HALF, "do_center_crop": None,
}  # fmt: skip
BIT = {
    "image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 40}, "resample": 3,
    "crop_size": {"height": 28, "width": 28}, "image_mean": NET[0], "image_std": NET[1],
}  # fmt: skip
DINO3 = {
    "image_processor_type": "DINOv3ViTImageProcessorFast", "size": {"height": 32, "width": 32}, "resample": 2,
    "image_mean": NET[0], "image_std": NET[1],
}  # fmt: skip


def image(shape=(45, 61, 3)):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def saved(where, model, processor):
    model.eval().save_pretrained(where)
    (where / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return model


def words(where):
    from tokenizers import Tokenizer, models, pre_tokenizers

    known = {w: i for i, w in enumerate(["<pad>", "<unk>", "a", "photo", "of", "lake", "port"])}
    coder = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    coder.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = tf.PreTrainedTokenizerFast(
        tokenizer_object=coder, pad_token="<pad>", unk_token="<unk>", model_max_length=8
    )
    made.save_pretrained(where)
    return made


def test_siglip(tmp_path):
    torch.manual_seed(0)
    text = {**SIZE, "vocab_size": 7, "max_position_embeddings": 8, "projection_size": 16}
    seen = {**SIZE, "image_size": 32, "patch_size": 8}
    config = tf.SiglipConfig(text_config=text, vision_config=seen)
    model, coder = saved(tmp_path, tf.SiglipModel(config), SIGLIP), words(tmp_path)
    ours = open_backbone(tmp_path)
    reference = image_processor("siglip", "Siglip").from_pretrained(tmp_path)
    pixels = np.asarray(reference(image(), return_tensors="np")["pixel_values"][0])
    np.testing.assert_allclose(ours.preprocessing.apply(image()), pixels, atol=1e-6)
    tokens = coder(
        ["a photo of a lake", "port"], padding="max_length", max_length=8, return_tensors="pt"
    )
    with torch.no_grad():
        full = model(input_ids=tokens["input_ids"], pixel_values=torch.from_numpy(pixels[None]))
    for found, expected in (
        (ours.images([image()]), full.image_embeds),
        (ours.prompts(["A photo of a LAKE", "port"]), full.text_embeds),
    ):
        unit = found / np.linalg.norm(found, axis=1, keepdims=True)
        np.testing.assert_allclose(unit, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("registers", [False, True])
def test_dinov2_sees_images_only(tmp_path, registers):
    torch.manual_seed(0)
    size = {**SIZE, "image_size": 42, "patch_size": 14}
    config, kind = tf.Dinov2Config(**size), tf.Dinov2Model
    if registers:
        config, kind = tf.Dinov2WithRegistersConfig(**size), tf.Dinov2WithRegistersModel
    model = saved(tmp_path, kind(config), BIT)
    ours = open_backbone(tmp_path)
    reference = image_processor("bit", "Bit").from_pretrained(tmp_path)
    pixels = np.asarray(reference(image(), return_tensors="np")["pixel_values"][0])
    np.testing.assert_allclose(ours.preprocessing.apply(image()), pixels, atol=1e-6)
    with torch.no_grad():
        expected = model(torch.from_numpy(pixels[None])).last_hidden_state[:, 0]
    np.testing.assert_allclose(ours.images([image()]), expected.numpy(), atol=1e-5)
    with pytest.raises(InputError, match="sees images only") as caught:
        class_texts(ours, ["lake"], ["a photo of a {}"])
    assert "--seen" in caught.value.hint


@pytest.mark.skipif(not hasattr(tf, "DINOv3ViTConfig"), reason="transformers knows no DINOv3")
def test_dinov3_is_scaled_before_it_is_resized(tmp_path):
    """Its processor needs torchvision; what it does is a resize of floats with antialiasing, which torch has too."""
    torch.manual_seed(0)
    config = tf.DINOv3ViTConfig(**SIZE, image_size=32, patch_size=8, num_register_tokens=2)
    model = saved(tmp_path, tf.DINOv3ViTModel(config), DINO3)
    ours = open_backbone(tmp_path)
    plain = torch.from_numpy(image()).permute(2, 0, 1)[None].float() / 255
    small = torch.nn.functional.interpolate(plain, (32, 32), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(x)[:, None, None] for x in NET)
    pixels = (small - mean) / std
    np.testing.assert_allclose(ours.preprocessing.apply(image()), pixels[0].numpy(), atol=1e-4)
    with torch.no_grad():
        expected = model(pixels).last_hidden_state[:, 0]
    np.testing.assert_allclose(ours.images([image()]), expected.numpy(), atol=1e-3)
    assert json.loads(fingerprint(ours))["preprocessing"]["float_resize"]


def test_a_kind_that_transformers_is_too_old_for(tmp_path, monkeypatch):
    saved(tmp_path, tf.Dinov2Model(tf.Dinov2Config(**SIZE, image_size=42, patch_size=14)), BIT)

    def old(*args, **kwargs):
        raise ValueError(
            "model type `dinov2` but Transformers does not recognize this architecture.\nYou ..."
        )

    monkeypatch.setattr(tf.AutoModel, "from_pretrained", old)
    with pytest.raises(InputError, match="older than its kind") as caught:
        open_backbone(tmp_path).images([image()])
    assert caught.value.hint == "pip install --upgrade transformers"


def test_what_is_no_model_is_refused(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text('{"model_type": "siglip2"}', encoding="utf-8")
    with pytest.raises(InputError, match="siglip2") as caught:
        open_backbone(tmp_path)
    assert "fixed image size" in caught.value.hint
    (tmp_path / "config.json").write_text(
        '{"model_type": "dinov2", "patch_size": 14}', encoding="utf-8"
    )
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(SIGLIP), encoding="utf-8")
    with pytest.raises(InputError, match="a multiple of 14 px"):
        open_backbone(tmp_path)
    with pytest.raises(InputError, match="single checkpoint files"):
        open_backbone(tmp_path, ReadSettings(activation="gelu"))
    with pytest.raises(InputError, match="neither a model folder") as caught:
        open_backbone("openai/clip-vit-base-patch32")
    assert "hub:OWNER/NAME" in caught.value.hint


def test_the_hub_is_asked_only_by_name_and_its_failure_says_what_to_do(monkeypatch):
    import huggingface_hub

    def no_network(*_, **__):
        raise huggingface_hub.errors.LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", no_network)
    with pytest.raises(
        InputError, match=r"hub:a/b: cannot be fetched .* \(no connection\)"
    ) as caught:
        open_backbone("hub:a/b")
    assert "hf download a/b --local-dir FOLDER" in caught.value.hint
