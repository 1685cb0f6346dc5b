"""What the user typed after --model comes in; a backbone goes out. Nothing is fetched unless it begins with "hub:"."""

from __future__ import annotations

from pathlib import Path

from fusion.backbones.protocol import Backbone
from fusion.backbones.reading import ReadSettings
from kg.errors import InputError, MissingExtraError

HUB = "hub:"
FILES = (".pt", ".pth", ".bin", ".safetensors")
_WANTED = ["*.json", "*.txt", "*.model", "*.safetensors"]


def open_backbone(model: str | Path, reading: ReadSettings | None = None) -> Backbone:
    """Open a backbone.

    Args:
        model: A folder of transformers, one file of an open_clip checkpoint or of Landlore's own network, or
            "hub:OWNER/NAME" of Hugging Face.
        reading: Activation and byte pairs, for single files.

    Raises:
        InputError: Neither a folder nor a file, not a known model, or the hub cannot be reached.
        MissingExtraError: Packages of the extra `vision` are missing.
    """
    from fusion.backbones.compact import CompactBackbone, compact_record
    from fusion.backbones.openclip import OpenClipFile
    from fusion.backbones.transformers_folder import TransformersFolder

    text, path, how = str(model), Path(model), reading or ReadSettings()
    if path.is_file() and path.suffix == ".safetensors" and compact_record(path):
        return CompactBackbone(path)
    if path.is_file() and path.suffix in FILES:
        return OpenClipFile(path, activation=how.activation, tokenizer=how.tokenizer)
    if how.activation or how.tokenizer:
        raise InputError(
            f"{model}: --activation and --tokenizer are for single checkpoint files ({', '.join(FILES)})",
            "leave them out: a folder says both itself",
        )
    if text.startswith(HUB):
        name = text.removeprefix(HUB)
        return TransformersFolder(fetch(name), name=name)
    if not path.is_dir():
        raise InputError(
            f"{model}: neither a model folder nor a checkpoint file ({', '.join(FILES)})",
            "check the path; a model of the Hugging Face hub is given as hub:OWNER/NAME",
        )
    return TransformersFolder(path)


def fetch(name: str) -> Path:
    """Local folder of a model of the Hugging Face hub; downloads what is not in its cache yet.

    Raises:
        InputError: No such model, or no network.
        MissingExtraError: The package huggingface_hub is missing.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise MissingExtraError(f"the model {HUB}{name}", "vision", error) from error
    try:
        return Path(snapshot_download(name, allow_patterns=_WANTED))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        cause = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"{HUB}{name}: cannot be fetched from the Hugging Face hub ({cause[0]})",
            f"where there is a network: hf download {name} --local-dir FOLDER; then give --model FOLDER here",
        ) from error
