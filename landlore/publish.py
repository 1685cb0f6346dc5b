"""A run folder and the address of a SPARQL 1.1 server come in, the reasons of the run on that server go out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kg.errors import InputError
from kg.remote import RemoteGraph
from kg.store import KnowledgeGraph


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

    Sources of the run (`graph.trig`) are sent where the server has no graph of that name: what it has may be larger
    than the part that the run needed.

    Args:
        run: Run folder.
        store: Address of the server, see `kg.endpoint.Endpoint`.

    Raises:
        InputError: Not a run folder.
        SourceError: The server does not answer.
        OutputError: The server refuses, or stopped on the way; nothing is in place then.
    """
    folder = Path(run)
    if not (folder / "explanations.trig").is_file():
        raise InputError(
            f"{folder}: no explanations.trig, expected the folder of a run",
            "landlore correct ... -o FOLDER makes one",
        )
    server = RemoteGraph(store)
    explained, sources = KnowledgeGraph(), KnowledgeGraph()
    explained.load(folder / "explanations.trig")
    if (folder / "graph.trig").is_file():
        sources.load(folder / "graph.trig")
    known = {*server.graphs(), *explained.graphs()}
    parts = {iri: list(explained.ntriples(iri)) for iri in explained.graphs()}
    parts |= {iri: list(sources.ntriples(iri)) for iri in sources.graphs() if iri not in known}
    server.replace_graphs(parts)
    return Published(server.endpoint.url, {iri: len(lines) for iri, lines in parts.items()})
