"""Views come in; what a frozen MobileNetV2 (TensorFlow Lite, int8) says of them goes out.

Needs `ai-edge-litert`, for training only. Kept are five maps inside it, after the last block of each width (the hints
of `fusion.backbones.compact_network`), as the int8 numbers that they are, and the last map before the classifier,
averaged over place: (view, 1280) half precision. The network is asked at the side of the views, not at 224 pixels,
which costs half of the time; the classes of EuroSAT told from those of NWPU-RESISC45 and back came out no worse.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.backbones.compact_network import HINTS, LENGTH


class Teacher:
    """The frozen network.

    Args:
        path: `tf2_mobilenet_v2_1.0_224_ptq.tflite` of the Coral test data (Apache-2.0).
        side: Of the views, pixels.
        threads: Of the interpreter.
    """

    def __init__(self, path: str | Path, side: int, threads: int = 2) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._net: Any = Interpreter(
            str(path), num_threads=threads, experimental_preserve_all_tensors=True
        )
        entry = self._net.get_input_details()[0]["index"]
        self._net.resize_tensor_input(entry, [1, side, side, 3])
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]
        maps: dict[int, Any] = {}
        for tensor in self._net.get_tensor_details():
            shape = tuple(int(n) for n in tensor["shape"])
            if len(shape) == 4 and shape[0] == 1 and shape[1] == shape[2] and 1 < shape[1] < side:
                maps[shape[3]] = tensor
        self._hints, self._last = [maps[width] for width in HINTS], maps[LENGTH]

    def __call__(self, view: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Hints, (y, x, channel) int8 each, and the pooled vector, (1280,) float16, of a (side, side, 3) view."""
        scale, zero = self._input["quantization"]
        values, kind = (
            (view.astype(np.float32) / 127.5 - 1) / scale + zero,
            np.iinfo(self._input["dtype"]),
        )
        filled = np.clip(np.rint(values), kind.min, kind.max).astype(self._input["dtype"])
        self._net.set_tensor(self._input["index"], filled[None])
        self._net.invoke()
        scale, zero = self._last["quantization"]
        last = self._net.get_tensor(self._last["index"])[0].astype(np.float32)
        pooled = ((last - zero) * np.float32(scale)).mean(axis=(0, 1)).astype(np.float16)
        return [*(self._net.get_tensor(hint["index"])[0] for hint in self._hints), pooled]


def teach(
    views: NDArray[np.uint8],
    teacher: Callable[[NDArray[np.uint8]], list[NDArray[Any]]],
    folder: Path,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write what the teacher says of all views into `folder`, one `hint_N.npy` a hint, the pooled vector the last."""
    kept: list[NDArray[Any]] = []
    for i, view in enumerate(views):
        said = teacher(view)
        if not kept:
            kept = [
                np.lib.format.open_memmap(
                    folder / f"hint_{k}.npy", "w+", one.dtype, (len(views), *one.shape)
                )
                for k, one in enumerate(said)
            ]
        for hint, one in zip(kept, said, strict=True):
            hint[i] = one
        if i % 500 == 0:
            tell(i, len(views))
