"""Rules that pull against each other: corrections come in, pairs of rules with counts and nats go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reasoning.correction import Correction

LEAST = 0.05
"""Nats below which a rule does not count as pulling (it moves the odds by five percent)."""


@dataclass(frozen=True)
class Conflict:
    """Two rules that spoke against each other.

    Attributes:
        pushed: IRI of the rule that spoke for the changes.
        pulled: IRI of the rule that spoke against them.
        corrections: In how many corrections.
        regions: In how many regions those are.
        pixels: How many pixels they have.
        push: Mean nats of the first for the change, over corrections.
        pull: Mean nats of the second, below 0.
    """

    pushed: str
    pulled: str
    corrections: int
    regions: int
    pixels: int
    push: float
    pull: float


def rule_conflicts(corrections: Sequence[Correction], least: float = LEAST) -> tuple[Conflict, ...]:
    """Pairs of rules of which one spoke for and the other against the same corrections.

    The same as the named query `rule-conflicts`. Where nothing was changed, rules that cancel each other leave no
    trace here.

    Args:
        corrections: Of one run.
        least: Nats that each of the two has at least.

    Returns:
        Most pixels first.
    """
    met: dict[tuple[str, str], list[tuple[Correction, float, float]]] = {}
    for one in corrections:
        rules = [c for c in one.contributions if c.kind == "axiom" and abs(c.value) > least]
        for push in (c for c in rules if c.value > 0):
            for pull in (c for c in rules if c.value < 0):
                met.setdefault((push.term, pull.term), []).append((one, push.value, pull.value))
    found = [
        Conflict(
            pushed=pair[0],
            pulled=pair[1],
            corrections=len(cases),
            regions=len({one.region for one, _, _ in cases}),
            pixels=sum(one.pixels for one, _, _ in cases),
            push=float(np.mean([push for _, push, _ in cases])),
            pull=float(np.mean([pull for _, _, pull in cases])),
        )
        for pair, cases in met.items()
    ]
    return tuple(sorted(found, key=lambda c: (-c.pixels, c.pushed, c.pulled)))
