"""A query and its answer come in; what its asker should know besides the answer goes out: defaults, unknown names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kg import vocab
from kg.queries import NamedQuery
from kg.remote import RemoteGraph
from kg.results import QueryResult
from kg.spelling import near_names
from kg.statements import iri
from kg.store import KnowledgeGraph

_ASIDE = re.compile(r'"""(?s:.*?)"""|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_PREFIX = re.compile(r"(?i)\bprefix\s+([\w-]*):\s*<([^>]*)>")
_NAME = re.compile(r"<([^<>\s]+)>|(?<![\w?$:<])([A-Za-z][\w-]*):([A-Za-z_][\w-]*)")
_PLACE = re.compile(r"(?i)\bgraph\s*<([^<>\s]+)>")
_FUNCTION = re.compile(rf"<{re.escape(vocab.GEOF)}(\w+)>|\bgeof:(\w+)")
_USED = """ASK {{ {{ {0} ?p ?o }} UNION {{ ?s {0} ?o }} UNION {{ ?s ?p {0} }} UNION {{ GRAPH {0} {{ ?s ?p ?o }} }}
  UNION {{ GRAPH ?g {{ {{ {0} ?p ?o }} UNION {{ ?s {0} ?o }} UNION {{ ?s ?p {0} }} }} }} }}"""
_KNOWN = """SELECT DISTINCT ?name { { ?s ?name ?o } UNION { ?s a ?name } UNION { ?name a ?c }
  UNION { GRAPH ?g { { ?s ?name ?o } UNION { ?s a ?name } UNION { ?name a ?c } } }
  FILTER(STRSTARTS(STR(?name), "NAMESPACE")) }"""


def remarks(
    graph: KnowledgeGraph,
    found: QueryResult,
    sparql: str,
    asked: tuple[NamedQuery | None, Mapping[str, str]],
) -> Iterator[str]:
    """Lines for people, beside an answer.

    Args:
        graph: What was asked.
        found: What it answered.
        sparql: The query.
        asked: The named query, if it was one, and the values that were given for it.
    """
    named, given = asked
    if named is not None:
        yield from _defaults(named, given)
    text = re.sub(r"(?m)(^|\s)#.*$", " ", _ASIDE.sub(" ", sparql))
    computed = list(_not_computed(graph, found, text))
    yield from computed
    if found:
        return
    why = [*_merged(graph, text), *_unknown(graph, text)]
    yield from why
    if not (why or computed) and found.form != "ask":
        yield "nothing in the graph answers this; every name in it is known"


def _defaults(named: NamedQuery, given: Mapping[str, str]) -> Iterator[str]:
    left = [p for p in named.parameters if p.name not in given]
    if left:
        used = ", ".join(f"{p.name} = {p.default} ({p.meaning})" for p in left)
        words = " ".join(f"--set {p.name}=VALUE" for p in left)
        yield f"asked with the example {used}; ask about your own with {words}"


def _merged(graph: KnowledgeGraph, text: str) -> Iterator[str]:
    """Named graphs that a query names, and a file without any cannot have."""
    named = tuple(dict.fromkeys(_PLACE.findall(text)))
    there = graph.graphs() if named else ()
    if any(name.startswith(f"{vocab.GRAPH}file/") for name in there):
        for name in named:
            if name not in there:
                yield f"the file holds no named graphs, so no <{name}>: a .trig, .nq or a folder does"


def _not_computed(graph: KnowledgeGraph, found: QueryResult, text: str) -> Iterator[str]:
    """Functions that a server may lack: SPARQL leaves out rows and values that cannot be computed, without a word."""
    used = sorted({f"geof:{one or two}" for one, two in _FUNCTION.findall(text)})
    if used and isinstance(graph, RemoteGraph) and _lacks(found):
        yield (
            f"a server without {', '.join(used)} leaves the answer empty; a graph folder, an RDF file and "
            "`landlore serve` have them"
        )


def _lacks(found: QueryResult) -> bool:
    """Whether an answer has no rows, or a column without any value."""
    return not found or any(set(column) == {None} for column in zip(*found.rows, strict=True))


def _unknown(graph: KnowledgeGraph, text: str) -> Iterator[str]:
    """Names that the query uses and the graph does not, with the nearest that it has."""
    prefixes = {**vocab.PREFIXES, **dict(_PREFIX.findall(text))}
    seen: set[str] = set()
    for full, prefix, local in _NAME.findall(_PREFIX.sub(" ", text)):
        name = full or (prefixes[prefix] + local if prefix in prefixes else "")
        if (
            not name
            or name in seen
            or name.startswith((vocab.XSD, vocab.UOM, "http://www.opengis.net/def/function/"))
        ):
            continue
        seen.add(name)
        if graph.query(_USED.format(iri(name))):
            continue
        near = _nearest(graph, name)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        yield f"{vocab.curie(name)} stands nowhere in the graph{hint}"


def _nearest(graph: KnowledgeGraph, name: str) -> list[str]:
    namespace = name[: max(name.rfind("#"), name.rfind("/")) + 1]
    rows = graph.query(_KNOWN.replace("NAMESPACE", namespace))
    known = {str(row[0]).removeprefix(namespace): vocab.curie(str(row[0])) for row in rows}
    return [known[one] for one in near_names(name.removeprefix(namespace), known, 2)]
