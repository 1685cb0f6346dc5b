"""A run folder and the address of a SPARQL 1.1 server come in, the reasons of the run on that server go out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kg import vocab
from kg.errors import InputError
from kg.remote import RemoteGraph
from kg.store import KnowledgeGraph
from landlore.run_folder import KNOWN, RECORD, TILES, read_record
from landlore.tiles_graph import tiles_graph
from reasoning.explanation.reasons import EXPLANATIONS


@dataclass(frozen=True)
class Published:
    """What was sent.

    Attributes:
        url: Where queries about it go.
        graphs: Named graph -> its statements.
    """

    url: str
    graphs: dict[str, int]


def publish(run: str | Path, store: str) -> Published:
    """Send the explanations of a run to a server; the same run again takes the place of its former explanations.

    Sources of the run are sent where the server has no graph of that name: what it has may be larger than the part that
    the run needed. Tiles are sent as one run.

    Args:
        run: Run folder, or folder of tiles.
        store: Address of the server, see `kg.endpoint.Endpoint`.

    Raises:
        InputError: Not a run folder.
        SourceError: The server does not answer.
        OutputError: The server refuses, or stopped on the way; nothing is in place then.
    """
    graph, explained = _graphs(Path(run))
    server = RemoteGraph(store)
    known, counts = {*server.graphs()}, dict[str, int]()
    wanted = [iri for iri in graph.graphs() if iri in explained or iri not in known]

    def counted(iri: str) -> Iterator[str]:
        """The lines of a named graph, counted as they go."""
        counts[iri] = 0
        for line in graph.ntriples(iri):
            counts[iri] += 1
            yield line

    server.replace_graphs({iri: counted(iri) for iri in wanted})
    return Published(server.endpoint.url, counts)


def _graphs(folder: Path) -> tuple[KnowledgeGraph, set[str]]:
    """What was known and why, and the named graphs that hold the reasons."""
    if (folder / RECORD).is_file():
        told = read_record(folder, tiles=True)
        if told.get("job") == TILES:
            graph = tiles_graph(folder, told)
            return graph, {iri for iri in graph.graphs() if iri.startswith(f"{vocab.GRAPH}run/")}
    if not (folder / EXPLANATIONS).is_file():
        raise InputError(
            f"{folder}: no {EXPLANATIONS}, expected the folder of a run",
            "landlore correct ... -o FOLDER makes one",
        )
    graph = KnowledgeGraph()
    graph.load(folder / EXPLANATIONS)
    explained = {*graph.graphs()}
    if (folder / KNOWN).is_file():
        known = KnowledgeGraph()
        known.load(folder / KNOWN)
        for iri in known.graphs():
            if iri not in explained:
                graph.replace_graph(iri, known.ntriples(iri))
    return graph, explained
