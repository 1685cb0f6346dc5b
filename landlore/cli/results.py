"""What commands about maps say at the end: a result comes in, lines for people or JSON go out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kg.counted import counted
from landlore.cli.idle import told_idle
from landlore.cli.printing import say, told_inference, told_unmoved

if TYPE_CHECKING:
    from kg.legend import Legend
    from landlore.large import ByRegion
    from landlore.maps import Interpretation
    from landlore.tiled import Tiled


def report_run(done: Interpretation, as_json: bool) -> None:
    """Tell of a run."""
    from landlore.maps import telling_sentences

    folder = done.folder or Path()
    corrected = done.corrected
    summary = {
        "folder": str(folder),
        "corrections": len(corrected.corrections),
        "changed_pixels": int(corrected.changed.sum()),
        "regions": len(corrected.regions.count),
        "steps": corrected.trace.steps,
        "stopped": corrected.trace.stopped,
    }
    if as_json:
        say(json.dumps({**summary, "triples": len(done.graph)}))
        return
    pixels, corrections = int(corrected.changed.sum()), len(corrected.corrections)
    say(
        f"{counted(pixels, 'pixel')} in {counted(corrections, 'correction')} changed; "
        f"{told_inference(corrected.trace)}"
    )
    for line in told_idle(corrected.inactive):
        say(line)
    if not corrected.corrections and corrected.before.from_labels:
        say(told_unmoved(corrected))
    _tell_of_colours(corrected.after.legend)
    for sentence in telling_sentences(done):
        say(f"  {sentence}")
    say(f"{folder / 'figure.png'}: before, after, why")
    say(f"landlore explain {folder}, or landlore report {folder} for all of it on one page")


def _tell_of_colours(legend: Legend) -> None:
    if max(legend.codes) > 255:
        say(
            "corrected.tif has codes above 255, and no colour table: its colours are in corrected.qml (QGIS)"
        )


def report_tiles(done: Tiled, as_json: bool) -> None:
    """Tell of a map that was made tile by tile."""
    summary = {
        "folder": str(done.folder),
        "tiles": len(done.tiles),
        "corrections": done.corrections,
        "changed_pixels": done.changed_pixels,
    }
    if as_json:
        say(json.dumps(summary))
        return
    say(
        f"{counted(done.changed_pixels, 'pixel')} in {counted(done.corrections, 'correction')} of "
        f"{counted(len(done.tiles), 'tile')} changed"
    )
    say(
        f"{done.folder / 'corrected.tif'}: all tiles; corrections.csv says which tile a correction is in"
    )
    say(f"landlore explain {done.folder} --at LON,LAT, or landlore report {done.folder}")


def report_large(done: ByRegion, as_json: bool) -> None:
    """Tell of a map that was corrected by strips."""
    found = done.corrected
    summary = {
        "folder": str(done.folder),
        "corrections": len(found.corrections),
        "changed_pixels": found.changed_pixels,
        "changed_regions": found.changed_regions,
        "regions": len(found.regions.count),
        "steps": found.trace.steps,
        "stopped": found.trace.stopped,
    }
    if as_json:
        say(json.dumps(summary))
        return
    regions = counted(len(found.regions.count), "region")
    _tell_of_colours(found.before.legend)
    say(
        f"{counted(found.changed_pixels, 'pixel')} in {found.changed_regions:,} of {regions} changed; "
        f"{told_inference(found.trace)}"
    )
    if found.corrections:
        say(
            f"landlore explain {done.folder}: the {len(found.corrections):,} largest, each with its reasons"
        )
