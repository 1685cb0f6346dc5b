"""The tensors of a CLIP checkpoint and the settings beside it come in; sizes go out; what is in doubt is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion.backbones.preprocessing import Preprocessing, clip_preprocessing
from fusion.backbones.towers import ACTIVATIONS, TowerSize
from kg.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

SETTINGS = "open_clip_config.json"
OPENAI_ONLY = frozenset({"input_resolution", "context_length", "vocab_size"})
"""Entries that only OpenAI's own code writes; it knows QuickGELU alone."""
_HEADS = {
    (512, 12): 8,
    (640, 12): 10,
    (768, 12): 12,
    (896, 12): 14,
    (1024, 24): 16,
    (1280, 32): 16,
    (1408, 40): 16,
    (1664, 48): 16,
}  # (width, layers) of the image towers that open_clip publishes, and their attention heads
_TEXT_HEAD = 64
_FILTERS = {"bicubic": 3, "bilinear": 2}
_VISION = {"image_size", "layers", "width", "head_width", "mlp_ratio", "patch_size"}
_TEXT = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"}
_WHO = (
    "OpenAI, GeoRSCLIP B/32, SkyCLIP L/14: quick_gelu; LAION, GeoRSCLIP H/14, SkyCLIP B/32: gelu; "
    "RemoteCLIP: see docs/scenes.md"
)


@dataclass(frozen=True)
class ClipShape:
    """What a CLIP checkpoint is.

    Attributes:
        vision: The image tower; of a residual network, `layers` is 0 and `heads` are those of its pool.
        stages: Bottlenecks per stage of a residual network; empty for a vision transformer.
        patch: Side of a patch, pixels; 32 for a residual network.
        side: Side of the images, pixels.
        text: The prompt tower.
        words: Numbers of known tokens and of tokens per prompt.
        out: Numbers per image and per prompt.
        activation: "gelu" or "quick_gelu".
        preprocessing: What is done to images before.
    """

    vision: TowerSize
    stages: tuple[int, ...]
    patch: int
    side: int
    text: TowerSize
    words: tuple[int, int]
    out: int
    activation: str
    preprocessing: Preprocessing


def clip_shape(weights: Mapping[str, Tensor], path: Path, activation: str | None) -> ClipShape:
    """Find out what a checkpoint is.

    Args:
        weights: Its tensors.
        path: Its file; `open_clip_config.json` beside it is read where there is one.
        activation: "gelu" or "quick_gelu", where the user knows.

    Raises:
        InputError: Not a CLIP model, or something in doubt: activation, heads, preprocessing.
    """
    config = _settings(path.parent / SETTINGS)
    try:
        text, words, out = _text(weights, config)
        residual = "visual.layer1.0.conv1.weight" in weights
        found = _residual(weights) if residual else _transformer(weights, config)
    except KeyError as error:
        raise InputError(
            f"{path}: not a CLIP with OpenAI's text tower: no {error.args[0]}, but {sorted(weights)[0]} ...",
            "ViT and RN models of OpenAI CLIP and open_clip are read; others as a transformers folder",
        ) from error
    vision, stages, patch, side = found
    if 0 in (vision.heads, text.heads):
        raise InputError(
            f"{path}: the weights do not say the number of attention heads (widths {vision.width}, {text.width})",
            f"put the model's {SETTINGS} beside it (model_cfg: vision_cfg.head_width, text_cfg.heads)",
        )
    kind = _activation(weights, config, activation, path)
    shape = ClipShape(vision, stages, patch, side, text, words, out, kind, clip_preprocessing(side))
    return _checked(shape, config, path) if config else shape


def _settings(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        model = config["model_cfg"]
        unknown = {
            *(set(model["vision_cfg"]) - _VISION),
            *(set(model["text_cfg"]) - _TEXT),
            *(set(model) - {"embed_dim", "quick_gelu", "vision_cfg", "text_cfg"}),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not settings of open_clip ({error!r})", "copy the file again, or take it away"
        ) from error
    if unknown:
        raise InputError(
            f"{path}: {', '.join(sorted(unknown))}: a kind of model that is not read",
            "ViT and RN models with OpenAI's text tower are",
        )
    found: Mapping[str, Any] = config
    return found


def _count(weights: Mapping[str, Tensor], pattern: str) -> int:
    return len({m.group(1) for key in weights if (m := re.match(pattern, key))})


def _tower(weights: Mapping[str, Tensor], prefix: str, heads: int) -> TowerSize:
    hidden, width = weights[f"{prefix}transformer.resblocks.0.mlp.c_fc.weight"].shape
    layers = _count(weights, re.escape(prefix) + r"transformer\.resblocks\.(\d+)\.")
    return TowerSize(int(width), layers, heads, int(hidden))


def _text(
    weights: Mapping[str, Tensor], config: Mapping[str, Any]
) -> tuple[TowerSize, tuple[int, int], int]:
    width, out = weights["text_projection"].shape
    told = config["model_cfg"]["text_cfg"].get("heads") if config else None
    heads = int(told or (width // _TEXT_HEAD if width % _TEXT_HEAD == 0 else 0))
    words = len(weights["token_embedding.weight"]), len(weights["positional_embedding"])
    return _tower(weights, "", heads), words, int(out)


def _transformer(
    weights: Mapping[str, Tensor], config: Mapping[str, Any]
) -> tuple[TowerSize, tuple[int, ...], int, int]:
    width, _, patch, _ = weights["visual.conv1.weight"].shape
    size = _tower(weights, "visual.", 0)
    grid = round((len(weights["visual.positional_embedding"]) - 1) ** 0.5)
    head = config["model_cfg"]["vision_cfg"].get("head_width", 64) if config else 0
    heads = width // head if head else _HEADS.get((size.width, size.layers), 0)
    return replace(size, heads=heads), (), int(patch), grid * int(patch)


def _residual(weights: Mapping[str, Tensor]) -> tuple[TowerSize, tuple[int, ...], int, int]:
    width = len(weights["visual.layer1.0.conv1.weight"])
    stages = tuple(
        count for i in range(1, 9) if (count := _count(weights, rf"visual\.layer{i}\.(\d+)\."))
    )
    places = len(weights["visual.attnpool.positional_embedding"]) - 1
    return TowerSize(width, 0, width // 2, 0), stages, 32, 32 * round(places**0.5)


def _activation(
    weights: Mapping[str, Tensor], config: Mapping[str, Any], given: str | None, path: Path
) -> str:
    """The activation, from the settings, from OpenAI's own entries, or as the user says; no guess."""
    if given is not None and given not in ACTIVATIONS:
        raise InputError(
            f"activation {given!r}, expected {' or '.join(ACTIVATIONS)}", "correct --activation"
        )
    told = None
    if config:
        told = "quick_gelu" if config["model_cfg"].get("quick_gelu") else "gelu"
    elif set(weights) >= OPENAI_ONLY:
        told = "quick_gelu"
    if told and given and told != given:
        raise InputError(
            f"{path}: --activation {given}, but {SETTINGS if config else 'its own entries'} beside it say {told}",
            "leave --activation out",
        )
    if kind := told or given:
        return kind
    raise InputError(
        f"{path}: trained with GELU or with QuickGELU? The weights do not say, and the vectors differ",
        f"give --activation quick_gelu or gelu ({_WHO}), or put {SETTINGS} beside it",
    )


def _checked(shape: ClipShape, config: Mapping[str, Any], path: Path) -> ClipShape:
    """The shape with the preprocessing of the settings, once these agree with the weights."""
    model = config["model_cfg"]
    vision, text = model["vision_cfg"], model["text_cfg"]
    layers = vision.get("layers")
    pairs = {
        "embed_dim": (model.get("embed_dim"), shape.out),
        "image_size": (vision.get("image_size"), shape.side),
        "width": (vision.get("width"), shape.vision.width),
        "layers": (
            tuple(layers) if isinstance(layers, list) else layers,
            shape.stages or shape.vision.layers,
        ),
        "text width": (text.get("width"), shape.text.width),
        "context_length": (text.get("context_length"), shape.words[1]),
    }
    for name, (said, found) in pairs.items():
        if said is not None and said != found:
            raise InputError(
                f"{path}: {name} is {found} in the weights, {said} in {SETTINGS} beside it",
                "take both files from the same release",
            )
    given = config.get("preprocess_cfg", {})
    mode, kind = given.get("resize_mode", "shortest"), given.get("interpolation", "bicubic")
    size = given.get("size", shape.side)
    if (
        mode not in ("shortest", "squash")
        or kind not in _FILTERS
        or size not in (shape.side, [shape.side, shape.side])
    ):
        raise InputError(
            f"{path}: preprocessing of {SETTINGS} is not known (resize_mode {mode}, {kind}, size {size})",
            "shortest or squash, bicubic or bilinear, to the side of the network are",
        )
    plain = shape.preprocessing
    return replace(
        shape,
        preprocessing=replace(
            plain,
            resample=_FILTERS[kind],
            mean=tuple(map(float, given.get("mean", plain.mean))),
            std=tuple(map(float, given.get("std", plain.std))),
            square=mode == "squash",
        ),
    )
