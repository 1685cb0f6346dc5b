"""One painted thing of the demo's town, and the plane geometry that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

WATER, BEACH, TREE, GRASS, CROP, BUILDING, ROAD, SOIL = range(8)
"""Class indices, in the order of the legend "town"."""

Ring = NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """One painted thing.

    Attributes:
        cls: Class index (see the constants of this module).
        ring: (vertex, 2) x, y in metres from the lower left corner, not closed.
        tone: Index of the spectrum within the class.
        new: Built after the product was made.
        tags: OpenStreetMap tags; empty when such a thing is never mapped.
        line: (vertex, 2) centre line for roads and rivers (mapped as a way), or None.
        height: Metres above ground, casts a shadow.
    """

    cls: int
    ring: Ring
    tone: int = 0
    new: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    line: Ring | None = None
    height: float = 0.0


def turned(angle: float) -> Ring:
    """(2, 2) rotation by an angle in radians, for row vectors."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])


def strip(line: Ring, width: float | NDArray[np.float64]) -> Ring:
    """The polygon of a line with a width."""
    along = np.gradient(line, axis=0)
    across = np.column_stack([-along[:, 1], along[:, 0]])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    half = np.broadcast_to(np.asarray(width, float) / 2, len(line))[:, None]
    return np.vstack([line + across * half, (line - across * half)[::-1]])
