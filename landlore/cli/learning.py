"""Commands that learn from labelled tiles: predictions and truth come in, rule files and reports go out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from landlore.cli.options import Bands, Dem, Rules
from landlore.cli.printing import say, teller

Predictions = Annotated[
    list[Path], typer.Argument(help="GeoTIFFs of class codes or of class probabilities.")
]
Truth = Annotated[
    list[Path],
    typer.Option(help="True class codes on the same grid. Once per prediction, in the same order."),
]
Images = Annotated[
    list[Path],
    typer.Option("--image", help="Image on the same grid. Once per prediction, or never."),
]
Scenes = Annotated[
    list[str],
    typer.Option(
        "--scene",
        help="Scene of a tile: tiles of one scene are held out together. Once each, or never.",
    ),
]
LegendName = Annotated[str, typer.Option(help="Legend of the codes, by name or file.")]
Confidence = Annotated[float, typer.Option(help="Probability of the stated class of labels.")]
OutFile = Annotated[Path, typer.Option("--out", "-o", help="Rule file (.ttl) to write.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def learn(
    predictions: Predictions,
    truth: Truth,
    out: OutFile,
    legend: LegendName = "worldcover",
    rules: Rules = [],
    report: Annotated[
        Path | None, typer.Option(help="CSV file for what each rule helped and harmed.")
    ] = None,
    images: Images = [],
    bands: Bands = None,
    dem: Dem = None,
    scenes: Scenes = [],
    confidence: Confidence = 0.8,
    quiet: Quiet = False,
) -> None:
    """Learn weights of rules and calibration from labelled tiles, scored on tiles that are held out."""
    from landlore.cli import words
    from landlore.learning import TileFiles
    from landlore.learning import learn as run
    from reasoning.learning.report_file import report_table, score_table

    files = TileFiles(
        predictions, truth, legend, images, words.band_names(bands), dem, confidence, scenes
    )
    learned, reports = run(files, out, rules=rules or None, report=report, progress=_counter(quiet))
    say(score_table(learned).rstrip())
    if report is not None:
        say()
        say(report_table(reports).rstrip())
    say(f"{out}: {len(learned.weights)} rules with learned weights, calibration and smoothness")


def mine(
    predictions: Predictions,
    truth: Truth,
    out: OutFile,
    legend: LegendName = "worldcover",
    rules: Rules = [],
    images: Images = [],
    bands: Bands = None,
    dem: Dem = None,
    scenes: Scenes = [],
    confidence: Confidence = 0.8,
    quiet: Quiet = False,
) -> None:
    """Propose new rules from labelled tiles, for an expert to accept."""
    from landlore.cli import words
    from landlore.learning import TileFiles
    from landlore.learning import mine as run
    from reasoning.learning.proposals import proposals_table

    files = TileFiles(
        predictions, truth, legend, images, words.band_names(bands), dem, confidence, scenes
    )
    found = run(files, out, rules=rules or None, progress=_counter(quiet))
    say(proposals_table(found).rstrip())
    if found:
        say(f"{out}: {len(found)} proposed rules; give the file to --rules to accept them")


def _counter(quiet: bool) -> Callable[[str, int, int], None]:
    tell = teller(quiet)
    return lambda what, done, total: tell(f"{what}: {done} of {total}")
