"""A file with the byte pairs of CLIP comes in; a tokenizer of prompts goes out. None is shipped.

Accepted are `bpe_simple_vocab_16e6.txt.gz` (OpenAI CLIP, MIT licence), a wheel of `open_clip_torch` that holds it,
`merges.txt`, `tokenizer.json`, or a folder with one of these. The vocabulary follows from the list of pairs: 256 bytes,
the same at the end of a word, one token per pair, and two that begin and end a prompt.
"""

from __future__ import annotations

import gzip
import html
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError, MissingExtraError

PAIRS_FILE = "bpe_simple_vocab_16e6.txt.gz"
FILES = ("tokenizer.json", "merges.txt", PAIRS_FILE)
_ENDS = ("<|startoftext|>", "<|endoftext|>")
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # Radford et al.'s split, as published
_HINT = f"give --tokenizer FILE: `pip download --no-deps open_clip_torch` brings a wheel that holds {PAIRS_FILE}"


class ClipTokenizer:
    """Prompts to the token numbers of CLIP.

    Args:
        path: File or folder with the byte pairs, see the head of this module.
        vocabulary: Tokens that the network knows; 49408 in all published models.
        length: Tokens per prompt, with both ends.

    Raises:
        InputError: No such file, or one of another vocabulary.
        MissingExtraError: The package `tokenizers` is missing.
    """

    def __init__(self, path: str | Path, vocabulary: int, length: int) -> None:
        try:
            import tokenizers  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("prompts", "vision", error) from error
        self.path, self.length = _file(Path(path)), length
        self._coder = _read(self.path, vocabulary)
        self.ends = tuple(self._coder.token_to_id(end) for end in _ENDS)
        if self._coder.get_vocab_size() != vocabulary or None in self.ends:
            raise InputError(
                f"{self.path}: {self._coder.get_vocab_size()} tokens, the network knows {vocabulary}",
                _HINT,
            )

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(text, length) token numbers, 0 after the end; what is too long is cut."""
        out = np.zeros((len(texts), self.length), np.int64)
        begin, end = self.ends
        coded = self._coder.encode_batch([_clean(t) for t in texts], add_special_tokens=False)
        for row, text in zip(out, coded, strict=True):
            tokens = [begin, *text.ids[: self.length - 2], end]
            row[: len(tokens)] = tokens
        return out


def find_pairs(beside: Path) -> Path | None:
    """The first file of byte pairs in a folder, or None."""
    return next((beside / name for name in FILES if (beside / name).is_file()), None)


def no_tokenizer(model: str) -> InputError:
    """The error for prompts without a file of byte pairs."""
    return InputError(
        f"{model}: class names need CLIP's byte pairs, and none of {', '.join(FILES)} lies beside it",
        _HINT,
    )


def _clean(text: str) -> str:
    plain = html.unescape(html.unescape(unicodedata.normalize("NFC", text)))
    return " ".join(plain.split()).lower()


def _file(path: Path) -> Path:
    found = find_pairs(path) if path.is_dir() else path
    if found is None or not found.is_file():
        raise InputError(f"{path}: no file of byte pairs ({', '.join(FILES)})", _HINT)
    return found


def _read(path: Path, vocabulary: int) -> Any:
    from tokenizers import Tokenizer

    try:
        if path.suffix == ".json":
            return Tokenizer.from_file(str(path))
        return _coder(_pairs(path, vocabulary - 512 - len(_ENDS)))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no readable file of byte pairs ({error})", _HINT) from error
    except Exception as error:  # tokenizers raises nothing more precise
        raise InputError(f"{path}: not a tokenizer ({error})", _HINT) from error


def _pairs(path: Path, count: int) -> list[tuple[str, str]]:
    lines = _content(path).decode("utf-8").splitlines()[1:]  # the first line is a version
    pairs = [tuple(line.split()) for line in lines[:count]]
    if len(pairs) < count or any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{len(pairs)} byte pairs, expected {count}")
    return [(str(a), str(b)) for a, b in pairs]


def _content(path: Path) -> bytes:
    if path.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.endswith(PAIRS_FILE)]
            if not inside:
                raise ValueError(f"no {PAIRS_FILE} in it")
            return gzip.decompress(archive.read(inside[0]))
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def _coder(pairs: list[tuple[str, str]]) -> Any:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *(c + "</w>" for c in letters), *(a + b for a, b in pairs), *_ENDS]
    number = {token: i for i, token in enumerate(tokens)}
    coder = Tokenizer(
        models.BPE(vocab=number, merges=pairs, end_of_word_suffix="</w>", unk_token=_ENDS[1])
    )
    coder.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return coder
