"""Named graphs as N-Triples come in, a SPARQL 1.1 server that holds all of them or none goes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote

import numpy as np

from kg import rdf, vocab
from kg.endpoint import Endpoint
from kg.errors import LandloreError, OutputError
from kg.results import QueryResult

PART = vocab.BASE + "upload/"
"""Where content waits until it is whole: `<PART>ENCODED-IRI`."""

_BATCH = 1000  # triples of one request
_BYTES = 500_000  # of one request


class Upload:
    """Content on its way to a server.

    Each graph is sent in batches to a part of its own and counted there; one last request puts all parts in their
    places. When anything fails before, the former content is untouched and the parts are removed; parts that a
    dead server still holds are removed by the next upload of the same graph.

    Args:
        endpoint: The server.
        keep: Rewrites an N-Triples line for a server that would not take it as it is.
    """

    def __init__(self, endpoint: Endpoint, keep: Callable[[str], str] | None = None) -> None:
        self.endpoint, self.keep = endpoint, keep

    def place(self, graphs: Mapping[str, Iterable[str]], filled: str, empty: str) -> None:
        """Send graphs, then put them in their places.

        Args:
            graphs: IRI -> chunks of whole N-Triples lines, read once.
            filled: Update for a graph with content, with `{part}` and `{iri}`.
            empty: Update for a graph without, or "".

        Raises:
            SourceError: A line is not N-Triples.
            OutputError: The server does not answer, refuses, or lost statements on the way.
        """
        last: list[str] = []
        try:
            for iri, chunks in graphs.items():
                sent = self._send(rdf.node(iri).value, _part(iri), chunks)
                last.append((filled if sent else empty).format(part=_part(iri), iri=iri))
            steps = " ;\n".join(filter(None, last))
            if steps:
                self.endpoint.update(steps)
        except BaseException:
            self._forget(graphs)
            raise

    def _send(self, iri: str, part: str, chunks: Iterable[str]) -> int:
        """How many statements the part then holds."""
        lines: Iterator[str] = rdf.grounded(chunks, iri)
        if self.keep is not None:
            lines = map(self.keep, lines)
        self.endpoint.update(f"DROP SILENT GRAPH <{part}>")
        sent, seen = 0, [np.zeros(0, np.int64)]
        for batch in _batches(lines):
            try:
                self.endpoint.update(f"INSERT DATA {{ GRAPH <{part}> {{\n{''.join(batch)}}} }}")
            except LandloreError as error:
                raise OutputError(
                    f"{error.message}; {sent:,} statements of <{iri}> were sent, none is in place",
                    f"{error.hint}; then run it again: the former content is untouched",
                ) from error
            sent += len(batch)
            seen.append(np.fromiter(map(hash, batch), np.int64, len(batch)))
        distinct = len(np.unique(np.concatenate(seen)))
        self._check(iri, part, distinct)
        return distinct

    def _check(self, iri: str, part: str, expected: int) -> None:
        """A server that was restarted on the way may have lost what came before."""
        asked = f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{part}> {{ ?s ?p ?o }} }}"
        answer = self.endpoint.query(asked, "application/sparql-results+json")
        found = int(str(QueryResult.from_json(answer.body).rows[0][0]))
        if found != expected:
            raise OutputError(
                f"{self.endpoint.update_url}: {expected:,} statements of <{iri}> were sent, {found:,} arrived",
                "was the server restarted meanwhile? run it again: the former content is untouched",
            )

    def _forget(self, graphs: Iterable[str]) -> None:
        """Remove what was sent, as far as the server still listens."""
        try:
            self.endpoint.update(" ;\n".join(f"DROP SILENT GRAPH <{_part(iri)}>" for iri in graphs))
        except LandloreError:
            return


def _part(iri: str) -> str:
    return f"{PART}{quote(iri, safe='')}"


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    """Distinct lines, at most 1,000 and half a megabyte at a time."""
    batch: dict[str, None] = {}
    size = 0
    for line in lines:
        if batch and (len(batch) == _BATCH or size + len(line) > _BYTES):
            yield list(batch)
            batch, size = {}, 0
        batch[line] = None
        size += len(line)
    if batch:
        yield list(batch)
