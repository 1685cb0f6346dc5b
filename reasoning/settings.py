"""How a correction is done: one frozen value with every knob."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kg.errors import InputError

if TYPE_CHECKING:
    from reasoning.learning.calibration import Calibration

MODES = ("marginals", "map")
NODES = ("pixels", "regions")


@dataclass(frozen=True)
class CorrectSettings:
    """Knobs of a correction; the defaults are meant for any scene.

    Attributes:
        smoothness: Nats per pair of neighbouring pixels without contrast.
        evidence: Factor on what every source says.
        strengths: Further factor per layer name; 0 leaves a layer to the rules alone.
        trust: Estimate which product cells can be trusted.
        connectivity: 4 or 8, of regions.
        floor: Smallest probability of the network that is told from 0.
        message_cap: Most nats, per unit of weight, that a rule about a region tells a pixel of its neighbour.
        tolerance: Largest change of a probability at which inference has converged.
        max_steps: Steps after which it stops in any case.
        mode: "marginals" (probabilities that fit everything) or "map" (the one best labelling).
        nodes: "pixels", or "regions": whole regions are decided at once, faster and without smoothness.
        superpixel: Side in metres of the pieces that components are cut into (`reasoning.regions.superpixels`):
            superpixels of the image where there is one, else square cells; 0 for none.
        calibration: How far the network's probabilities can be believed, or None: as they are.
        seed: Seed of mode "map".
        date: When the image was taken, "2021" or "2021-06-30": evidence of other dates counts less; "" where unknown.
        reliabilities: Layer name -> how often it is right, 0..1; others as their source states it.
    """

    smoothness: float = 0.5
    evidence: float = 1.0
    strengths: Mapping[str, float] = field(default_factory=dict)
    trust: bool = True
    connectivity: int = 4
    floor: float = 1e-4
    message_cap: float = 2.0
    tolerance: float = 1e-8
    max_steps: int = 60
    mode: str = "marginals"
    nodes: str = "pixels"
    superpixel: float = 0.0
    calibration: Calibration | None = None
    seed: int = 0
    date: str = ""
    reliabilities: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = {name: one for name, one in self.reliabilities.items() if not 0 <= one <= 1}
        if wrong:
            raise InputError(f"reliabilities {wrong}, expected 0..1", "for example 0.85")
        amounts = (
            self.smoothness, self.evidence, self.message_cap, self.superpixel, *self.strengths.values(),
        )  # fmt: skip
        if not all(0 <= amount < np.inf for amount in amounts) or not 0 < self.floor < 0.1:
            raise InputError(
                f"settings out of range: {self}",
                "smoothness, evidence, message_cap and superpixel are 0 or more, floor is between 0 and 0.1",
            )
        for name, known in (("mode", MODES), ("nodes", NODES)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}",
                    f'for example {name} = "{known[0]}"',
                )
