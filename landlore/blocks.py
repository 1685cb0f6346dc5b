"""The built part of the demo's town: a street grid comes in; gardens, streets, houses and trees go out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from landlore.feature import BUILDING, GRASS, ROAD, SOIL, TREE, Feature, Ring, strip, turned


def streets_and_houses(
    town: dict[str, float], coast: Ring, rng: np.random.Generator
) -> list[Feature]:
    """A turned grid of blocks inside a circle: gardens first, then streets, houses and trees."""
    ground: list[Feature] = []
    streets: list[Feature] = []
    houses: list[Feature] = []
    turn, centre = turned(town["angle"]), np.array([town["x"], town["y"]])
    steps_x = np.arange(-town["radius"], town["radius"], town["block_length"])
    steps_y = np.arange(-town["radius"], town["radius"], town["block_width"])
    for bx in steps_x:
        for by in steps_y:
            corner = np.array([bx, by])
            middle = centre + (corner + [town["block_length"] / 2, town["block_width"] / 2]) @ turn
            if not _in_town(middle, town, coast):
                continue
            place = _Block(centre, corner, turn, _is_new(middle - centre, town))
            ground.append(
                place.rectangle(GRASS, (0, 0), (town["block_length"], town["block_width"]), tags={})
            )
            streets += place.streets(town)
            houses += place.fill(town, rng)
    return ground + streets + houses


def _in_town(point: Ring, town: dict[str, float], coast: Ring) -> bool:
    far = float(np.hypot(*(point - [town["x"], town["y"]])))
    shore = float(np.interp(point[0], coast[:, 0], coast[:, 1]))
    return far < town["radius"] - 40 and point[1] > shore + 110


def _is_new(offset: Ring, town: dict[str, float]) -> bool:
    bearing = float(np.arctan2(offset[1], offset[0]))
    return town["new_from_angle"] < bearing < town["new_to_angle"]


@dataclass(frozen=True)
class _Block:
    """A block of the street grid: local metres in, features out."""

    centre: Ring
    corner: Ring
    turn: Ring
    new: bool

    def to_world(self, local: Any) -> Ring:
        """Places in the block as places in the town."""
        return np.asarray(self.centre + (self.corner + np.asarray(local, float)) @ self.turn)

    def rectangle(
        self,
        cls: int,
        origin: tuple[float, float],
        size: tuple[float, float],
        *,
        tone: int = 0,
        tags: dict[str, str] | None = None,
        height: float = 0.0,
    ) -> Feature:
        """A rectangle with its sides along those of the block."""
        (x, y), (w, h) = origin, size
        ring = self.to_world([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
        return Feature(cls, ring, tone, self.new, tags or {}, None, height)

    def streets(self, town: dict[str, float]) -> list[Feature]:
        """The streets around the block."""
        long, wide = town["block_length"], town["block_width"]
        found = []
        for ends in (
            [[0, 0], [long, 0]],
            [[0, 0], [0, wide]],
            [[long, 0], [long, wide]],
            [[0, wide], [long, wide]],
        ):
            line = self.to_world(ends)
            tags = {"highway": "residential", "width": "7"}
            found.append(Feature(ROAD, strip(line, 7.5), 0, self.new, tags, line))
        return found

    def fill(self, town: dict[str, float], rng: np.random.Generator) -> list[Feature]:
        """What stands in the block, by chance."""
        use = rng.choice(
            ["houses", "park", "parking", "hall", "site"], p=[0.8, 0.08, 0.05, 0.05, 0.02]
        )
        long, wide = town["block_length"], town["block_width"]
        if use == "parking":
            return [
                self.rectangle(
                    ROAD, (8, 8), (long - 16, wide - 16), tone=1, tags={"amenity": "parking"}
                )
            ]
        if use == "hall":
            return [
                self.rectangle(
                    BUILDING,
                    (12, 12),
                    (long - 28, wide - 26),
                    tone=2,
                    height=9,
                    tags={"building": "retail"},
                )
            ]
        if use == "site":
            return [
                self.rectangle(
                    SOIL, (8, 8), (long - 16, wide - 16), tags={"landuse": "construction"}
                )
            ]
        found = self.trees(24 if use == "park" else 4, town, rng)
        if use == "houses":
            found += self.houses(town, rng)
        return found

    def houses(self, town: dict[str, float], rng: np.random.Generator) -> list[Feature]:
        """Two rows of houses with their gardens."""
        found = []
        for row in (8.0, town["block_width"] - 20.0):
            x = 9.0
            while x < town["block_length"] - 20:
                size = (float(rng.uniform(10, 17)), float(rng.uniform(9, 13)))
                tone = int(rng.choice(4, p=[0.5, 0.25, 0.1, 0.15]))
                if rng.random() < 0.92:
                    found.append(
                        self.rectangle(
                            BUILDING,
                            (x, row),
                            size,
                            tone=tone,
                            tags={"building": "house"},
                            height=float(rng.uniform(5, 9)),
                        )
                    )
                x += size[0] + float(rng.uniform(3, 8))
        return found

    def trees(self, count: int, town: dict[str, float], rng: np.random.Generator) -> list[Feature]:
        """So many trees."""
        turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        circle = np.column_stack([np.cos(turn), np.sin(turn)])
        found = []
        for _ in range(count):
            middle = rng.uniform([10, 22], [town["block_length"] - 10, town["block_width"] - 22])
            ring = self.to_world(middle + circle * rng.uniform(2.5, 6))
            found.append(Feature(TREE, ring, int(rng.integers(2)), self.new, {}, None, 6.0))
        return found
