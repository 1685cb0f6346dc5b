"""Engines that run in this process, each with the five rules in its own language; codes of broken rules come out.

An engine is a pair of functions: `load` takes a world and the folder with its N-Triples and gives whatever the engine
keeps; `fire` takes that and gives codes `rule * regions + region`. Only `fire` is compared; loading is printed beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from engine_world import LL, Codes, World, axioms

from kg import vocab
from reasoning.facts import Facts
from reasoning.inference.infer import Problem, infer, region_message
from reasoning.logic.axioms import compile_axioms

PREFIXES = f"PREFIX ll: <{LL}> PREFIX rdf: <{vocab.RDF}> "
PATTERNS = (
    "?r a ll:Water ; ll:minWidth ?v FILTER(?v < 6.0e0)",
    "?r a ll:TreeCover ; ll:meanNdvi ?v FILTER(?v < 0.3e0)",
    "?r a ll:Cropland ; ll:meanSlope ?v FILTER(?v > 15.0e0)",
    "?r a ll:HerbaceousWetland ; ll:adjacentTo ?s . ?s a ll:BuiltUp",
    "?r a ll:Vegetation ; ll:coveredBy ?b . ?b a ll:OsmFeature, ll:Building",
)


@dataclass(frozen=True)
class Engine:
    """One engine.

    Attributes:
        name: Row of the table.
        largest: Most regions that it is asked to do.
        explains: What reasons it can give for an answer.
        load: World and folder -> what the engine keeps.
        fire: What it keeps -> codes.
    """

    name: str
    largest: int
    explains: str
    load: Callable[[World, Path], Any]
    fire: Callable[[Any], Codes]


def codes(found: Sequence[Iterable[int]], n: int) -> Codes:
    """Regions per rule -> sorted codes without repetition."""
    parts = [i * n + np.unique(np.fromiter(one, np.int64)) for i, one in enumerate(found)]
    return np.concatenate(parts)


def _number(iri: str) -> int:
    return int(iri.rsplit(":", 1)[1])


def _ours(world: World, folder: Path) -> tuple[World, Facts]:
    return world, world.facts


def fire_ours(kept: tuple[World, Facts]) -> Codes:
    """Compile the axioms on the facts and evaluate their penalties at the labels."""
    world, facts = kept
    compiled = compile_axioms(axioms(), world.legend, world.ontology, facts)
    q = np.zeros((len(world.legend), len(world))).T  # labels side by side, as inference keeps them
    q[np.arange(len(world)), world.label] = 1.0
    return np.concatenate(
        [i * len(world) + np.flatnonzero(one.penalty(q) > 0) for i, one in enumerate(compiled)]
    )


def infer_ours(kept: tuple[World, Facts]) -> Codes:
    """The whole of it: compile, soft inference to the fixed point from labels of confidence 0.8, and every reason."""
    world, facts = kept
    compiled = compile_axioms(axioms(), world.legend, world.ontology, facts)
    n, k = len(world), len(world.legend)
    unary = np.full((n, 1, k), np.log(0.2 / (k - 1)))
    unary[np.arange(n), 0, world.label] = np.log(0.8)
    none, region = np.zeros((n, 1)), np.arange(n, dtype=np.int32)[:, None]
    terms = tuple((one.axiom.weight, one) for one in compiled)
    solved = infer(Problem(unary, none, none, region, np.ones((n, 1)), terms, np.empty((0, k))))
    reasons = [region_message(one, solved.means, np.ones(n), w) for w, one in terms]
    here = world.label * n + np.arange(n)  # reasons lie label by label
    return np.concatenate(
        [i * n + np.flatnonzero(one.T.ravel()[here] > 1e-9) for i, one in enumerate(reasons)]
    )


def _oxigraph(world: World, folder: Path) -> Any:
    from pyoxigraph import RdfFormat, Store

    store = Store()
    store.bulk_load(path=str(folder / "world.nt"), format=RdfFormat.N_TRIPLES)
    return store, len(world)


def _fire_oxigraph(kept: Any) -> Codes:
    store, n = kept
    return codes(
        [
            [_number(row[0].value) for row in store.query(f"{PREFIXES} SELECT ?r {{ {p} }}")]
            for p in PATTERNS
        ],
        n,
    )


def _rdflib(world: World, folder: Path) -> Any:
    from rdflib import Graph

    return Graph().parse(folder / "world.nt", format="nt"), len(world)


def _fire_rdflib(kept: Any) -> Codes:
    graph, n = kept
    return codes(
        [
            [_number(str(row[0])) for row in graph.query(f"{PREFIXES} SELECT ?r {{ {p} }}")]
            for p in PATTERNS
        ],
        n,
    )


def _duckdb(world: World, folder: Path) -> Any:
    import duckdb
    import pandas as pd

    regions = pd.DataFrame(
        {"r": np.arange(len(world)), "label": world.label, "width": world.width}
        | {"ndvi": world.ndvi, "slope": world.slope, "mapped": world.mapped}
    )
    both = np.concatenate([world.pairs, world.pairs[:, ::-1]])
    beside = pd.DataFrame({"r": both[:, 0], "s": both[:, 1]})
    kinds = [(k, name) for k in range(len(world.legend)) for name in world.types(k)]
    kind = pd.DataFrame(kinds, columns=["label", "kind"])
    base = duckdb.connect()
    for name, frame in (("regions", regions), ("beside", beside), ("kind", kind)):
        base.register("frame", frame)
        base.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
    return base, len(world)


def _fire_duckdb(kept: Any) -> Codes:
    base, n = kept
    of = "SELECT DISTINCT r FROM regions NATURAL JOIN kind WHERE kind ="
    queries = (
        f"{of} 'Water' AND width < 6.0",
        f"{of} 'TreeCover' AND ndvi < 0.3",
        f"{of} 'Cropland' AND slope > 15.0",
        f"{of} 'HerbaceousWetland' AND r IN (SELECT b.r FROM beside b JOIN regions s ON b.s = s.r"
        " JOIN kind t ON s.label = t.label WHERE t.kind = 'BuiltUp')",
        f"{of} 'Vegetation' AND mapped",
    )
    return codes([base.execute(q).fetchnumpy()["r"] for q in queries], n)


def _nemo(world: World, folder: Path) -> Any:
    rows = zip(world.width, world.ndvi, world.slope, strict=True)
    with (folder / "data.csv").open("w") as out:
        for i, values in enumerate(rows):
            out.write(f"{i}," + ",".join(repr(float(v)) for v in values) + "\n")
    with (folder / "kind.csv").open("w") as out:
        for i, label in enumerate(world.label.tolist()):
            out.writelines(f"{i},{name}\n" for name in world.types(label))
    with (folder / "beside.csv").open("w") as out:
        out.writelines(f"{a},{b}\n{b},{a}\n" for a, b in world.pairs.tolist())
    (folder / "mapped.csv").write_text("".join(f"{i}\n" for i in np.flatnonzero(world.mapped)))
    program = "\n".join(
        (
            f'@import data :- csv{{resource="{folder}/data.csv", format=(int,double,double,double)}} .',
            f'@import kind :- csv{{resource="{folder}/kind.csv", format=(int,string)}} .',
            f'@import beside :- csv{{resource="{folder}/beside.csv", format=(int,int)}} .',
            f'@import mapped :- csv{{resource="{folder}/mapped.csv", format=(int)}} .',
            'v0(?r) :- kind(?r, "Water"), data(?r, ?w, ?n, ?s), ?w < 6.0 .',
            'v1(?r) :- kind(?r, "TreeCover"), data(?r, ?w, ?n, ?s), ?n < 0.3 .',
            'v2(?r) :- kind(?r, "Cropland"), data(?r, ?w, ?n, ?s), ?s > 15.0 .',
            'v3(?r) :- kind(?r, "HerbaceousWetland"), beside(?r, ?t), kind(?t, "BuiltUp") .',
            'v4(?r) :- kind(?r, "Vegetation"), mapped(?r) .',
            *(f"@output v{i} ." for i in range(5)),
        )
    )
    return program, len(world)


def _fire_nemo(kept: Any) -> Codes:
    """Nemo reads its inputs while it reasons; that reading is part of the time."""
    from nmo_python import NemoEngine, load_string

    program, n = kept
    engine = NemoEngine(load_string(program))
    engine.reason()
    return codes([[int(row[0]) for row in engine.result(f"v{i}")] for i in range(5)], n)


def _shacl(world: World, folder: Path) -> Any:
    from rdflib import Graph

    graph = Graph().parse(folder / "world.nt", format="nt")
    targets = ("Water", "TreeCover", "Cropland", "HerbaceousWetland", "Vegetation")
    shapes = f"@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix ll: <{LL}> .\n" + "".join(
        f"""<urn:shape:{i}> a sh:NodeShape ; sh:targetClass ll:{target} ; sh:rule [ a sh:SPARQLRule ;
  sh:construct '''{PREFIXES} CONSTRUCT {{ $this <urn:breaks> <urn:rule:{i}> }} WHERE {{ {pattern} }}''' ] .\n"""
        for i, (target, pattern) in enumerate(
            zip(targets, (p.replace("?r", "$this") for p in PATTERNS), strict=True)
        )
    )
    return graph, Graph().parse(data=shapes, format="turtle"), len(world)


def _fire_shacl(kept: Any) -> Codes:
    from pyshacl import shacl_rules
    from rdflib import URIRef

    graph, shapes, n = kept
    done = shacl_rules(graph, shacl_graph=shapes, advanced=True, inplace=False)
    breaks = URIRef("urn:breaks")
    return codes(
        [
            [_number(str(s)) for s in done.subjects(breaks, URIRef(f"urn:rule:{i}"))]
            for i in range(5)
        ],
        n,
    )


def engines() -> list[Engine]:
    """All engines of this process, ours first."""
    return [
        Engine("ours, crisp", 1_000_000, "truth of both sides", _ours, fire_ours),
        Engine("ours, soft", 1_000_000, "additive contributions", _ours, infer_ours),
        Engine("duckdb", 1_000_000, "none", _duckdb, _fire_duckdb),
        Engine("nemo", 1_000_000, "proof trees", _nemo, _fire_nemo),
        Engine("pyoxigraph SPARQL", 1_000_000, "bindings", _oxigraph, _fire_oxigraph),
        Engine("rdflib SPARQL", 10_000, "bindings", _rdflib, _fire_rdflib),
        Engine("pySHACL rules", 1_000, "none", _shacl, _fire_shacl),
    ]
