"""What the map under an image says for its scene, without any image: CORINE says the class, OpenStreetMap is the map.

    python benchmarks/scene_map.py [--side 60] [--least 0.6] [--json FILE] [--data ../shared/data]

Helsinki's centre: the 20 m CORINE raster (Finnish level 4) is cut into squares; a square is a scene of the class that
has at least the share `--least` of its pixels, classes read as scene concepts by `SCENES` (those of BigEarthNet-19,
which come from CORINE, and port, park, sports complex). The map is the OSM extract, as `landlore classify --map` reads
it (`landlore.scene_places`); no image is looked at. Columns: how often the best class is right (mean over classes and
over squares), and nats that the truth gains over even odds, per square, with its standard error (too small: squares
lie side by side). Rows by credit: how far the map's word counts (`scene_places.CREDIT`). Nothing was chosen on these
figures but the side, the largest at which more than three classes have five squares.

Controls: each square looks at the map of another square (mean of 20 draws); the statements of the classes dealt out to
other classes (mean of 20 draws); always the most frequent class. CORINE is partly made from other maps (buildings,
roads), though not from OpenStreetMap, so that this is easier than images labelled by eye would be.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import osmium
from numpy.typing import NDArray

from kg import vocab
from kg.features import read_features
from kg.footprints import Mapped, map_shares
from kg.legend import load_legend
from kg.raster import read_raster
from kg.scenes import load_scenes
from kg.sources.osm import OsmSource
from kg.store import KnowledgeGraph
from landlore import scene_places
from landlore.scene_places import prior_of

SCENES = {
    "111": "urban fabric", "112": "urban fabric", "121": "industrial or commercial units", "123": "port",
    "124": "airport", "141": "park", "142": "sports complex", "311": "forest", "312": "forest", "313": "forest",
    "512": "lake", "523": "marine waters",
}  # fmt: skip
DRAWS = 20


def squares(
    path: Path, around: NDArray[Any], side: float, least: float
) -> tuple[list[Any], list[str]]:
    """Corners (longitude, latitude) and class names of the squares that lie within `around` and are of one class."""
    raster = read_raster(path)
    legend = load_legend("corine:49")
    classes = legend.encode(raster.values[0], nodata=raster.nodata)
    level3 = [one.iri.rsplit("/", 1)[-1][:3] for one in legend.classes]
    names = sorted(set(SCENES.values()))
    table = np.array([names.index(SCENES[c]) if c in SCENES else -1 for c in level3] + [-1])
    scenes, step = table[classes], round(side / 20)
    west, south, east, north = around
    corners, found = [], []
    for y in range(0, scenes.shape[0] - step + 1, step):
        for x in range(0, scenes.shape[1] - step + 1, step):
            part = scenes[y : y + step, x : x + step]
            count = np.bincount(part[part >= 0], minlength=len(names))
            if count.max() < least * step * step:
                continue
            lon, lat = raster.grid.lonlat([y, y, y + step, y + step], [x, x + step, x + step, x])
            if west < min(lon) and max(lon) < east and south < min(lat) and max(lat) < north:
                corners.append(np.column_stack([lon, lat]))
                found.append(names[int(count.argmax())])
    return corners, found


def figures(logs: NDArray[np.float64], truth: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy over squares and over classes, percent; nats of the truth over even odds, with standard error."""
    hit = _shares_of_best(logs)[np.arange(len(truth)), truth]
    each = [hit[truth == c].mean() for c in np.unique(truth)]
    top = logs.max(axis=1, keepdims=True)
    spread = logs - top - np.log(np.exp(logs - top).sum(axis=1, keepdims=True))
    gain = spread[np.arange(len(truth)), truth] + np.log(logs.shape[1])
    return {
        "squares": 100 * float(hit.mean()),
        "classes": 100 * float(np.mean(each)),
        "nats": float(gain.mean()),
        "se": float(gain.std(ddof=1) / len(gain) ** 0.5),
    }


def _shares_of_best(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(square, class): 1 for the best class, shared out where several are."""
    best = logs >= logs.max(axis=1, keepdims=True) - 1e-12
    shares: NDArray[np.float64] = best / best.sum(axis=1, keepdims=True)
    return shares


def average(found: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([one[key] for one in found])) for key in found[0]}


def table(
    mapped: Mapped, names: Sequence[str], truth: NDArray[np.int64], credits: Sequence[float]
) -> dict[str, dict[str, float]]:
    """The figures of each row."""
    knowledge, count = load_scenes(), len(names)
    concepts = [knowledge.find(name) for name in names]
    rows, usual = {}, scene_places.CREDIT
    rng = np.random.default_rng(0)
    elsewhere = [rng.permutation(len(truth)) for _ in range(DRAWS)]
    dealt = [rng.permutation(count) for _ in range(DRAWS)]
    for scene_places.CREDIT in (usual, *credits):
        logs = prior_of(mapped, concepts).logs
        rows[f"map, credit {scene_places.CREDIT:g}"] = figures(logs, truth)
    scene_places.CREDIT = usual
    logs = prior_of(mapped, concepts).logs
    rows["map of another square"] = average([figures(logs[order], truth) for order in elsewhere])
    rows["statements of other classes"] = average([figures(logs[:, o], truth) for o in dealt])
    most = np.bincount(truth, minlength=count).argmax()
    rows["always the most frequent class"] = figures(
        np.eye(count)[[most]].repeat(len(truth), 0), truth
    )
    return rows


def main() -> None:
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--side", type=float, default=60.0, help="metres")
    words.add_argument("--least", type=float, default=0.6, help="share of the square")
    words.add_argument("--few", type=int, default=5, help="squares that a class needs")
    words.add_argument("--json", type=Path)
    words.add_argument(
        "--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data"
    )
    given = words.parse_args()
    folder, graph = given.data / "geo" / "helsinki", KnowledgeGraph()
    graph.replace_graph(
        vocab.GRAPH + "osm", OsmSource(folder / "helsinki_centre.osm.pbf").ntriples()
    )
    features = read_features(graph)
    around = bounds_of(folder / "helsinki_centre.osm.pbf")
    corners, found = squares(folder / "corine_20m_helsinki.tif", around, given.side, given.least)
    names = tuple(sorted(name for name in set(found) if found.count(name) >= given.few))
    kept = [i for i, name in enumerate(found) if name in names]
    mapped = map_shares(features, [corners[i] for i in kept])
    shown = np.isfinite(mapped.shares).all(axis=1)
    truth = np.array([names.index(found[i]) for i in kept])[shown]
    mapped = replace(mapped, shares=mapped.shares[shown])
    counts = ", ".join(f"{n} {c}" for n, c in zip(names, np.bincount(truth), strict=True))
    print(f"{len(truth)} squares of {given.side:g} m: {counts}; {(~shown).sum()} more show nothing")
    rows = table(mapped, names, truth, (0.25, 1.0))
    print(f"{'':34s} squares  classes   nats (se)   even odds {100 / len(names):.1f}")
    for name, row in rows.items():
        print(
            f"{name:34s} {row['squares']:6.1f}  {row['classes']:6.1f}  {row['nats']:+.3f} ({row['se']:.3f})"
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


def bounds_of(extract: Path) -> NDArray[np.float64]:
    """West, south, east, north of an extract, by its header."""
    with osmium.io.Reader(str(extract)) as reader:
        box = reader.header().box()
    low, high = box.bottom_left, box.top_right
    return np.array([low.lon, low.lat, high.lon, high.lat])


if __name__ == "__main__":
    main()
