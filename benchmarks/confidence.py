"""Labels of a real network, whose probabilities nobody kept: does the image tell where they are wrong?

    python benchmarks/confidence.py [--seeds 0 1 2] [--json FILE]

Sentinel-2 Korea: learned on 9 western tiles, scored on 9 eastern ones (ground of western tiles is not scored). Rows:
labels as given; the image of each tile alone (`fusion.confidence`); confidence learned from western tiles
(`fusion.confidence_lesson`); the labels corrected by this lesson beside them, the rules that ship and smoothness, each
change with its reasons. Controls: the lesson without an
image (labels around alone), and learned with the image of another tile beside each. Every choice is made on held-out
western scenes; their mean IoU is printed beside each lesson.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from correction import GIVEN, heading, ours
from correction_table import Case, Table
from weak_base import Tile, given_labels, load_tiles

from fusion.confidence import estimate_confidence
from fusion.confidence_lesson import Example, learn_confidence
from fusion.learned_confidence import LearnedConfidence
from fusion.prediction import Prediction
from kg.legend import Legend
from kg.raster import Raster
from kg.rules import load_rules


def blank(image: Raster) -> Raster:
    """An image that shows nothing."""
    return replace(image, values=np.full_like(image.values, 128))


def learned(tiles: Sequence[Tile], images: Sequence[Raster], legend: Legend, seed: int) -> Any:
    """A lesson from tiles with the images given."""
    pairs = zip(tiles, images, strict=True)
    examples = [Example(labels_of(t), image, t.truth, t.scene or t.name) for t, image in pairs]
    return learn_confidence(examples, legend, seed=seed)


def labels_of(tile: Tile) -> Any:
    """What the network says."""
    if tile.given is None:
        raise ValueError(f"tile {tile.name} has no labels of a network")
    return tile.given


def applied(
    lesson: LearnedConfidence, tiles: Sequence[Tile], images: Sequence[Raster], legend: Legend
) -> Any:
    """Probabilities of tiles with the images given."""
    pairs = zip(tiles, images, strict=True)
    return [lesson.apply(labels_of(tile), image, legend) for tile, image in pairs]


def run(seed: int) -> list[dict[str, Any]]:
    """One table."""
    tiles = load_tiles("korea")
    legend, test, train = tiles.legend, tiles.test, tiles.train
    given = tuple((tile, given_labels(tile, legend)) for tile in test)
    table = Table(Case(tiles, (), given))
    print(f"\nlabels of the real network, seed {seed}\n{heading(tiles)}")
    table.add("labels of the network", table.base)
    if not seed:
        alone = [estimate_confidence(labels_of(t), t.image, legend) for t in test]
        table.add("the image of each tile alone", [p.labels for p in alone])
        ours(table, "as given: rules that ship", load_rules(), GIVEN)
    beside: tuple[tuple[Tile, Prediction], ...] = ()
    for name, own, others in (
        ("learned", [t.image for t in train], [t.image for t in test]),
        ("without the image", [blank(t.image) for t in train], [blank(t.image) for t in test]),
        ("image of another tile", _turned(train), _turned(test)),
    ):
        lesson = learned(train, own, legend, seed)
        found = applied(lesson, test, others, legend)
        beside = beside or tuple((t, lesson.beside(p, t.image)) for t, p in given)
        table.add(name, [p.labels for p in found])
        held = f"as given {lesson.held_out[0]:.1f}, by the lesson {lesson.held_out[1:].max():.1f}"
        print(f"    held-out western scenes: {held} (power {lesson.exponent:.1f})", flush=True)
    after = Table(Case(tiles, (), beside))
    after.base_iou = table.base_iou
    ours(after, "lesson beside, rules that ship", load_rules(), GIVEN)
    return [*table.rows, *after.rows]


def _turned(tiles: Sequence[Tile]) -> list[Raster]:
    """Each tile's grid with the pixels of the next one."""
    others = [*tiles[1:], tiles[0]]
    return [replace(t.image, values=o.image.values) for t, o in zip(tiles, others, strict=True)]


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    words.add_argument("--json", type=Path)
    chosen = words.parse_args()
    found = {str(seed): run(seed) for seed in chosen.seeds}
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
