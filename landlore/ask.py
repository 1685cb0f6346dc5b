"""Asking a run: a folder and a place or a query come in, reasons or rows go out."""

from __future__ import annotations

import csv
import heapq
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import GridError, InputError
from kg.folder import is_url
from kg.raster import read_grid
from kg.results import QueryResult
from kg.select import Select
from kg.store import KnowledgeGraph
from landlore.graph import open_graph
from landlore.question import check_question, class_named
from landlore.run_folder import TILES, is_run, read_record
from landlore.tiled import tile_at

if TYPE_CHECKING:
    from reasoning.explanation.accounts import Reason
    from reasoning.explanation.reasons import Account
    from reasoning.explanation.whatif import WhatIf
    from reasoning.explanation.whynot import WhyNot
    from reasoning.solved import Solved

SHOWN = 3
"""Features and cells of one reason that are told; --json has all that are kept."""
SLIGHTEST = 0.0005
"""Nats that a reason of its own line has at least; less would be printed as 0.000."""


def explain(
    run: str | Path,
    *,
    place: tuple[float, float] | None = None,
    region: int | None = None,
    top: int = 5,
) -> list[Account]:
    """Why the map was changed: at a place, in a region, or the largest corrections.

    Args:
        run: Run folder, or the address of a server that runs were published to (all of them are asked). Of a folder
            of tiles, the tile of the place, or the largest corrections of all tiles.
        place: (longitude, latitude), degrees, CRS84.
        region: Number of a region; ignored when a place is given.
        top: Without either, how many of the largest corrections.

    Returns:
        Accounts with the sentence in English and Chinese and every additive reason, in nats; empty where
        nothing was changed.

    Raises:
        InputError: Not a run folder, or no such region.
        GridError: The place is outside the map.
    """
    from reasoning.explanation.reasons import (
        explain_at,
        explanations_in,
        read_accounts,
        reason_of,
    )

    if is_url(run):
        return _on_server(open_graph(run), place, region, top)
    folder = Path(run)
    told = read_record(folder, tiles=place is not None or region is None)
    if told.get("job") == TILES:
        return _of_tiles(folder, place, top)
    if "images" in told:
        raise InputError(
            f"{folder}: a run of scenes has no places",
            f"landlore query {folder} --name scene-answers",
        )
    explanations_in(folder)
    if place is not None:
        return (_within if told.get("job") == "by-region" else explain_at)(folder, *place)
    if region is None:
        return read_accounts(folder, range(top))
    known = int(told.get("regions", 0))
    if not 0 <= region < known:
        raise InputError(
            f"region {region}: the run has regions 0 to {known - 1}"
            if known
            else f"region {region}: the run has no regions",
            f"landlore explain {folder} --top 5",
        )
    return reason_of(_explained(folder), region)


def _of_tiles(folder: Path, place: tuple[float, float] | None, top: int) -> list[Account]:
    """Of tiles: what that of a place says of it, or the largest corrections, by the pixels that their tile decides."""
    from reasoning.explanation.reasons import read_accounts

    if place is not None:
        return explain(tile_at(folder, *place), place=place)
    with (folder / "corrections.csv").open(encoding="utf-8-sig", newline="") as file:
        first = heapq.nsmallest(top, csv.DictReader(file), key=lambda row: -int(row["pixels"]))
    runs = ((folder / "tiles" / row["tile"], int(row["index"])) for row in first)
    return [account for run, number in runs for account in read_accounts(run, [number])]


def _on_server(
    graph: KnowledgeGraph, place: tuple[float, float] | None, region: int | None, top: int
) -> list[Account]:
    """Of published runs: corrections at a place, of a region, or the largest ones."""
    from reasoning.explanation.reasons import reason_at, reason_number, reason_of

    if place is not None:
        return reason_at(graph, *place)
    if region is not None:
        return reason_of(graph, region)
    return [account for number in range(top) for account in reason_number(graph, number)]


def _within(folder: Path, lon: float, lat: float) -> list[Account]:
    """Of a run by regions: corrections whose bounds hold the place."""
    from reasoning.explanation.reasons import reason_at

    grid = read_grid(folder / "corrected.tif")
    row, col = (float(v) for v in grid.rowcol(lon, lat))
    if not (0 <= row < grid.height and 0 <= col < grid.width):
        raise GridError(
            f"{lon} {lat} lies outside of the map of {folder}",
            "give longitude first, then latitude; west and south are negative",
        )
    return reason_at(_explained(folder), lon, lat)


def _explained(folder: Path) -> KnowledgeGraph:
    from reasoning.explanation.reasons import explanations_in

    graph = KnowledgeGraph()
    graph.load(explanations_in(folder))
    return graph


def what_if(
    run: str | Path | Solved,
    values: Mapping[str, float],
    *,
    place: tuple[float, float] | None = None,
    region: int | None = None,
) -> WhatIf:
    """What would the map be if rules, sources or smoothness weighed something else?

    Args:
        run: Run folder, which is solved again first, or a run that `reasoning.correct.solve` made.
        values: Rule, source or "smoothness" -> other value; 0 drops it. Rules in nats per pixel, smoothness in nats per
            pair of pixels, sources as a factor on what they say.
        place: (longitude, latitude): solve around it only, with everything else held.
        region: The same around a region.

    Raises:
        InputError: Not a run that can be solved again, a term it does not have, or no such region.
        GridError: The place is outside of the map.
    """
    from reasoning.explanation.whatif import pixel_at, place_of, term_named, window_around
    from reasoning.explanation.whatif import what_if as ask
    from reasoning.terms import Change

    run = _run_of(run, place)
    if isinstance(run, (str, Path)):
        check_question(run, terms=values, place=place, region=region)
    solved = _solved(run)
    change = Change({term_named(solved.terms, name): value for name, value in values.items()})
    window = None
    if place is not None:
        window = window_around(place_of(solved, *pixel_at(solved.terms, *place)))
    elif region is not None:
        window = window_around(solved.terms.regions.label == _known_region(solved, region))
    return ask(solved, change, window=window)


def why_not(run: str | Path | Solved, place: tuple[float, float], wanted: str) -> WhyNot:
    """What would it take for a place to be of a class?

    Args:
        run: Run folder, which is solved again first, or a run that `reasoning.correct.solve` made.
        place: (longitude, latitude), degrees, CRS84.
        wanted: Class by name, code or IRI.

    Raises:
        InputError: Not a run that can be solved again, no such class, or the place is of that class already.
        GridError: The place is outside of the map.
    """
    from reasoning.explanation.whatif import pixel_at
    from reasoning.explanation.whynot import why_not as ask

    run = _run_of(run, place)
    if isinstance(run, (str, Path)):
        check_question(run, place=place, wanted=wanted)
    solved = _solved(run)
    row, col = pixel_at(solved.terms, *place)
    return ask(solved, row, col, class_named(solved.terms.before.legend, wanted))


def _run_of(run: str | Path | Solved, place: tuple[float, float] | None) -> str | Path | Solved:
    """Of tiles the run of the one that a place lies in."""
    if place is None or not isinstance(run, (str, Path)) or not is_run(Path(run)):
        return run
    told = read_record(Path(run), tiles=True)
    return tile_at(Path(run), *place) if told.get("job") == TILES else run


def _solved(run: str | Path | Solved) -> Solved:
    from landlore.rerun import solve_again

    return solve_again(run) if isinstance(run, (str, Path)) else run


def _known_region(solved: Solved, region: int) -> int:
    last = len(solved.terms.regions) - 1
    if not 0 <= region <= last:
        raise InputError(f"region {region}: the run has regions 0 to {last}", "--region 0")
    return region


def query(graph: str | Path | KnowledgeGraph, sparql: str | Select) -> QueryResult:
    """Ask a run folder, a graph folder, an RDF file or a server in SPARQL 1.1; known prefixes need no declaration.

    Raises:
        QueryError: The query cannot be parsed or run.
        SourceError: Nothing there that holds a graph.
    """
    place = graph if isinstance(graph, KnowledgeGraph) else open_graph(graph)
    return place.query(str(sparql))


def _evidence(account: Account, reason: Reason, chinese: bool) -> list[str]:
    """The features and cells behind a reason, the one that the sentence names first, and how many are left out."""
    from reasoning.correction import MOST_EVIDENCE
    from reasoning.explanation.sentences import short_entity

    sentence, comma = (account.sentence_zh, "") if chinese else (account.sentence, ", ")
    named = [iri for iri in reason.evidence if f"{short_entity(iri)}{comma}“" in sentence]
    order = list(dict.fromkeys([*named, *reason.evidence]))
    left = len(order) - SHOWN
    if left <= 0:
        return order
    full = len({iri for one in account.reasons for iri in one.evidence}) >= MOST_EVIDENCE
    more = f"另有{'至少' * full} {left} 处" if chinese else f"and {'at least ' * full}{left} more"
    return [*order[:SHOWN], more]


def account_record(account: Account) -> dict[str, Any]:
    """An account as a JSON-ready mapping."""
    return asdict(account)


def account_text(account: Account, lang: str) -> str:
    """An account for people: the sentence, then each reason with its nats.

    Reasons of less than 0.0005 nats are told as one; all count in the sum. Of the features and cells behind a reason
    the one that the sentence names comes first; of more than three, the rest are counted.
    """
    chinese = lang == "zh"
    lines = [account.sentence_zh if chinese else account.sentence]
    told = [r for r in account.reasons if abs(r.value) >= SLIGHTEST]
    for reason in told:
        label = reason.label_zh if chinese and reason.label_zh else reason.label
        lines.append(f"    {reason.value:+8.3f}  {label}")
        lines += [f"              {line}" for line in _evidence(account, reason, chinese)]
    n = len(account.reasons) - len(told)
    if n:
        left = sum(r.value for r in account.reasons if abs(r.value) < SLIGHTEST)
        more = f"另外 {n} 项较小的理由" if chinese else f"and {n} smaller reason{'s' * (n > 1)}"
        lines.append(f"    {left:+8.0e}  {more}")
    total = "合计:改后对改前的对数几率" if chinese else "sum: log-odds of after to before"
    lines.append(f"    {account.log_odds:+8.3f}  {total}")
    return "\n".join(lines)
