"""Learning from files: predictions, truth and rules come in as paths; learned rules, reports and proposals go out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kg.errors import GridError, InputError, LegendError, RuleError
from kg.folder import replace_file
from kg.legend import Legend, load_legend
from kg.ontology import Axiom
from kg.raster import read_raster
from kg.rules import load_rules
from landlore.inputs import read_image, read_prediction, read_terrain
from reasoning.learning.tiles import LabelledTile

if TYPE_CHECKING:
    from reasoning.learning.learned import Learned
    from reasoning.learning.proposals import Proposal
    from reasoning.learning.report import RuleReport

Progress = Callable[[str, int, int], None]
Paths = Sequence[str | Path]


@dataclass(frozen=True)
class TileFiles:
    """Files of labelled tiles.

    Attributes:
        predictions: GeoTIFFs of class codes or of probabilities, one per tile.
        truth: GeoTIFFs of class codes on the same grids, in the same order.
        legend: Name or file of the legend of both.
        images: Images on the same grids, in the same order, or none at all.
        bands: Names of the images' bands, or None for the files' own.
        dem: Elevation of all tiles, or None.
        confidence: Probability given to the stated class where predictions are codes.
        scenes: Scene of each tile, or none: each is its own.

    Raises:
        InputError: Not one truth per prediction, or not one image or scene each.
    """

    predictions: Paths
    truth: Paths
    legend: str = "worldcover"
    images: Paths = ()
    bands: Sequence[str] | None = None
    dem: str | Path | None = None
    confidence: float = 0.8
    scenes: Sequence[str] = ()

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


def read_tiles(files: TileFiles) -> list[LabelledTile]:
    """Read labelled tiles.

    Raises:
        InputError: A file that cannot be read, lies on another grid, or has codes that the legend does not have; the
            file is named.
    """
    legend = load_legend(files.legend)
    return [_tile(files, i, legend) for i in range(len(files.predictions))]


def _tile(files: TileFiles, i: int, legend: Legend) -> LabelledTile:
    path, truth_path = files.predictions[i], files.truth[i]
    prediction = read_prediction(path, legend, confidence=files.confidence)
    truth = read_raster(truth_path)
    if not truth.grid.same_as(prediction.grid):
        raise GridError(
            f"{truth_path}: {truth.grid.height} x {truth.grid.width} pixels, lies on another grid than {path} "
            f"({prediction.grid.height} x {prediction.grid.width})",
            f"rio warp {truth_path} OUT --like {path} --resampling nearest",
        )
    try:
        labels = legend.encode(truth.values[0], nodata=truth.nodata)
    except LegendError as error:
        raise LegendError(f"{truth_path}: {error.message}", error.hint) from error
    grid = prediction.grid
    return LabelledTile(
        prediction,
        labels,
        image=read_image(files.images[i], bands=files.bands, grid=grid) if files.images else None,
        dem=read_terrain(files.dem, grid) if files.dem else None,
        name=Path(path).stem,
        scene=files.scenes[i] if files.scenes else "",
    )


def learn(
    files: TileFiles,
    out: str | Path,
    *,
    rules: Paths | None = None,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[Learned, tuple[RuleReport, ...]]:
    """Learn weights of rules and calibration from labelled tiles, and write them as a rule file.

    Args:
        files: The tiles.
        out: Turtle file of the learned rules; `landlore correct --rules OUT` uses it.
        rules: Rule files; default those that ship.
        report: CSV file for the report on every rule, with the same as RDF beside it (.ttl); None: no report.
        progress: Called with what is done, and how much of how much.

    Returns:
        What was learned, and the reports; () without `report`.

    Raises:
        InputError: As `read_tiles`; a file without rules; a report on tiles of one scene.
        OutputError: A file cannot be written.
    """
    from reasoning.learning.file import write_learned
    from reasoning.learning.report import rule_report
    from reasoning.learning.report_file import report_csv, report_turtle
    from reasoning.learning.weights import learn_weights

    tiles, axioms = read_tiles(files), _axioms(rules)
    learned = learn_weights(tiles, axioms, progress=progress)
    reports = rule_report(tiles, learned, progress=progress) if report is not None else ()
    write_learned(learned, out)
    if report is not None:
        replace_file(Path(report), report_csv(reports).encode())
        replace_file(Path(report).with_suffix(".ttl"), report_turtle(reports).encode())
    return learned, reports


def mine(
    files: TileFiles,
    out: str | Path,
    *,
    rules: Paths | None = None,
    progress: Progress | None = None,
) -> tuple[Proposal, ...]:
    """Propose new rules from labelled tiles, and write them as a rule file for an expert to look through.

    Args:
        files: The tiles.
        out: Turtle file of the proposals; not written where there is nothing to propose.
        rules: Rules that are known already; default those that ship.
        progress: Called with what is done, and how much of how much.

    Raises:
        InputError: As `read_tiles`.
        OutputError: The file cannot be written.
    """
    from reasoning.learning.mining import mine as find
    from reasoning.learning.proposals import write_proposals

    found = find(read_tiles(files), axioms=_axioms(rules), progress=progress)
    if found:
        write_proposals(found, out)
    return found


def _axioms(rules: Paths | None) -> tuple[Axiom, ...]:
    paths = None if rules is None else [Path(path) for path in rules]
    axioms = load_rules(paths)
    if paths and not axioms:
        raise RuleError(f"{paths[0]}: holds no rule", "docs/rules.md shows one")
    return axioms
