"""RDF comes in, one knowledge graph that answers SPARQL goes out.

With `kg.rdf` the one door to pyoxigraph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kg import rdf, vocab
from kg.canonical import serialise
from kg.disk import copy_without, open_folder, size_of
from kg.errors import OutputError, SourceError
from kg.folder import is_url, replace_file, replace_folder, unwritable
from kg.rdf import read_turtle
from kg.results import QueryResult
from kg.sparql import query_errors, refuse_depth, refuse_update
from kg.triples import Triple

__all__ = ["KnowledgeGraph", "read_turtle"]

_SMALL = 4_000_000  # characters of N-Triples that one transaction may hold
_PREFIXES: dict[bool, dict[str, str]] = {True: vocab.PREFIXES, False: {}}
_FEW = 40_000  # triples that one transaction on the graph in use may remove

_Action = Callable[[ox.Store], None]


class KnowledgeGraph:
    """Named graphs of RDF with SPARQL 1.1 over them, in memory or in a folder on disk.

    Queries see the union of all named graphs as the default graph; a triple that two graphs hold
    counts twice there, so write `SELECT DISTINCT` where that matters.

    A folder is an Oxigraph (RocksDB) database; one writer at a time. A new one appears whole.

    Args:
        path: Folder of the graph, or None for memory.
        read_only: Open an existing folder for reading; several processes may.

    Raises:
        SourceError: `read_only` and no graph there, or the path is a file.
        OutputError: The folder cannot be opened for writing, e.g. another process writes to it.

    Example:
        >>> graph = KnowledgeGraph()
        >>> graph.load_text("<ex:pond> a ll:Water .", graph="ex:facts")
        >>> print(graph.query("SELECT ?s { ?s a ll:Water }").to_table(), end="")
        s
        -------
        ex:pond
    """

    def __init__(self, path: str | Path | None = None, read_only: bool = False) -> None:
        self.path = None if path is None else Path(path).absolute()
        self.read_only = read_only
        self._fresh = False
        self._open()

    @classmethod
    def open(cls, path: str | Path) -> KnowledgeGraph:
        """Open what is there for reading: a graph folder, an RDF file (.trig, .nq, .ttl ...) or a server's address.

        What a file without named graphs holds (.ttl, .nt, .rdf, .owl) becomes one of its own, so that GRAPH finds it.

        Raises:
            SourceError: Nothing there, or not RDF.
        """
        if is_url(path):
            from kg.remote import RemoteGraph

            return RemoteGraph(str(path))
        if not Path(path).is_file():
            return cls(path, read_only=True)
        graph = cls()
        graph.load(path, rdf.own_graph(path))
        return graph

    def __len__(self) -> int:
        return len(self._store)

    def graphs(self) -> tuple[str, ...]:
        """IRIs of the named graphs, sorted."""
        return tuple(sorted(graph.value for graph in self._store.named_graphs()))

    def query(self, sparql: str, *, prefixes: bool = True, most: int | None = None) -> QueryResult:
        """Answer a SPARQL 1.1 query.

        Args:
            sparql: SELECT, ASK, CONSTRUCT or DESCRIBE.
            prefixes: Let the query use `vocab.PREFIXES` without declaring them; its own win.
            most: Read so many rows of the answer and no more.

        Raises:
            QueryError: It cannot be parsed (with line and column) or run.
        """
        known = _PREFIXES[prefixes]
        refuse_update(sparql)
        refuse_depth(sparql)
        with query_errors(sparql, known):
            more = {"custom_functions": rdf.functions(sparql), "use_default_graph_as_union": True}
            return rdf.result(self._store.query(sparql, prefixes=known, **more), most)

    def describe(self, iri: str) -> QueryResult:
        """All statements about a thing, with the nodes of its weighted statements and geometries.

        Args:
            iri: Full or short ("ll:Water").
        """
        rows = rdf.described(self._store, rdf.node(vocab.expand(iri)))
        return QueryResult(rdf.TRIPLE, rows, "graph")

    def triples(self, *, graph: str | None = None, weighted: bool = True) -> list[Triple]:
        """Statements between IRIs, each once, sorted: what an embedding is learned from.

        A weighted statement `?s ?p [ ll:value ?o ; ll:weight 0.4 ]` becomes one triple.

        Args:
            graph: Only this named graph; default all.
            weighted: Keep the weights; otherwise every weight is 1.
        """
        place = None if graph is None else rdf.node(graph)
        return rdf.weighted_triples(self._store, place, weighted)

    def ntriples(self, graph: str | None = None) -> Iterator[str]:
        """Statements of a named graph (None: of none) as N-Triples lines, one after the other."""
        return rdf.lines(self._store, None if graph is None else rdf.node(graph))

    def add(self, triples: Iterable[Triple], graph: str) -> None:
        """Add triples between IRIs to a named graph, all or none.

        A weight below 1 is written as the weighted statement.

        Raises:
            OutputError: The graph is read-only or the disk is full.
        """
        place = rdf.node(graph)
        quads = [ox.Quad(s, p, o, place) for t in triples for s, p, o in rdf.statement(t)]
        self._write(lambda store: store.extend(quads))

    def load_text(self, data: str | bytes, format: str = "ttl", graph: str | None = None) -> None:
        """Add RDF text, all or none; `vocab.PREFIXES` may be used in Turtle and TriG.

        Args:
            data: RDF in UTF-8.
            format: "ttl", "trig", "nq", "nt" or "rdf".
            graph: Named graph for formats without graphs.

        Raises:
            SourceError: The text does not parse; the message names the line.
            OutputError: The graph is read-only or the disk is full.
        """
        known, place = rdf.format_of(f"text.{format}"), None if graph is None else rdf.node(graph)
        body = data.encode() if isinstance(data, str) else data
        if format in ("ttl", "trig"):  # all on the first line, so that lines keep their numbers
            first = "".join(f"@prefix {p}: <{ns}> . " for p, ns in vocab.PREFIXES.items())
            body = first.encode() + body
        self._write(lambda store: store.load(body, known, to_graph=place), f"the {format} text")

    def load(self, path: str | Path, graph: str | None = None) -> None:
        """Add an RDF file (.ttl, .trig, .nq, .nt, .rdf), all or none.

        Raises:
            SourceError: The file is missing or does not parse; the message names file and line.
            OutputError: The graph is read-only or the disk is full.
        """
        known, place = rdf.format_of(path), None if graph is None else rdf.node(graph)
        base = Path(path).resolve().as_uri()
        try:
            with rdf.past_mark(Path(path).open("rb")) as file:
                self._write(
                    lambda store: store.bulk_load(file, known, base_iri=base, to_graph=place), path
                )
        except OSError as error:
            raise SourceError(f"{path}: cannot be read ({error})", "check the path") from error

    def update(self, sparql: str, *, prefixes: bool = True) -> None:
        """Run a SPARQL 1.1 update as one transaction.

        Raises:
            QueryError: It cannot be parsed or run.
            OutputError: The graph is read-only.
        """
        known = _PREFIXES[prefixes]

        def run(store: ox.Store) -> None:
            """Run it on a store."""
            with query_errors(sparql, known):
                store.update(sparql, prefixes=known)

        self._write(run)

    def replace_graph(self, iri: str, ntriples: Iterable[str]) -> None:
        """Put new content into a named graph; after a failure or a crash the former is still there.

        Args:
            iri: The named graph.
            ntriples: Chunks of whole N-Triples lines; read once, never held whole when large.

        Raises:
            SourceError: A line is not N-Triples.
            OutputError: The graph is read-only or the disk is full.
        """
        place, chunks = rdf.node(iri), iter([ntriples] if isinstance(ntriples, str) else ntriples)
        first, size = [], 0
        while size < _SMALL and (chunk := next(chunks, None)) is not None:
            first.append(chunk)
            size += len(chunk)
        few = size_of(self._store, place)
        if not few:
            self._write(lambda store: rdf.fill_graph(store, place, chain(first, chunks)))
        elif size < _SMALL and few <= _FEW:
            new = f"INSERT DATA {{ GRAPH {place} {{ {''.join(first)} }} }}"
            self._write(lambda store: store.update(f"DROP SILENT GRAPH {place} ; {new}"), iri)
        else:
            self.replace_graphs({iri: chain(first, chunks)})

    def replace_graphs(self, graphs: Mapping[str, Iterable[str]]) -> None:
        """`replace_graph` for several at once: all of them or none.

        A copy beside the former graph takes its place. On disk it shares the files of what stays, so that only what
        is replaced takes time; where that is much, and in memory, what stays is copied (some 25 s per million triples).
        """
        new = {rdf.node(iri): chunks for iri, chunks in graphs.items()}

        def fill(store: ox.Store) -> None:
            """Add what is new."""
            for graph, chunks in new.items():
                rdf.fill_graph(store, graph, chunks)

        self._write(fill, replaced=tuple(new))

    def save(self, path: str | Path) -> Path:
        """Write everything to .trig, .nq, .ttl or .nt (the last two merge the graphs).

        The same statements give the same bytes; the file appears whole or not at all.

        Raises:
            SourceError, OutputError: Not an RDF file name; the file cannot be written.
        """
        known = rdf.format_of(path)
        body = serialise(self._store.dump(format=ox.RdfFormat.N_QUADS) or b"", known)
        replace_file(Path(path), body)
        return Path(path)

    def to_rdflib(self) -> Any:
        """A copy as an `rdflib.Dataset` with the union of its graphs as the default."""
        return rdf.as_rdflib(self._store)

    def _open(self) -> None:
        if self.path is None:
            self._store = ox.Store()
        else:
            self._store, self._fresh = open_folder(self.path, self.read_only)

    def _write(
        self, action: _Action, where: str | Path = "", replaced: tuple[ox.NamedNode, ...] = ()
    ) -> None:
        """Run a change; in a new folder, or where graphs are replaced, on a copy that then takes the graph's place."""
        if self.read_only:
            raise OutputError(f"{self.path}: opened read-only", "open it with read_only=False")
        try:
            if replaced or self._fresh:
                self._renew(action, replaced)
            else:
                action(self._store)
        except SyntaxError as error:
            raise rdf.broken(where, error) from error
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _renew(self, fill: _Action, replaced: tuple[ox.NamedNode, ...]) -> None:
        if self.path is None:
            store = copy_without(self._store, replaced)
            fill(store)
            self._store = store
            return
        closed = False

        def build(folder: Path) -> None:
            """Fill a new store in a folder."""
            nonlocal closed
            store = copy_without(self._store, replaced, folder)
            fill(store)
            store.flush()
            self._store, closed = ox.Store(), True  # the former one is about to be moved

        try:
            replace_folder(self.path, build)
        finally:
            if closed:
                self._open()
