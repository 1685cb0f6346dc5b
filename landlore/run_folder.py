"""The folder of a run comes in; what its `run.json` says, and the graph that it holds, go out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kg import vocab
from kg.counted import counted
from kg.errors import InputError, SourceError
from kg.store import KnowledgeGraph

RECORD = "run.json"
KNOWN = "graph.trig"
"""What was known to the run; one that was given a graph (--graph) keeps no second one."""
AGAIN = "landlore correct ... -o FOLDER makes a run that can be asked"
_MAP: dict[str, type] = {
    "run": str, "model": str, "legend": str, "regions": int, "corrections": int, "pixels": int,
    "changed_pixels": int, "sources": list, "rules": list, "inactive_rules": dict, "inference": dict,
}  # fmt: skip
"""What the record of a run of a map has, as far as it is read again; of scenes and by regions nothing is."""
TILES = "tiles"
"""The job of a folder whose runs lie in `tiles/NAME`."""
_TOLD_ONCE = f"""
DELETE {{ GRAPH <{vocab.GRAPH}ontology> {{ ?s ?p ?o }} }} WHERE {{
  GRAPH <{vocab.GRAPH}ontology> {{ ?s ?p ?o }}
  GRAPH ?run {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?run), "{vocab.GRAPH}run/"))
}}"""
"""A run repeats the names that it needs; said by two graphs, they would count twice in a user's own query."""


def read_record(home: Path, *, tiles: bool = False) -> dict[str, Any]:
    """Everything that the `run.json` of a folder says.

    Args:
        home: The folder.
        tiles: Whether it may be one of many runs, tile by tile.

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
    if told.get("job") == TILES:
        check_keys(path, told, {"tiles": dict})
        if not tiles:
            first = home / "tiles" / next(iter(told["tiles"]), "NAME")
            raise InputError(
                f"{home}: holds {counted(len(told['tiles']), 'tile')}, each a run of its own",
                f"take one, for example {first}; query, report, export, serve and explain take all",
            )
    elif "images" not in told and told.get("job") != "by-region":
        check_keys(path, told, _MAP)
        check_keys(path, told["inference"], {"steps": int, "stopped": str}, "inference")
    return told


def check_keys(
    path: Path, told: Mapping[str, Any], needed: Mapping[str, type], where: str = ""
) -> None:
    """Refuse a record, or a part of it, that lacks a key or holds a value of another kind.

    Args:
        path: The record.
        told: What it, or the part, says.
        needed: Key -> kind of its value.
        where: Name of the part, "" for the whole.

    Raises:
        InputError: What it lacks, or which value is of another kind.
    """
    of = f" of {where!r}" if where else ""
    lost = [name for name in needed if name not in told]
    if lost:
        raise InputError(
            f"{path}: broken (lacks {', '.join(map(repr, lost))}{of}, which the record of a run has)",
            AGAIN,
        )
    for name, kind in needed.items():
        if not isinstance(told[name], kind):
            found = type(told[name]).__name__
            raise InputError(
                f"{path}: broken ({name!r}{of} is of type {found}, expected {kind.__name__})", AGAIN
            )


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


def explained_graph(home: Path) -> KnowledgeGraph:
    """Why a run made each correction, in memory, without what was known to it.

    Raises:
        InputError: Not the folder of a run.
        SourceError: The graph does not parse.
    """
    from reasoning.explanation.reasons import explanations_in

    graph = KnowledgeGraph()
    graph.load(explanations_in(home))
    return graph


def _keeps_graph(told: dict[str, Any]) -> bool:
    """Whether a run wrote its own graph: of scenes always, of a map unless it was given one."""
    sources = (told.get("inputs") or {}).get("sources")
    return "images" in told or (sources is not None and not sources.get("graph"))
