"""A query and its answer come in; what its asker should know besides the answer goes out: defaults, unknown names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kg import vocab
from kg.queries import NamedQuery
from kg.results import QueryResult
from kg.spelling import near_names
from kg.statements import iri
from kg.store import KnowledgeGraph

_ASIDE = re.compile(r'"""(?s:.*?)"""|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_PREFIX = re.compile(r"(?i)\bprefix\s+([\w-]*):\s*<([^>]*)>")
_NAME = re.compile(r"<([^<>\s]+)>|(?<![\w?$:<])([A-Za-z][\w-]*):([A-Za-z_][\w-]*)")
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
    if found:
        return
    unknown = list(_unknown(graph, sparql))
    yield from unknown
    if not unknown and found.form != "ask":
        yield "nothing in the graph answers this; every name in it is known"


def _defaults(named: NamedQuery, given: Mapping[str, str]) -> Iterator[str]:
    left = [p for p in named.parameters if p.name not in given]
    if left:
        used = ", ".join(f"{p.name} = {p.default} ({p.meaning})" for p in left)
        words = " ".join(f"--set {p.name}=VALUE" for p in left)
        yield f"asked with the example {used}; ask about your own with {words}"


def _unknown(graph: KnowledgeGraph, sparql: str) -> Iterator[str]:
    """Names that the query uses and the graph does not, with the nearest that it has."""
    text = re.sub(r"(?m)(^|\s)#.*$", " ", _ASIDE.sub(" ", sparql))
    prefixes = {**vocab.PREFIXES, **dict(_PREFIX.findall(text))}
    seen: set[str] = set()
    for full, prefix, local in _NAME.findall(_PREFIX.sub(" ", text)):
        name = full or (prefixes[prefix] + local if prefix in prefixes else "")
        if (
            not name
            or name in seen
            or name.startswith((vocab.XSD, "http://www.opengis.net/def/function/"))
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
