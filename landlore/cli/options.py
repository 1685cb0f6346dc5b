"""The options that several commands share: their types, names and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MOST = 2**31 - 1
"""Largest whole number that an option takes."""

Out = Annotated[
    Path, typer.Option("--out", "-o", help="Folder for the outputs; appears whole or not at all.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what Landlore wrote there before.")
]
Landcover = Annotated[
    list[str], typer.Option(help="Land-cover product, LEGEND=PATH or PATH. May be repeated.")
]
Osm = Annotated[
    list[str],
    typer.Option(help="OpenStreetMap extract (.osm.pbf, .osm, .osm.gz). May be repeated."),
]
Vector = Annotated[
    list[str], typer.Option(help="Vector file with OSM-like columns. May be repeated.")
]
Facts = Annotated[list[str], typer.Option(help="Expert facts in Turtle. May be repeated.")]
Imports = Annotated[
    list[str],
    typer.Option("--import", help="Mapping of somebody's graph or table (TOML). May be repeated."),
]
Graph = Annotated[
    str | None, typer.Option(help="Graph that `landlore build` made, instead of building one.")
]
Store = Annotated[
    str | None,
    typer.Option(
        help="Address of a SPARQL 1.1 server, instead of a folder: http://host:7878/query."
    ),
]
Image = Annotated[str | None, typer.Option(help="Image on the grid of the prediction.")]
Lang = Annotated[str, typer.Option(help="Language of the sentences: en or zh.")]
Bands = Annotated[str | None, typer.Option(help="Names of the image's bands: red,green,blue,nir.")]
Dem = Annotated[str | None, typer.Option(help="Elevation raster, metres.")]
Rules = Annotated[
    list[str],
    typer.Option(help="Rule file (OWL), instead of those that ship. May be repeated."),
]
AddRules = Annotated[
    list[str],
    typer.Option(
        help="Rule file (OWL), beside those that ship or that --rules names. May be repeated."
    ),
]
Date = Annotated[
    str | None,
    typer.Option(
        help="When the image was taken (2021 or 2021-06-30): evidence of other dates counts less."
    ),
]
SourceDate = Annotated[
    list[str],
    typer.Option(help="SOURCE=DATE, for a source that does not say its date. May be repeated."),
]
SourceLicence = Annotated[
    list[str],
    typer.Option(
        help="SOURCE=LICENCE, its address or name, where no file says it. May be repeated."
    ),
]
SourceRights = Annotated[
    list[str],
    typer.Option(help="SOURCE=TEXT, whom its licence asks to name. May be repeated."),
]
Reliability = Annotated[
    list[str],
    typer.Option(help="SOURCE=SHARE, how often a source is right: osm=0.95. May be repeated."),
]
Settings = Annotated[Path | None, typer.Option(help="TOML file with settings (docs/settings.md).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Smoothness = Annotated[float | None, typer.Option(help="Strength of the smoothness term.")]
Mode = Annotated[
    str | None, typer.Option(help="marginals (probabilities), or map: the one best labelling.")
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Tiles that are worked on at once, each by a process with memory of its own. Default 1."
    ),
]
Superpixel = Annotated[
    float | None, typer.Option(help="Cut regions into pieces of so many metres.")
]
Nodes = Annotated[
    str | None,
    typer.Option(help="pixels, or regions: decided at once, faster, without smoothness."),
]
Lesson = Annotated[
    str | None,
    typer.Option(
        help="File of `landlore confidence --truth`: where the network of the labels usually errs. Needs --image."
    ),
]
Calibration = Annotated[
    str | None, typer.Option(help="File of `landlore learn`: trust in network and sources.")
]
