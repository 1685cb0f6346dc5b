"""The folder of a run comes in; everything that its page shows goes out: pixels as columns, and plain facts.

Of a run row i of `corrections` is pixel value i of `reasons.tif`; of tiles the largest come first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError
from kg.raster import Raster, read_raster
from landlore.page_facts import (
    TOLD,
    Facts,
    class_facts,
    correction_rows,
    entities,
    flows,
    known_terms,
    run_facts,
    with_scores,
)
from landlore.page_runs import Shown, read_shown
from landlore.render import SIMULATED
from landlore.rerun import read_run
from landlore.run_folder import read_record
from landlore.tile import Part
from landlore.truth import read_truth, score
from reasoning.explanation.accounts import Account

WIDEST = 1400
"""Pixels of the longer side of the maps on the page; larger maps are thinned out."""
NONE = 255
"""Label of a pixel without a prediction."""


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
    home = Path(folder).absolute()
    shown = read_shown(home, _of_a_map(home), lang)
    legend, number, accounts = shown.legend, shown.number, shown.accounts
    labels = legend.encode(shown.corrected.values[0], nodata=shown.corrected.nodata)
    terms = known_terms(accounts, shown.causes, shown.rules, shown.told, lang)
    scores = None
    if truth is not None:
        true = read_truth(truth, legend, shown.corrected)
        scores = score(labels, number, accounts, legend, true)
    step = max(1, -(-max(labels.shape) // WIDEST))
    thin = np.s_[step // 2 :: step, step // 2 :: step]
    listed, place = _listed(shown, number[thin])
    causes = {n: shown.causes[one.index] for n, one in enumerate(listed)}
    boxes = _boxes(number, len(accounts), step)[[one.index for one in listed]]
    rows = [replace(one, index=n) for n, one in enumerate(listed)]
    facts = {
        "run": run_facts(shown.run, shown.told, shown.corrected, step)
        | {"corrections": len(accounts)},
        "classes": class_facts(labels, number, accounts, (legend, lang)),
        "terms": with_scores(terms, accounts, shown.causes, scores),
        "corrections": correction_rows(rows, causes, list(terms), (legend, lang), boxes),
        "flows": flows(accounts, legend),
        "evidence": entities(rows),
        "sources": shown.sources,
        "truth": scores and scores.facts,
        "simulated": _is_simulated(home, shown.told),
    }
    kept = np.uint16 if len(listed) < 65_000 else np.uint32
    after = np.where(labels < 0, NONE, labels).astype(np.uint8)[thin]
    return PageRecord(facts, after, (place[number[thin]] + 1).astype(kept), _photo(shown, thin))


def _listed(shown: Shown, seen: NDArray[np.int32]) -> tuple[list[Account], NDArray[np.int32]]:
    """The corrections that stand on the page one by one, and their places by number (-1: none; the last for no number).

    Of a run all, of tiles the largest, and those that the thinned map shows.
    """
    every = shown.accounts
    wanted = np.ones(len(every), bool)
    if len(shown.parts) > 1:
        wanted[TOLD:] = False
        wanted[np.unique(seen[seen >= 0])] = True
    place = np.full(len(every) + 1, -1, np.int32)
    place[:-1][wanted] = np.arange(wanted.sum())
    return [one for one, is_wanted in zip(every, wanted, strict=True) if is_wanted], place


def _boxes(number: NDArray[np.int32], count: int, step: int) -> NDArray[np.int64]:
    """(correction, 4) left, top, right and bottom on the thinned map."""
    rows, cols = np.nonzero(number >= 0)
    mine = number[rows, cols]
    low, high = np.full((count, 2), 2**31 - 1), np.full((count, 2), -1)
    for axis, place in enumerate((cols, rows)):
        np.minimum.at(low[:, axis], mine, place)
        np.maximum.at(high[:, axis], mine, place + 1)
    return np.concatenate([low // step, -(-high // step)], axis=1)


def _of_a_map(home: Path) -> Facts:
    """What `run.json` says; an InputError for runs without a map of reasons: by regions, and of scenes."""
    told = read_record(home, tiles=True)
    if told.get("job") == "by-region":
        raise InputError(
            f"{home}: a run by regions has no map of reasons to show",
            f"landlore explain {home} --top 20, or correct a part of the map without --by-region",
        )
    if "images" in told:
        raise InputError(
            f"{home}: a run of scenes has no maps", f"landlore query {home} --name scene-answers"
        )
    return told


def _is_simulated(home: Path, told: Facts) -> bool:
    """Whether the map features are those of the demo, whose numbers mean other places in OpenStreetMap."""
    from landlore.rerun import found

    for name in told["sources"]["osm"]:
        path = next((p for p in (found(home, name), Path(name)) if p.is_file()), Path(name))
        if path.suffix == ".osm" and path.is_file():
            with path.open("rb") as file:
                if SIMULATED.encode() in file.read(300):
                    return True
    return False


def _photo(shown: Shown, thin: tuple[slice, slice]) -> NDArray[np.uint8] | None:
    """The image as the eye expects it, where it is still at hand."""
    from landlore.inputs import natural_colours

    if shown.parts[0].window is None:
        image = _image(shown.parts[0])
        return None if image is None else natural_colours(image)[thin]
    mosaic = _mosaic(shown, thin)
    return None if mosaic is None else natural_colours(mosaic)


def _image(part: Part) -> Raster | None:
    """The image that a run, or a tile with its margin, saw."""
    from landlore.rerun import found

    sources = read_run(part.folder)[0]["sources"]
    if sources["image"] is None:
        return None
    try:
        return read_raster(
            found(part.folder, sources["image"]), window=part.window, bands=sources["bands"]
        )
    except InputError:
        return None


def _mosaic(shown: Shown, thin: tuple[slice, slice]) -> Raster | None:
    """The image of all tiles, thinned out; NaN where a tile has none."""
    first, step = thin[0].start, thin[0].step
    height, width = shown.number[thin].shape
    out: Raster | None = None
    for part in shown.parts:
        image = _image(part)
        if image is None:
            continue
        if out is None:
            nothing = np.full((len(image.values), height, width), np.nan, np.float32)
            out = replace(image, values=nothing, nodata=None)
        top, left = part.inner[:2]
        low, start = (-(-(at - first) // step) if at > first else 0 for at in (top, left))
        seen = np.where(image.valid, image.values, np.nan)
        seen = seen[:, first + low * step - top :: step, first + start * step - left :: step]
        out.values[:, low : low + seen.shape[1], start : start + seen.shape[2]] = seen
    return out
