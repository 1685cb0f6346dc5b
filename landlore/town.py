"""The demo's vector world: a recipe and a seed come in, painted features of an invented coastal town go out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from landlore.blocks import streets_and_houses
from landlore.feature import (
    BEACH,
    CROP,
    GRASS,
    ROAD,
    SOIL,
    TREE,
    WATER,
    Feature,
    Ring,
    strip,
    turned,
)


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
    features += streets_and_houses(recipe["town"], coast, rng)
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
    sea = np.vstack([coast, np.array([[extent + 20, -20], [-20, -20]])])
    yield Feature(WATER, sea, tags={"natural": "bay"})
    x = extent * 0.47
    y = float(np.interp(x, xs, ys))
    yield Feature(
        ROAD,
        strip(np.array([[x, y + 40], [x + 6, y - 130]]), 9),
        tone=1,
        tags={"man_made": "pier"},
    )


def _river(extent: float) -> Iterator[Feature]:
    ys = np.linspace(extent + 10, 150, 60)
    xs = extent * 0.83 + 70 * np.sin(ys / 240) + 22 * np.sin(ys / 77)
    line = np.column_stack([xs, ys])
    widths = np.interp(ys, [150, extent], [26, 13])
    yield Feature(
        WATER, strip(line, widths), tone=1, tags={"waterway": "river", "width": "18"}, line=line
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
    middle, turn = np.array([extent / 2] * 2), turned(0.12)
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
            ROAD, strip(line, width), tags={"highway": kind, "width": f"{width:.0f}"}, line=line
        )
