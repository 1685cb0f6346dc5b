"""Building and opening graphs: sources come in, a knowledge graph in memory, a folder or a file goes out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kg.errors import InputError, OutputError, SourceError
from kg.grid import Grid
from kg.store import KnowledgeGraph
from landlore.sources import Sources, graph_sources

if TYPE_CHECKING:
    from kg.build import BuildReport

FILES = (".trig", ".nq", ".ttl")
"""A graph path with one of these endings is one RDF file; any other is a folder on disk."""


@dataclass(frozen=True)
class Built:
    """A graph that was built.

    Attributes:
        graph: The graph, open for reading.
        report: Triples per source.
        relations: How many spatial relations of each kind were found.
    """

    graph: KnowledgeGraph
    report: BuildReport
    relations: dict[str, int]


def build(
    out: str | Path,
    sources: Sources,
    *,
    bounds: tuple[float, float, float, float] | None = None,
    relations: bool = True,
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Built:
    """Build a knowledge graph on disk; it appears whole or not at all.

    Args:
        out: Folder, or a file ending in .trig, .nq or .ttl.
        sources: Products, OSM extracts, vector files, facts.
        bounds: (west, south, east, north), degrees; read sources inside of it only.
        relations: Find spatial relations between features (geo:sfWithin, ...).
        overwrite: Replace what is at `out`.
        progress: Told of each stage.

    Raises:
        InputError: No source, or a source that cannot be read.
        OutputError: `out` exists, or cannot be written.
    """
    target, tell = Path(out), progress or (lambda _: None)
    if not any((sources.landcover, sources.osm, sources.vector, sources.facts)):
        raise InputError("build: no source given", "add --osm FILE, --landcover FILE, --vector FILE or --facts FILE")
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already", "add --overwrite to replace it, or choose another place")
    graph = KnowledgeGraph()
    report = _fill(graph, sources, bounds, tell)
    counts = _relate(graph, tell) if relations else {}
    tell(f"writing {len(graph):,} triples")
    _write(graph, target)
    return Built(graph, report, counts)


def _fill(
    graph: KnowledgeGraph,
    sources: Sources,
    bounds: tuple[float, float, float, float] | None,
    tell: Callable[[str], None],
) -> BuildReport:
    from kg.build import build_graph

    return build_graph(graph_sources(sources, bounds), graph)


def _relate(graph: KnowledgeGraph, tell: Callable[[str], None]) -> dict[str, int]:
    from kg.spatial import relate

    tell("relating features")
    return relate(graph)


def _write(graph: KnowledgeGraph, target: Path) -> None:
    if target.suffix in FILES:
        graph.save(target)
        return
    graph.save(target)


def known_graph(sources: Sources, grid: Grid) -> KnowledgeGraph:
    """The graph of a run in memory: a given one, or built from the sources inside the footprint of `grid`."""
    graph = KnowledgeGraph.open(sources.graph) if sources.graph else None
    if graph is None:
        graph = KnowledgeGraph()
        _fill(graph, sources, grid.lonlat_bounds, lambda _: None)
    return graph


def open_graph(path: str | Path) -> KnowledgeGraph:
    """Open what a user points at: a run folder, a graph folder or an RDF file.

    Raises:
        SourceError: Nothing there that holds a graph.
    """
    place = Path(path)
    if (place / "run.json").exists():
        graph = KnowledgeGraph()
        for name in ("graph.trig", "explanations.trig"):
            graph.load(place / name)
        return graph
    if not place.exists():
        raise SourceError(f"{place}: no such run, graph or RDF file", "landlore build or landlore correct make one")
    return KnowledgeGraph.open(place)
