"""Labelled tiles from files: paths of predictions and truth come in; tiles that are read when asked for go out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.errors import GridError, InputError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import Legend, load_legend
from kg.raster import read_grid, read_raster
from landlore.inputs import Window, read_image, read_prediction, read_terrain
from landlore.reason import rule_files
from landlore.sources import Sources, feature_layers, product_layers
from reasoning.learning.on_demand import ROOM, OnDemand
from reasoning.learning.tiles import LabelledTile

Paths = Sequence[str | Path]

SIDE = 1024
"""Pixels along the side of the windows that larger maps are read by."""


@dataclass(frozen=True)
class TileFiles:
    """Files of labelled tiles.

    Attributes:
        predictions: GeoTIFFs of class codes or of probabilities. One that is larger than 1.5 `SIDE` pixels on a side
            becomes several tiles of one scene.
        truth: GeoTIFFs of class codes on the same grids, in the same order.
        legend: Name or file of the legend of both.
        images: Images on the same grids, in the same order, or none at all.
        bands: Names of the images' bands, or None for the files' own.
        confidence: Probability given to the stated class where predictions are codes.
        scenes: Scene of each prediction, or none: each is its own.
        sources: What is known of all tiles: rules, elevation, products, mapped features.

    Raises:
        InputError: Not one truth per prediction, not one image or scene each, or an image in `sources`.
    """

    predictions: Paths
    truth: Paths
    legend: str = "worldcover"
    images: Paths = ()
    bands: Sequence[str] | None = None
    confidence: float = 0.8
    scenes: Sequence[str] = ()
    sources: Sources = field(default_factory=Sources)

    def __post_init__(self) -> None:
        expected = len(self.predictions)
        if not expected:
            raise InputError(
                "no prediction, expected at least one", "landlore learn A.tif --truth B.tif ..."
            )
        for name, found in (("truth", self.truth), ("image", self.images), ("scene", self.scenes)):
            if len(found) != expected and (found or name == "truth"):
                raise InputError(
                    f"{len(found)} of --{name} for {expected} predictions, expected one for each, in the same order",
                    f"repeat --{name} for every prediction",
                )

        if self.sources.image or self.sources.bands:
            raise InputError(
                "sources name one image for all tiles, expected one image per prediction",
                "TileFiles(images=[...], bands=[...])",
            )

    @property
    def paths(self) -> list[Path]:
        """Every file that is read."""
        beside = self.sources
        words = [*beside.paths, self.legend, *map(str, rule_files(beside))]
        return [Path(p) for p in (*self.predictions, *self.truth, *self.images, *words)]


def read_tiles(files: TileFiles) -> Sequence[LabelledTile]:
    """Labelled tiles, each read when it is asked for; few are kept in memory.

    All are read once at the start, so that a fault is found before any work.

    Raises:
        InputError: A file that cannot be read, lies on another grid, or has codes that the legend does not have; the
            file is named.
    """
    reader = _Reader(files, load_legend(files.legend))
    places = [(i, window) for i in range(len(files.predictions)) for window in reader.windows(i)]
    tiles = OnDemand(
        lambda place: reader.tile(*places[place]),
        len(places),
        size=lambda tile: float(tile.prediction.probabilities.size),
        room=ROOM,
    )
    for _ in tiles:
        pass
    return tiles


@dataclass(frozen=True)
class _Reader:
    """Reads tiles, or windows of them."""

    files: TileFiles
    legend: Legend

    def windows(self, i: int) -> Iterator[Window | None]:
        """The windows of a large map that have pixels to learn from; None for the whole of another."""
        path, truth = self.files.predictions[i], self.files.truth[i]
        grid = read_grid(path)
        _check_grid(truth, read_grid(truth), path, grid)
        if max(grid.shape) <= 1.5 * SIDE:
            yield None
            return
        for row in range(0, grid.height, SIDE):
            for col in range(0, grid.width, SIDE):
                window = row, col, min(SIDE, grid.height - row), min(SIDE, grid.width - col)
                if self._has_pixels(i, window):
                    yield window

    def _has_pixels(self, i: int, window: Window) -> bool:
        """Whether truth, prediction and image all say something there."""
        if not (self._truth(i, window) >= 0).any():
            return False
        beside = [self.files.predictions[i], *self.files.images[i : i + 1]]
        return all(read_raster(path, window=window).valid.any() for path in beside)

    def _truth(self, i: int, window: Window | None) -> NDArray[np.integer]:
        """(y, x) class indices, -1 where unknown."""
        path = self.files.truth[i]
        truth = read_raster(path, window=window)
        return self.legend.encode(truth.values[0], nodata=truth.nodata, path=path)

    def tile(self, i: int, window: Window | None) -> LabelledTile:
        """One tile with everything beside it."""
        files, path = self.files, Path(self.files.predictions[i])
        prediction = read_prediction(path, self.legend, confidence=files.confidence, window=window)
        grid, image, name = prediction.grid, None, path.stem
        if files.images:
            image = read_image(files.images[i], bands=files.bands, grid=grid, window=window)
        if window is not None:
            name += f", row {window[0]}, column {window[1]}"
        scene = files.scenes[i] if files.scenes else ""
        return LabelledTile(
            prediction,
            self._truth(i, window),
            layers=_layers(files.sources, grid),
            image=image,
            dem=read_terrain(files.sources.dem, grid) if files.sources.dem else None,
            name=name,
            scene=scene or ("" if window is None else f"{i}: {path}"),
        )


def _check_grid(path: str | Path, grid: Grid, like: str | Path, expected: Grid) -> None:
    if not grid.same_as(expected):
        raise GridError(
            f"{path}: {grid.height} x {grid.width} pixels, lies on another grid than {like} "
            f"({expected.height} x {expected.width})",
            f"rio warp {path} OUT --like {like} --resampling nearest",
        )


def _layers(sources: Sources, grid: Grid) -> tuple[EvidenceLayer, ...]:
    """What products and mapped features say about a tile."""
    from landlore.graph import known_graph

    if not any((sources.landcover, sources.osm, sources.vector, sources.graph)):
        return ()
    graph = known_graph(replace(sources, landcover=()), grid)
    return (*product_layers(sources, grid), *feature_layers(graph, grid))
