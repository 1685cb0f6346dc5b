from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest
from image_processors import image_processor

from fusion.backbones.preprocessing import Preprocessing, read_preprocessing
from fusion.backbones.protocol import class_texts
from fusion.backbones.transformers_folder import TransformersFolder
from fusion.backbones.vectors import embed_files
from kg.errors import InputError

vision = pytest.mark.skipif(find_spec("transformers") is None, reason="needs the vision extra")
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
PROCESSOR = {
    "size": {"shortest_edge": 32},
    "crop_size": {"height": 32, "width": 32},
    "resample": 3,
    "image_mean": list(MEAN),
    "image_std": list(STD),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A CLIP of random weights, small enough to make in a moment, saved as transformers saves it."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    where = tmp_path_factory.mktemp("clip")
    letters = [chr(c) for c in range(33, 127)]
    tokens = [
        *letters,
        *(letter + "</w>" for letter in letters),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    vocab = {token: i for i, token in enumerate(tokens)}
    (where / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    (where / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 24}
    (where / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (where / "preprocessor_config.json").write_text(json.dumps(PROCESSOR), encoding="utf-8")
    size = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    ends = {"bos_token_id": vocab["<|startoftext|>"], "eos_token_id": vocab["<|endoftext|>"]}
    text = {**size, **ends, "vocab_size": len(vocab), "max_position_embeddings": 24}
    vision_side = {**size, "image_size": 32, "patch_size": 8}
    torch.manual_seed(0)
    CLIPModel(
        CLIPConfig(text_config=text, vision_config=vision_side, projection_dim=12)
    ).save_pretrained(where)
    return where


def image(seed=0, shape=(40, 56, 3)):
    return np.random.default_rng(seed).integers(0, 255, shape, np.uint8)


@vision
def test_image_vectors_equal_those_of_the_reference_pipeline(folder):
    import torch
    from transformers import CLIPModel

    reference = image_processor("clip", "CLIP").from_pretrained(folder)
    clip = TransformersFolder(folder)
    for shape in ((40, 56, 3), (33, 32, 3), (20, 70, 3), (100, 64, 3)):
        pixels = image(1, shape)
        expected = np.asarray(reference(pixels, return_tensors="np")["pixel_values"][0])
        np.testing.assert_allclose(clip.preprocessing.apply(pixels), expected, atol=1e-6)
    with torch.no_grad():
        model = CLIPModel.from_pretrained(folder).eval()
        batch = torch.from_numpy(np.stack([clip.preprocessing.apply(image(1))]))
        direct = model.visual_projection(model.vision_model(batch).pooler_output).numpy()
    np.testing.assert_allclose(clip.images([image(1)]), direct, atol=1e-6)


@vision
def test_prompts_are_averaged_per_class(folder):
    clip = TransformersFolder(folder)
    one = class_texts(clip, ["lake"], ["a photo of a {}"])
    vectors = clip.prompts(["a photo of a lake", "a map of a lake"])
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(one, vectors[:1], atol=1e-5)
    both = class_texts(clip, ["lake", "port"], ["a photo of a {}", "a map of a {}"])
    assert both.shape == (2, 12)
    np.testing.assert_allclose(
        both[0], vectors.mean(0) / np.linalg.norm(vectors.mean(0)), atol=1e-5
    )
    assert clip.prompts(["x" * 200]).shape == (1, 12)


@vision
def test_files_go_in_and_unit_vectors_come_out(folder, tmp_path):
    from PIL import Image

    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for i, path in enumerate(paths):
        Image.fromarray(image(i)).save(path)
    clip = TransformersFolder(folder)
    found = embed_files(paths, clip, batch=2)
    assert found.vectors.shape == (3, 12)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)


@vision
def test_torchvision_is_not_needed(folder):
    import sys

    TransformersFolder(folder).images([image()])
    assert "torchvision" not in sys.modules


def test_folders_that_are_no_clip_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"config\.json"):
        TransformersFolder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(InputError, match="expected one of clip"):
        TransformersFolder(tmp_path)
    (tmp_path / "config.json").write_text(
        '{"model_type": "clip", "vision_config": {"image_size": 64}}', encoding="utf-8"
    )
    with pytest.raises(InputError, match="preprocessor_config"):
        TransformersFolder(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PROCESSOR), encoding="utf-8")
    with pytest.raises(InputError, match="takes 64 px"):
        TransformersFolder(tmp_path)


@vision
def test_weights_of_another_model_are_refused(folder, tmp_path):
    import shutil

    from safetensors.numpy import load_file, save_file

    shutil.copytree(folder, tmp_path / "cut")
    weights = load_file(tmp_path / "cut" / "model.safetensors")
    weights.pop("visual_projection.weight")
    save_file(weights, tmp_path / "cut" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="weights missing"):
        TransformersFolder(tmp_path / "cut").images([image()])
    (tmp_path / "cut" / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be loaded"):
        TransformersFolder(tmp_path / "cut").images([image()])


@pytest.mark.parametrize(
    "change",
    [
        {"do_center_crop": False},
        {"image_mean": None},
        {"size": {"height": 8, "width": 9}},
        {"resample": 99},
    ],
)
def test_unclear_preprocessing_is_refused(change):
    with pytest.raises(InputError):
        read_preprocessing(PROCESSOR | change, "here")


def test_old_preprocessor_files_are_understood():
    old = PROCESSOR | {"size": 32, "crop_size": 32}
    assert read_preprocessing(old, "here") == Preprocessing(32, 32, 3, MEAN, STD)
