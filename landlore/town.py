"""The demo's vector world: a recipe and a seed come in, painted features of an invented coastal town go out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

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


def build_town(recipe: dict[str, Any], rng: np.random.Generator) -> list[Feature]:
    """All features in painter's order (later ones cover earlier ones).

    Args:
        recipe: Tables of `data/demo/recipe.toml`.
        rng: Source of all randomness.
    """
    extent = recipe["place"]["size"] * recipe["place"]["pixel"]
    coast = _coastline(extent, rng)
    features = list(_fields(extent, rng))
    features += _woods(extent, rng)
    features += _lake(extent)
    features += _streets_and_houses(recipe["town"], coast, rng)
    features += _shore(extent, coast, rng)
    features += _river(extent)
    features += _country_roads(recipe["town"], coast, extent)
    return features


def _coastline(extent: float, rng: np.random.Generator) -> Ring:
    xs = np.linspace(-20, extent + 20, 120)
    ripple = np.convolve(rng.normal(0, 22, len(xs) + 8), np.ones(9) / 9, mode="valid")
    ys = extent * 0.17 + 55 * np.sin(xs / 310) + 30 * np.sin(xs / 118 + 1) + ripple
    return np.column_stack([xs, ys])


def _shore(extent: float, coast: Ring, rng: np.random.Generator) -> Iterator[Feature]:
    xs, ys = coast.T
    width = np.clip(34 * np.sin(xs / 260 + 0.6) + 16, 0, 48)
    beach = np.vstack([coast - [0, 30], np.column_stack([xs, ys + width])[::-1]])
    yield Feature(BEACH, beach, tags={"natural": "beach"})
    sea = np.vstack([coast, [[extent + 20, -20], [-20, -20]]])
    yield Feature(WATER, sea, tags={"natural": "bay"})
    x = extent * 0.47
    y = float(np.interp(x, xs, ys))
    yield Feature(
        ROAD,
        _strip(np.array([[x, y + 40], [x + 6, y - 130]]), 9),
        tone=1,
        tags={"man_made": "pier"},
    )


def _river(extent: float) -> Iterator[Feature]:
    ys = np.linspace(extent + 10, 150, 60)
    xs = extent * 0.83 + 70 * np.sin(ys / 240) + 22 * np.sin(ys / 77)
    line = np.column_stack([xs, ys])
    widths = np.interp(ys, [150, extent], [26, 13])
    yield Feature(
        WATER, _strip(line, widths), tone=1, tags={"waterway": "river", "width": "18"}, line=line
    )


def _lake(extent: float) -> Iterator[Feature]:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = 92 + 17 * np.sin(3 * turn) + 9 * np.cos(5 * turn)
    centre = np.array([extent * 0.2, extent * 0.79])
    shape = np.column_stack([np.cos(turn) * radius * 1.35, np.sin(turn) * radius])
    yield Feature(WATER, centre + shape, tone=1, tags={"natural": "water", "water": "lake"})
    yield Feature(TREE, centre + shape * 0.2 + [18, -8], height=8, tags={"place": "islet"})


def _fields(extent: float, rng: np.random.Generator) -> Iterator[Feature]:
    """Farmland by recursive splitting of a square, turned a little."""
    todo = [(-0.2 * extent, -0.2 * extent, 1.2 * extent, 1.2 * extent)]
    middle, turn = np.array([extent / 2] * 2), _turn(0.12)
    while todo:
        x0, y0, x1, y1 = todo.pop()
        wide, long = x1 - x0, y1 - y0
        if max(wide, long) > rng.uniform(150, 290):
            cut = rng.uniform(0.4, 0.6)
            x, y = (x0 + cut * wide, y1) if wide > long else (x1, y0 + cut * long)
            second = (x, y0, x1, y1) if wide > long else (x0, y, x1, y1)
            todo += [(x0, y0, x, y), second]
            continue
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        yield _land(middle + (corners - middle) @ turn, rng)


def _land(ring: Ring, rng: np.random.Generator) -> Feature:
    cls = int(rng.choice([CROP, GRASS, TREE, SOIL], p=[0.55, 0.25, 0.15, 0.05]))
    tags = {
        CROP: {"landuse": "farmland"},
        GRASS: {"landuse": "meadow"},
        TREE: {"landuse": "forest"},
        SOIL: {"landuse": "quarry"},
    }[cls]
    return Feature(cls, ring, tone=int(rng.integers(3)), tags=tags, height=10.0 * (cls == TREE))


def _woods(extent: float, rng: np.random.Generator) -> Iterator[Feature]:
    for _ in range(16):
        turn = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        radius = rng.uniform(18, 70) * (1 + 0.25 * rng.normal(size=18).clip(-1.5, 1.5))
        centre = rng.uniform([0, extent * 0.3], extent)
        ring = centre + np.column_stack([np.cos(turn), np.sin(turn)]) * radius[:, None]
        yield Feature(TREE, ring, tone=int(rng.integers(2)), tags={"natural": "wood"}, height=11)


def _streets_and_houses(
    town: dict[str, float], coast: Ring, rng: np.random.Generator
) -> list[Feature]:
    """A turned grid of blocks inside a circle: gardens first, then streets, houses and trees."""
    ground: list[Feature] = []
    streets: list[Feature] = []
    houses: list[Feature] = []
    turn, centre = _turn(town["angle"]), np.array([town["x"], town["y"]])
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
        (x, y), (w, h) = origin, size
        ring = self.to_world([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
        return Feature(cls, ring, tone, self.new, tags or {}, None, height)

    def streets(self, town: dict[str, float]) -> list[Feature]:
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
            found.append(Feature(ROAD, _strip(line, 7.5), 0, self.new, tags, line))
        return found

    def fill(self, town: dict[str, float], rng: np.random.Generator) -> list[Feature]:
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
        turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        circle = np.column_stack([np.cos(turn), np.sin(turn)])
        found = []
        for _ in range(count):
            middle = rng.uniform([10, 22], [town["block_length"] - 10, town["block_width"] - 22])
            ring = self.to_world(middle + circle * rng.uniform(2.5, 6))
            found.append(Feature(TREE, ring, int(rng.integers(2)), self.new, {}, None, 6.0))
        return found


def _country_roads(town: dict[str, float], coast: Ring, extent: float) -> Iterator[Feature]:
    x, y = town["x"], town["y"]
    xs = np.linspace(-10, extent + 10, 50)
    shore = np.column_stack([xs, np.interp(xs, coast[:, 0], coast[:, 1]) + 78])
    north = np.array([[x, y + 380], [x - 60, y + 700], [x + 30, extent + 10]])
    west = np.array([[x - 400, y + 60], [x - 700, y + 10], [-10, y + 130]])
    east = np.array([[x + 420, y], [x + 700, y + 60], [extent + 10, y + 20]])
    for line, kind, width in (
        (shore, "secondary", 9.0),
        (north, "secondary", 9.0),
        (west, "tertiary", 7.0),
        (east, "tertiary", 7.0),
    ):
        yield Feature(
            ROAD, _strip(line, width), tags={"highway": kind, "width": f"{width:.0f}"}, line=line
        )


def _turn(angle: float) -> Ring:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])


def _strip(line: Ring, width: float | NDArray[np.float64]) -> Ring:
    """The polygon of a line with a width."""
    along = np.gradient(line, axis=0)
    across = np.column_stack([-along[:, 1], along[:, 0]])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    half = np.broadcast_to(np.asarray(width, float) / 2, len(line))[:, None]
    return np.vstack([line + across * half, (line - across * half)[::-1]])
