"""A folder of tiles comes in; one graph of all of them, in which each pixel's correction is told once, goes out."""

from __future__ import annotations

import atexit
import csv
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from kg import vocab
from kg.errors import InputError
from kg.folder import held, replace_folder
from kg.results import Term
from kg.store import KnowledgeGraph
from landlore.run_folder import AGAIN, KNOWN, RECORD, TILES, explained_graph, read_record, run_graph
from landlore.tile import Part, parts_of
from reasoning.progress import at

ASKED = "asked"
"""The folder that the graph is kept in, beside the tiles; made when it is first asked for."""
_STAMP = "tiles.sha256"
_COUNTED = {
    f"<{vocab.RUN}pixels>": ("pixels", "integer"),
    f"<{vocab.RUN}area>": ("area_m2", "double"),
    f"<{vocab.RUN}lon>": ("lon", "double"),
    f"<{vocab.RUN}lat>": ("lat", "double"),
}
"""Property of a correction -> column of `corrections.csv`, and type."""
_TOTAL = {f"{vocab.RUN}{name}": name for name in ("corrections", "pixels")}
"""Property of a run -> what of its corrections it sums up."""
_ROOMS: dict[Path, Path] = {}
"""Folder of tiles that cannot be written -> where its graph is until this process ends."""
_SUBJECT = re.compile(r"<[^>]*/correction/(\d+)[/>]")

Rows = Mapping[str, Mapping[int, Mapping[str, str]]]


def graph_of_run(home: Path) -> KnowledgeGraph:
    """What was known to a run, or to all tiles of a folder, and why each correction was made.

    Raises:
        InputError: `run.json` is broken, or a graph or a tile is gone.
        SourceError: A graph does not parse.
        OutputError: The graph of tiles cannot be written.
    """
    told = read_record(home, tiles=True)
    return tiles_graph(home, told) if told.get("job") == TILES else run_graph(home)


def tiles_graph(home: Path, told: Mapping[str, Any]) -> KnowledgeGraph:
    """What was known, and why each correction was made, of all tiles: on disk, made anew where the tiles are others.

    All reasons stand in one named graph, so that what several tiles say (names of classes and rules) counts once. Of a
    correction that reaches beyond its tile, pixels, ground and place are those that the tile decides; corrections that
    lie in a margin alone are those of another tile. A run counts the corrections that its tile decides. Where the
    folder cannot be written, the graph is in a temporary one until this process ends.

    Args:
        home: Folder of tiles.
        told: What its `run.json` says.

    Raises:
        InputError: A tile is gone, or `corrections.csv` is broken.
        OutputError: There is no room for it, or another program is making it.
    """
    place, stamp = home / ASKED, _stamp(home, told)
    if not (_current(place, stamp) or os.access(home, os.W_OK)):
        place = _room(home.absolute()) / ASKED
    if not _current(place, stamp):
        at(f"putting the reasons of {len(told['tiles'])} tiles into one graph, once")
        with held(place):
            replace_folder(place, lambda new: _fill(new, home, told, stamp))
    return KnowledgeGraph(place / "graph", read_only=True)


def _room(home: Path) -> Path:
    """A folder that goes when this process ends."""
    if home not in _ROOMS:
        _ROOMS[home] = Path(mkdtemp(prefix="landlore-"))
        atexit.register(shutil.rmtree, _ROOMS[home], ignore_errors=True)
    return _ROOMS[home]


def _current(place: Path, stamp: str) -> bool:
    """Whether a graph was made of the tiles as they are."""
    mark = place / _STAMP
    return mark.is_file() and mark.read_text(encoding="utf-8") == stamp


def _stamp(home: Path, told: Mapping[str, Any]) -> str:
    """Changes with every tile: the IRI of each run is made of what went into it."""
    found = hashlib.sha256((home / RECORD).read_bytes())
    for part in parts_of(home, told):
        path = part.folder / RECORD
        if not path.is_file():
            raise InputError(f"{part.folder}: is gone, and {home} names it", AGAIN)
        found.update(path.read_bytes())
    return found.hexdigest()


def _fill(new: Path, home: Path, told: Mapping[str, Any], stamp: str) -> None:
    new.mkdir(parents=True)
    graph, parts = KnowledgeGraph(new / "graph"), parts_of(home, told)
    every: dict[str, Iterable[str]] = _known(home, parts)
    every[f"{vocab.GRAPH}run/{stamp[:12]}"] = _reasons(parts, counted_rows(home))
    graph.replace_graphs(every)
    (new / _STAMP).write_text(stamp, encoding="utf-8")


def _known(home: Path, parts: list[Part]) -> dict[str, Iterable[str]]:
    """Named graph -> lines of what was known: of the graph that all tiles read, and of what each wrote beside it."""
    every = (home / "graph", *(part.folder / KNOWN for part in parts))
    places = [place for place in every if place.exists()]
    names = {iri: None for place in places for iri in KnowledgeGraph.open(place).graphs()}
    return {iri: _lines(places, iri) for iri in names}


def _lines(places: list[Path], iri: str) -> Iterator[str]:
    """A named graph of several files or folders, one of them in memory at a time."""
    for place in places:
        yield from KnowledgeGraph.open(place).ntriples(iri)


def counted_rows(home: Path) -> Rows:
    """Tile -> number of a correction -> what its row in the table of the whole counts.

    Args:
        home: Folder of tiles.

    Raises:
        InputError: The table is gone or broken.
    """
    path, found = home / "corrections.csv", dict[str, dict[int, dict[str, str]]]()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                kept = {name: row[name] for name, _ in _COUNTED.values()}
                found.setdefault(row["tile"], {})[int(row["index"])] = kept
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: broken ({error})", AGAIN) from error
    return found


def _reasons(parts: list[Part], rows: Rows) -> Iterator[str]:
    """The lines of all tiles, each correction once."""
    runs = _by_run(parts, rows)
    for i, part in enumerate(parts, 1):
        at(f"reasons of tile {i} of {len(parts)}")
        run = read_record(part.folder)["run"]
        mine = runs.pop(run, None)
        if mine is None:
            continue
        totals = _totals(run, mine)
        graph = explained_graph(part.folder)
        for iri in graph.graphs():
            for line in graph.ntriples(iri):
                found = _SUBJECT.match(line)
                if found is None:
                    yield totals.get(line.rpartition('"')[0].rpartition('"')[0], line)
                elif int(found[1]) in mine:
                    yield _counted(line, found, mine[int(found[1])])


def _totals(run: str, rows: Mapping[int, Mapping[str, str]]) -> dict[str, str]:
    """What a run says of its corrections, up to the number -> the whole line, by what its tile decides."""
    counts = {"corrections": len(rows), "pixels": sum(int(row["pixels"]) for row in rows.values())}
    found = {}
    for iri, name in _TOTAL.items():
        begun = f"<{run}> <{iri}> "
        found[begun] = (
            f"{begun}{Term(str(counts[name]), 'literal', f'{vocab.XSD}integer').ntriples} .\n"
        )
    return found


def _by_run(parts: list[Part], rows: Rows) -> dict[str, dict[int, Mapping[str, str]]]:
    """IRI of a run -> number of a correction -> what of it counts; tiles that see the same ground are one run."""
    found: dict[str, dict[int, Mapping[str, str]]] = {}
    for part in parts:
        mine = found.setdefault(read_record(part.folder)["run"], {})
        for number, row in rows.get(part.tile, {}).items():
            mine[number] = _added(mine[number], row) if number in mine else row
    return found


def _added(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Two parts of a correction as one, at the place of the larger."""
    pixels, area = int(one["pixels"]), float(one["area_m2"])
    larger = one if pixels >= int(other["pixels"]) else other
    pixels, area = pixels + int(other["pixels"]), area + float(other["area_m2"])
    return {**larger, "pixels": str(pixels), "area_m2": str(area)}


def _counted(line: str, subject: re.Match[str], row: Mapping[str, str]) -> str:
    """A line of a correction, with what of it counts."""
    if not subject[0].endswith(">"):  # of a reason or an outline of it
        return line
    name = line[subject.end() :].split(" ", 2)[1]
    if name not in _COUNTED:
        return line
    column, kind = _COUNTED[name]
    value = Term(row[column], "literal", f"{vocab.XSD}{kind}").ntriples
    return f"{subject[0]} {name} {value} .\n"
