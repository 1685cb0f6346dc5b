"""The folder of a run comes in; a project that QGIS opens goes out: image, before, after, confidence and reasons."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import LandloreError, OutputError
from kg.folder import check_place, replace_file
from kg.grid import Grid
from kg.legend import Legend
from kg.raster import read_grid, read_raster
from landlore import qgis
from landlore.corrections_file import (
    LAYER,
    Exported,
    check_run,
    export_corrections,
    reason_name,
    source_lines,
)
from landlore.figure import reason_colours
from landlore.map_before import CorrectionTable, read_table, write_before
from landlore.outputs import keep_inputs
from landlore.question import legend_of
from landlore.rerun import found
from landlore.run_folder import TILES, read_record
from landlore.tile import parts_of

SUFFIX = ".qgs"
_TITLES = {
    "en": {"why": "Why", "after": "After", "before": "Before", "confidence": "Confidence", "image": "Image"},
    "zh": {"why": "原因", "after": "修正后", "before": "修正前", "confidence": "置信度", "image": "影像"},
}  # fmt: skip
_WHY = {"why", "image"}
"""Layers that the map theme "why" shows; without an image, reasons lie on the map before."""
_SAMPLES, _SIDE = 4, 128


@dataclass(frozen=True)
class _Layer:
    """A layer of the project.

    Attributes:
        key: What it is, a key of `_TITLES`.
        path: Its file.
        style: Its renderer, with what stands around it.
        crs: Of its file.
        rights: Sources with their licences.
    """

    key: str
    path: Path
    style: tuple[Element, ...]
    crs: str
    rights: tuple[str, ...] = ()


def export_project(
    run: str | Path, out: str | Path, *, lang: str = "en", overwrite: bool = False
) -> Exported:
    """Write a QGIS project of a run, and beside it what the run does not hold: outlines, and the map before.

    Layers, top to bottom: outlines of the corrections in the colour of their largest reason, with the sentence as map
    tip; the map after and before; confidence (off); the image, if it is still at hand. The map themes "before", "after"
    and "why" switch between them. Paths are relative, so that a folder may be moved as a whole.

    Args:
        run: Run folder of `correct` or `interpret`; not one by regions, which has no outlines.
        out: `NAME.qgs`; `NAME-corrections.gpkg` and `NAME-before.tif` are written beside it.
        lang: Language of names and sentences, "en" or "zh".
        overwrite: Replace all three.

    Raises:
        InputError: Not a run folder of a map, or a file of it is gone or broken.
        OutputError: One of the three exists, or cannot be written.
    """
    home, target = Path(run), Path(out)
    told = check_run(home)
    if target.suffix.lower() != SUFFIX:
        raise OutputError(f"{target}: unknown kind of file {target.suffix!r}", f"name it {SUFFIX}")
    stem = target.with_suffix("")
    vector, before = Path(f"{stem}-corrections.gpkg"), Path(f"{stem}-before.tif")
    keep_inputs([target, vector, before], home.iterdir())
    check_place(target)
    if there := [path for path in (target, vector, before) if path.exists() and not overwrite]:
        raise OutputError(f"{there[0]}: exists already", "add --overwrite, or choose another place")
    done = export_corrections(home, vector, lang=lang, overwrite=overwrite)
    first = parts_of(home, told)[0].folder
    legend, table = legend_of(first, read_record(first)), read_table(home)
    write_before(before, home, told, table, legend)
    if told.get("job") == TILES:
        told = _of_tiles(home, told)
    layers = _layers(home, told, (vector, before), (legend, table, lang))
    root = _project(layers, read_grid(home / "corrected.tif"), told, (target, lang))
    replace_file(target, [qgis.xml_text(root)])
    return Exported(target, done.count)


def _of_tiles(home: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the record of one run would say of all tiles."""
    sources, rules = dict[str, Any](), dict[str, None]()
    for part in parts_of(home, told):
        mine = read_record(part.folder)
        sources |= {one["graph"]: one for one in mine["sources"]}
        rules |= dict.fromkeys(mine["rules"])
    given = dict(told.get("sources") or {})
    if given.get("image"):  # as it was typed, or as seen from beside the folder
        given["image"] = str(Path(given["image"]).absolute())
        if not Path(given["image"]).exists():
            given["image"] = str(home.absolute().parent / told["sources"]["image"])
    return {
        "model": home.absolute().name,
        "sources": [*sources.values()],
        "rules": [*rules],
        "inputs": {"sources": given},
    }


def _layers(
    home: Path,
    told: Mapping[str, Any],
    beside: tuple[Path, Path],
    look: tuple[Legend, CorrectionTable, str],
) -> list[_Layer]:
    vector, before = beside
    legend, table, lang = look
    crs, codes = read_grid(home / "corrected.tif").crs, qgis.paletted(legend, lang)
    tip, shown = Element("mapTip"), Element("previewExpression")
    tip.text, shown.text = '[% "sentence" %]', '"before" || \' → \' || "after"'
    outlined = qgis.outlined("reason", _reason_colours(told, table.causes))
    layers = [
        _Layer("why", vector, (outlined, shown, tip), crs, tuple(source_lines(home, told))),
        _Layer("after", home / "corrected.tif", (codes,), crs),
        _Layer("before", before, (qgis.paletted(legend, lang),), crs),
        _Layer("confidence", home / "confidence.tif", (qgis.shades(0, 1),), crs),
    ]
    return [one for one in layers if one.path.is_file()] + _image(home, told)


def _reason_colours(told: Mapping[str, Any], causes: Mapping[str, int]) -> dict[str, qgis.Colour]:
    """Reason, as the outlines name it -> its colour in all pictures of the run; most pixels first."""
    names = {one["graph"]: one["name"] for one in told["sources"]}
    order = sorted(causes, key=lambda cause: (-causes[cause], cause))
    iris = {cause: cause if "://" in cause else vocab.expand(cause) for cause in order}
    colours = reason_colours([iris[cause] for cause in order], set(told["rules"]))
    return {reason_name(cause, names): colours[iris[cause]] for cause in order}


def _image(home: Path, told: Mapping[str, Any]) -> list[_Layer]:
    """The image of the run, in natural colours, where it is still at hand."""
    given = (told.get("inputs") or {}).get("sources") or {}
    if not given.get("image"):
        return []
    path = found(home, given["image"])
    try:
        names, values = _sample(path, given.get("bands"))
    except LandloreError:
        return []
    wanted = [names.index(one) + 1 for one in ("red", "green", "blue") if one in names]
    bands = wanted if len(wanted) == 3 else [1, 2, 3] if len(names) >= 3 else [1, 1, 1]
    shown = values[[band - 1 for band in bands]]
    low, high = np.percentile(shown, (2, 98)) if shown.size else (0.0, 1.0)
    look = qgis.natural(bands, float(low), float(high))
    return [_Layer("image", path, (look,), read_grid(path).crs)]


def _sample(path: Path, bands: Sequence[str] | None) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names of the bands, and (band, pixel) known values of windows all over an image."""
    grid, parts = read_grid(path), []
    height, width = min(_SIDE, grid.height), min(_SIDE, grid.width)
    for y in np.linspace(0, grid.height - height, _SAMPLES).astype(int).tolist():
        for x in np.linspace(0, grid.width - width, _SAMPLES).astype(int).tolist():
            parts.append(read_raster(path, bands=bands, window=(y, x, height, width)))
    known = [part.values[:, part.valid].astype(np.float64) for part in parts]
    return parts[0].bands, np.concatenate(known, axis=1)


def _project(
    layers: Sequence[_Layer], grid: Grid, told: Mapping[str, Any], where: tuple[Path, str]
) -> Element:
    target, lang = where
    title = f"Landlore: {told['model']}"
    root = Element("qgis", projectname=title, version="3.22")
    SubElement(root, "title").text = title
    SubElement(root, "projectCrs").append(qgis.reference_system(grid.crs))
    tree, files = SubElement(root, "layer-tree-group"), SubElement(root, "projectlayers")
    themes = SubElement(root, "visibility-presets")
    for one in layers:
        tree.append(_branch(one, target, lang))
        files.append(_described(one, target, lang))
    shown = {"before": {"before"}, "after": {"after"}, "why": _WHY}
    if not any(one.key == "image" for one in layers):
        shown["why"] = {"why", "before"}
    for name, keys in shown.items():
        theme = SubElement(themes, "visibility-preset", name=_TITLES[lang][name])
        for one in layers:
            if one.key in keys:
                SubElement(theme, "layer", id=_id(one), visible="1", style="default", expanded="1")
    facts = SubElement(root, "properties")
    SubElement(SubElement(facts, "Paths"), "Absolute", type="bool").text = "false"
    SubElement(SubElement(facts, "SpatialRefSys"), "ProjectionsEnabled", type="int").text = "1"
    view = SubElement(root, "ProjectViewSettings")
    bounds = qgis.extent(grid, "DefaultViewExtent")
    bounds.append(qgis.reference_system(grid.crs))
    view.append(bounds)
    return root


def _branch(one: _Layer, target: Path, lang: str) -> Element:
    """A layer as the panel of layers lists it."""
    return Element(
        "layer-tree-layer",
        id=_id(one),
        name=_TITLES[lang][one.key],
        source=_source(one, target),
        providerKey=_provider(one),
        checked="Qt::Unchecked" if one.key == "confidence" else "Qt::Checked",
        expanded="1" if one.key in _WHY else "0",
    )


def _described(one: _Layer, target: Path, lang: str) -> Element:
    """A layer: where it is, whose it is and how it looks."""
    vector = one.key == "why"
    layer = Element(
        "maplayer", type="vector" if vector else "raster", styleCategories="AllStyleCategories"
    )
    if vector:
        layer.set("geometry", "Polygon")
    SubElement(layer, "id").text = _id(one)
    SubElement(layer, "datasource").text = _source(one, target)
    SubElement(layer, "layername").text = _TITLES[lang][one.key]
    SubElement(layer, "srs").append(qgis.reference_system(one.crs))
    told = SubElement(layer, "resourceMetadata")
    for line in one.rights:
        SubElement(told, "rights").text = line
    provider = SubElement(layer, "provider", {"encoding": "UTF-8"} if vector else {})
    provider.text = _provider(one)
    layer.extend(one.style)
    return layer


def _id(one: _Layer) -> str:
    """QGIS gives layers with short names new ones, and then finds them in no theme."""
    return f"landlore_{one.key}_layer"


def _provider(one: _Layer) -> str:
    return "ogr" if one.key == "why" else "gdal"


def _source(one: _Layer, target: Path) -> str:
    """Where a layer is, as seen from the project; whole where that lies on another drive."""
    path = one.path.absolute()
    try:
        near = Path(os.path.relpath(path, target.absolute().parent)).as_posix()
    except ValueError:
        near = path.as_posix()
    near = near if near.startswith(("..", "/")) or path.drive else f"./{near}"
    return f"{near}|layername={LAYER}" if one.key == "why" else near
