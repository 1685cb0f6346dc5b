"""The name of a family comes in, its reference image processor that needs no torchvision goes out."""

from importlib import import_module
from typing import Any


def image_processor(family: str, kind: str) -> Any:
    """Of transformers 5, where such ones have modules of their own, or of 4, where they are the usual ones."""
    try:
        module = import_module(f"transformers.models.{family}.image_processing_pil_{family}")
    except ModuleNotFoundError:
        module = import_module(f"transformers.models.{family}.image_processing_{family}")
        return getattr(module, f"{kind}ImageProcessor")
    return getattr(module, f"{kind}ImageProcessorPil")
