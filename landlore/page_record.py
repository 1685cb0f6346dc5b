"""The folder of a run comes in; everything that its page shows goes out: pixels as columns, and plain facts.

Corrections keep their numbers: row i of `corrections` is pixel value i of `reasons.tif`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError
from kg.raster import read_raster
from landlore.graph import open_graph
from landlore.page_facts import (
    Facts,
    class_facts,
    correction_rows,
    entities,
    known_terms,
    run_facts,
    source_rows,
    with_scores,
)
from landlore.question import legend_of
from landlore.render import SIMULATED
from landlore.rerun import read_run
from landlore.run_folder import read_record
from landlore.truth import read_truth, score

WIDEST = 1400
"""Pixels of the longer side of the maps on the page; larger maps are thinned out."""
NONE = 255
"""Label of a pixel without a prediction."""
_CAUSES = "SELECT ?index ?cause { GRAPH ?g { ?c a run:Correction ; run:index ?index ; run:cause ?cause } }"


@dataclass(frozen=True, eq=False)
class PageRecord:
    """What a page shows.

    Attributes:
        facts: JSON-ready: "run", "classes", "terms", "corrections", "evidence", "sources", "truth".
        after: (y, x) uint8 class after, `NONE` where there is no prediction; thinned out.
        reason: (y, x) number of the correction + 1 (uint16, or uint32 for more than 65,000), 0 where unchanged.
        photo: (y, x, 3) uint8 of the image, or None where it is not at hand.
    """

    facts: Facts
    after: NDArray[np.uint8]
    reason: NDArray[np.unsignedinteger]
    photo: NDArray[np.uint8] | None


def read_page(folder: str | Path, truth: str | Path | None = None, lang: str = "en") -> PageRecord:
    """Read what the page of a run shows.

    Args:
        folder: Run folder.
        truth: Raster of official codes on the same grid, or "LEGEND=PATH", to count what became right and wrong; or
            None.
        lang: Language of names and sentences, "en" or "zh".

    Raises:
        InputError: Not a run folder of a map, or a file of it is gone.
        GridError: The truth lies on another grid.
        LegendError: As `landlore.truth.read_truth`.
    """
    from reasoning.explanation.reasons import every_account

    home = Path(folder).absolute()
    _has_maps(home)
    told, run = read_run(home)
    legend = legend_of(home, run)
    corrected, index = read_raster(home / "corrected.tif"), read_raster(home / "reasons.tif")
    labels = legend.encode(corrected.values[0], nodata=corrected.nodata)
    graph = open_graph(home)
    accounts = every_account(graph)
    causes = {int(str(i)): str(cause) for i, cause in graph.query(_CAUSES)}
    terms = known_terms(accounts, causes, graph, told, lang)
    number = index.values[0]
    scores = None
    if truth is not None:
        true = read_truth(truth, legend, corrected)
        scores = score(labels, number, accounts, legend, true)
    step = max(1, -(-max(labels.shape) // WIDEST))
    thin = np.s_[step // 2 :: step, step // 2 :: step]
    boxes = _boxes(number, len(accounts), step)
    facts = {
        "run": run_facts(run, told, corrected, step),
        "classes": class_facts(labels, number, accounts, (legend, lang)),
        "terms": with_scores(terms, accounts, causes, scores),
        "corrections": correction_rows(accounts, causes, list(terms), (legend, lang), boxes),
        "evidence": entities(accounts),
        "sources": source_rows(graph),
        "truth": scores and scores.facts,
        "simulated": _is_simulated(home, told),
    }
    kept = np.uint16 if len(accounts) < 65_000 else np.uint32
    shown = np.where(labels < 0, NONE, labels).astype(np.uint8)[thin]
    return PageRecord(facts, shown, (number + 1).astype(kept)[thin], _photo(home, told, thin))


def _boxes(number: NDArray[np.int32], count: int, step: int) -> NDArray[np.int64]:
    """(correction, 4) left, top, right and bottom on the thinned map."""
    rows, cols = np.nonzero(number >= 0)
    mine = number[rows, cols]
    low, high = np.full((count, 2), 2**31 - 1), np.full((count, 2), -1)
    for axis, place in enumerate((cols, rows)):
        np.minimum.at(low[:, axis], mine, place)
        np.maximum.at(high[:, axis], mine, place + 1)
    return np.concatenate([low // step, -(-high // step)], axis=1)


def _has_maps(home: Path) -> None:
    """Raise an InputError for runs without a map of reasons: by regions, and of scenes."""
    told = read_record(home)
    if told.get("job") == "by-region":
        raise InputError(
            f"{home}: a run by regions has no map of reasons to show",
            f"landlore explain {home} --top 20, or correct a part of the map without --by-region",
        )
    if "images" in told:
        raise InputError(
            f"{home}: a run of scenes has no maps", f"landlore query {home} --name scene-answers"
        )


def _is_simulated(home: Path, told: Facts) -> bool:
    """Whether the map features are those of the demo, whose numbers mean other places in OpenStreetMap."""
    from landlore.rerun import found

    for name in told["sources"]["osm"]:
        path = found(home, name)
        if path.suffix == ".osm" and path.is_file():
            with path.open("rb") as file:
                if SIMULATED.encode() in file.read(300):
                    return True
    return False


def _photo(home: Path, told: Facts, thin: Any) -> NDArray[np.uint8] | None:
    """The image as the eye expects it, where it is still at hand."""
    from landlore.inputs import natural_colours
    from landlore.rerun import found

    name = told["sources"]["image"]
    if name is None:
        return None
    try:
        image = read_raster(found(home, name), bands=told["sources"]["bands"])
    except InputError:
        return None
    colours: NDArray[np.uint8] = natural_colours(image)[thin]
    return colours
