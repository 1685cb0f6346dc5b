"""Asking a run: a folder and a place or a query come in, reasons or rows go out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import InputError
from kg.results import QueryResult
from kg.store import KnowledgeGraph
from landlore.graph import open_graph

if TYPE_CHECKING:
    from reasoning.reasons import Account


def explain(
    run: str | Path,
    *,
    place: tuple[float, float] | None = None,
    region: int | None = None,
    top: int = 5,
) -> list[Account]:
    """Why the map was changed: at a place, in a region, or the largest corrections.

    Args:
        run: Run folder.
        place: (longitude, latitude), degrees, CRS84.
        region: Number of a region; ignored when a place is given.
        top: Without either, how many of the largest corrections.

    Returns:
        Accounts with the sentence in English and Chinese and every additive reason, in nats; empty where
        nothing was changed.

    Raises:
        InputError: Not a run folder.
        GridError: The place is outside the map.
    """
    from reasoning.reasons import explain_at, read_accounts, reason_of

    folder = Path(run)
    if not (folder / "run.json").exists():
        raise InputError(
            f"{folder}: not the folder of a run (no run.json)",
            "landlore correct ... -o FOLDER makes one",
        )
    if not (folder / "reasons.tif").exists():
        raise InputError(
            f"{folder}: a run of scenes has no places",
            f"landlore query {folder} --name scene-answers",
        )
    if place is not None:
        return explain_at(folder, *place)
    if region is None:
        return read_accounts(folder, range(top))
    graph = KnowledgeGraph()
    graph.load(folder / "explanations.trig")
    return reason_of(graph, region)


def query(graph: str | Path | KnowledgeGraph, sparql: str) -> QueryResult:
    """Ask a run folder, a graph folder or an RDF file in SPARQL 1.1; known prefixes need no declaration.

    Raises:
        QueryError: The query cannot be parsed or run.
        SourceError: Nothing there that holds a graph.
    """
    place = graph if isinstance(graph, KnowledgeGraph) else open_graph(graph)
    return place.query(sparql)


def account_record(account: Account) -> dict[str, Any]:
    """An account as a JSON-ready mapping."""
    return asdict(account)


def account_text(account: Account, lang: str) -> str:
    """An account for people: the sentence, then each reason with its nats."""
    chinese = lang == "zh"
    lines = [account.sentence_zh if chinese else account.sentence]
    for reason in account.reasons:
        label = reason.label_zh if chinese and reason.label_zh else reason.label
        lines.append(f"    {reason.value:+8.3f}  {label}")
        lines += [f"              {entity}" for entity in reason.evidence[:3]]
    total = "合计:改后对改前的对数几率" if chinese else "sum: log-odds of after to before"
    lines.append(f"    {account.log_odds:+8.3f}  {total}")
    return "\n".join(lines)
