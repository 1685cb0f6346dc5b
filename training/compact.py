"""Train the weights that ship: image archives come in, data/weights/compact.safetensors and its figures go out.

    python training/compact.py views  --data ../shared/data --work WORK
    python training/compact.py teach  --data ../shared/data --work WORK [--every 3]     (needs ai-edge-litert)
    python training/compact.py fit    --work WORK --minutes 60
    python training/compact.py export --work WORK --weights data/weights/compact.safetensors
    python training/compact.py probe  --data ../shared/data --weights data/weights/compact.safetensors

Each stage keeps its result in WORK; `fit` goes on from its last state, kept every 100 steps. Loss: what a frozen
MobileNetV2 sees in the same view (standardised features, squared error), the class (cross entropy over the classes of
EuroSAT and 12 of NWPU-RESISC45), the graded statements of the class (squared error). Augmentation: the eight symmetries
of a square, which are true for images from above, crops, brightness. What is exported is a running average of the
weights over the last thousand steps or so. `probe` is in `training/probe.py`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from probe import probe
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from views import EUROSAT, large_views, small_views

from fusion.backbones.compact import FORMAT, MEAN, SIDE, STD, WIDTHS, network, pooled
from fusion.classgraph import class_vectors
from kg.scenes import load_scenes

BATCH, RATE, KEEP_EVERY, SEEN_PER_CLASS = 128, 2e-3, 100, 24
AVERAGE = 0.998
"""Part of the running average of the weights that stays at each step."""
COARSE_SIDE, COARSE_PART, LARGE_SIDE = 96, 0.6, 128
"""Views are coarse for this part of the training: the same time sees half as many images more. Vectors are read off
larger images (`fusion.backbones.compact.SIDE`), which suits the early stages."""
WEIGHTS = {"teacher": 1.0, "class": 0.5, "graded": 1.0}
SETS = (
    "EuroSAT; NWPU-RESISC45 (train images of 12 classes); without labels: NWPU VHR-10, Dubai, DroneDeploy, "
    "Kampala, Korea"
)


class Heads(nn.Module):
    """The network, and what it is asked while it learns."""

    def __init__(self, classes: int, graded: int, teacher: int) -> None:
        super().__init__()
        self.network = network()
        self.teacher = nn.Linear(WIDTHS[-1], teacher)
        self.classes = nn.Linear(WIDTHS[-1], classes)
        self.graded = nn.Linear(WIDTHS[-1], graded)


@dataclass
class Samples:
    """Views of one size: pixels, labels among all classes, teacher features of every so many."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    taught: NDArray[np.float32]
    every: int

    def batch(self, rng: np.random.Generator, side: int) -> tuple[Any, Any, Any]:
        """Pixels (image, 3, side, side), labels, teacher features (NaN where there are none)."""
        rows = np.sort(rng.choice(len(self.labels), BATCH, replace=False))
        pixels = torch.from_numpy(self.pixels[rows]).permute(0, 3, 1, 2).float() / 255
        taught = np.full((BATCH, self.taught.shape[1]), np.nan, np.float32)
        has = rows % self.every == 0
        taught[has] = self.taught[rows[has] // self.every]
        return (
            augmented(pixels, rng, side),
            torch.from_numpy(self.labels[rows]),
            torch.from_numpy(taught),
        )


def samples(work: Path) -> dict[str, Samples]:
    """The views that `views` and `teach` kept."""
    found = {}
    for name, first in (("small", 0), ("large", len(EUROSAT))):
        labels = np.load(work / f"{name}_labels.npy")
        taught = np.load(work / f"{name}_teacher.npy").astype(np.float32)
        every = -(-len(labels) // len(taught))
        pixels = np.load(work / f"{name}.npy", mmap_mode="r")
        found[name] = Samples(pixels, np.where(labels >= 0, labels + first, -1), taught, every)
    return found


def augmented(pixels: Any, rng: np.random.Generator, side: int) -> Any:
    """Cropped, turned, mirrored, brightened; standardised."""
    n, size = len(pixels), pixels.shape[-1]
    kept = int(rng.integers(round(0.7 * size), size + 1))
    top, left = rng.integers(0, size - kept + 1, 2)
    pixels = pixels[:, :, top : top + kept, left : left + kept]
    pixels = F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
    turned = torch.rot90(pixels, int(rng.integers(4)), (2, 3))
    flips = torch.from_numpy(rng.random(n) < 0.5)
    turned = torch.where(flips[:, None, None, None], turned.flip(3), turned)
    gain = torch.from_numpy(rng.uniform(0.8, 1.25, (n, 1, 1, 1)).astype(np.float32))
    shift = torch.from_numpy(rng.uniform(-0.06, 0.06, (n, 1, 1, 1)).astype(np.float32))
    return (turned * gain + shift - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[
        :, None, None
    ]


def graded_rows(names: tuple[str, ...]) -> NDArray[np.float32]:
    """(class, attribute) graded statements, names read as their data set means them; empty columns left out."""
    knowledge, own = load_scenes(), len(EUROSAT)
    parts = ((knowledge.of_list("eurosat"), names[:own]), (knowledge.of_list("nwpu"), names[own:]))
    table = np.vstack([class_vectors(n, k, blocks=["graded"]).stacked for k, n in parts])
    return table[:, table.any(axis=0)].astype(np.float32)


class Training:
    """The state of training, and one step after the other."""

    def __init__(self, work: Path, names: tuple[str, ...], seed: int) -> None:
        torch.manual_seed(seed)
        self.groups, self.table = samples(work), torch.from_numpy(graded_rows(names))
        taught = np.concatenate([group.taught for group in self.groups.values()])
        self.mean = torch.from_numpy(taught.mean(axis=0))
        self.deviation = torch.from_numpy(taught.std(axis=0) + 1e-3)
        self.heads = Heads(len(names), self.table.shape[1], taught.shape[1])
        self.heads.to(memory_format=torch.channels_last)
        self.average = AveragedModel(
            self.heads.network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE), use_buffers=True
        )
        self.optimiser = torch.optim.AdamW(self.heads.parameters(), RATE, weight_decay=0.02)
        self.file, self.steps, self.seed = work / "state.pt", 0, seed
        if self.file.exists():
            kept = torch.load(self.file, weights_only=True)
            self.heads.load_state_dict(kept["heads"])
            self.average.load_state_dict(kept["average"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.steps = int(kept["steps"])

    def step(self, rate: float, side: int) -> float:
        """One batch of views of `side` pixels (EuroSAT's are always coarse) at a learning rate; the loss."""
        rng = np.random.default_rng([self.seed, self.steps])
        large = bool(self.steps % 3)
        group = self.groups["large" if large else "small"]
        pixels, labels, taught = group.batch(rng, side if large else COARSE_SIDE)
        for group in self.optimiser.param_groups:
            group["lr"] = float(rate * min(1.0, (self.steps + 1) / 200))
        with torch.autocast("cpu", torch.bfloat16):
            found = self.heads.network(pixels.to(memory_format=torch.channels_last))
        loss = self.loss(found.float(), labels, (taught - self.mean) / self.deviation)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.heads.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.heads.network)
        self.steps += 1
        return float(loss.detach())

    def loss(self, found: Any, labels: Any, taught: Any) -> Any:
        """See the head of this file."""
        has, known = ~torch.isnan(taught[:, 0]), labels >= 0
        loss = WEIGHTS["teacher"] * F.mse_loss(self.heads.teacher(found[has]), taught[has])
        if known.any():
            classes = F.cross_entropy(
                self.heads.classes(found[known]), labels[known], label_smoothing=0.1
            )
            graded = (
                F.mse_loss(self.heads.graded(found[known]), self.table[labels[known]])
                * self.table.shape[1]
            )
            loss = loss + WEIGHTS["class"] * classes + WEIGHTS["graded"] * graded
        return loss

    def keep(self) -> None:
        """Write the state, whole or not at all."""
        state = {
            "heads": self.heads.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "steps": self.steps,
        }
        torch.save(state, self.file.with_suffix(".new"))
        self.file.with_suffix(".new").replace(self.file)


def make_views(options: argparse.Namespace) -> None:
    """Cut the views."""
    options.work.mkdir(parents=True, exist_ok=True)
    (small, own), (large, others) = (
        small_views(options.data),
        large_views(options.data, options.seed),
    )
    for name, views in (("small", small), ("large", large)):
        np.save(options.work / f"{name}.npy", views.pixels)
        np.save(options.work / f"{name}_labels.npy", views.labels)
    (options.work / "classes.json").write_text(json.dumps([*own, *others]))


def teach_views(options: argparse.Namespace) -> None:
    """What the teacher sees in the views."""
    from teacher import Teacher, teach

    teacher = Teacher(options.data / "features" / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    for name, every in (("large", 1), ("small", options.every)):
        views = np.load(options.work / f"{name}.npy", mmap_mode="r")[::every]
        found = teach(
            views, teacher, lambda done, total: print(f"{done} of {total}", end="\r", flush=True)
        )
        np.save(options.work / f"{name}_teacher.npy", found.astype(np.float16))


def fit(options: argparse.Namespace) -> None:
    """Train for some minutes, from where the last call ended; the rate falls to 0 over the time given."""
    training = Training(options.work, names_of(options.work), options.seed)
    start, losses = time.time(), []
    while (part := (time.time() - start) / (60 * options.minutes)) < 1:
        side = COARSE_SIDE if part < COARSE_PART else LARGE_SIDE
        losses.append(training.step(options.rate * 0.5 * (1 + np.cos(np.pi * part)), side))
        if training.steps % KEEP_EVERY == 0:
            training.keep()
            print(
                f"{100 * part:3.0f} %  step {training.steps}  loss {np.mean(losses[-KEEP_EVERY:]):.3f}",
                flush=True,
            )
    training.keep()


def names_of(work: Path) -> tuple[str, ...]:
    """Names of the labelled classes."""
    return tuple(json.loads((work / "classes.json").read_text()))


def export(options: argparse.Namespace) -> None:
    """Write the weights in half precision, with some image vectors of each labelled class."""
    from safetensors.torch import save_file

    names = names_of(options.work)
    training = Training(options.work, names, options.seed)
    net = training.average.module.eval()
    vectors, labels = [], []
    for group in training.groups.values():
        for label in np.unique(group.labels[group.labels >= 0]):
            rows = np.flatnonzero(group.labels == label)
            rows = rows[np.linspace(0, len(rows) - 1, SEEN_PER_CLASS).astype(int)]
            pixels = torch.from_numpy(group.pixels[rows]).permute(0, 3, 1, 2).float() / 255
            pixels = F.interpolate(pixels, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
            pixels = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
            with torch.no_grad():
                vectors.append(pooled(net, pixels))
            labels += [int(label)] * len(rows)
    seen = torch.cat(vectors)
    mean, deviation = seen.mean(dim=0), seen.std(dim=0) + 1e-3
    tensors = {f"network.{k}": half(v) for k, v in net.state_dict().items()}
    tensors |= {
        "mean": mean,
        "deviation": deviation,
        "seen.vectors": ((seen - mean) / deviation).half(),
    }
    tensors["seen.labels"] = torch.tensor(labels, dtype=torch.int16)
    record = {"classes": names, "sets": SETS, "steps": training.steps, "seed": options.seed}
    options.weights.parent.mkdir(parents=True, exist_ok=True)
    said = {"format": FORMAT, "record": json.dumps(record)}
    save_file({k: v.contiguous() for k, v in tensors.items()}, options.weights, said)
    print(
        f"{options.weights}: {options.weights.stat().st_size / 2**20:.1f} MiB, {training.steps} steps"
    )


def half(values: Any) -> Any:
    """Floats in half precision, counts as they are."""
    return values.half() if values.is_floating_point() else values


def main() -> None:
    """Run one stage."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    stages: dict[str, Callable[[argparse.Namespace], None]] = {
        "views": make_views, "teach": teach_views, "fit": fit, "export": export, "probe": probe,
    }  # fmt: skip
    words.add_argument("stage", choices=stages)
    words.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    words.add_argument("--work", type=Path, default=Path("work"))
    words.add_argument("--weights", type=Path, default=Path("data/weights/compact.safetensors"))
    words.add_argument("--every", type=int, default=1, help="teach: one in so many EuroSAT images")
    words.add_argument("--minutes", type=float, default=60.0)
    words.add_argument("--rate", type=float, default=RATE, help="fit: learning rate at its start")
    words.add_argument("--seed", type=int, default=0)
    options = words.parse_args()
    stages[options.stage](options)


if __name__ == "__main__":
    main()
