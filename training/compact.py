"""Train the weights that ship: image archives come in, data/weights/compact.safetensors and its figures go out.

    python training/compact.py views  --data ../shared/data --work WORK
    python training/compact.py teach  --data ../shared/data --work WORK              (needs ai-edge-litert)
    python training/compact.py fit    --work WORK --part first --minutes 12
    python training/compact.py fit    --work WORK --part rest --minutes 50
    python training/compact.py fit    --work WORK --part whole --minutes 15 --rate 1e-3
    python training/compact.py export --work WORK --weights data/weights/compact.safetensors
    python training/compact.py probe  --data ../shared/data --weights data/weights/compact.safetensors

Each stage keeps its result in WORK, some 7 GB; `fit` keeps its state every 200 steps and goes on from it. No label is
learned from: the network learns to see what a frozen MobileNetV2 sees in the very same views, place by place, and all
over the image (`training/teacher.py`). Its first stage learns alone, then the others learn from what it gives, which is
computed once and kept; for a fifth of that time each of them is given what the teacher gives, so that all learn at
once. Then all learn together. What is exported is a running average of the weights. `probe` is in `training/probe.py`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from probe import probe
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from views import make_views

from fusion.backbones.compact import FORMAT, SIDE, packed, standardised, vectors
from fusion.backbones.compact_network import HINTS, Network

BATCH, RATE, KEEP_EVERY, SEEN_PER_CLASS, HELD = 128, 3e-3, 200, 24, 1000
"""HELD: the first views, which nothing is learned from."""
AVERAGE, FORCED = 0.995, 0.2
"""Part of the running average that stays at each step; part of the time in which stages are given what is right."""
WEIGHTS = (0.5,) * len(HINTS) + (1.0,)
SETS = (
    "without labels: EuroSAT; NWPU-RESISC45 (train images of 12 classes); NWPU VHR-10; Dubai; DroneDeploy; Kampala; "
    "Korea; Landsat 8 of Zion"
)


class Views:
    """Pixels, what the first stage gives, and what the teacher says, read by rows."""

    def __init__(self, work: Path) -> None:
        self.first = work / "first.npy"
        self.pixels = np.load(work / "views.npy", mmap_mode="r")
        self.hints = [np.load(work / f"hint_{k}.npy", mmap_mode="r") for k in range(len(WEIGHTS))]
        some = slice(*(HELD, 5 * HELD) if len(self.pixels) > HELD else (0, None))
        self.scales = []
        for hint in self.hints:
            values = np.asarray(hint[some], np.float32)
            axes = tuple(range(values.ndim - 1))
            self.scales.append((values.mean(axes), values.std(axes) + 1e-3))

    def taught(self, rows: NDArray[np.int64]) -> list[torch.Tensor]:
        """What the teacher says, in units of deviation, channels second."""
        found = []
        for hint, (mean, deviation) in zip(self.hints, self.scales, strict=True):
            values = torch.from_numpy((hint[rows].astype(np.float32) - mean) / deviation)
            found.append(values.permute(0, 3, 1, 2) if values.ndim == 4 else values)
        return found

    def seen(self, rows: NDArray[np.int64], part: str) -> torch.Tensor:
        """What a part of the network is given."""
        if part == "rest":
            kept = np.load(self.first, mmap_mode="r")[rows].astype(np.float32)
            return torch.from_numpy(kept).permute(0, 3, 1, 2)
        return standardised(self.pixels[rows])


def answers(
    net: Any, given: torch.Tensor, part: str, taught: list[torch.Tensor] | None
) -> list[torch.Tensor]:
    """What a part of the network gives beside each hint that it learns."""
    if part == "rest":
        found: list[torch.Tensor] = net.tail.hints(given, None if taught is None else taught[1:])
        return found
    first = net.first(given)
    return [first] if part == "first" else [first, *net.tail.hints(first)]


def learned(part: str) -> slice:
    """Which hints a part of the network learns."""
    return {"first": slice(0, 1), "rest": slice(1, None), "whole": slice(None)}[part]


class Training:
    """The state of training a part, and one step after the other."""

    def __init__(self, work: Path, part: str, seed: int) -> None:
        torch.manual_seed(seed)
        self.views, self.part, self.seed, self.steps = Views(work), part, seed, 0
        self.network = Network().to(memory_format=torch.channels_last)
        self.network.tail.mean, self.network.tail.deviation = (
            torch.from_numpy(scale) for scale in self.views.scales[-1]
        )
        kept = (
            torch.load(work / "state.pt", weights_only=True) if (work / "state.pt").exists() else {}
        )
        same = kept.get("part") == part
        if kept:
            self.network.load_state_dict(kept["network" if same else "average"])
        mine = {"first": self.network.first, "rest": self.network.tail}.get(part, self.network)
        self.optimiser = torch.optim.AdamW(mine.parameters(), RATE, weight_decay=0.03)
        self.average = AveragedModel(
            self.network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE), use_buffers=True
        )
        if same:
            self.average.module.load_state_dict(kept["average"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.average.n_averaged += 1
            self.steps = int(kept["steps"])
        self.file, self._order = work / "state.pt", np.empty(0, np.int64)

    def rows(self) -> NDArray[np.int64]:
        """The next batch: all views in turn, in another order each time."""
        least = HELD if len(self.views.pixels) > HELD else 0
        if len(self._order) < BATCH:
            rng = np.random.default_rng([self.seed, self.steps])
            self._order = least + rng.permutation(len(self.views.pixels) - least)
        rows, self._order = self._order[:BATCH], self._order[BATCH:]
        return np.sort(rows)

    def step(self, rate: float, forced: bool = False) -> float:
        """One batch at a learning rate; the loss."""
        rows = self.rows()
        taught = self.views.taught(rows)
        for group in self.optimiser.param_groups:
            group["lr"] = float(rate * min(1.0, (self.steps + 1) / 200))
        with torch.autocast("cpu", torch.bfloat16):
            found = answers(
                self.network,
                self.views.seen(rows, self.part),
                self.part,
                taught if forced else None,
            )
        mine = learned(self.part)
        pairs = zip(WEIGHTS[mine], found, taught[mine], strict=True)
        loss = sum((w * F.mse_loss(f.float(), t) for w, f, t in pairs), start=torch.zeros(()))
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.steps += 1
        return float(loss.detach())

    def fidelity(self) -> list[float]:
        """Share of the variance of each hint, of views never learned from, that the averaged network foretells."""
        net, mine = self.average.module.eval(), learned(self.part)
        missed, whole = np.zeros(len(WEIGHTS[mine])), np.zeros(len(WEIGHTS[mine]))
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            for start in range(0, min(HELD, len(self.views.pixels)), BATCH):
                rows = np.arange(start, min(start + BATCH, HELD, len(self.views.pixels)))
                found = answers(net, self.views.seen(rows, self.part), self.part, None)
                taught = self.views.taught(rows)[mine]
                missed += [
                    float(((f.float() - t) ** 2).sum()) for f, t in zip(found, taught, strict=True)
                ]
                whole += [float((t**2).sum()) for t in taught]
        net.train()
        return [round(float(share), 3) for share in 1 - missed / whole]

    def keep(self) -> None:
        """Write the state, whole or not at all."""
        state = {
            "network": self.network.state_dict(), "average": self.average.module.state_dict(),
            "optimiser": self.optimiser.state_dict(), "steps": self.steps, "part": self.part,
        }  # fmt: skip
        torch.save(state, self.file.with_suffix(".new"))
        self.file.with_suffix(".new").replace(self.file)


def cut_views(options: argparse.Namespace) -> None:
    """Cut the views."""
    options.work.mkdir(parents=True, exist_ok=True)
    views = make_views(options.data, options.seed)
    np.save(options.work / "views.npy", views.pixels)
    np.save(options.work / "labels.npy", views.labels)
    (options.work / "classes.json").write_text(json.dumps(views.names))


def teach_views(options: argparse.Namespace) -> None:
    """What the teacher says of the views."""
    from teacher import Teacher, teach

    teacher = Teacher(options.data / "features" / "tf2_mobilenet_v2_1.0_224_ptq.tflite", SIDE)
    views = np.load(options.work / "views.npy", mmap_mode="r")
    teach(views, teacher, options.work, lambda i, n: print(f"{i} of {n}", end="\r", flush=True))


def fit(options: argparse.Namespace) -> None:
    """Train a part for some minutes, from where the last call ended; the rate falls to 0 over the time given."""
    training, losses = Training(options.work, options.part, options.seed), []
    start = time.time()
    while (gone := (time.time() - start) / (60 * options.minutes)) < 1:
        forced = options.part == "rest" and gone < FORCED
        losses.append(training.step(options.rate * 0.5 * (1 + np.cos(np.pi * gone)), forced))
        if training.steps % KEEP_EVERY == 0:
            training.keep()
            mean = np.mean(losses[-KEEP_EVERY:])
            print(f"{100 * gone:3.0f} %  step {training.steps}  loss {mean:.3f}", flush=True)
    training.keep()
    print(f"foretold of views never learned from: {training.fidelity()}")
    if options.part == "first":
        keep_first(training)


def keep_first(training: Training) -> None:
    """Write what the first stage gives for all views, half precision."""
    net, views = training.average.module.first.eval(), training.views
    kept = None
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(views.pixels), BATCH):
            rows = np.arange(start, min(start + BATCH, len(views.pixels)))
            found = net(views.seen(rows, "first")).float().permute(0, 2, 3, 1).numpy()
            if kept is None:
                shape = (len(views.pixels), *found.shape[1:])
                kept = np.lib.format.open_memmap(views.first, "w+", np.float16, shape)
            kept[rows] = found


def export(options: argparse.Namespace) -> None:
    """Write the weights with some image vectors of each labelled class."""
    from safetensors.torch import save_file

    names = tuple(json.loads((options.work / "classes.json").read_text()))
    state = torch.load(options.work / "state.pt", weights_only=True)
    labels, net = np.load(options.work / "labels.npy"), Network()
    tensors = packed(state["average"])
    net.load_state_dict(state["average"])
    pixels, found, kept = np.load(options.work / "views.npy", mmap_mode="r"), [], []
    for label in range(len(names)):
        rows = np.flatnonzero(labels == label)
        rows = rows[np.linspace(0, len(rows) - 1, SEEN_PER_CLASS).astype(int)]
        found.append(vectors(net.eval(), standardised(pixels[rows])))
        kept += [label] * len(rows)
    tensors["seen.vectors"] = torch.cat(found).half()
    tensors["seen.labels"] = torch.tensor(kept, dtype=torch.int16)
    record = {"classes": names, "sets": SETS, "seed": options.seed}
    options.weights.parent.mkdir(parents=True, exist_ok=True)
    said = {"format": FORMAT, "record": json.dumps(record)}
    save_file({k: v.contiguous() for k, v in tensors.items()}, options.weights, said)
    print(f"{options.weights}: {options.weights.stat().st_size / 2**20:.1f} MiB")


def main() -> None:
    """Run one stage."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    stages: dict[str, Callable[[argparse.Namespace], None]] = {
        "views": cut_views, "teach": teach_views, "fit": fit, "export": export, "probe": probe,
    }  # fmt: skip
    words.add_argument("stage", choices=stages)
    words.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    words.add_argument("--work", type=Path, default=Path("work"))
    words.add_argument("--weights", type=Path, default=Path("data/weights/compact.safetensors"))
    words.add_argument(
        "--part", choices=("first", "rest", "whole"), default="first", help="fit: what learns"
    )
    words.add_argument("--minutes", type=float, default=12.0)
    words.add_argument("--rate", type=float, default=RATE, help="fit: learning rate at its start")
    words.add_argument("--seed", type=int, default=0)
    options = words.parse_args()
    stages[options.stage](options)


if __name__ == "__main__":
    main()
