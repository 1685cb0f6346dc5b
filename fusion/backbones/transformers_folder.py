"""A local model folder of transformers (CLIP, SigLIP, DINOv2, DINOv3) comes in; a backbone goes out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.backbones.preprocessing import Preprocessing, read_preprocessing
from kg.errors import InputError, MissingExtraError

READS_TEXT = {
    "clip": True,
    "siglip": True,
    "dinov2": False,
    "dinov2_with_registers": False,
    "dinov3_vit": False,
}
"""Kinds of models that are read (`model_type` of config.json), and whether prompts share their space."""
_PROMPTS = 64  # prompts per pass


class TransformersFolder:
    """A model in a local folder as transformers saves it (`save_pretrained`); nothing is downloaded.

    Needed are `config.json`, the weights, `preprocessor_config.json`, and for prompts the tokenizer files. The vector
    of an image is what the model itself offers: the projected class token (CLIP), the attention pool (SigLIP), the
    class token after the last norm (DINO).

    Args:
        folder: The model folder.
        name: For records; default the folder's name.

    Raises:
        InputError: Another kind of model, or preprocessing that is unclear or does not fit the network.
    """

    def __init__(self, folder: str | Path, *, name: str | None = None) -> None:
        self.folder, self._name = Path(folder), name
        config = self._json("config.json")
        self.kind = str(config.get("model_type"))
        if self.kind not in READS_TEXT:
            patches = self.kind == "siglip2"
            raise InputError(
                f"{folder}: model type {self.kind!r}, expected one of {', '.join(READS_TEXT)}",
                "give the release with a fixed image size, such as siglip2-base-patch16-224"
                if patches
                else "give a folder of such a model, saved with its processor",
            )
        self._preprocessing = read_preprocessing(
            self._json("preprocessor_config.json"), self.folder
        )
        self._check_size(config)

    def _check_size(self, config: Mapping[str, Any]) -> None:
        side = self._preprocessing.crop
        if self.reads_text:
            wanted = int(config.get("vision_config", {}).get("image_size", 224))
            fits, expected = side == wanted, f"{wanted} px"
        else:
            patch = int(config.get("patch_size", 0) or side)
            fits, expected = side % patch == 0, f"a multiple of {patch} px"
        if not fits:
            raise InputError(
                f"{self.folder}: the network takes {expected}, preprocessor_config.json gives {side} px",
                "take both files from the same release",
            )

    @property
    def name(self) -> str:
        """Name of the folder, for records."""
        return self._name or self.folder.name

    @property
    def preprocessing(self) -> Preprocessing:
        """What `preprocessor_config.json` describes."""
        return self._preprocessing

    @property
    def reads_text(self) -> bool:
        """Whether prompts share the space of images: CLIP and SigLIP."""
        return READS_TEXT[self.kind]

    @cached_property
    def _hash(self) -> str:
        from fusion.backbones.weights import file_hash

        found = sorted(self.folder.glob("*.safetensors")) or sorted(self.folder.glob("*.bin"))
        return file_hash(self.folder / "config.json", *found)

    def facts(self) -> Mapping[str, Any]:
        """Kind, and hash of config and weights."""
        return {"kind": self.kind, "weights": self._hash}

    def _json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: missing or not JSON ({error})",
                "give a folder saved by transformers, with its processor",
            ) from error
        if not isinstance(found, dict):
            raise InputError(f"{path}: not a JSON object", "copy the file again")
        return found

    @cached_property
    def _model(self) -> Any:
        try:
            import torch  # noqa: F401
            from transformers import AutoModel
        except ImportError as error:
            raise MissingExtraError(f"the model in {self.folder}", "vision", error) from error
        try:
            model, report = AutoModel.from_pretrained(
                self.folder, local_files_only=True, output_loading_info=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            old = "does not recognize this architecture" in str(error)
            why = "this version of transformers is older than its kind" if old else error
            raise InputError(
                f"{self.folder}: cannot be loaded ({why})",
                "pip install --upgrade transformers" if old else "copy the folder again, whole",
            ) from error
        if missing := sorted(report["missing_keys"]):
            raise InputError(
                f"{self.folder}: {len(missing)} weights missing, first {missing[0]}",
                "the weights are of another model",
            )
        return model.float().eval()

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        except (OSError, ValueError, ImportError) as error:
            raise InputError(
                f"{self.folder}: no usable tokenizer ({error})",
                "add the tokenizer files of the model",
            ) from error

    def images(self, images: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(image, dimension) float32 vectors of (y, x, 3) images."""
        model = self._model
        import torch

        pixels = torch.from_numpy(np.stack([self.preprocessing.apply(image) for image in images]))
        encode = model.get_image_features if self.reads_text else model
        with torch.no_grad():
            return _array(encode(pixel_values=pixels))

    def prompts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(text, dimension) float32 vectors of prompts."""
        starts = range(0, len(texts), _PROMPTS)
        return np.concatenate([self._prompts(list(texts[i : i + _PROMPTS])) for i in starts])

    def _prompts(self, texts: list[str]) -> NDArray[np.float32]:
        model, tokenizer = self._model, self._tokenizer
        import torch

        how: dict[str, Any] = {"truncation": True, "return_tensors": "pt"}
        how["max_length"] = int(model.config.text_config.max_position_embeddings)
        if (
            self.kind == "siglip"
        ):  # trained on lower case, and on rows of full length without a mask
            texts = [text.lower() for text in texts]
            tokens = tokenizer(texts, padding="max_length", **how)
            given = {"input_ids": tokens["input_ids"]}
        else:
            tokens = tokenizer(texts, padding=True, **how)
            given = {key: tokens[key] for key in ("input_ids", "attention_mask")}
        with torch.no_grad():
            return _array(model.get_text_features(**given))


def _array(found: Any) -> NDArray[np.float32]:
    values = getattr(found, "pooler_output", found)  # transformers 5 wraps the projected vectors
    return np.asarray(values.numpy(), np.float32)
