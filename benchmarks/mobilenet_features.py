"""Zips of scene images come in; embeddings by a frozen MobileNetV2 (ImageNet, int8) go out, for `landlore classify`.

    python benchmarks/mobilenet_features.py OUT_FOLDER [--data ../shared/data] [--most 200]

Needs ai-edge-litert and Pillow, which Landlore does not; run it in an environment of its own. Writes nwpu12.npz,
eurosat.npz and whu_rs19.npz with `images` (float32, unit length, 1280 numbers), `labels` and `names` (folder names), of
the first `most` images of each class in the order of their file names.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

ZIPS = {
    "nwpu12": "nwpu_resisc12_256_orig_220pc.zip",
    "eurosat": "eurosat_64_orig_600pc.zip",
    "whu_rs19": "whu_rs19_224_jpg85.zip",
}


def main() -> None:
    from ai_edge_litert.interpreter import Interpreter

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data"
    )
    given = parser.parse_args()
    model = given.data / "features" / "tf2_mobilenet_v2_1.0_224_ptq.tflite"
    network = Interpreter(
        model_path=str(model), num_threads=1, experimental_preserve_all_tensors=True
    )
    network.allocate_tensors()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, file in ZIPS.items():
        embedded(network, given.data / "scenes" / file, given.most, given.out / f"{name}.npz")


def embedded(network: Any, archive: Path, most: int, out: Path) -> None:
    """Embed the images of one zip, whose folders are its classes."""
    with zipfile.ZipFile(archive) as images:
        files: dict[str, list[str]] = {}
        for file in sorted(images.namelist()):
            if file.lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".tif")):
                files.setdefault(Path(file).parent.name, []).append(file)
        names = sorted(files)
        rows = [(k, f) for k, name in enumerate(names) for f in files[name][:most]]
        vectors = np.stack([embed(network, images.read(file)) for _, file in rows])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.savez(
        out,
        images=vectors.astype(np.float32),
        labels=np.array([k for k, _ in rows]),
        names=np.array(names),
    )
    print(f"{out}: {len(rows)} images of {len(names)} classes")


def embed(network: Any, data: bytes) -> np.ndarray[Any, Any]:
    """Values of the last layer before the classes."""
    from PIL import Image

    picture = (
        Image.open(io.BytesIO(data)).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
    )
    pixels = np.asarray(picture, np.float32)[None]
    entry = network.get_input_details()[0]
    scale, zero = entry["quantization"]
    if entry["dtype"] == np.float32:
        network.set_tensor(entry["index"], pixels / 127.5 - 1)
    else:
        stored = np.round((pixels / 127.5 - 1) / scale + zero)
        limits = np.iinfo(entry["dtype"])
        network.set_tensor(
            entry["index"], stored.clip(limits.min, limits.max).astype(entry["dtype"])
        )
    network.invoke()
    pooled = next(
        d
        for d in reversed(network.get_tensor_details())
        if list(d["shape"]) in ([1, 1280], [1, 1, 1, 1280])
    )
    scale, zero = pooled["quantization"]
    return (network.get_tensor(pooled["index"]).reshape(-1).astype(np.float64) - zero) * scale


if __name__ == "__main__":
    main()
