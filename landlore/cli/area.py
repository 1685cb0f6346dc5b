"""Commands about an area: a place comes in, what is known of it on the web goes out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kg.errors import InputError
from landlore.cli.options import AsJson
from landlore.cli.printing import say, teller


def fetch(
    image: Annotated[
        Path | None, typer.Argument(help="Raster whose ground is meant; or --bounds.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")] = Path("area"),
    bounds: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    what: Annotated[
        str, typer.Option(help="Of worldcover, worldcover2020, osm, dem; with commas.")
    ] = "worldcover,osm,dem",
    margin: Annotated[float, typer.Option(help="Metres around the place.")] = 500.0,
    server: Annotated[
        list[str],
        typer.Option(help="NAME=URL, another server of the same kind. May be repeated."),
    ] = [],
    as_json: AsJson = False,
) -> None:
    """Fetch WorldCover, OpenStreetMap and elevation for the ground of an image from their public servers."""
    from landlore.cli.words import pairs, parse_bounds
    from landlore.fetching import fetch as run
    from landlore.fetching import words_for

    if (image is None) == (bounds is None):
        raise InputError(
            "expected an image or --bounds, and not both",
            "landlore fetch IMAGE -o area, or landlore fetch --bounds 7.40,43.72,7.44,43.75 -o area",
        )
    done = run(
        image or parse_bounds(bounds) or "", out, what=[one.strip() for one in what.split(",")],
        margin=margin, servers=pairs("--server", server, "osm=https://HOST/api/interpreter"),
        progress=teller(as_json),
    )  # fmt: skip
    if as_json:
        files = {name: asdict(one) for name, one in done.files.items()}
        say(json.dumps({"folder": str(done.folder), "bounds": done.bounds, "files": files}))
        return
    for name, one in done.files.items():
        size = done.path(name).stat().st_size / 1e6
        say(
            f"{done.path(name)}: {one.title}{f', {one.date}' * bool(one.date)}, {size:.1f} MB; {one.attribution}"
        )
    if image is not None:
        say(f"landlore interpret {image} {words_for(done)} -o run")
