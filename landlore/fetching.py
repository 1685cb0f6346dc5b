"""An image, or bounds, comes in; what public servers know of its ground goes out as files that runs take."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kg.errors import InputError, OutputError
from kg.fetch import overpass
from kg.fetch.products import PRODUCTS, Bounds, fetch_product
from kg.folder import replace_file, unwritable
from kg.raster import read_grid
from kg.sources import checksum
from kg.spelling import meant

RECORD = "fetched.json"
WHAT = ("worldcover", "osm", "dem")
"""What is fetched where nothing is named."""
KNOWN = (*PRODUCTS, "osm")
MARGIN = 500.0
"""Metres around the image: rules about distances look beyond its edge."""
_DEGREE = 111_320.0
"""Metres in a degree of latitude."""


@dataclass(frozen=True)
class FetchedFile:
    """A file that was fetched.

    Attributes:
        file: Its name in the folder.
        title: What it is.
        date: When the land looked so ("2021", "2026-11-20"), or "".
        licence: Address of its licence.
        attribution: Line that the licence asks for.
        url: Where people read about it.
        sha256: Of the file.
        origin: Addresses that it came from.
    """

    file: str
    title: str
    date: str
    licence: str
    attribution: str
    url: str
    sha256: str
    origin: tuple[str, ...]


@dataclass(frozen=True)
class Fetched:
    """A folder of files.

    Attributes:
        folder: Where they are, with `fetched.json` that says whose they are.
        bounds: West, south, east and north that they enclose, degrees.
        files: Name of `KNOWN` -> file.
        kept: Names of those that were there already.
    """

    folder: Path
    bounds: Bounds
    files: Mapping[str, FetchedFile]
    kept: tuple[str, ...]

    def path(self, name: str) -> Path:
        """Where a file is."""
        return self.folder / self.files[name].file


def fetch(
    place: str | Path | Bounds,
    out: str | Path,
    *,
    what: Sequence[str] = WHAT,
    margin: float = MARGIN,
    servers: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Fetched:
    """Fetch a land-cover product, OpenStreetMap and elevation for the ground of an image.

    Each file appears whole or not at all; the same call again fetches what is missing.

    Args:
        place: A raster, whose ground is meant, or (west, south, east, north) in degrees.
        out: Folder for `worldcover.tif`, `osm.osm.pbf`, `dem.tif` and `fetched.json`.
        what: Names of `KNOWN`.
        margin: Metres around the place.
        servers: Name -> address of another server (a mirror) with the same files or the same protocol.
        progress: Told of each stage.

    Raises:
        InputError: Unknown names, or bounds that no square has.
        GridError, RasterError: The raster has no place.
        SourceError: A server does not answer, or has nothing there.
        OutputError: The folder holds another area, or cannot be written.
    """
    tell = progress or (lambda _: None)
    given = dict(servers or {})
    _check_names([*what, *given])
    bounds, folder = _around(place, margin), Path(out)
    files = dict(_there(folder, bounds))
    kept = tuple(name for name in what if name in files)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    for name in what:
        if name in files:
            tell(f"{files[name].title}: there already")
            continue
        files[name] = _one(name, bounds, folder, given.get(name, ""), tell)
        _note(folder, bounds, files)
    return Fetched(folder, bounds, files, kept)


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if name not in KNOWN:
            raise InputError(
                f"{name!r}: nothing that is fetched; known are {', '.join(KNOWN)}",
                meant(name, KNOWN) or f"--what {','.join(WHAT)}",
            )


def _around(place: str | Path | Bounds, margin: float) -> Bounds:
    """Bounds of a place with a margin, in degrees; a millionth of a degree is ten centimetres."""
    if isinstance(place, str | Path):
        west, south, east, north = read_grid(place).lonlat_bounds
    else:
        west, south, east, north = place
    if not (-180 <= west < east <= 180 and -90 < south < north < 90):
        raise InputError(
            f"{west:g} {south:g} {east:g} {north:g}: no square of degrees (west south east north)",
            "west lies below east and south below north; what crosses 180 degrees is fetched in two parts",
        )
    if not (math.isfinite(margin) and margin >= 0):
        raise InputError(f"--margin {margin}: metres around the place, 0 or more", "--margin 500")
    high = margin / _DEGREE
    wide = high / math.cos(math.radians(min(max(abs(south), abs(north)), 89.0)))
    found = (west - wide, south - high, east + wide, north + high)
    clipped = (
        max(found[0], -180.0),
        max(found[1], -90.0),
        min(found[2], 180.0),
        min(found[3], 90.0),
    )
    return tuple(round(value, 6) for value in clipped)  # type: ignore[return-value]


def _there(folder: Path, bounds: Bounds) -> dict[str, FetchedFile]:
    """What a folder holds of these bounds already.

    Raises:
        OutputError: It holds something else.
    """
    path = folder / RECORD
    if not path.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(
                f"{folder}: is there, and was not fetched", "choose another place: -o area"
            )
        return {}
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        held = tuple(told["bounds"])
        files = {name: FetchedFile(**_tupled(one)) for name, one in told["files"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise OutputError(f"{path}: broken ({error})", "choose another place: -o area") from error
    if held != bounds:
        raise OutputError(
            f"{folder}: holds another area ({_said(held)}, and {_said(bounds)} is asked for)",
            "choose another place: -o area",
        )
    return {
        name: one
        for name, one in files.items()
        if (folder / one.file).is_file() and checksum(folder / one.file) == one.sha256
    }


def _tupled(told: Mapping[str, Any]) -> dict[str, Any]:
    return {**told, "origin": tuple(told["origin"])}


def _said(bounds: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in bounds)


def _one(
    name: str, bounds: Bounds, folder: Path, server: str, tell: Callable[[str], None]
) -> FetchedFile:
    if name == "osm":
        target = folder / "osm.osm.pbf"
        date = overpass.fetch_osm(bounds, target, server=server, tell=tell)
        return FetchedFile(
            target.name, "OpenStreetMap", date, overpass.LICENCE, overpass.ATTRIBUTION, overpass.URL,
            checksum(target), (server or overpass.SERVER,),
        )  # fmt: skip
    product, target = PRODUCTS[name], folder / f"{name}.tif"
    origin = fetch_product(product, bounds, target, server=server, tell=tell)
    return FetchedFile(
        target.name, product.title, product.date, product.licence, product.attribution, product.url,
        checksum(target), tuple(origin),
    )  # fmt: skip


def _note(folder: Path, bounds: Bounds, files: Mapping[str, FetchedFile]) -> None:
    told = {"bounds": bounds, "files": {name: asdict(one) for name, one in sorted(files.items())}}
    replace_file(folder / RECORD, [json.dumps(told, indent=2, ensure_ascii=False) + "\n"])


def words_for(fetched: Fetched) -> str:
    """The options of `correct` and `interpret` that take these files; of two years of a product the first."""
    words: dict[str, str] = {}
    for name, one in fetched.files.items():
        option = {"osm": "--osm ", "dem": "--dem "}.get(name, "--landcover worldcover=")
        words.setdefault(option, f"{option}{fetched.folder / one.file}")
    return " ".join(words.values())
