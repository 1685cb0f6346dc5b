"""Single-file CLIP checkpoints read by Landlore beside open_clip itself: random weights, the same images and prompts.

    python benchmarks/openclip_parity.py [--models ViT-B-32,ViT-B-32-quickgelu,...] [--venv DIR] [--json FILE]

Makes a throw-away virtual environment with open_clip and torchvision (which the product never installs; torch is that
of this environment), lets open_clip export a checkpoint of random weights with its own vectors, tokens and pixels, and
compares them here. Columns: largest difference of pixels after preprocessing, of image vectors and of prompt vectors
(as the towers give them, not brought to unit length), tokens that differ; "other": the same with the other activation,
the control. The bar is 1e-4.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np

from fusion.backbones.openclip import OpenClipFile

MODELS = ("ViT-B-32", "ViT-B-32-quickgelu", "ViT-B-16", "ViT-L-14", "RN50", "RN50-quickgelu")
PACKAGES = ("open_clip_torch==3.3.0", "torchvision", "timm", "ftfy", "regex", "wcwidth")
PROMPTS = (
    "an aerial photo of a salt pan",
    "A satellite picture of St. John's harbour (2 piers, 14 ships)!",
    "land used as baseball-diamond &amp; football field",
    "卫星图像: 机场",
    "zona  industrial,\tvista de cima; café",
    "a " * 100 + "runway",
)
SIDES = ((256, 256), (231, 400), (600, 225), (224, 225))
BAR = 1e-4


def environment(folder: Path) -> Path:
    """Python of a virtual environment with open_clip, and the torch of this one."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        words = [str(python), "-m", "pip", "install", "-q", "--no-deps", *PACKAGES]
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        inside = folder / "lib" / version / "site-packages" / "parent.pth"
        inside.write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return python


def load_torchvision() -> None:
    """Import torchvision although its compiled part does not fit the torch at hand: nothing here needs that part."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for _ in range(50):
        try:
            import torchvision  # noqa: F401

            return
        except RuntimeError as error:
            lacking = re.search(r"torchvision::(\w+) does not exist", str(error))
            if lacking is None:
                raise
            library.define(f"{lacking.group(1)}(Tensor x) -> Tensor")
            for name in [m for m in sys.modules if m.startswith("torchvision")]:
                del sys.modules[name]


def export(name: str, folder: Path) -> None:
    """In the other environment: a checkpoint of random weights, and what open_clip makes of images and prompts."""
    load_torchvision()
    import open_clip
    import torch
    from PIL import Image

    torch.manual_seed(0)
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    with torch.no_grad():
        for key, value in model.named_buffers():
            if "running" in key:
                value.copy_(torch.rand_like(value) + 0.5)
        for key, value in model.named_parameters():
            if key.endswith("bias") or "ln_" in key or "bn3" in key:
                value.add_(0.1 * torch.randn_like(value))
    model = model.eval()
    wrapped = {f"module.{key}": value for key, value in model.state_dict().items()}
    torch.save({"epoch": 1, "name": name, "state_dict": wrapped}, folder / "checkpoint.pt")
    images = [
        np.random.default_rng(i).integers(0, 256, (*side, 3), np.uint8)
        for i, side in enumerate(SIDES)
    ]
    pixels = torch.stack([preprocess(Image.fromarray(image)) for image in images])
    tokens = open_clip.get_tokenizer(name)(list(PROMPTS))
    with torch.no_grad():
        found = {"images": model.encode_image(pixels), "prompts": model.encode_text(tokens)}
    found |= {"pixels": pixels, "tokens": tokens}
    np.savez(
        folder / "expected.npz",
        **{key: value.numpy() for key, value in found.items()},
        **{f"raw{i}": image for i, image in enumerate(images)},
    )


def compare(name: str, folder: Path, pairs: Path) -> dict[str, Any]:
    """Differences between open_clip's numbers and ours."""
    expected = np.load(folder / "expected.npz")
    images = [expected[f"raw{i}"] for i in range(len(SIDES))]
    right = "quick_gelu" if name.endswith("quickgelu") else "gelu"
    path = folder / "checkpoint.pt"
    clip = OpenClipFile(path, activation=right, tokenizer=pairs)
    pixels = np.stack([clip.preprocessing.apply(image) for image in images])
    row = {
        "model": name,
        "activation": right,
        "dimension": int(expected["images"].shape[1]),
        "pixels": gap(pixels, expected["pixels"]),
        "images": gap(clip.images(images), expected["images"]),
        "prompts": gap(clip.prompts(PROMPTS), expected["prompts"]),
        "tokens": int((clip._tokenizer(PROMPTS) != expected["tokens"]).sum()),
    }
    del clip
    other = OpenClipFile(
        path, activation="gelu" if right == "quick_gelu" else "quick_gelu", tokenizer=pairs
    )
    row["other images"] = gap(other.images(images), expected["images"])
    row["other prompts"] = gap(other.prompts(PROMPTS), expected["prompts"])
    return row


def gap(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest absolute difference."""
    return float(np.abs(found.astype(np.float64) - expected).max())


def main() -> None:
    """Run, print a table; exit 1 where a difference is above the bar."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", default=",".join(MODELS))
    options.add_argument("--venv", type=Path)
    options.add_argument("--json", type=Path)
    options.add_argument("--export", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.export:
        export(given.export[0], Path(given.export[1]))
        return
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        python = environment(given.venv or Path(scratch) / "venv")
        pairs = next(python.parent.parent.rglob("bpe_simple_vocab_16e6.txt.gz"))
        print(
            f"{'model':20} {'pixels':>9} {'images':>9} {'prompts':>9} {'tokens':>6}   other: images, prompts"
        )
        for name in given.models.split(","):
            with tempfile.TemporaryDirectory(dir=scratch) as place:
                words = [str(python), __file__, "--export", name, place]
                subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
                row = compare(name, Path(place), pairs)
            rows.append(row)
            numbers = " ".join(f"{row[key]:9.1e}" for key in ("pixels", "images", "prompts"))
            print(
                f"{name:20} {numbers} {row['tokens']:6d}   {row['other images']:9.1e} {row['other prompts']:9.1e}",
                flush=True,
            )
    worst = max(max(row["pixels"], row["images"], row["prompts"]) for row in rows)
    wrong = sum(row["tokens"] for row in rows)
    print(f"largest difference {worst:.1e}, bar {BAR:.0e}; tokens that differ: {wrong}")
    if given.json:
        given.json.write_text(json.dumps({"bar": BAR, "rows": rows}, indent=2) + "\n")
    raise SystemExit(int(worst >= BAR or wrong > 0))


if __name__ == "__main__":
    main()
