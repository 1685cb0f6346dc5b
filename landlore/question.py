"""A question to a run comes in; what is wrong with its words goes out at once, before anything is solved again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kg import vocab
from kg.errors import GridError, InputError, LegendError, RuleError
from kg.legend import Legend, legend_names, load_legend
from kg.raster import read_grid, read_raster
from kg.spelling import meant

PLAIN = ("network", "lesson", "calibration", "smoothness")
"""Terms that any run may have; whether this one has a calibration or a lesson is known when it is solved."""


def check_question(
    folder: str | Path,
    *,
    terms: Iterable[str] = (),
    place: tuple[float, float] | None = None,
    region: int | None = None,
    wanted: str | None = None,
) -> None:
    """Look at the words of a question to a run.

    Args:
        folder: Run folder.
        terms: Rules, sources and other terms that a what-if names.
        place: (longitude, latitude), degrees, CRS84.
        region: Number of a region.
        wanted: Class of a why-not, by name, code or IRI.

    Raises:
        RuleError: A term that the run does not have; the nearest, or why it did not act, is said.
        InputError: A region that the run does not have, or the place is of that class already.
        LegendError: No such class; the nearest is said.
        GridError: The place is outside of the map, or there is no prediction.
    """
    from landlore.rerun import read_run

    home = Path(folder).absolute()
    _, run = read_run(home)
    for term in terms:
        _check_term(run, term)
    if region is not None and not 0 <= region < run["regions"]:
        raise InputError(
            f"region {region}: the run has regions 0 to {run['regions'] - 1}", "--region 0"
        )
    code = _code_at(home, *place) if place is not None else None
    if wanted is not None:
        legend = legend_of(home, run)
        iri = class_named(legend, wanted)
        if code is not None and legend.classes[legend.codes.index(code)].iri == iri:
            raise InputError(f"the place is {wanted} already", "ask for another class")


def _check_term(run: Mapping[str, Any], name: str) -> None:
    """Refuse what no term of the run is called; `reasoning.explanation.whatif.term_named` says what it means."""
    rules = {vocab.curie(iri): iri for iri in run["rules"]}
    sources = {one["name"] for one in run["sources"]} | {one["graph"] for one in run["sources"]}
    short = {curie.rpartition(":")[2].lower() for curie in rules}
    plain = {vocab.NETWORK, vocab.LESSON, vocab.CALIBRATION, vocab.SMOOTHNESS}
    if name in {
        *rules,
        *rules.values(),
        *short,
        *sources,
        *PLAIN,
        *plain,
        *map(vocab.curie, plain),
    }:
        return
    idle = {vocab.curie(iri): why for iri, why in run["inactive_rules"].items()}
    for curie, why in idle.items():
        if name in (curie, curie.rpartition(":")[2].lower(), vocab.expand(curie)):
            raise RuleError(
                f"{name!r}: this rule did not act in the run, because {why}",
                f"ask about one that did, or another term: {', '.join([*sorted(short)[:5], 'smoothness'])}",
            )
    named = sorted({*short, *PLAIN, *(one for one in sources if "/" not in one)})
    raise RuleError(
        f"{name!r}: no rule, source or term that acts in this run",
        meant(name, named, 3) or ", ".join(named),
    )


def _code_at(home: Path, lon: float, lat: float) -> int:
    """Official code of the corrected map at a place."""
    path = home / "corrected.tif"
    grid = read_grid(path)
    row, col = (int(v // 1) for v in grid.rowcol(lon, lat))
    if not (0 <= row < grid.height and 0 <= col < grid.width):
        west, south, east, north = grid.lonlat_bounds
        raise GridError(
            f"{lon} {lat} lies outside of the map, which covers {west:.5f} {south:.5f} .. {east:.5f} {north:.5f} "
            "(lon lat)",
            "give longitude first, then latitude; west and south are negative",
        )
    raster = read_raster(path, window=(row, col, 1, 1))
    if not raster.valid[0, 0]:
        raise GridError(f"{lon} {lat}: the map has no prediction there", "choose another place")
    return int(raster.values[0, 0, 0])


def legend_of(home: Path, run: Mapping[str, Any]) -> Legend:
    """The legend of the map of a run.

    Args:
        home: Run folder.
        run: What its `run.json` says.

    Raises:
        LegendError: Its legend is gone.
    """
    from landlore.rerun import found

    name = run["inputs"]["legend"]
    return load_legend(name if name in legend_names() else str(found(home, name)))


def class_named(legend: Legend, name: str) -> str:
    """IRI of the class that a user means by a name in either language, a code or an IRI.

    Raises:
        LegendError: The legend has no such class; the nearest is named.
    """
    words = {str(code): one.iri for code, one in zip(legend.codes, legend.classes, strict=True)}
    labels = {one.label.lower(): one for one in legend.classes}
    words |= {one.iri: one.iri for one in legend.classes}
    words |= {one.label_zh: one.iri for one in legend.classes if one.label_zh}
    words |= {label: one.iri for label, one in labels.items()}
    if name.lower() in words or name in words:
        return words.get(name) or words[name.lower()]
    every = ", ".join(one.label for one in legend.classes)
    raise LegendError(
        f"{name!r}: no class of legend {legend.name}",
        meant(name, (one.label for one in labels.values()), 2) or f"one of {every}",
    )
