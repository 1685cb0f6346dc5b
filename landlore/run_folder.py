"""The folder of a run comes in; what its `run.json` says, and the graph that it holds, go out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kg import vocab
from kg.errors import InputError, SourceError
from kg.store import KnowledgeGraph

RECORD = "run.json"
KNOWN = "graph.trig"
"""What was known to the run; one that was given a graph (--graph) keeps no second one."""
AGAIN = "landlore correct ... -o FOLDER makes a run that can be asked"
_TOLD_ONCE = f"""
DELETE {{ GRAPH <{vocab.GRAPH}ontology> {{ ?s ?p ?o }} }} WHERE {{
  GRAPH <{vocab.GRAPH}ontology> {{ ?s ?p ?o }}
  GRAPH ?run {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?run), "{vocab.GRAPH}run/"))
}}"""
"""A run repeats the names that it needs; said by two graphs, they would count twice in a user's own query."""


def read_record(home: Path) -> dict[str, Any]:
    """Everything that the `run.json` of a folder says.

    Raises:
        InputError: Not the folder of a run, or its `run.json` is broken.
    """
    path = home / RECORD
    if not path.is_file():
        raise InputError(f"{home}: not the folder of a run (no {RECORD})", AGAIN)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: broken ({error})", AGAIN) from error
    if not isinstance(told, dict):
        raise InputError(f"{path}: broken (expected an object)", AGAIN)
    return told


def is_run(place: Path) -> bool:
    """Whether a folder is that of a run.

    Raises:
        SourceError: It was one, and lacks its `run.json` now.
    """
    from reasoning.explanation.reasons import EXPLANATIONS

    if (place / RECORD).exists():
        return True
    path = place / EXPLANATIONS
    if path.is_file():
        raise SourceError(
            f"{place}: no {RECORD}, so not the folder of a run",
            f"landlore query {path} ... reads that file alone",
        )
    return False


def run_graph(home: Path) -> KnowledgeGraph:
    """What was known to a run, and why it made each correction, in memory.

    Raises:
        InputError: `run.json` is broken, or a graph is gone.
        SourceError: A graph does not parse.
    """
    from reasoning.explanation.reasons import explanations_in

    told, known, explained = read_record(home), home / KNOWN, explanations_in(home)
    if not known.is_file() and _keeps_graph(told):
        raise InputError(
            f"{home}: no {KNOWN}, which the folder of a run has (it says what was known)",
            f"put it back, or landlore query {explained} ... reads the reasons alone",
        )
    graph = KnowledgeGraph()
    for path in (known, explained):
        if path.is_file():
            graph.load(path)
    graph.update(_TOLD_ONCE)
    return graph


def _keeps_graph(told: dict[str, Any]) -> bool:
    """Whether a run wrote its own graph: of scenes always, of a map unless it was given one."""
    sources = (told.get("inputs") or {}).get("sources")
    return "images" in told or (sources is not None and not sources.get("graph"))
