"""The folder of a run, or of tiles, comes in; its map and all corrections under one numbering go out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.legend import Legend
from kg.raster import Raster, read_raster
from kg.store import KnowledgeGraph
from landlore.page_facts import TOLD, Facts, rule_rows, source_rows
from landlore.question import legend_of
from landlore.rerun import found, read_run
from landlore.run_folder import run_graph
from landlore.tile import Part, parts_of
from landlore.tiles_graph import counted_rows
from reasoning.explanation.accounts import Account

_CAUSES = "SELECT ?index ?cause { GRAPH ?g { ?c a run:Correction ; run:index ?index ; run:cause ?cause } }"


@dataclass(frozen=True, eq=False)
class Shown:
    """What a page is made from.

    Attributes:
        told: What came in, as the `run.json` of a run notes it ("inputs").
        run: What came out, as that says; of tiles together.
        legend: Of the map.
        corrected: The map.
        number: (y, x) int32 number of each pixel's correction, -1 where nothing changed.
        accounts: The corrections by their numbers; of tiles those with most pixels first, with what each tile decides.
        causes: Number -> IRI of the term that decided.
        rules: IRI -> "label", "axiom" and "citation" of each rule.
        sources: Title, licence and origin of each source.
        parts: The runs.
    """

    told: Facts
    run: Facts
    legend: Legend
    corrected: Raster
    number: NDArray[np.int32]
    accounts: list[Account]
    causes: dict[int, str]
    rules: dict[str, Facts]
    sources: list[dict[str, str]]
    parts: list[Part]


@dataclass(frozen=True, eq=False)
class _Told:
    """What one run says: as `Shown`, with its own numbers."""

    told: Facts
    run: Facts
    accounts: list[Account]
    causes: dict[int, str]
    rules: dict[str, Facts]
    sources: list[dict[str, str]]


def read_shown(home: Path, record: Facts, lang: str) -> Shown:
    """Read what a page shows.

    Args:
        home: Run folder, or folder of tiles.
        record: What its `run.json` says.
        lang: Of the rules' names.

    Raises:
        InputError: A file of it is gone, or broken.
    """
    corrected, parts = read_raster(home / "corrected.tif"), parts_of(home, record)
    first = parts[0]
    legend = legend_of(first.folder, read_run(first.folder)[1])
    if first.window is None:
        one, number = _read(first, lang), read_raster(home / "reasons.tif").values[0]
        every, causes = one.accounts, one.causes
        return Shown(
            one.told, one.run, legend, corrected, number, every, causes, one.rules, one.sources, parts
        )  # fmt: skip
    return _joined(home, record, parts, (legend, corrected, lang))


def _read(part: Part, lang: str) -> _Told:
    """What a run says of itself."""
    from reasoning.explanation.reasons import every_account

    told, run = read_run(part.folder)
    graph, sources = run_graph(part.folder), list[dict[str, str]]()
    if told["sources"].get("graph"):
        sources += _sources(found(part.folder, told["sources"]["graph"]))
    causes = {int(str(i)): str(cause) for i, cause in graph.query(_CAUSES)}
    sources += [row for row in source_rows(graph) if row not in sources]
    return _Told(told, run, every_account(graph), causes, rule_rows(graph, lang), sources)


@lru_cache(maxsize=1)
def _sources(path: Path) -> list[dict[str, str]]:
    """Sources of a graph that a run was given, where it is still at hand."""
    return source_rows(KnowledgeGraph.open(path)) if path.exists() else []


def _joined(home: Path, record: Facts, parts: list[Part], how: tuple[Legend, Raster, str]) -> Shown:
    """All tiles as one run; each correction counts with the pixels that its tile decides."""
    legend, corrected, lang = how
    number = np.full(corrected.values.shape[1:], -1, np.int32)
    accounts, causes = list[Account](), list[str]()
    rules, sources, runs = dict[str, Facts](), list[dict[str, str]](), list[_Told]()
    rows = counted_rows(home)
    for part in parts:
        one, mine = _read(part, lang), rows.get(part.tile, {})
        rules |= one.rules
        sources += [row for row in one.sources if row not in sources]
        kept = [_counting(account, mine[account.index]) for account in one.accounts
                if account.index in mine]  # fmt: skip
        where = np.full(len(one.accounts) + 1, -1, np.int32)  # the last: nothing changed
        where[[account.index for account in kept]] = len(accounts) + np.arange(len(kept))
        top, left, height, width = part.inner
        index = read_raster(part.folder / "reasons.tif", window=part.window).values[0]
        number[top : top + height, left : left + width] = where[index]
        accounts += _spoken(kept)
        causes += [one.causes[account.index] for account in kept]
        runs.append(replace(one, accounts=[], causes={}, rules={}, sources=[]))
    order = sorted(range(len(accounts)), key=lambda i: (-accounts[i].pixels, i))
    place = np.empty(len(order) + 1, np.int32)
    place[order], place[-1] = np.arange(len(order)), -1
    told = runs[0].told | {"settings": record["settings"], "sources": record["sources"]}
    run = _together([one.run for one in runs], corrected, number) | {"run": _name(runs)}
    return Shown(
        told, run, legend, corrected, place[number],
        [replace(accounts[i], index=n) for n, i in enumerate(order)],
        {n: causes[i] for n, i in enumerate(order)}, rules, sources, parts,
    )  # fmt: skip


def _counting(account: Account, row: Any) -> Account:
    """A correction with what of it its tile decides."""
    return replace(
        account, pixels=int(row["pixels"]), area=float(row["area_m2"]),
        lon=float(row["lon"]), lat=float(row["lat"]),
    )  # fmt: skip


def _spoken(accounts: list[Account]) -> list[Account]:
    """Corrections of a tile; those that no page has the sentence of lose it, for there are many."""
    largest = sorted(range(len(accounts)), key=lambda i: (-accounts[i].pixels, i))[:TOLD]
    said = set(largest)
    return [
        one if i in said else replace(one, sentence="", sentence_zh="")
        for i, one in enumerate(accounts)
    ]


def _together(runs: list[Facts], corrected: Raster, number: NDArray[np.int32]) -> Facts:
    """What tiles say, as one run; a rule is idle where it was in every tile."""
    idle = [run["inactive_rules"] for run in runs]
    return {
        "model": runs[0]["model"],
        "pixels": int(corrected.valid.sum()),
        "changed_pixels": int((number >= 0).sum()),
        "inactive_rules": {
            iri: why for iri, why in idle[0].items() if all(iri in one for one in idle)
        },
        "inference": {
            "steps": max(run["inference"]["steps"] for run in runs),
            "stopped": ", ".join(_once(run["inference"]["stopped"] for run in runs)),
        },
    }


def _name(runs: list[_Told]) -> str:
    """Of all tiles together, made of theirs."""
    names = "\n".join(one.run["run"] for one in runs)
    return hashlib.sha256(names.encode()).hexdigest()[:12]


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
