"""What the reasoner changed and why: the result of a run, as values that explanations are written from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg.evidence import EvidenceLayer
from kg.ontology import Axiom
from reasoning.regions.graph import RegionGraph


class Contribution(NamedTuple):
    """One additive part of a decision.

    Attributes:
        term: `vocab.NETWORK`, `vocab.LESSON`, `vocab.CALIBRATION`, `vocab.SMOOTHNESS`, the IRI of a source's graph,
            or of an axiom.
        kind: "network", "lesson", "calibration", "evidence", "smoothness" or "axiom".
        value: Nats; positive speaks for the class after, negative for the class before.
    """

    term: str
    kind: str
    value: float


@dataclass(frozen=True)
class Correction:
    """Pixels of one region that went from one class to another.

    Attributes:
        region: Row of the region in the `RegionGraph`.
        before: Class IRI the network gave.
        after: Class IRI after reasoning.
        pixels: How many pixels changed this way.
        area: Their area, square metres.
        lon, lat: A changed pixel near their middle, degrees, CRS84.
        log_odds: Mean over these pixels of log q(after) / q(before); the sum of `contributions` to 1e-6. In a best
            labelling, what going back to the class before would cost each pixel alone, to first order in region means.
        contributions: Additive parts, largest magnitude first.
        evidence: IRIs of the features and cells under these pixels, at most 8: those that speak for the class after
            first, then by pixels.
        confidence: Mean probability of the class after.
        excluded_by: IRIs of hard axioms that removed the class before, if any (outside the sum).
        alike: IRIs of the other classes that were as likely as the class after (to 5 %), in the order of the legend:
            the reasons spoke against the class before, but did not choose between these.
    """

    region: int
    before: str
    after: str
    pixels: int
    area: float
    lon: float
    lat: float
    log_odds: float
    contributions: tuple[Contribution, ...]
    evidence: tuple[str, ...]
    confidence: float
    excluded_by: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()


MOST_EVIDENCE = 8
"""Features and cells that one correction names."""
BEST = "best of restarts"
"""How a search for the best labelling stops."""


@dataclass(frozen=True)
class Trace:
    """How the inference went.

    Attributes:
        energy: Free energy at the start and after each accepted step, nats; never rises. For a best labelling its
            energy, after that of the marginals' labels.
        residual: Largest change of a probability that a further undamped step would make; 0 for a best labelling.
        steps: Accepted steps, or restarts.
        stopped: "converged", "no descent" or "cap"; `BEST` for a best labelling.
    """

    energy: tuple[float, ...]
    residual: float
    steps: int
    stopped: str


@dataclass(frozen=True)
class Corrected:
    """Everything of one correction run.

    Attributes:
        before: What the network said.
        after: The corrected prediction, same legend and grid.
        regions: Regions of the labels before; with a lesson, of the labels that this makes of them.
        corrections: One per patch of changed pixels of one (region, before, after), specks of less than 9 pixels
            together; sorted by area, largest first. Their reasons are computed when one is looked at
            (`reasoning.corrections`).
        index: (y, x) int32 row of `corrections` for each changed pixel, -1 where unchanged.
        axioms: Axioms that were in force.
        layers: Evidence that was in force.
        trace: How the inference went.
        inactive: (axiom IRI, why) of rules that could not act in this run.
    """

    before: Prediction
    after: Prediction
    regions: RegionGraph
    corrections: Sequence[Correction]
    index: NDArray[np.int32]
    axioms: tuple[Axiom, ...]
    layers: tuple[EvidenceLayer, ...]
    trace: Trace
    inactive: tuple[tuple[str, str], ...] = ()

    @property
    def changed(self) -> NDArray[np.bool_]:
        """(y, x): True where the label changed."""
        changed: NDArray[np.bool_] = self.index >= 0
        return changed

    @property
    def changed_pixels(self) -> int:
        """How many pixels changed."""
        return int(self.changed.sum())
