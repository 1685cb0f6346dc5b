"""One file of an OpenAI CLIP or open_clip checkpoint (RemoteCLIP, GeoRSCLIP ...) comes in; a backbone goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusion.backbones.bpe import ClipTokenizer, find_pairs, no_tokenizer
from fusion.backbones.preprocessing import Preprocessing
from kg.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.backbones.clip_shape import ClipShape

_PROMPTS = 64  # prompts per pass
_NO_WEIGHTS = (
    "logit_scale",
    "logit_bias",
    "attn_mask",
    "input_resolution",
    "context_length",
    "vocab_size",
)


class OpenClipFile:
    """A CLIP of OpenAI or open_clip in one file: ViT or RN50, with OpenAI's text tower.

    Args:
        path: `.pt`, `.bin` or `.safetensors`.
        activation: "quick_gelu" or "gelu"; needed unless `open_clip_config.json` lies beside the file or the file is
            OpenAI's own.
        tokenizer: File or folder with CLIP's byte pairs, for prompts; default one that lies beside the file.

    Raises:
        InputError: Not such a checkpoint, or something about it in doubt.
        MissingExtraError: torch or safetensors is not installed.
    """

    reads_text = True

    def __init__(
        self,
        path: str | Path,
        *,
        activation: str | None = None,
        tokenizer: str | Path | None = None,
    ) -> None:
        try:
            import safetensors  # noqa: F401
            import torch  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(f"the model {path}", "vision", error) from error
        from fusion.backbones.clip_shape import clip_shape
        from fusion.backbones.weights import read_weights

        self.path, self._pairs = Path(path), tokenizer
        weights = _plain_text(read_weights(path))
        self.shape = clip_shape(weights, self.path, activation)
        self._model = _towers(self.shape, weights, self.path)

    @property
    def name(self) -> str:
        """Name of the file, for records."""
        return self.path.stem

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done to images before."""
        return self.shape.preprocessing

    @cached_property
    def _hash(self) -> str:
        from fusion.backbones.weights import file_hash

        return file_hash(self.path)

    def facts(self) -> Mapping[str, Any]:
        """Hash of the file, activation and heads."""
        heads = [self.shape.vision.heads, self.shape.text.heads]
        return {"weights": self._hash, "activation": self.shape.activation, "heads": heads}

    @cached_property
    def _tokenizer(self) -> ClipTokenizer:
        pairs = self._pairs or find_pairs(self.path.parent)
        if pairs is None:
            raise no_tokenizer(str(self.path))
        return ClipTokenizer(pairs, *self.shape.words)

    def images(self, images: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(image, dimension) float32 vectors of (y, x, 3) images."""
        import torch

        pixels = torch.from_numpy(np.stack([self.preprocessing.apply(image) for image in images]))
        with torch.inference_mode():
            return np.asarray(self._model.images(pixels).numpy(), np.float32)

    def prompts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(text, dimension) float32 vectors of prompts.

        Raises:
            InputError: CLIP's byte pairs are neither given nor beside the file.
        """
        import torch

        tokens = torch.from_numpy(self._tokenizer(texts))
        with torch.inference_mode():
            starts = range(0, len(tokens), _PROMPTS)
            parts = [self._model.prompts(tokens[i : i + _PROMPTS]).numpy() for i in starts]
        return np.concatenate(parts).astype(np.float32)


def _plain_text(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefix "text." that open_clip's models with a separate text tower have."""
    return {key.removeprefix("text."): value for key, value in weights.items()}


def _towers(shape: ClipShape, weights: Mapping[str, Tensor], path: Path) -> Any:
    import torch

    from fusion.backbones.resnet import ModifiedResNet
    from fusion.backbones.towers import TwoTowers, VisionTransformer, filled

    size = shape.vision
    with torch.device("meta"):  # the checkpoint's own tensors become the parameters
        visual = (
            ModifiedResNet(shape.stages, size.width, shape.side, size.heads, shape.out)
            if shape.stages
            else VisionTransformer(size, shape.patch, shape.side, shape.out, shape.activation)
        )
        model = TwoTowers(visual, shape.text, shape.words, shape.out, shape.activation)
    wanted = model.state_dict()
    given = {k: v for k, v in weights.items() if k.rpartition(".")[2] not in _NO_WEIGHTS}
    counts = {k: torch.zeros((), dtype=torch.long) for k in wanted if k.endswith("batches_tracked")}
    given = counts | given
    missing, unknown = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    other = sorted(k for k in set(wanted) & set(given) if wanted[k].shape != given[k].shape)
    if missing or unknown or other:
        told = ", ".join(
            f"{len(keys)} {what} (first {keys[0]})"
            for keys, what in (
                (missing, "missing"),
                (unknown, "unknown"),
                (other, "of other shape"),
            )
            if keys
        )
        raise InputError(
            f"{path}: not all tensors are those of a CLIP with OpenAI's text tower: {told}",
            "CoCa, EVA, SigLIP and text towers of other libraries are not read from single files",
        )
    return filled(model, given)
