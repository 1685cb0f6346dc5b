"""What a build finds on a SPARQL 1.1 server: graphs of others are kept, those that it needs go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kg import vocab
from kg.build import fingerprint
from kg.counted import counted
from kg.errors import OutputError
from kg.features import placed_graphs
from kg.remote import RemoteGraph
from kg.sources import Source

_TITLED = f"SELECT DISTINCT ?g {{ GRAPH ?g {{ ?g <{vocab.DCT}title> ?title }} }}"


def keep_others(
    server: RemoteGraph, sources: Sequence[Source], known: Mapping[str, str], own: Iterable[str]
) -> None:
    """Refuse, before a source is read, to replace graphs of the server by something else.

    A graph of the same file, settings, ontology and version may be sent again. Of the graphs that Landlore writes
    itself, those are others' that do not say what they are.

    Args:
        server: Where the graphs go.
        sources: What is to be built.
        known: Named graph of the server -> its fingerprint.
        own: Graphs that Landlore writes itself and that are to be sent, too.

    Raises:
        OutputError: It holds graphs of these names that come from something else.
    """
    there = {*server.graphs()}
    titled = {str(iri) for (iri,) in server.query(_TITLED)}
    other = [iri for iri in own if iri in there - titled]
    for source in sources:
        same = known.get(source.iri, "") == fingerprint(source.describe()) != ""
        other += [source.iri] if source.iri in there and not same else []
    if other:
        more = f" and {counted(len(other) - 1, 'other')}" if other[1:] else ""
        raise OutputError(
            f"{server.endpoint.url}: has <{other[0]}>{more} already, which came from something else",
            "add --overwrite to replace what is there, --update to replace it and read only what has changed, "
            "or choose another server",
        )


def needed(
    server: RemoteGraph, sources: Sequence[Source], known: Mapping[str, str], related: bool
) -> list[str]:
    """Graphs of the server that the build needs: unchanged sources, and features that are to be related.

    Args:
        server: Where they are.
        sources: What is to be built.
        known: Named graph of the server -> its fingerprint; none where all is read anew.
        related: Whether relations between features are asked for.
    """
    found = {*placed_graphs(server)} if related else set()
    for source in sources:
        same = bool(known) and known.get(source.iri) == fingerprint(source.describe())
        (found.add if same else found.discard)(source.iri)
    return sorted(found)
