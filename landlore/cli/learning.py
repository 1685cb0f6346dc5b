"""Commands that learn from labelled tiles: predictions and truth come in, rule files and reports go out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kg.counted import counted
from kg.errors import InputError
from landlore.cli.options import AddRules, Bands, Dem, Graph, Landcover, Osm, Rules, Vector
from landlore.cli.printing import counter, say

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
    add_rules: AddRules = [],
    context: Annotated[
        float,
        typer.Option(
            help="Learn from scratch, too, how wide each class is and what lies around it over so many metres."
        ),
    ] = 0.0,
    fixed_per_broken: Annotated[
        float,
        typer.Option(
            help="Least pixels put right per pixel put wrong on held-out tiles: labels change where enough says so."
        ),
    ] = 0.0,
    report: Annotated[
        Path | None,
        typer.Option(help="CSV file for what each rule puts right and wrong on held-out tiles."),
    ] = None,
    images: Images = [],
    bands: Bands = None,
    dem: Dem = None,
    landcover: Landcover = [],
    osm: Osm = [],
    vector: Vector = [],
    graph: Graph = None,
    scenes: Scenes = [],
    confidence: Confidence = 0.8,
    quiet: Quiet = False,
) -> None:
    """Learn from labelled tiles what maps held-out tiles better: calibration, smoothness, weights of rules.

    One that was stopped goes on where it ended when the same command is given again.
    """
    from landlore.cli import words
    from landlore.labelled import TileFiles
    from landlore.learning import learn as run
    from reasoning.learning.report_text import (
        remarks,
        report_table,
        score_table,
        summary,
        trial_table,
    )

    beside = words.sources(
        dem=dem, landcover=landcover, osm=osm, vector=vector, graph=graph, rules=rules or None,
        add_rules=add_rules,
    )  # fmt: skip
    files = TileFiles(
        predictions, truth, legend, images, words.band_names(bands), confidence, scenes, beside
    )
    learned, reports = run(
        files, out, context=context, fixed_per_broken=fixed_per_broken, report=report, progress=counter(quiet)
    )  # fmt: skip
    if learned.trials:
        say(trial_table(learned.trials).rstrip())
        say()
    say(score_table(learned).rstrip())
    if report is not None:
        say()
        say(report_table(reports).rstrip())
    for remark in remarks(learned):
        say()
        say(remark)
    say()
    say(f"{out}: {summary(learned)}; landlore correct MAP --rules {out} uses it")


def mine(
    predictions: Predictions,
    truth: Truth,
    out: OutFile,
    legend: LegendName = "worldcover",
    rules: Rules = [],
    add_rules: AddRules = [],
    images: Images = [],
    bands: Bands = None,
    dem: Dem = None,
    scenes: Scenes = [],
    confidence: Confidence = 0.8,
    quiet: Quiet = False,
) -> None:
    """Propose new rules from labelled tiles, for an expert to accept."""
    from landlore.cli import words
    from landlore.labelled import TileFiles
    from landlore.learning import mine as run
    from reasoning.mining.proposals import proposals_table

    files = TileFiles(
        predictions, truth, legend, images, words.band_names(bands), confidence, scenes,
        words.sources(dem=dem, rules=rules or None, add_rules=add_rules),
    )  # fmt: skip
    found = run(files, out, progress=counter(quiet))
    say(proposals_table(found).rstrip())
    if found:
        say(
            f"{out}: {counted(len(found), 'proposed rule')}; give the file to --rules to accept them"
        )


def confidence(
    labels: Annotated[list[Path], typer.Argument(help="GeoTIFFs of class codes of one network.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="With --truth the lesson (.npz), else probabilities (.tif)."
        ),
    ],
    images: Images,
    truth: Annotated[
        list[Path],
        typer.Option(help="True class codes to learn from. Once per file of labels, or never."),
    ] = [],
    learned: Annotated[
        Path | None, typer.Option(help="Lesson to use; without one the image alone is asked.")
    ] = None,
    legend: LegendName = "worldcover",
    bands: Bands = None,
    scenes: Scenes = [],
    quiet: Quiet = False,
) -> None:
    """Turn labels without probabilities into probabilities by their image; with --truth learn how, first."""
    from fusion.confidence_lesson import told
    from landlore.certainty import estimate_confidence, learn_confidence
    from landlore.cli import words
    from landlore.labelled import TileFiles

    names = words.band_names(bands)
    if truth:
        if learned is not None:
            raise InputError(
                "--truth and --learned: learn, or use a lesson", "leave one of them out"
            )
        files = TileFiles(labels, truth, legend, images, names, scenes=scenes)
        found = learn_confidence(files, out, progress=counter(quiet))
        say(told(found))
        if found.helps:
            say()
            say(
                f"{out}: landlore correct LABELS --image IMAGE --legend {legend} --lesson {out} -o FOLDER"
            )
        return
    if len(labels) != 1 or len(images) != 1 or scenes:
        raise InputError(
            f"{counted(len(labels), 'file')} of labels, {counted(len(images), 'image')} and "
            f"{counted(len(scenes), 'scene')} without --truth, expected one, one and none",
            "give one file and its image; or --truth for each, to learn from them",
        )
    made = estimate_confidence(
        labels[0], images[0], out, legend=legend, bands=names, learned=learned
    )
    valid, sure = made.valid, made.confidence
    say(
        f"{out}: mean probability of the likeliest class {sure[valid].mean():.2f}; "
        f"in {made.other:,} of {counted(int(valid.sum()), 'pixel')} it is another than the label"
    )
    if made.unseen:
        say(
            f"{counted(made.unseen, 'label')} without an observation in the image: confidence 0.8, as ever"
        )
    say(
        f"landlore correct {out} --legend {legend} starts from these, without reasons for what they change"
    )
    if learned is not None:
        say(
            f"with reasons: landlore correct {labels[0]} --image {images[0]} --legend {legend} --lesson {learned}"
        )
