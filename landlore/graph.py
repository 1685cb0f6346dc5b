"""Building and opening graphs: sources come in, a graph in memory, in a folder, a file or on a server goes out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kg.counted import counted
from kg.errors import InputError, OutputError, SourceError
from kg.folder import held, is_url, left_behind, recover, replace_folder
from kg.grid import Grid
from kg.relations import RELATIONS
from kg.store import KnowledgeGraph
from landlore.kinds import check_bounds, check_word
from landlore.outputs import keep_foreign, keep_inputs
from landlore.progress import Paced
from landlore.run_folder import is_run
from landlore.sources import Sources, graph_sources, imported_files

if TYPE_CHECKING:
    from kg.build import BuildReport

REFUSED = (".nt", ".rdf", ".owl", ".xml", ".json", ".jsonld", ".osm", ".pbf", ".tif", ".gpkg")
"""Endings that nobody means as a folder."""
EXISTING = ("refuse", "replace", "update")
"""What a build may do where there is a graph already."""
FILES = (".trig", ".nq", ".ttl")
"""A graph path with one of these endings is one RDF file; any other is a folder on disk."""


@dataclass(frozen=True)
class Built:
    """A graph that was built.

    Attributes:
        path: Where it is: folder, file or address of a server.
        report: Statements per source.
        relations: Spatial relation IRI -> how many were found; empty where nothing had changed.
    """

    path: Path | str
    report: BuildReport
    relations: dict[str, int]


def build(
    out: str | Path,
    sources: Sources,
    *,
    bounds: tuple[float, float, float, float] | None = None,
    relations: bool | Literal["rcc8"] = True,
    existing: str = "refuse",
    progress: Callable[[str], None] | None = None,
) -> Built:
    """Build a knowledge graph on disk or on a server; it appears whole or not at all.

    Args:
        out: Folder, a file ending in .trig, .nq or .ttl, or the address of a SPARQL 1.1 server (`kg.remote`), where the
            graphs of these sources are written and all others kept.
        sources: Products, OSM extracts, vector files, facts.
        bounds: (west, south, east, north), degrees; read sources inside of it only.
        relations: Find spatial relations between features (geo:sfWithin, ...); "rcc8": those of areas in RCC-8, too.
        existing: What to do when `out` exists, or a server holds graphs of these names and other content: "refuse",
            "replace", or "update": read only sources that have changed since, and keep everything else.
        progress: Told of each stage.

    Raises:
        InputError: No source, or a source that cannot be read.
        OutputError: `out` exists, or cannot be written.
    """
    tell = progress or (lambda _: None)
    given = (sources.landcover, sources.osm, sources.vector, sources.facts, sources.imports)
    if not any(given):
        raise InputError(
            "build: no source given",
            "add --osm FILE, --landcover FILE, --vector FILE, --facts FILE or --import MAPPING",
        )
    check_word("build: existing", existing, EXISTING)
    check_bounds("build: bounds", bounds)
    wanted = _Wanted(sources, bounds, relations, existing, tell)
    if is_url(out):
        return _on_server(str(out), wanted)
    target = Path(out).resolve() if Path(out).is_symlink() else Path(out)
    keep_inputs([target], (*sources.paths, *imported_files(sources)))
    with held(target):
        recover(target)
        _replaceable(target, wanted.update)
        if target.exists() and existing == "refuse":
            raise OutputError(
                f"{target}: exists already",
                "add --overwrite to replace it, --update to read only what has changed, or choose another place",
            )
        return _on_disk(target, wanted)


@dataclass(frozen=True)
class _Wanted:
    """What a build is to put into a graph."""

    sources: Sources
    bounds: tuple[float, float, float, float] | None
    relations: bool | Literal["rcc8"]
    existing: str
    tell: Callable[[str], None]

    @property
    def update(self) -> bool:
        """Whether only what has changed is read."""
        return self.existing == "update"

    @property
    def shared(self) -> tuple[str, ...]:
        """What ships and is written along, besides the ontology."""
        from kg.build import ALIGNMENTS, SCENES

        return (SCENES, ALIGNMENTS) if self.sources.alignments else (SCENES,)

    def fill(self, graph: KnowledgeGraph) -> tuple[BuildReport, dict[str, int]]:
        """Read the sources into a graph, and relate what has changed."""
        report = _fill(
            graph,
            self.sources,
            self.bounds,
            self.tell,
            changed_only=self.update,
            shared=self.shared,
        )
        changed = any(not source.kept for source in report.sources)
        found = (
            _relate(graph, self.relations == "rcc8", self.tell)
            if self.relations and changed
            else {}
        )
        if changed and not self.relations and RELATIONS in graph.graphs():
            graph.replace_graph(RELATIONS, [])
        if changed:
            _measure_again(graph, self.tell)
        return replace(report, triples=len(graph)), found


def _on_disk(target: Path, wanted: _Wanted) -> Built:
    former = target if wanted.update and target.exists() else None
    found: list[tuple[BuildReport, dict[str, int]]] = []

    def folder(place: Path) -> None:
        """Fill a folder that becomes the graph."""
        if former is not None:
            KnowledgeGraph.open(former)  # mends it after a crash, and refuses what is no graph
            shutil.copytree(former, place)
        found.append(wanted.fill(KnowledgeGraph(place)))

    if target.suffix in FILES:
        graph = KnowledgeGraph() if former is None else KnowledgeGraph.open(former)
        found.append(wanted.fill(graph))
        graph.save(target)
    else:
        replace_folder(target, folder)
    return Built(target, *found[0])


def _on_server(url: str, wanted: _Wanted) -> Built:
    """Build beside the server, then send what is new; the server gets all of it or none."""
    from kg.build import ONTOLOGY, fingerprints
    from kg.remote import RemoteGraph
    from landlore.on_server import keep_others, needed

    server = RemoteGraph(url)
    known = fingerprints(server)
    named = graph_sources(wanted.sources, wanted.bounds, known if wanted.update else {})
    if wanted.existing == "refuse":
        own = (ONTOLOGY, *wanted.shared, *([RELATIONS] if wanted.relations else []))
        keep_others(server, named, known, own)
    with tempfile.TemporaryDirectory(prefix="landlore-") as room:
        local = KnowledgeGraph(Path(room) / "graph")
        there = needed(server, named, known if wanted.update else {}, bool(wanted.relations))
        if there:
            wanted.tell(f"fetching {counted(len(there), 'graph')} from {server.endpoint.url}")
            local.replace_graphs({iri: server.ntriples(iri) for iri in there})
        report, relations = wanted.fill(local)
        read = {source.iri for source in report.sources if not source.kept}
        same = known.get(ONTOLOGY) == fingerprints(local)[ONTOLOGY]
        kept = {*there, *([ONTOLOGY] if same else [])} - read
        new = [iri for iri in local.graphs() if iri not in kept]
        if read:
            wanted.tell(f"sending {counted(len(new), 'graph')} to {server.endpoint.update_url}")
            server.replace_graphs({iri: local.ntriples(iri) for iri in new})
        del local
    return Built(server.endpoint.url, replace(report, triples=len(server)), relations)


def _replaceable(target: Path, update: bool) -> None:
    """Only what a build made may be replaced, and only what says which source said what be updated."""
    if target.suffix.lower() in REFUSED:
        raise OutputError(
            f"{target}: expected a folder or a file ending in {', '.join(FILES)}",
            f"build {target.stem}.trig",
        )
    if target.is_file() and target.suffix in FILES:
        keep_foreign(target)
    elif target.exists() and (target.suffix in FILES or not (target / "CURRENT").exists()):
        raise OutputError(f"{target}: was not made by landlore build", "choose another place")
    if update and target.suffix == ".ttl" and target.exists():
        raise OutputError(
            f"{target}: Turtle does not say which source a statement is of, so no source can be updated",
            f"build {target.stem}.trig or a folder; --overwrite builds this file anew",
        )


def _fill(
    graph: KnowledgeGraph,
    sources: Sources,
    bounds: tuple[float, float, float, float] | None,
    tell: Callable[[str], None],
    *,
    changed_only: bool = False,
    shared: tuple[str, ...] = (),
) -> BuildReport:
    from kg.build import build_graph, fingerprints

    former = fingerprints(graph) if changed_only else {}
    started: set[str] = set()

    paced = Paced(tell)

    def progress(title: str, statements: int) -> None:
        """Tell of a source when it begins, and now and then how far it is."""
        if title not in started:
            started.add(title)
            paced(f"reading {title}")
        paced.within(f"{statements:,} statements so far")

    return build_graph(
        graph_sources(sources, bounds, former), graph,
        changed_only=changed_only, shared=shared, progress=progress,
    )  # fmt: skip


def _relate(graph: KnowledgeGraph, rcc8: bool, tell: Callable[[str], None]) -> dict[str, int]:
    from kg.spatial import relate

    tell("relating features")
    return relate(graph, rcc8=rcc8)


def _measure_again(graph: KnowledgeGraph, tell: Callable[[str], None]) -> None:
    """What was measured (`measure`) is measured anew; a graph in which nothing was is left alone."""
    from kg.measure import MEASURED, measure

    if MEASURED in {*graph.graphs()}:
        tell("measuring again")
        measure(graph)


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
    """Open what a user points at: a run folder, one of tiles, a graph folder, an RDF file or a SPARQL 1.1 server.

    Raises:
        SourceError: Nothing there that holds a graph.
        InputError: A run whose `run.json` is broken, or that lacks a graph.
    """
    from landlore.tiles_graph import graph_of_run

    if not is_url(path) and is_run(Path(path)):
        return graph_of_run(Path(path))
    if not (is_url(path) or Path(path).exists()):
        raise SourceError(
            f"{path}: no such run, graph or RDF file",
            left_behind(Path(path)) or "landlore build or landlore correct make one",
        )
    return KnowledgeGraph.open(path)
