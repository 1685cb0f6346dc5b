"""Maps larger than memory, with all that is known beside them: a file goes through the main job tile by tile.

Every tile is read with a margin, corrected as a run of its own (`tiles/NAME`, to be asked like any other), and its
inner part goes into the map of the whole (`landlore.mosaic`). What is there already is kept: the same command goes on
where it was cut off.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from kg.errors import GridError, InputError, OutputError, RasterError
from kg.folder import lock, unwritable
from kg.grid import Grid
from kg.legend import Legend, load_legend
from kg.raster import read_grid, read_raster
from landlore.inputs import read_prediction
from landlore.outputs import keep_inputs
from landlore.rerun import digest
from landlore.run_folder import RECORD, TILES, read_record
from landlore.settings import RunSettings
from landlore.sources import Sources, products
from landlore.tile import MARGIN, Tile, cut_inputs, map_name, tiles_of

Progress = Callable[[str], None]
BEGUN = "tiles.json"
"""Says what a folder of tiles was begun with; locked while tiles are made."""


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
    from landlore.mosaic import write_mosaic

    given, knobs, home = sources or Sources(), settings or RunSettings(), Path(out)
    names = load_legend(legend) if isinstance(legend, str) else legend
    tell = progress or (lambda _: None)
    keep_inputs([home], (path, legend, *knobs.files, *given.paths))
    grid = read_grid(path)
    tiles = tiles_of(grid, knobs.tile)
    _check_reach(given, grid)
    begun = _begun(path, names, (given, knobs))
    with _folder(home, begun, knobs.overwrite):
        beside = _with_graph(given, grid, home / "graph", tell)
        made = []
        for i, tile in enumerate(tiles, 1):
            say = _saying(tell, f"tile {i} of {len(tiles)} ({tile.name}): ")
            if _solve(tile, (Path(path), names), (beside, knobs), home, say):
                made.append(tile)
        if not made:
            raise RasterError(f"{path}: all pixels are nodata", "check the nodata value")
        tell("putting the tiles together")
        done = write_mosaic(home, grid, made, names)
        told = {**begun, "job": TILES, "tiles": {tile.name: list(tile.inner) for tile in made}}
        _write_json(home / RECORD, {**told, **done})
    named = tuple(tile.name for tile in made)
    return Tiled(home.absolute(), named, done["corrections"], done["changed_pixels"])


def _saying(tell: Progress, tile: str) -> Progress:
    """Tells of a tile."""
    return lambda line: tell(tile + line)


def _check_reach(sources: Sources, grid: Grid) -> None:
    """Refuse what reaches no tile at all, and an image of another grid."""
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
    told = read_record(home, tiles=True)
    row, col = (float(value) for value in read_grid(home / "corrected.tif").rowcol(lon, lat))
    for name, (top, left, height, width) in told["tiles"].items():
        if top <= row < top + height and left <= col < left + width:
            return Path(home, "tiles", name)
    raise InputError(
        f"{lon} {lat} lies outside of the map of {home}, or where it has no pixels",
        f"landlore explain {home / 'tiles' / next(iter(told['tiles']))} --top 5",
    )


def _begun(path: str | Path, legend: Legend, how: tuple[Sources, RunSettings]) -> dict[str, Any]:
    """What a folder of tiles is begun with: other files or settings make another folder."""
    sources, settings = how
    words = [str(path), *settings.files, *sources.paths]
    files = {word: digest(Path(word)) for word in words if Path(word).is_file()}
    plain = asdict(replace(settings, overwrite=False))
    return {
        "margin": MARGIN, "legend": legend.iri, "sha256": files, "sources": asdict(sources),
        "settings": plain,
    }  # fmt: skip


@contextmanager
def _folder(home: Path, begun: dict[str, Any], overwrite: bool) -> Iterator[None]:
    """The folder to work in, held by this process alone; one that was begun otherwise is refused or replaced."""
    mark = home / BEGUN
    try:
        if home.exists() and any(home.iterdir()):
            if not mark.is_file():
                raise OutputError(
                    f"{home}: exists and holds no tiles", "choose another folder with -o"
                )
            if overwrite or mark.read_text(encoding="utf-8") != _text(begun):
                _replace(home, overwrite)
        home.mkdir(parents=True, exist_ok=True)
        if not mark.exists():
            _write_json(mark, begun)
        with mark.open() as file:
            _take(file, home)
            yield
    except OSError as error:
        raise unwritable(home, error) from error


def _replace(home: Path, overwrite: bool) -> None:
    """Remove a folder of tiles, where that is wanted or none was finished."""
    if not overwrite and any(home.glob(f"tiles/*/{RECORD}")):
        raise OutputError(
            f"{home}: holds tiles that were begun with other files or settings",
            "add --overwrite to begin anew, or choose another folder with -o",
        )
    with (home / BEGUN).open() as file:
        _take(file, home)
        shutil.rmtree(home)


def _take(mark: IO[Any], home: Path) -> None:
    """Lock a folder of tiles."""
    if lock(mark) is False:
        raise OutputError(f"{home}: another run is writing there", "wait until it is done")


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


def _solve(
    tile: Tile,
    what: tuple[Path, Legend],
    how: tuple[Sources, RunSettings],
    home: Path,
    tell: Progress,
) -> bool:
    """Correct a tile, unless that was done before; False where it holds no pixels."""
    from landlore.maps import correct

    (path, legend), (sources, settings) = what, how
    place, inputs = home / "tiles" / tile.name, home / "inputs" / tile.name
    if (place / RECORD).is_file():
        return True
    if not read_raster(path, window=tile.inner).valid.any():
        return False
    read_prediction(path, legend, confidence=settings.confidence, window=tile.outer)  # or its fault
    inputs.mkdir(parents=True, exist_ok=True)
    seen = cut_inputs(inputs, (path, tile.outer), sources)
    mine = replace(settings, overwrite=True)
    correct(
        inputs / map_name(path),
        legend=legend,
        sources=seen,
        settings=mine,
        out=place,
        progress=tell,
    )
    return True


def _text(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _write_json(path: Path, told: dict[str, Any]) -> None:
    """Write a file, whole or not at all."""
    new = path.with_name(f".{path.name}")
    new.write_text(_text(told), encoding="utf-8", newline="\n")
    new.replace(path)
