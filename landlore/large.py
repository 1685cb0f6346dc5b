"""Maps larger than memory: a file of class codes comes in, a run folder made by strips, region by region, goes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import InputError
from kg.legend import Legend, load_legend
from kg.raster import read_grid, read_raster
from landlore.outputs import keep_inputs, whole_folder
from landlore.qgis import write_style
from landlore.reason import chosen_axioms, correct_settings
from landlore.report import write_corrections
from landlore.rerun import digest
from landlore.settings import RunSettings
from landlore.sources import Sources

if TYPE_CHECKING:
    from reasoning.streaming.result import LargeCorrected

LARGE = 16_000_000
"""Pixels from which a map of labels without any source beside it is corrected by strips."""
_NOT_BY_REGION = (
    "smoothness", "evidence", "mode", "superpixel", "date", "dates", "reliability", "lesson",
)  # fmt: skip
_BESIDE = ("landcover", "osm", "vector", "facts", "graph", "image", "dem")


@dataclass(frozen=True)
class ByRegion:
    """A correction by strips.

    Attributes:
        corrected: What changed; `corrections` are the largest ones.
        folder: Where the outputs are.
    """

    corrected: LargeCorrected
    folder: Path


def is_large(path: str | Path, sources: Sources) -> bool:
    """Whether a prediction is so large that it is corrected by strips: labels only, with nothing beside them.

    Raises:
        InputError: The file cannot be read.
    """
    grid = read_grid(path)
    alone = not any(getattr(sources, name) for name in _BESIDE)
    if not alone or grid.height * grid.width < LARGE:
        return False
    return len(read_raster(path, window=(0, 0, 1, 1)).values) == 1


def correct_by_region(
    path: str | Path,
    *,
    legend: str | Legend = "worldcover",
    sources: Sources | None = None,
    settings: RunSettings | None = None,
    out: str | Path,
    progress: Callable[[str], None] | None = None,
) -> ByRegion:
    """Correct a map of labels of any size by rules about its regions, never holding it in memory.

    Args:
        path: GeoTIFF of class codes, one band.
        legend: Name or file of the legend of the codes.
        sources: Rule files only; nothing beside the map can be used.
        settings: How; `confidence`, `rules`, `calibration` count.
        out: Folder for corrected.tif (.qml), corrections.csv (the largest), explanations.trig, run.json; appears whole
            or not at all.
        progress: Told of each stage.

    Raises:
        InputError: A source beside the map or a setting that would do nothing is given, or the file cannot be read.
        OutputError: The folder exists or cannot be written.
    """
    from reasoning.streaming.large import correct_large
    from reasoning.streaming.result import LargeSettings

    given, knobs = sources or Sources(), settings or RunSettings()
    keep_inputs([out], (path, legend, knobs.calibration, *given.paths))
    _refuse(given, knobs)
    names = load_legend(legend) if isinstance(legend, str) else legend
    before = digest(Path(path)) if Path(path).is_file() else ""
    chosen = correct_settings(given, replace(knobs, nodes="regions"))
    run = hashlib.sha256(f"{before}{replace(knobs, overwrite=False)!r}{given!r}".encode())
    how = LargeSettings(chosen, confidence=knobs.confidence, run=run.hexdigest()[:12])
    axioms = chosen_axioms(given, knobs)
    with whole_folder(out, overwrite=knobs.overwrite) as folder:
        done, reasons = correct_large(
            path, names, folder / "map", axioms=axioms, settings=how, progress=progress
        )
        for part in sorted((folder / "map").iterdir()):
            part.rename(folder / part.name)
        (folder / "map").rmdir()
        write_style(folder / "corrected.qml", names)
        write_corrections(done, reasons, folder / "corrections.csv")
        told = _summary(done, reasons.run) | {
            "sha256": {Path(path).name: before},
            "settings": asdict(knobs),
        }
        text = json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / "run.json").write_text(text + "\n", encoding="utf-8")
    return ByRegion(done, Path(out).absolute())


def _refuse(given: Sources, knobs: RunSettings) -> None:
    """Raise an InputError for a source or a setting that would do nothing."""
    for name in _BESIDE:
        if getattr(given, name):
            raise InputError(
                f"--by-region and --{name}: by regions, only the map itself and rules are used",
                f"leave --{name} out, or --by-region",
            )
    for name in _NOT_BY_REGION:
        if getattr(knobs, name) != getattr(RunSettings(), name):
            raise InputError(
                f"--by-region and --{name} {getattr(knobs, name)}: whole regions are decided, by rules alone",
                f"leave --{name} out, or cut the map into smaller ones",
            )


def _summary(done: LargeCorrected, run: str) -> dict[str, Any]:
    """What came out, for `run.json`."""
    return {
        "job": "by-region",
        "run": run,
        "legend": done.before.legend.iri,
        "regions": len(done.regions.count),
        "changed_regions": done.changed_regions,
        "changed_pixels": done.changed_pixels,
        "corrections": len(done.corrections),
        "changes": [[*pair, *counts] for pair, counts in done.changes.items()],
        "causes": {term: list(counts) for term, counts in done.causes.items()},
        "rules": [axiom.iri for axiom in done.axioms],
        "inactive_rules": dict(done.inactive),
        "inference": {
            "steps": done.trace.steps, "stopped": done.trace.stopped, "residual": done.trace.residual,
        },
    }  # fmt: skip
