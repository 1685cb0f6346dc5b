"""Which polygons meet: 1,500 beside 1,500, by our join and by `geof:sfIntersects` in SPARQL, in one run.

    python benchmarks/join.py [--size 1500] [--corners 20] [--repeats 5] [--peer-repeats 1] [--json FILE]

Two layers of round polygons, seeded, as GeoSPARQL literals in one store (CRS84). Ours, in two parts: the literals are
read once, then joined by an STRtree, as `kg.spatial.relate` does it. Peer: pyoxigraph's own `geof:sfIntersects` over
all pairs, which must find the same. All use one thread; seconds are of the processor, medians.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyoxigraph as ox
from numpy.typing import NDArray

from kg import vocab
from kg.geometry import parse_wkt

Pairs = set[tuple[int, int]]
QUERY = f"""PREFIX geo: <{vocab.GEO}> PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
SELECT ?a ?b {{ ?a <x:one> ?p . ?b <x:other> ?q FILTER(geof:sfIntersects(?p, ?q)) }}"""


def polygons(n: int, corners: int, rng: np.random.Generator) -> list[str]:
    """Well-known text of round polygons of 10 to 60 m in a square of 4 km."""
    x, y = rng.uniform(0, 0.04, (2, n, 1))
    turn = np.linspace(0, 2 * np.pi, corners + 1)
    far = rng.uniform(1e-4, 6e-4, (n, 1)) * rng.uniform(0.8, 1.2, (n, corners + 1))
    far[:, -1] = far[:, 0]
    places = np.stack([x + far * np.cos(turn), y + far * np.sin(turn)], axis=-1)
    return ["POLYGON ((" + ", ".join(f"{a:.7f} {b:.7f}" for a, b in ring) + "))" for ring in places]


def join(one: NDArray[Any], other: NDArray[Any]) -> Pairs:
    """Pairs of shapes that meet."""
    import shapely

    rows, found = shapely.STRtree(other).query(one, predicate="intersects")
    return set(zip(rows.tolist(), found.tolist(), strict=True))


def store_of(one: list[str], other: list[str]) -> ox.Store:
    """Both layers in memory."""
    kind, store = ox.NamedNode(f"{vocab.GEO}wktLiteral"), ox.Store()
    for predicate, layer in (("x:one", one), ("x:other", other)):
        store.extend(
            ox.Quad(
                ox.NamedNode(f"n:{i}"), ox.NamedNode(predicate), ox.Literal(text, datatype=kind)
            )
            for i, text in enumerate(layer)
        )
    return store


def peer(store: ox.Store) -> Pairs:
    """The same pairs by SPARQL."""
    return {(int(a.value[2:]), int(b.value[2:])) for a, b in store.query(QUERY)}


def timed(task: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """What a task gives, and the median of its processor seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        found = task()
        seconds.append(time.process_time() - start)
    return found, median(seconds)


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, value in (
        ("size", 1500), ("corners", 20), ("repeats", 5), ("peer-repeats", 1), ("seed", 0),
    ):  # fmt: skip
        words.add_argument(f"--{name}", type=int, default=value)
    words.add_argument("--json", type=Path)
    chosen = words.parse_args()
    rng = np.random.default_rng(chosen.seed)
    one, other = (polygons(chosen.size, chosen.corners, rng) for _ in range(2))
    shapes, reading = timed(lambda: (parse_wkt(one), parse_wkt(other)), chosen.repeats)
    mine, joining = timed(lambda: join(*shapes), chosen.repeats)
    store = store_of(one, other)
    theirs, asking = timed(lambda: peer(store), chosen.peer_repeats)
    said = {
        "polygons": chosen.size, "corners": chosen.corners, "pairs": len(mine), "same": mine == theirs,
        "reading": reading, "join": joining, "pyoxigraph": asking, "times_join": asking / joining,
        "times_with_reading": asking / (joining + reading),
        "versions": {name: version(name) for name in ("shapely", "pyoxigraph")},
    }  # fmt: skip
    print(
        f"{chosen.size} x {chosen.size} polygons of {chosen.corners} corners, {len(mine)} pairs meet"
    )
    print(f"ours: literals read {reading:.4f} s, joined {joining:.4f} s")
    print(f"pyoxigraph {asking:.1f} s, the same pairs: {mine == theirs}")
    print(
        f"{asking / joining:.0f} times the join (bar 1,000), {asking / (joining + reading):.0f} with reading"
    )
    if chosen.json:
        chosen.json.write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
