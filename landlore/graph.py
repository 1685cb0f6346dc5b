"""Building and opening graphs: sources come in, a knowledge graph in memory, a folder or a file goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kg import vocab
from kg.errors import InputError, OutputError, SourceError
from kg.folder import replace_folder
from kg.grid import Grid
from kg.store import KnowledgeGraph
from landlore.sources import Sources, graph_sources

if TYPE_CHECKING:
    from kg.build import BuildReport

_TOLD_ONCE = f"""
DELETE {{ GRAPH <{vocab.GRAPH}ontology> {{ ?s ?p ?o }} }} WHERE {{
  GRAPH <{vocab.GRAPH}ontology> {{ ?s ?p ?o }}
  GRAPH ?run {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?run), "{vocab.GRAPH}run/"))
}}"""
"""A run repeats the names that it needs; said by two graphs, they would count twice in a user's own query."""
REFUSED = (".nt", ".rdf", ".owl", ".xml", ".json", ".jsonld", ".osm", ".pbf", ".tif", ".gpkg")
"""Endings that nobody means as a folder."""
FILES = (".trig", ".nq", ".ttl")
"""A graph path with one of these endings is one RDF file; any other is a folder on disk."""


@dataclass(frozen=True)
class Built:
    """A graph that was built.

    Attributes:
        path: Where it is.
        report: Statements per source.
        relations: Spatial relation IRI -> how many were found.
    """

    path: Path
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
        raise InputError(
            "build: no source given",
            "add --osm FILE, --landcover FILE, --vector FILE or --facts FILE",
        )
    if target.exists() and not overwrite:
        raise OutputError(
            f"{target}: exists already", "add --overwrite to replace it, or choose another place"
        )
    _replaceable(target, sources)
    found: list[tuple[BuildReport, dict[str, int]]] = []

    def fill(place: Path | None) -> KnowledgeGraph:
        graph = KnowledgeGraph(place)
        report = _fill(graph, sources, bounds, tell)
        found.append((report, _relate(graph, tell) if relations else {}))
        return graph

    def on_disk(place: Path) -> None:
        fill(place)

    if target.suffix in FILES:
        fill(None).save(target)
    else:
        replace_folder(target, on_disk)
    report, counts = found[0]
    return Built(target, report, counts)


def _replaceable(target: Path, sources: Sources) -> None:
    """Only what a build made may be replaced, and never what it reads."""
    given = (*sources.osm, *sources.vector, *sources.facts)
    if target.exists() and any(Path(name).exists() and target.samefile(name) for name in given):
        raise OutputError(f"{target}: is one of the sources", "choose another place")
    if target.suffix.lower() in REFUSED:
        raise OutputError(
            f"{target}: expected a folder or a file ending in {', '.join(FILES)}",
            f"build {target.stem}.trig",
        )
    ours = target.is_file() if target.suffix in FILES else (target / "CURRENT").exists()
    if target.exists() and not ours:
        raise OutputError(f"{target}: was not made by landlore build", "choose another place")


def _fill(
    graph: KnowledgeGraph,
    sources: Sources,
    bounds: tuple[float, float, float, float] | None,
    tell: Callable[[str], None],
) -> BuildReport:
    from kg.build import build_graph

    started: set[str] = set()

    def progress(title: str, _: int) -> None:
        if title not in started:
            started.add(title)
            tell(f"reading {title}")

    return build_graph(graph_sources(sources, bounds), graph, progress=progress)


def _relate(graph: KnowledgeGraph, tell: Callable[[str], None]) -> dict[str, int]:
    from kg.spatial import relate

    tell("relating features")
    return relate(graph)


def known_graph(sources: Sources, grid: Grid) -> KnowledgeGraph:
    """The graph of a run in memory: a given one, or built from the sources inside the footprint of `grid`.

    Raises:
        InputError: A graph and also files that a graph is built from.
    """
    for name in ("osm", "vector", "facts"):
        files = getattr(sources, name)
        if sources.graph and files:
            raise InputError(
                f"--graph {sources.graph} and --{name} {files[0]}: a graph that is given is used as it is",
                f"landlore build GRAPH --{name} {files[0]}, then give --graph GRAPH alone",
            )
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
            if (place / name).exists():
                graph.load(place / name)
        graph.update(_TOLD_ONCE)
        return graph
    if not place.exists():
        raise SourceError(
            f"{place}: no such run, graph or RDF file",
            "landlore build or landlore correct make one",
        )
    return KnowledgeGraph.open(place)
