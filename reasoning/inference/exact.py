"""Exact answers by enumeration: a problem of a few nodes comes in, exact marginals and the least energy go out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError
from reasoning.inference.copies import copies
from reasoning.inference.infer import Problem
from reasoning.inference.layout import lay_out

Floats = NDArray[np.float64]

MOST = 1_000_000
"""Labellings that are enumerated at most."""
CHUNK = 4096
"""Labellings evaluated side by side."""


@dataclass(frozen=True)
class Exact:
    """What enumeration finds.

    Attributes:
        marginals: (node, label) under P(labels) proportional to exp(-energy).
        energy: The least energy, nats.
        labels: (node,) a labelling that has it; the first in counting order.
    """

    marginals: Floats
    energy: float
    labels: NDArray[np.intp]


def enumerate_labels(problem: Problem) -> Exact:
    """Evaluate every labelling of a problem's nodes.

    Raises:
        InputError: There are more than `MOST`.
    """
    field = lay_out(problem, None).field
    k, n = field.nodes.unary.shape
    if k**n > MOST:
        raise InputError(
            f"{n} nodes with {k} labels: {k**n} labellings, at most {MOST} are enumerated",
            "take a smaller graph",
        )
    places = k ** np.arange(n)[::-1]
    every = (np.arange(k**n)[:, None] // places) % k
    times = min(CHUNK, len(every))
    many = copies(field, times)
    parts = []
    for low in range(0, len(every), times):
        part = every[low : low + times]
        padded = np.concatenate([part, np.repeat(part[-1:], times - len(part), axis=0)])
        parts.append(many.energies(padded)[0][: len(part)])
    energy = np.concatenate(parts)
    best = int(energy.argmin())
    chance = np.exp(energy[best] - energy)
    chance /= chance.sum()
    marginals = np.stack([((every == label) * chance[:, None]).sum(axis=0) for label in range(k)])
    return Exact(marginals.T, float(energy[best]), every[best])
