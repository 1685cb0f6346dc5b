"""Views come in; what a frozen MobileNetV2 (TensorFlow Lite, int8) says of them goes out: (view, 1280) float32.

Needs `ai-edge-litert`, for training only. The features are the last tensor before the classifier, averaged over place.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH = 1280


class Teacher:
    """The frozen network.

    Args:
        path: `tf2_mobilenet_v2_1.0_224_ptq.tflite` of the Coral test data (Apache-2.0).
        threads: Of the interpreter.
    """

    def __init__(self, path: str | Path, threads: int = 2) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._net: Any = Interpreter(
            str(path), num_threads=threads, experimental_preserve_all_tensors=True
        )
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]
        shaped = [
            d for d in self._net.get_tensor_details() if tuple(d["shape"]) == (1, 1, 1, WIDTH)
        ]
        self._output = shaped[-1]

    def __call__(self, view: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(1280,) features of a (y, x, 3) uint8 view."""
        side = int(self._input["shape"][1])
        picture = np.asarray(Image.fromarray(view).resize((side, side), Image.Resampling.BILINEAR))
        scale, zero = self._input["quantization"]
        values = (picture.astype(np.float32) / 127.5 - 1) / scale + zero
        kind = np.iinfo(self._input["dtype"])
        filled = np.clip(np.rint(values), kind.min, kind.max).astype(self._input["dtype"])
        self._net.set_tensor(self._input["index"], filled[None])
        self._net.invoke()
        raw = self._net.get_tensor(self._output["index"]).ravel().astype(np.float32)
        scale, zero = self._output["quantization"]
        found: NDArray[np.float32] = (raw - zero) * np.float32(scale or 1.0)
        return found


def teach(
    views: NDArray[np.uint8],
    teacher: Teacher,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:
    """(view, 1280) features of views."""
    out = np.empty((len(views), WIDTH), np.float32)
    for i, view in enumerate(views):
        out[i] = teacher(view)
        if i % 500 == 0:
            tell(i, len(views))
    return out
