"""Images larger than memory, without labels: learned from windows, mapped by windows, then corrected tile by tile.

What is learned is kept (`learned.npz`), so is every window that is mapped (`windows/NAME.tif`) and every tile that is
corrected (`tiles/NAME`): the same command goes on where it was cut off.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg.by_blocks import write_blocks
from kg.errors import GridError, InputError, LandloreWarning, LegendError
from kg.legend import Legend
from kg.raster import read_raster
from landlore.begun import LEARNED, begun_with, held_folder
from landlore.inputs import check_bands, read_part
from landlore.jobs import each
from landlore.outputs import keep_inputs
from landlore.parts import WINDOW, Place, place_of
from landlore.progress import Stage
from landlore.rerun import BEFORE
from landlore.sampling import Survey, drawn, survey
from landlore.segmenting import legend_of, taught_by, teller
from landlore.settings import RunSettings
from landlore.sources import Sources
from landlore.tile import Tile, tiles_of
from landlore.tiled import Job, Tiled, check_reach, solve_tiles

if TYPE_CHECKING:
    from fusion.segmenter import Segmenter
    from fusion.settings import SegmentSettings

Progress = Callable[[str], None]

WINDOWS = "windows"
"""Folder of windows that are mapped; it goes once they are put together."""
ONE = np.iinfo(np.uint16).max
"""What a probability of 1 is written as."""


def interpret_tiles(
    image: str | Path,
    *,
    legend: str | Legend | None = None,
    sources: Sources | None = None,
    settings: RunSettings | None = None,
    out: str | Path,
    progress: Progress | None = None,
) -> Tiled:
    """Make a map of an image of any size without labels, learning from a land-cover product, and correct it by tiles.

    The segmenter learns from windows drawn over the whole image (`sample` pixels), maps the image window by window, and
    the map is corrected as by `correct_tiles`. An image of no more than `sample` pixels is learned from as by
    `interpret`, and mapped alike.

    Args:
        image: Image with named bands.
        legend: Legend of the map; default the legend of the first product.
        sources: What is known; at least one land-cover product.
        settings: How to do it; `sample` says how much to learn from, `tile` how large the tiles are.
        out: Folder for what `correct_tiles` writes, and beside it learned.npz (what was learned) and before.tif
            (probabilities before correction). Where the same command was cut off, it goes on.
        progress: Told of each stage.

    Raises:
        MissingExtraError: Torch is not installed.
        InputError: As `interpret`; also where a cell of the product is larger than a tile.
        OutputError: As `correct_tiles`.
    """
    given, knobs, home = sources or Sources(), settings or RunSettings(), Path(out)
    tell = progress or (lambda _: None)
    product = taught_by(given, knobs)
    _refuse(knobs)
    keep_inputs([home], (image, legend, *knobs.files, *given.paths))
    names = legend_of(legend, given)
    check_bands(given.bands or ())
    given = replace(given, image=str(image))
    place = place_of(Path(image), given.bands, product, given.dem)
    check_reach(given, place.grid)
    if place.size > knobs.tile:
        raise InputError(
            f"{product.path}: a cell is {place.size:.0f} pixels of the image wide, a tile {knobs.tile}",
            f"--tiles {1024 * (int(place.size) // 1024 + 1)}, or a finer product",
        )
    begun = {**begun_with(image, names, (given, knobs)), "made": "interpret", "window": WINDOW}
    with held_folder(home, begun, knobs.overwrite):
        model = _mapped(place, names, knobs, home, tell)
        told = {**begun, "model": model}
        return solve_tiles(Job(home / BEFORE, names, given, knobs, model), home, told, tell)


def _refuse(knobs: RunSettings) -> None:
    """Refuse a setting that needs all of the map at once."""
    if knobs.knowledge_loss:
        raise InputError(
            f"--tiles and --knowledge-loss {knobs.knowledge_loss:g}: rules teach a map that is in memory as a whole",
            "leave --knowledge-loss out; the rules correct every tile all the same",
        )


def _mapped(place: Place, legend: Legend, knobs: RunSettings, home: Path, tell: Progress) -> str:
    """Learn and map what was not learned and mapped before; return what made the map."""
    from fusion.segment import learned_name
    from fusion.segmenter_file import write_segmenter
    from fusion.settings import SegmentSettings

    how = SegmentSettings(seed=knobs.seed, steps=knobs.steps, most_pixels=knobs.sample)
    if not (home / LEARNED).is_file():
        write_segmenter(_learned(place, legend, how, tell), home / LEARNED)
    if not (home / BEFORE).is_file():
        _map_windows(place, legend, home, knobs.jobs, tell)
    shutil.rmtree(home / WINDOWS, ignore_errors=True)
    return learned_name(place.product.name, how)


def _learned(place: Place, legend: Legend, how: SegmentSettings, tell: Progress) -> Segmenter:
    """Learn from windows drawn over the whole image."""
    from fusion.field import field_of
    from fusion.learn import Whole, learn
    from fusion.weak import crosswalk_of

    found = survey(place, Stage(tell, "looking at the image and the product: block"))
    _tell_of_holes(found, place)
    shares = crosswalk_of(tuple(one.iri for one in place.product.legend.classes), legend)
    windows = drawn(found, shares, how.most_pixels, how.seed)
    _check_overlap(found, shares, place, legend)
    prior = found.counts.sum(axis=0) @ shares
    prior = prior / prior.sum()
    one = len(windows) == 1 and windows[0][0][2:] == place.grid.shape
    say, fields = Stage(tell, "reading what to learn from: window"), []
    for done, (window, weight) in enumerate(windows, 1):
        part = place.part(window, weight=weight)
        field = field_of(
            part, legend, coarse=None if one else place.coarse, prior=None if one else prior
        )
        if field.taught.any():
            fields.append(field)
        say(done, len(windows))
    cells = sum(int(field.taught.sum()) for field in fields)
    tell(f"learning a map from {len(fields):,} windows with {cells:,} cells of the product")
    whole = None if one else Whole(place.grid.pixel_size, prior)
    return learn(fields, how, teller(tell), whole=whole)[0]


def _check_overlap(
    found: Survey, shares: NDArray[np.float64], place: Place, legend: Legend
) -> None:
    """Refuse a product that says nothing of the image in the words of the map."""
    product, counts = place.product, found.counts.sum(axis=0)
    if not counts.any():
        raise GridError(
            f"{product.path}: no class below a pixel of {place.image} that holds anything",
            "give a product of the same area",
        )
    if not (counts * (shares.sum(axis=1) > 0.5)).any():
        raise LegendError(
            f"{product.path}: no class below the image means a class of legend {legend.name}",
            "give --legend with the product's own legend, or one that its classes map to",
        )


def _tell_of_holes(found: Survey, place: Place) -> None:
    if found.holes:
        total = place.grid.height * place.grid.width
        warnings.warn(
            f"{place.image}: {found.holes:,} of {total:,} pixels count as nodata, because some of their bands hold "
            "NaN, infinity or the nodata value",
            LandloreWarning,
            stacklevel=2,
        )


def _map_windows(place: Place, legend: Legend, home: Path, jobs: int, tell: Progress) -> None:
    """Map the windows that are not there yet, and put all of them together."""
    windows, folder = tiles_of(place.grid, WINDOW, 0), home / WINDOWS
    folder.mkdir(exist_ok=True)
    left = [window for window in windows if not (folder / f"{window.name}.tif").is_file()]
    kept = len(windows) - len(left)
    say = Stage(tell, "mapping window", kept)
    _read.cache_clear()
    each(
        partial(_map_window, place, legend, home), left, jobs,
        tell=tell, ended=lambda _, __, done: say(kept + done, len(windows)),
    )  # fmt: skip
    tell("putting the windows together")
    names = tuple(one.label for one in legend.classes)
    write_blocks(home / BEFORE, place.grid, _blocks(folder, windows), names)


def _map_window(place: Place, legend: Legend, home: Path, window: Tile, tell: Progress) -> None:
    """Map a window and write it; nothing is told."""
    from fusion.train import torch_threads

    learned, values = _read(home / LEARNED), np.zeros((len(legend), *window.inner[2:]), np.float32)
    if read_part(place.image, window.inner, place.bands).valid.any():
        with torch_threads(learned.settings.threads):
            values = learned.map_part(place.part(window.inner, cells=learned.coarse), legend)
    names = tuple(one.label for one in legend.classes)
    target = home / WINDOWS / f"{window.name}.tif"
    write_blocks(target, place.grid.window(*window.inner), [(0, 0, _whole_numbers(values))], names)


@lru_cache(maxsize=1)
def _read(path: Path) -> Segmenter:
    """A segmenter, once for all windows of a process."""
    from fusion.segmenter_file import read_segmenter

    return read_segmenter(path)


def _blocks(folder: Path, windows: list[Tile]) -> Iterator[tuple[int, int, NDArray[Any]]]:
    for window in windows:
        yield *window.inner[:2], read_raster(folder / f"{window.name}.tif").values


def _whole_numbers(probabilities: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Probabilities in steps of 1 / `ONE` that add up to 1: the largest takes what rounding leaves."""
    found = np.rint(probabilities.astype(np.float64) * ONE).astype(np.int32)
    seen = found.any(axis=0)
    best = found.argmax(axis=0)[None]
    rest = np.where(seen, ONE - found.sum(axis=0), 0)[None]
    np.put_along_axis(found, best, np.take_along_axis(found, best, axis=0) + rest, axis=0)
    return found.astype(np.uint16)
