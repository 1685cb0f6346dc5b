"""The address of a SPARQL 1.1 server comes in, a knowledge graph with the methods of an embedded one goes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kg import rdf, virtuoso, vocab
from kg.endpoint import TIMEOUT, Answer, Endpoint
from kg.errors import QueryError, SourceError
from kg.results import QueryResult, Row, Term
from kg.sparql import columns_of, form_of, page_of, with_prefixes
from kg.store import KnowledgeGraph
from kg.triples import Triple
from kg.upload import PART, Upload

_ROWS = "application/sparql-results+json"
_TRIPLES = "application/n-triples, text/turtle;q=0.5"
_FAR = 2_000_000_000  # rows; no answer has so many
_ROUND = 1000  # Virtuoso's limit is a multiple of it, and CONSTRUCT gives one triple more
_ALL = "SELECT ?s ?p ?o { GRAPH <%s> { ?s ?p ?o } }"
_ABOUT = "SELECT DISTINCT ?p ?o { GRAPH ?g { <%s> ?p ?o } }"
_INNER = """SELECT DISTINCT ?n ?p ?o { GRAPH ?g { <%s> ?r ?n . ?n ?p ?o }
  { GRAPH ?h { ?n ll:value ?x } } UNION { GRAPH ?h { ?n geo:asWKT ?x } }
  UNION { GRAPH ?h { ?n ?y ?x } FILTER(isBlank(?n)) } }"""


class RemoteGraph(KnowledgeGraph):
    """A knowledge graph on a SPARQL 1.1 server: Oxigraph, Virtuoso, Fuseki, GraphDB and others.

    What differs from an embedded graph: only named graphs are written; whether a query without `GRAPH` sees them is up
    to the server; blank nodes become IRIs when they are written; `triples`, `save` and `to_rdflib` fetch a copy first.

    New content is sent in batches of at most 1,000 triples to a graph of its own, counted there, and moved to its place
    by one last request: until then, and when anything fails, the former content is untouched. One writer at a time.

    Args:
        url: Where queries go, see `kg.endpoint.Endpoint`.
        update_url: Where updates go, if that cannot be told from `url`.
        timeout: Seconds that the server may be silent.

    Raises:
        SourceError: Not an address.
    """

    def __init__(self, url: str, update_url: str | None = None, timeout: float = TIMEOUT) -> None:
        self.endpoint = Endpoint(url, update_url, timeout)
        self.path, self.read_only, self._fresh = None, False, False
        self._server: str | None = None

    def __len__(self) -> int:
        counted = "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g"
        return sum(int(str(n)) for g, n in self.query(counted) if self._is_listed(str(g)))

    def graphs(self) -> tuple[str, ...]:
        """IRIs of the named graphs, sorted; without those that the server keeps for itself."""
        found = self.query("SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }").column("g")
        return tuple(sorted(str(iri) for iri in found if self._is_listed(str(iri))))

    def query(self, sparql: str, *, prefixes: bool = True, most: int | None = None) -> QueryResult:
        """Answer a SPARQL 1.1 query.

        Args:
            sparql: SELECT, ASK, CONSTRUCT or DESCRIBE.
            prefixes: Let the query use `vocab.PREFIXES` without declaring them; its own win.
            most: Give so many rows of the answer and no more; all are asked for (write LIMIT to ask for less).

        Raises:
            QueryError: It cannot be parsed or run, or the server leaves rows out.
            SourceError: The server does not answer, or refuses.
        """
        text = with_prefixes(sparql, vocab.PREFIXES) if prefixes else sparql
        triples = form_of(sparql) in ("construct", "describe")
        try:
            answer = self.endpoint.query(text, _TRIPLES if triples else _ROWS)
        except QueryError:
            _explain(sparql, prefixes)
            raise
        self._server = answer.server
        found = (
            _graph_of(answer, sparql)
            if triples
            else self._whole(self._asked(self._rows(answer), text), text, answer.cut)
        )
        return found if most is None else replace(found, rows=found.rows[:most])

    def describe(self, iri: str) -> QueryResult:
        """All statements about a thing, with the nodes of its weighted statements and geometries.

        Args:
            iri: Full or short ("ll:Water").
        """
        name = rdf.node(vocab.expand(iri)).value
        rows: list[Row] = [(Term(name), p, o) for p, o in self.query(_ABOUT % name)]
        rows += list(self.query(_INNER % name)) if rows else []
        return QueryResult(rdf.TRIPLE, tuple(sorted(set(rows), key=str)), "graph")

    def copy(self, graph: str | None = None) -> KnowledgeGraph:
        """Everything (or one named graph) as a graph in memory."""
        local = KnowledgeGraph()
        for iri in self.graphs() if graph is None else [rdf.node(graph).value]:
            local.replace_graph(iri, self.ntriples(iri))
        return local

    def ntriples(self, graph: str | None = None) -> Iterator[str]:
        """Statements of a named graph as N-Triples lines; there are none outside of one."""
        if graph is not None:
            for row in self.query(_ALL % rdf.node(graph).value):
                yield " ".join(term.ntriples for term in row if term is not None) + " .\n"

    def triples(self, *, graph: str | None = None, weighted: bool = True) -> list[Triple]:
        """As `KnowledgeGraph.triples`, of a copy."""
        return self.copy(graph).triples(graph=graph, weighted=weighted)

    def save(self, path: str | Path) -> Path:
        """As `KnowledgeGraph.save`, of a copy."""
        return self.copy().save(path)

    def to_rdflib(self) -> Any:
        """As `KnowledgeGraph.to_rdflib`, of a copy."""
        return self.copy().to_rdflib()

    def add(self, triples: Iterable[Triple], graph: str) -> None:
        """Add triples between IRIs to a named graph, all or none.

        Raises:
            OutputError: The server does not answer, or refuses.
        """
        local = KnowledgeGraph()
        local.add(triples, graph)
        self._append(local)

    def load_text(self, data: str | bytes, format: str = "ttl", graph: str | None = None) -> None:
        """As `KnowledgeGraph.load_text`; statements outside of named graphs are refused.

        Raises:
            SourceError: The text does not parse, or names no graph.
            OutputError: The server does not answer, or refuses.
        """
        local = KnowledgeGraph()
        local.load_text(data, format, graph)
        self._append(local)

    def load(self, path: str | Path, graph: str | None = None) -> None:
        """As `KnowledgeGraph.load`; statements outside of named graphs are refused.

        Raises:
            SourceError: The file is missing, does not parse, or names no graph.
            OutputError: The server does not answer, or refuses.
        """
        local = KnowledgeGraph()
        local.load(path, graph)
        self._append(local)

    def update(self, sparql: str, *, prefixes: bool = True) -> None:
        """Run a SPARQL 1.1 update; whether it is one transaction is up to the server.

        Raises:
            QueryError: It cannot be parsed or run.
            OutputError: The server does not answer, or refuses.
        """
        try:
            self.endpoint.update(with_prefixes(sparql, vocab.PREFIXES) if prefixes else sparql)
        except QueryError:
            _explain(sparql, prefixes, update=True)
            raise

    def replace_graph(self, iri: str, ntriples: Iterable[str]) -> None:
        """As `KnowledgeGraph.replace_graph`."""
        self.replace_graphs({iri: [ntriples] if isinstance(ntriples, str) else ntriples})

    def replace_graphs(self, graphs: Mapping[str, Iterable[str]]) -> None:
        """Put new content into named graphs, all of them or none.

        Args:
            graphs: IRI -> chunks of whole N-Triples lines, read once and never held whole.

        Raises:
            SourceError: A line is not N-Triples.
            OutputError: The server does not answer, refuses, or lost statements on the way.
        """
        self._place(graphs, "MOVE GRAPH <{part}> TO <{iri}>", "DROP SILENT GRAPH <{iri}>")

    def _append(self, local: KnowledgeGraph) -> None:
        if next(local.ntriples(), None) is not None:
            raise SourceError(
                "statements outside of a named graph; a server keeps named graphs only",
                "name the graph, or use a format that names graphs (.trig, .nq)",
            )
        graphs = {iri: local.ntriples(iri) for iri in local.graphs()}
        self._place(graphs, "ADD GRAPH <{part}> TO <{iri}> ; DROP SILENT GRAPH <{part}>", "")

    def _place(self, graphs: Mapping[str, Iterable[str]], filled: str, empty: str) -> None:
        keep = virtuoso.kept if self._is_virtuoso() else None
        Upload(self.endpoint, keep).place(graphs, filled, empty)

    def _is_virtuoso(self) -> bool:
        if self._server is None:
            self.query("SELECT ?s { GRAPH ?g { ?s ?p ?o } } LIMIT 1")
        return virtuoso.is_virtuoso(self._server or "")

    def _is_listed(self, iri: str) -> bool:
        hidden = iri.startswith(PART)
        return not hidden and not (self._is_virtuoso() and iri in virtuoso.SYSTEM)

    def _rows(self, answer: Answer) -> QueryResult:
        try:
            found = QueryResult.from_json(answer.body)
        except ValueError as error:
            raise SourceError(
                f"{self.endpoint.url}: its answer cannot be read ({error})",
                "is it a SPARQL 1.1 server?",
            ) from error
        return virtuoso.meant(found) if virtuoso.is_virtuoso(answer.server) else found

    def _asked(self, found: QueryResult, sparql: str) -> QueryResult:
        """An answer that has the columns that were asked for.

        Raises:
            SourceError: It has others.
        """
        wanted = columns_of(sparql)
        if wanted is None or found.form == "ask" or tuple(wanted) == found.variables:
            return found
        if sorted(wanted) != sorted(found.variables):
            told = [" ".join(f"?{name}" for name in names) for names in (found.variables, wanted)]
            raise SourceError(
                f"{self.endpoint.url}: its answer has the columns {told[0] or 'none'}, expected {told[1]}",
                "is it a SPARQL 1.1 server?",
            )
        order = [found.variables.index(name) for name in wanted]
        rows = tuple(tuple(row[i] for i in order) for row in found.rows)
        return QueryResult(tuple(wanted), rows)

    def _whole(self, first: QueryResult, text: str, cut: int | None) -> QueryResult:
        """All rows where the server gave only the first `cut` of them."""
        if cut is None or len(first) < cut:
            return first
        rows: list[Row] = []
        page: QueryResult | None = None
        while page is None or len(page) == cut:
            asked = page_of(text, first.variables, cut, len(rows))
            if asked is None:
                raise QueryError(
                    f"{self.endpoint.url}: gives at most {cut:,} rows, the query asks for more",
                    f"ask for LIMIT {cut} or less, or raise the server's limit (Virtuoso: ResultSetMaxRows)",
                )
            before, page = page, self._rows(self.endpoint.query(asked, _ROWS))
            if before is not None and page.rows == before.rows:
                self._check_pages(text, first.variables, cut)
            rows += page.rows
        return QueryResult(first.variables, tuple(rows))

    def _check_pages(self, text: str, variables: tuple[str, ...], cut: int) -> None:
        """Refuse a server that gives rows far beyond the last one: it does not heed OFFSET, and pages never end.

        Raises:
            SourceError: It does.
        """
        far = page_of(text, variables, cut, _FAR)
        if far is not None and self._rows(self.endpoint.query(far, _ROWS)):
            raise SourceError(
                f"{self.endpoint.url}: gives {cut:,} rows at a time and the same ones at every OFFSET",
                f"ask for LIMIT {cut} or less, or raise the server's limit of rows",
            )


def _explain(sparql: str, prefixes: bool, *, update: bool = False) -> None:
    """Let our own parser name line and column of what the server refused, if it refuses it too."""
    try:
        local = KnowledgeGraph()
        (local.update if update else local.query)(sparql, prefixes=prefixes)  # type: ignore[operator]
    except QueryError as error:
        if " line " in error.message:
            raise error from None


def _graph_of(answer: Answer, sparql: str) -> QueryResult:
    """The answer of CONSTRUCT or DESCRIBE."""
    local = KnowledgeGraph()
    local.load_text(answer.body, "nt" if "triples" in answer.kind else "ttl")
    found = local.query("SELECT ?subject ?predicate ?object { ?subject ?predicate ?object }")
    ours = virtuoso.is_virtuoso(answer.server)
    if ours and len(found) > _ROUND and len(found) % _ROUND == 1 and "limit" not in sparql.lower():
        raise QueryError(
            f"the server gave exactly {len(found):,} triples, which is likely all that it may give",
            "add a LIMIT, use SELECT, or raise ResultSetMaxRows in the server's virtuoso.ini",
        )
    rows = (virtuoso.meant(found) if ours else found).rows
    return QueryResult(rdf.TRIPLE, rows, "graph")
