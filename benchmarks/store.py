"""Loading and ten queries: our store beside rdflib's memory store.

    python benchmarks/store.py [--triples 200000] [--repeats 5] [--disk | --server URL] [--seed 7] [--json FILE]

The graph is generated: map features with classes, names, widths and neighbours; product cells with weighted covers; the
core ontology. Both stores load the same N-Triples and answer the same text; the answers are compared before anything is
timed. Each repeat times both, query by query, in turn; printed are medians and rdflib / ours. With `--server` our side
is a SPARQL 1.1 server through `kg.remote` (`oxigraph serve --union-default-graph`; the queries name no graph).
Memory: what a process of its own holds once it has read the lines from a file, less what it held before (Linux).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rdflib import Graph

from kg import vocab
from kg.build import ontology_lines
from kg.remote import RemoteGraph
from kg.statements import Statements, integer, iri, ntriples, text, typed
from kg.store import KnowledgeGraph

GRAPH = vocab.GRAPH + "benchmark"
CLASSES = ("Building", "Road", "Lake", "River", "Park", "Orchard", "Vineyard", "Quarry", "Pier")
COVERS = (10, 20, 30, 40, 50, 60, 80, 90)
HEAD = "".join(f"PREFIX {prefix}: <{iri_}>\n" for prefix, iri_ in vocab.PREFIXES.items())
QUERIES = {
    "one feature": "SELECT ?p ?o { <https://w3id.org/landlore/id/f/17> ?p ?o }",
    "features of a class": "SELECT ?f { ?f a ll:Quarry }",
    "class and below": "SELECT ?f { ?c rdfs:subClassOf* ll:Water . ?f a ?c }",
    "count by class": "SELECT ?c (COUNT(?f) AS ?n) { ?f a ll:OsmFeature ; a ?c } GROUP BY ?c",
    "named and wide": "SELECT ?f ?l { ?f a ll:Road ; rdfs:label ?l ; ll:width ?w FILTER(?w > 9) }",
    "neighbours of kinds": "SELECT ?a { ?a a ll:Lake ; ll:adjacentTo/rdf:type ll:Park }",
    "weighted cover": "SELECT ?c { ?c ll:hasCover [ ll:value <LEGEND80> ; ll:weight ?w ] FILTER(?w > 0.8) }",
    "mean cover": "SELECT ?v (AVG(?w) AS ?m) { ?c ll:hasCover [ ll:value ?v ; ll:weight ?w ] } GROUP BY ?v",
    "without a name": "SELECT ?f { ?f a ll:River OPTIONAL { ?f rdfs:label ?l } FILTER(!BOUND(?l)) }",
    "two steps": "SELECT DISTINCT ?c { ?a a ll:Quarry ; ll:adjacentTo/ll:adjacentTo ?b . ?b a ?c }",
}
QUERIES = {
    name: asked.replace("LEGEND", vocab.LEGEND + "worldcover/") for name, asked in QUERIES.items()
}
PLACES = 12  # decimals that two averages must share


def statements(triples: int, seed: int) -> Iterator[Statements]:
    """About `triples` statements: two thirds about features, one third about cells."""
    rng, core = random.Random(seed), vocab.CORE
    features, cells = triples * 2 // 3 // 6, triples // 3 // 8
    for number in range(features):
        near = f"{vocab.ID}f/{rng.randrange(features)}"
        pairs = [(vocab.RDF + "type", iri(core + "OsmFeature"))]
        pairs += [(vocab.RDF + "type", iri(core + rng.choice(CLASSES)))]
        pairs += [(core + "adjacentTo", iri(near)), (core + "width", _decimal(rng.uniform(1, 10)))]
        pairs += [(core + "osmId", text(f"way/{number}"))]
        pairs += [(vocab.RDFS + "label", text(f"name {number}"))] if rng.random() < 0.9 else []
        yield f"{vocab.ID}f/{number}", pairs
    for number in range(cells):
        cell, share = f"{vocab.ID}c/cell/{number}/0", rng.random()
        covers = [f"{cell}#cover-{code}" for code in rng.sample(COVERS, 2)]
        pairs = [(core + "hasCover", iri(cover)) for cover in covers]
        yield (
            cell,
            [
                *pairs,
                (vocab.RDF + "type", iri(vocab.PRODUCT_CELL)),
                (core + "row", integer(number)),
            ],
        )
        for cover, weight in zip(covers, (share, 1 - share), strict=True):
            value = f"{vocab.LEGEND}worldcover/{cover.rpartition('-')[2]}"
            yield cover, [(vocab.VALUE, iri(value)), (vocab.WEIGHT, _decimal(weight))]


def _decimal(value: float) -> str:
    return typed(f"{value:.6f}", vocab.XSD + "decimal")


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = action()
    return time.perf_counter() - start, found


def load_ours(lines: str, place: Path | str | None) -> KnowledgeGraph:
    graph = RemoteGraph(place) if isinstance(place, str) else KnowledgeGraph(place)
    graph.replace_graph(GRAPH, [lines])
    return graph


def load_rdflib(lines: str) -> Graph:
    return Graph().parse(data=lines, format="nt")


def ask_rdflib(graph: Graph, asked: str) -> list[Any]:
    return list(graph.query(HEAD + asked))


def answer(rows: Any) -> list[tuple[str, ...]]:
    return sorted(tuple(_plain(str(term)) for term in row) for row in rows)


def _plain(term: str) -> str:
    try:
        return f"{float(term):.{PLACES}g}"
    except ValueError:
        return term


def measure(triples: int, repeats: int, seed: int, store: str) -> dict[str, Any]:
    lines = "".join(ontology_lines()) + "".join(ntriples(statements(triples, seed)))
    times: dict[str, tuple[list[float], list[float]]] = {n: ([], []) for n in ("load", *QUERIES)}
    rows: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as room:
        for repeat in range(repeats):
            theirs_s, theirs = timed(partial(load_rdflib, lines))
            places = {"memory": None, "disk": Path(room) / str(repeat)}
            ours_s, ours = timed(partial(load_ours, lines, places.get(store, store)))
            times["load"][0].append(ours_s)
            times["load"][1].append(theirs_s)
            for name, asked in QUERIES.items():
                theirs_s, their_rows = timed(partial(ask_rdflib, theirs, asked))
                ours_s, our_rows = timed(partial(ours.query, asked))
                if answer(our_rows) != answer(their_rows):
                    raise SystemExit(f"{name}: the two answers differ")
                times[name][0].append(ours_s)
                times[name][1].append(theirs_s)
                rows[name] = len(our_rows)
            size = len(ours)
    found = {
        name: {
            "ours": median(a),
            "rdflib": median(b),
            "ratio": median(b) / median(a),
            "rows": rows.get(name, size),
        }
        for name, (a, b) in times.items()
    }
    return {"triples": size, "store": store, "tasks": found}


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def hold(whose: str, lines: Path) -> None:
    """Print the bytes that a store takes."""
    before = resident()
    if whose == "ours":
        graph: Any = KnowledgeGraph()
        with lines.open() as file:
            graph.replace_graph(GRAPH, file)
    else:
        graph = Graph().parse(lines, format="nt")
    gc.collect()
    print(resident() - before, len(graph))


def memory(triples: int, seed: int) -> dict[str, float]:
    """Bytes that each store takes in a process of its own, and theirs in ours."""
    with tempfile.TemporaryDirectory() as room:
        lines = Path(room) / "lines.nt"
        with lines.open("w") as file:
            file.writelines(ontology_lines())
            file.writelines(ntriples(statements(triples, seed)))
        held: dict[str, float] = {}
        for whose in ("ours", "rdflib"):
            code = f"import store, pathlib; store.hold({whose!r}, pathlib.Path({str(lines)!r}))"
            words = [sys.executable, "-c", code]
            done = subprocess.run(
                words, cwd=Path(__file__).parent, check=True, capture_output=True, text=True
            )
            held[whose] = int(done.stdout.split()[0])
    return held | {"share": held["ours"] / held["rdflib"]}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--triples", type=int, default=200_000)
    words.add_argument("--repeats", type=int, default=5)
    words.add_argument("--seed", type=int, default=7)
    words.add_argument(
        "--disk", action="store_true", help="our store in a folder instead of memory"
    )
    words.add_argument("--server", help="our side on this SPARQL 1.1 server")
    words.add_argument("--json", type=Path)
    chosen = words.parse_args()
    store = chosen.server or ("disk" if chosen.disk else "memory")
    found = measure(chosen.triples, chosen.repeats, chosen.seed, store)
    found |= {"repeats": chosen.repeats, "seed": chosen.seed, "machine": platform.machine()}
    found["versions"] = {name: version(name) for name in ("pyoxigraph", "rdflib")}
    print(
        f"{found['triples']} triples, ours on {found['store']}, medians of {chosen.repeats}, {found['versions']}"
    )
    print(f"{'task':22}{'rows':>9}{'ours ms':>11}{'rdflib ms':>11}{'ratio':>8}")
    for name, one in found["tasks"].items():
        print(
            f"{name:22}{one['rows']:9}{one['ours'] * 1e3:11.1f}{one['rdflib'] * 1e3:11.1f}{one['ratio']:8.1f}"
        )
    if store == "memory" and Path("/proc/self/statm").exists():
        found["memory"] = memory(chosen.triples, chosen.seed)
        ours, theirs, share = (found["memory"][n] for n in ("ours", "rdflib", "share"))
        print(
            f"memory: ours {ours / 2**20:.0f} MiB, rdflib {theirs / 2**20:.0f} MiB, share {share:.2f}"
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
