"""A folder with a small BERT sentence model comes in; vectors of sentences go out, by torch alone.

Sentence models of the MiniLM kind are a BERT whose token vectors are averaged. Reading one takes far less than the
libraries that trained it, whose import takes most of the time of a short run. Architecture: Devlin et al., "BERT",
NAACL 2019; averaging: Reimers and Gurevych, "Sentence-BERT", EMNLP 2019. Parameter names are those of published files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.backbones.weights import read_weights

BATCH = 64
_FILES = ("model.safetensors", "tokenizer.json", "config.json", "sentence_bert_config.json")
_PLAIN = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
_MODULES = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])


class BertSentences:
    """A BERT whose token vectors are averaged.

    Args:
        folder: A folder for which `is_plain` holds.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._config = _json(folder / "config.json")
        self._weights = read_weights(folder / "model.safetensors")
        self._tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokens.no_padding()
        self._tokens.enable_truncation(
            _json(folder / "sentence_bert_config.json")["max_seq_length"]
        )

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(text, dimension) float32 averages, not brought to unit length.

        Sentences of one length go together, so that none is padded and its vector does not depend on the others.
        """
        import torch

        tokens = [coded.ids for coded in self._tokens.encode_batch(list(texts))]
        order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
        out = np.empty((len(texts), self._config["hidden_size"]), np.float32)
        with torch.inference_mode():
            for _, group in groupby(order, key=lambda i: len(tokens[i])):
                rows = list(group)
                for start in range(0, len(rows), BATCH):
                    some = rows[start : start + BATCH]
                    out[some] = self._average(torch.tensor([tokens[i] for i in some])).numpy()
        return out

    def _average(self, ids: Any) -> Any:
        """(sentence, token) whole numbers to (sentence, dimension)."""
        words, places, kinds = (
            self._weights[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        x = self._norm("embeddings.", words[ids] + kinds[0] + places[: ids.shape[1]])
        for layer in range(self._config["num_hidden_layers"]):
            x = self._layer(f"encoder.layer.{layer}.", x)
        return x.mean(dim=1)

    def _layer(self, at: str, x: Any) -> Any:
        """Attention and a perceptron, each beside a shortcut and before a layer norm."""
        from torch.nn.functional import gelu, scaled_dot_product_attention

        heads = (*x.shape[:2], self._config["num_attention_heads"], -1)
        asked, keys, values = (
            self._linear(f"{at}attention.self.{name}.", x).view(heads).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        seen = scaled_dot_product_attention(asked, keys, values).transpose(1, 2).reshape(x.shape)
        x = self._norm(
            f"{at}attention.output.", x + self._linear(f"{at}attention.output.dense.", seen)
        )
        wide = gelu(self._linear(f"{at}intermediate.dense.", x))
        return self._norm(f"{at}output.", x + self._linear(f"{at}output.dense.", wide))

    def _linear(self, at: str, x: Any) -> Any:
        from torch.nn.functional import linear

        return linear(x, self._weights[f"{at}weight"], self._weights[f"{at}bias"])

    def _norm(self, at: str, x: Any) -> Any:
        from torch.nn.functional import layer_norm

        weight, bias = (self._weights[f"{at}LayerNorm.{name}"] for name in ("weight", "bias"))
        return layer_norm(x, weight.shape, weight, bias, self._config["layer_norm_eps"])


def is_plain(folder: Path) -> bool:
    """Whether a sentence-transformers folder holds what `BertSentences` reads.

    Raises:
        ValueError: A file of it is not JSON, or not weights.
    """
    from safetensors import SafetensorError, safe_open

    modules = _json(folder / "modules.json")
    if not all((folder / name).is_file() for name in _FILES):
        return False
    if [one["type"].rsplit(".", 1)[-1] for one in modules] not in _MODULES:
        return False
    config, pooling = (_json(folder / name / "config.json") for name in ("", modules[1]["path"]))
    modes = {key for key, on in pooling.items() if key.startswith("pooling_mode") and on is True}
    plain = all(config.get(key, wanted) == wanted for key, wanted in _PLAIN.items())
    try:
        with safe_open(folder / "model.safetensors", "np") as file:
            named = "embeddings.word_embeddings.weight" in file.keys()  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise ValueError(f"model.safetensors: {error}") from error
    return named and plain and modes == {"pooling_mode_mean_tokens"}


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
