"""A raster of labels larger than memory comes in; a corrected map and its reasons go out, both by strips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.codes import UNKNOWN
from kg.cog import CodeBand, write_strips
from kg.counted import counted
from kg.errors import RasterError
from kg.folder import replace_folder
from kg.grid import Grid
from kg.legend import Legend, load_legend
from kg.official import code_table
from kg.ontology import Axiom, Ontology
from kg.raster import Raster, read_grid, read_raster
from reasoning.correction import Corrected
from reasoning.explanation.explain import explain
from reasoning.logic.meaning import wanted
from reasoning.regions.graph import region_graph
from reasoning.streaming.merge import Table
from reasoning.streaming.nodes import NodeRun, causes, listed, solve_nodes
from reasoning.streaming.result import LargeCorrected, LargeExplanation, LargeSettings
from reasoning.streaming.scan import scan
from reasoning.streaming.strip import NO_BANDS, Source, find_components
from reasoning.streaming.threads import each, strips_of

__all__ = ["LargeCorrected", "LargeExplanation", "LargeSettings", "correct_large"]

Tell = Callable[[str], None]
MIN_WIDTH = vocab.CORE + "minWidth"


def correct_large(
    path: str | Path,
    legend: Legend | str,
    out: str | Path,
    *,
    axioms: Sequence[Axiom] | None = None,
    settings: LargeSettings | None = None,
    progress: Tell | None = None,
) -> tuple[LargeCorrected, LargeExplanation]:
    """Correct a raster of class codes of any size by rules about its regions.

    The file is read twice, by strips of full rows: once for the region graph (exactly that of `build_regions`, whatever
    the height of a strip), once to write. No array of the raster's size is ever in memory. Each region is decided as
    a whole, by the rules that speak of its class, shape and neighbours; rules that need other facts (distances,
    elevation, images, other sources) cannot act, and `inactive` says so. Minimum widths are measured only where a
    rule asks for them.

    Args:
        path: Raster of class codes with one band.
        legend: What the codes mean, or its name.
        out: Folder to appear, whole or not at all (an interruption leaves nothing behind): `corrected.tif`, a
            cloud-optimised GeoTIFF with official codes, colours and class names, and `explanations.trig`.
        axioms: Rules; default those that ship with Landlore.
        settings: Knobs; default `LargeSettings()`.
        progress: Told in words how far it is.

    Returns:
        What changed, and why. The same input gives the same bytes.

    Raises:
        RasterError: Unreadable, several bands, nothing but nodata, or too many regions.
        GridError: No CRS.
        LegendError: A code that the legend does not have.
        RuleError: A rule cannot be compiled, or hard rules contradict each other.
        OutputError: The folder cannot be written.
    """
    knobs, tell = settings or LargeSettings(), progress or (lambda text: None)
    names = load_legend(legend) if isinstance(legend, str) else legend
    rules, ontology = _rules(axioms)
    plain = label_source(path, names, diagonal=knobs.correct.connectivity == 8)
    source = replace(plain, widths=MIN_WIDTH in wanted(rules, ontology))
    table = scan(source, knobs.rows, most=knobs.most, progress=tell)
    if not len(table.sums):
        raise RasterError(
            f"{path}: all pixels are nodata, expected at least one class", "check the nodata value"
        )
    run, done, reasons = _solved(path, names, table, (rules, ontology), knobs, tell)

    def fill(folder: Path) -> None:
        """Write the outputs into a folder."""
        folder.mkdir()
        write_labels(
            folder / "corrected.tif", source, read_grid(path), (run, table), knobs.rows, tell
        )
        with (folder / "explanations.trig").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(reasons.trig())

    replace_folder(Path(out), fill)
    return done, reasons


def _rules(axioms: Sequence[Axiom] | None) -> tuple[tuple[Axiom, ...], Ontology]:
    """The rules, by default those that ship, and what they are written in."""
    from kg.rules import load_rules, schema_of

    rules = tuple(load_rules() if axioms is None else axioms)
    return rules, schema_of(rules)


def _solved(
    path: str | Path,
    legend: Legend,
    table: Table,
    theory: tuple[tuple[Axiom, ...], Ontology],
    knobs: LargeSettings,
    tell: Tell,
) -> tuple[NodeRun, LargeCorrected, LargeExplanation]:
    """Everything between the two passes over the raster."""
    (rules, ontology), place = theory, read_grid(path)
    regions = region_graph(table, np.empty((0, 0), np.int32), place)
    tell(
        f"rules: {counted(len(regions), 'region')}, {counted(regions.adjacency.nnz // 2, 'pair')} of neighbours"
    )
    how = (knobs.correct, knobs.confidence, Path(path).name)
    run = solve_nodes(regions, legend, place, rules, ontology, how)
    done = _counted(run, table, place, knobs.listed)
    plain = explain(done, ontology, run=knobs.run, when=knobs.when)
    return run, done, LargeExplanation(**{name: getattr(plain, name) for name in _PARTS})


_PARTS = ("run", "graph", "corrected", "ontology", "when")


def label_source(path: str | Path, legend: Legend, *, diagonal: bool = False) -> Source:
    """The classes of a raster file, read by strips.

    Args:
        path: Raster of class codes with one band.
        legend: What the codes mean.
        diagonal: Whether pixels that share a corner touch.

    Raises:
        RasterError: Unreadable, or several bands.
        GridError: No CRS.
    """
    grid = read_grid(path)

    def classes(low: int, high: int) -> NDArray[Any]:
        """Rows of the legend of some rows of pixels."""
        block = read_raster(path, window=(low, 0, high - low, grid.width))
        if len(block.values) != 1:
            raise RasterError(
                f"{path}: has {len(block.values)} bands; expected 1 (class codes)",
                "gdal_translate -b 1, or a smaller raster for probabilities",
            )
        return _encoded(block, legend, path)

    return Source(
        grid.height, grid.width, classes, lambda low, high: (NO_BANDS, 0), (), np.nan, grid.pixel_size,
        diagonal,
    )  # fmt: skip


def _encoded(block: Raster, legend: Legend, path: str | Path) -> NDArray[Any]:
    """`legend.encode`, several times faster for bytes that are all known."""
    from reasoning.streaming.runs import look_up

    codes, nodata = block.values[0], block.nodata
    if codes.dtype != np.uint8:
        return legend.encode(codes, nodata=nodata, path=path)
    plain = [*legend.codes, *legend.nodata, *([] if nodata is None else [nodata])]
    known = [code for code in plain if 0 <= code <= 255 and code == int(code)]
    table = np.full(256, UNKNOWN, np.int8 if len(legend.codes) < 128 else np.int16)
    table[np.array(known, np.int64)] = legend.encode(known, nodata=nodata)
    out = np.empty(codes.shape, table.dtype)
    known_all = look_up(codes, table, out) >= -1
    return out if known_all else legend.encode(codes, nodata=nodata, path=path)


def write_labels(
    path: Path,
    source: Source,
    place: Grid,
    result: tuple[NodeRun, Table],
    rows: int,
    tell: Tell,
) -> None:
    """Write the corrected classes of a raster as official codes, strip by strip.

    Args:
        path: GeoTIFF to appear.
        source: Classes before.
        place: Grid.
        result: The run, and the table of regions that was made from the same source.
        rows: Rows of a strip, those of the table.
        tell: Told after each strip.

    Raises:
        OutputError: It cannot be written.
    """
    from reasoning.streaming.runs import paint

    run, table = result
    legend = run.terms.before.legend
    codes = code_table(legend)
    after = codes[run.new]
    todo = strips_of(source.height, rows)

    def strip(i: int) -> tuple[int, NDArray[Any]]:
        """One strip of the corrected map."""
        low, high = todo[i]
        classes = source.classes(low, high)
        runs, part, _ = find_components(classes, 0, high - low, diagonal=source.diagonal)
        values = np.full(classes.shape, codes[-1], codes.dtype)
        paint(runs, part, after[table.regions[i]], 0, values)
        return low, values

    def strips() -> Iterator[tuple[int, NDArray[Any]]]:
        """Every strip, told of as it is done."""
        for i, done in enumerate(each(strip, range(len(todo)))):
            yield done
            tell(f"map: strip {i + 1} of {len(todo)}")

    colours = legend.colour_table() if codes.dtype == np.uint8 else {}
    band = CodeBand(codes.dtype, int(codes[-1]), colours, legend.names())
    write_strips(path, place, strips(), band)


def _counted(run: NodeRun, table: Table, place: Grid, most: int) -> LargeCorrected:
    """The largest corrections, and the count of all."""
    places = place.lonlat(table.box[:, 0] + 0.5, table.box[:, 4] + 0.5)
    done = listed(run, most, places)
    count, iris = run.terms.regions.count, [one.iri for one in run.terms.before.legend.classes]
    changed = np.flatnonzero(run.old != run.new)
    key = run.old[changed].astype(np.int64) * len(iris) + run.new[changed]
    kinds, which, number = np.unique(key, return_inverse=True, return_counts=True)
    pixels = np.bincount(which.ravel(), count[changed], len(kinds)).astype(np.int64)
    changes = {
        (iris[kinds[i] // len(iris)], iris[kinds[i] % len(iris)]): (int(number[i]), int(pixels[i]))
        for i in np.argsort(-pixels, kind="stable")
    }
    parts = {name: getattr(done, name) for name in Corrected.__dataclass_fields__}
    return LargeCorrected(
        **parts, changed_regions=len(changed), pixels=int(count[changed].sum()), changes=changes,
        causes=causes(run), place=place,
    )  # fmt: skip
