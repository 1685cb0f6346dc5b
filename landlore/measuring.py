"""A graph comes in; what its classes are made of and lie beside is measured and written back."""

from __future__ import annotations

from pathlib import Path

from kg.folder import held, is_url
from kg.store import KnowledgeGraph
from landlore.graph import open_graph


def measure(place: str | Path) -> dict[str, int]:
    """Measure what the classes of a graph are made of and lie beside, and write it back (`kg.measure`).

    Args:
        place: Graph folder, RDF file or address of a server.

    Returns:
        Kind of statement -> how many were written.

    Raises:
        SourceError: Nothing there that holds a graph.
        OutputError: The graph cannot be written.
    """
    from kg.measure import measure as run

    if is_url(place):
        return run(open_graph(place))
    with held(Path(place)):
        graph = open_graph(place)
        found = run(graph if Path(place).is_file() else KnowledgeGraph(place))
        if Path(place).is_file():
            graph.save(place)
    return found
