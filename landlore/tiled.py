"""Maps larger than memory, with all that is known beside them: a file goes through the main job tile by tile.

Every tile is read with a margin, corrected as a run of its own (`tiles/NAME`, to be asked like any other), and its
inner part goes into the map of the whole (`landlore.mosaic`). What is there already is kept: the same command goes on
where it was cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from kg.errors import GridError, InputError, RasterError
from kg.grid import Grid
from kg.legend import Legend, load_legend
from kg.raster import read_grid, read_raster
from landlore.begun import begun_with, held_folder, write_json
from landlore.inputs import read_prediction
from landlore.jobs import each
from landlore.outputs import keep_inputs
from landlore.progress import time_left
from landlore.run_folder import RECORD, TILES, read_record
from landlore.settings import RunSettings
from landlore.sources import Sources, products
from landlore.tile import Tile, cut_inputs, map_name, tiles_of

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Tiled:
    """A map that was corrected tile by tile.

    Attributes:
        folder: Where the outputs are; `tiles/NAME` in it is the run of a tile.
        tiles: Names of the tiles that hold pixels.
        corrections: How many there are.
        changed_pixels: How many pixels changed.
    """

    folder: Path
    tiles: tuple[str, ...]
    corrections: int
    changed_pixels: int


def correct_tiles(
    path: str | Path,
    *,
    legend: str | Legend = "worldcover",
    sources: Sources | None = None,
    settings: RunSettings | None = None,
    out: str | Path,
    progress: Progress | None = None,
) -> Tiled:
    """Correct a map of any size tile by tile, with evidence, image and terrain beside it.

    A tile does not know how far what its margin cuts goes on, nor how rough the image is elsewhere; so the map may
    differ from that of one run, near the edges of tiles above all (docs/limits.md has figures).

    Args:
        path: GeoTIFF of class codes or of probabilities, as for `landlore.correct`.
        legend: Name or file of the legend of the codes.
        sources: What is known beside it; an image lies on the grid of the map.
        settings: How to correct; `tile` says how large the tiles are.
        out: Folder for corrected.tif (.qml), changed.tif, corrections.csv, run.json and the tiles. Where the same
            command was cut off, it goes on.
        progress: Told of each stage.

    Raises:
        InputError: As `landlore.correct`; what was made until then is kept.
        OutputError: The folder holds something else, or cannot be written.
    """
    given, knobs, home = sources or Sources(), settings or RunSettings(), Path(out)
    names = load_legend(legend) if isinstance(legend, str) else legend
    tell = progress or (lambda _: None)
    keep_inputs([home], (path, legend, *knobs.files, *given.paths))
    check_reach(given, read_grid(path))
    begun = begun_with(path, names, (given, knobs))
    with held_folder(home, begun, knobs.overwrite):
        return solve_tiles(Job(Path(path), names, given, knobs), home, begun, tell)


@dataclass(frozen=True)
class Job:
    """What is corrected tile by tile.

    Attributes:
        path: File of the map.
        legend: Its legend.
        sources: What is known beside it.
        settings: How to correct.
        learned: What made the map, where the first product taught it and does not speak again; "" for any other map.
    """

    path: Path
    legend: Legend
    sources: Sources
    settings: RunSettings
    learned: str = ""


def solve_tiles(job: Job, home: Path, begun: dict[str, Any], tell: Progress) -> Tiled:
    """Correct the tiles of a map that are not done yet, and put all of them together.

    Args:
        job: What to correct.
        home: Folder of tiles, which this process holds (`held_folder`).
        begun: What it was begun with; goes into `run.json`.
        tell: Told of each stage.

    Raises:
        InputError: As `correct_tiles`.
    """
    from landlore.mosaic import write_mosaic

    grid = read_grid(job.path)
    tiles = tiles_of(grid, job.settings.tile)
    beside = replace(job, sources=_with_graph(job.sources, grid, home / "graph", tell))
    made, left = [], []
    for i, tile in enumerate(tiles, 1):
        there = (home / "tiles" / tile.name / RECORD).is_file()
        made += [tile] if there else []
        left += [] if there else [(tile, f"tile {i} of {len(tiles)} ({tile.name}): ")]
    kept, since = len(tiles) - len(left), monotonic()

    def ended(one: tuple[Tile, str], holds: bool, done: int) -> None:
        """A tile is done."""
        made.extend([one[0]] if holds else [])
        rest = time_left(monotonic() - since, done, len(left) - done)
        tell(f"tiles done: {kept + done} of {len(tiles)}{rest}")

    each(partial(_solve, beside, home), left, job.settings.jobs, tell=tell, ended=ended)
    made.sort(key=lambda tile: tile.inner)
    if not made:
        raise RasterError(f"{job.path}: all pixels are nodata", "check the nodata value")
    tell("putting the tiles together")
    done = write_mosaic(home, grid, made, job.legend)
    told = {**begun, "job": TILES, "tiles": {tile.name: list(tile.inner) for tile in made}}
    write_json(home / RECORD, {**told, **done})
    named = tuple(tile.name for tile in made)
    return Tiled(home.absolute(), named, done["corrections"], done["changed_pixels"])


def check_reach(sources: Sources, grid: Grid) -> None:
    """Refuse what reaches no tile at all, and an image of another grid.

    Raises:
        GridError: So it is.
    """
    beside = [("landcover", one.path) for one in products(sources.landcover)]
    beside += [("dem", Path(sources.dem))] if sources.dem else []
    for name, path in beside:
        if not read_grid(path).overlaps(grid):
            raise GridError(f"{path}: does not reach the map", f"leave --{name} out")
    if sources.image and not read_grid(sources.image).same_as(grid):
        raise GridError(
            f"{sources.image}: lies on another grid than the map", "rio warp IMAGE OUT --like MAP"
        )


def tile_at(home: Path, lon: float, lat: float) -> Path:
    """The run that decided a place.

    Args:
        home: Folder of tiles.
        lon: Longitude, degrees.
        lat: Latitude, degrees.

    Raises:
        InputError: The place is outside of the map, or in a tile without pixels.
    """
    told, grid = read_record(home, tiles=True), read_grid(home / "corrected.tif")
    row, col = (float(value) for value in grid.rowcol(lon, lat))
    for name, (top, left, height, width) in told["tiles"].items():
        if top <= row < top + height and left <= col < left + width:
            return Path(home, "tiles", name)
    if 0 <= row < grid.height and 0 <= col < grid.width:
        raise InputError(
            f"{lon} {lat} lies in a tile of {home} without pixels",
            f"landlore explain {home} --top 5 has places where something was changed",
        )
    west, south, east, north = grid.lonlat_bounds
    raise InputError(
        f"{lon} {lat} lies outside of the map of {home}",
        f"a longitude from {west:.5f} to {east:.5f} and a latitude from {south:.5f} to {north:.5f}",
    )


def _with_graph(sources: Sources, grid: Grid, place: Path, tell: Progress) -> Sources:
    """The sources, with features and facts built into one graph that all tiles read."""
    from landlore.graph import build

    parts = {name: getattr(sources, name) for name in ("osm", "vector", "facts", "imports")}
    if sources.graph or not any(parts.values()):
        return sources
    if not place.exists():
        tell("building the knowledge graph")
        wanted = Sources(**parts, alignments=sources.alignments)
        build(place, wanted, bounds=grid.lonlat_bounds, relations=False)
    return replace(sources, osm=(), vector=(), facts=(), imports=(), graph=str(place))


def _solve(job: Job, home: Path, one: tuple[Tile, str], tell: Progress) -> bool:
    """Correct a tile, given with its name in what is told; False where it holds no pixels."""
    tile, name = one
    place, inputs = home / "tiles" / tile.name, home / "inputs" / tile.name
    if not _holds(job.path, tile):
        return False
    inputs.mkdir(parents=True, exist_ok=True)
    confidence = job.settings.confidence
    read_prediction(job.path, job.legend, confidence=confidence, window=tile.outer)  # or its fault
    seen = cut_inputs(inputs, (job.path, tile.outer), job.sources, quiet=bool(job.learned))
    mine = replace(
        job, path=inputs / map_name(job.path), sources=seen,
        settings=replace(job.settings, overwrite=True, jobs=1),
    )  # fmt: skip
    if job.learned and seen.landcover[:1] == job.sources.landcover[:1]:
        _correct_learned(mine, place, lambda line: tell(name + line))
        return True
    from landlore.maps import correct

    correct(
        mine.path,
        legend=job.legend,
        sources=seen,
        settings=mine.settings,
        out=place,
        progress=lambda line: tell(name + line),
    )
    return True


def _holds(path: Path, tile: Tile) -> bool:
    """Whether a tile has any pixel; probabilities that are all 0 are none."""
    found = read_raster(path, window=tile.inner)
    valid = found.valid
    if len(found.values) > 1:
        valid &= found.values.any(axis=0)
    return bool(valid.any())


def _correct_learned(job: Job, place: Path, tell: Progress) -> None:
    """Correct a tile of a map that the first product taught."""
    from landlore.maps import run_job
    from landlore.rerun import Inputs

    prediction = replace(read_prediction(job.path, job.legend), model=job.learned)
    told = Inputs("interpret", job.path, job.legend)
    given = (job.sources, job.settings, told)
    run_job(lambda _: prediction, prediction.grid, given, (place, tell))
