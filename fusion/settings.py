"""How the segmenter learns: one frozen value with every knob, and two presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class PixelLoss(Protocol):
    """A loss on pixel probabilities that brings its own gradient; numpy in, numpy out.

    Any object with these two methods can be added to the training: axioms compiled to penalties, for example.
    """

    def forward(self, probabilities: NDArray[np.float64], pixels: NDArray[np.int64]) -> float:
        """The loss, already multiplied by its weight.

        Args:
            probabilities: (pixel, label); rows sum to 1.
            pixels: (pixel,) place of each row in the image, row * width + column; one may come twice.
        """
        ...

    def backward(self) -> NDArray[np.float64]:
        """(pixel, label): gradient of the last `forward` with respect to the probabilities."""
        ...


@dataclass(frozen=True)
class SegmentSettings:
    """Knobs of `fusion.segment.segment`; the defaults were chosen without labels, by scale consistency.

    Attributes:
        seed: Fixes the start of the network and every sample; same seed, same bytes on a CPU.
        steps: Training steps of the first round, of each network.
        networks: How many networks are trained, from different seeds; their probabilities are averaged as logarithms.
        again: Training steps of a second round, in which cells count by their trust; 0 for none.
        batch: Pixels per step.
        cell_pixels: Most pixels of one cell in a step.
        hidden: Width of the two hidden layers.
        rate: First learning rate of AdamW; it falls to 0 along a cosine.
        warm_up: Share of the steps that learn from soft labels of single pixels only.
        pixel_weight: Weight of the soft-label term after the warm-up.
        tempering: 1 draws cells evenly, 0 draws every class equally often.
        sharpness: Majority-only products: a cell names a class with chance proportional to this power of its share.
        named: Majority-only products: nats for the class that a believed cell names, in each of its pixels.
        rake: Whether predictions are made to agree with the cells (only where the product is coarser
            than the pixels and its classes mean the same).
        trust: Whether cells that disagree with the image are found, and not raked.
        ring: Whether a majority-only product around a cell (itself left out) is a feature.
        surroundings: Power of the local prior that the cells around a pixel give, interpolated between their
            centres; 0 for none. Not used for majority-only products, which overstate large classes.
        most_pixels: Pixels used for training at most; cells are drawn when there are more.
        threads: Threads of torch while it works.
        losses: Knowledge losses added to each step, on the pixels of that step.
    """

    seed: int = 0
    steps: int = 300
    networks: int = 3
    again: int = 0
    batch: int = 10_000
    cell_pixels: int = 100
    hidden: int = 128
    rate: float = 1e-2
    warm_up: float = 0.1
    pixel_weight: float = 0.0
    tempering: float = 0.75
    sharpness: float = 2.0
    named: float = 0.3
    rake: bool = True
    trust: bool = True
    ring: bool = True
    surroundings: float = 1.0
    most_pixels: int = 2_000_000
    threads: int = 1
    losses: tuple[PixelLoss, ...] = ()


QUICK = SegmentSettings(steps=250, networks=1, batch=8_000, hidden=96)
"""A third of the work, for a first look: under 40 s on one thread for a 1024 x 1024 scene."""
