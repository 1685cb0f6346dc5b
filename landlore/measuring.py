"""A graph comes in; what its classes are made of and lie beside is measured and written back."""

from __future__ import annotations

from pathlib import Path

from kg.errors import OutputError
from kg.folder import held, is_url
from kg.rdf import own_graph
from kg.store import KnowledgeGraph
from landlore.graph import open_graph


def measure(place: str | Path) -> dict[str, int]:
    """Measure what the classes of a graph are made of and lie beside, and write it back (`kg.measure`).

    Args:
        place: Graph folder, .trig or .nq file, or address of a server.

    Returns:
        Kind of statement -> how many were written.

    Raises:
        SourceError: Nothing there that holds a graph, or nothing in it that can be measured.
        OutputError: The graph cannot be written, or is a file of a format without named graphs.
    """
    from kg.measure import measure as run

    if is_url(place):
        return run(open_graph(place), needed=True)
    target = Path(place)
    if target.is_file() and own_graph(target):
        raise OutputError(
            f"{target}: {target.suffix} holds no named graphs, so that what is measured cannot be told from the rest",
            f"build a .trig, .nq or a folder in its place: landlore build {target.stem}.trig",
        )
    with held(target):
        graph = open_graph(place)
        found = run(graph if target.is_file() else KnowledgeGraph(place), needed=True)
        if target.is_file():
            graph.save(place)
    return found
