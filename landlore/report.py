"""The outputs of a run: a corrected map and its reasons come in, files that open well elsewhere go out.

corrected.tif      official codes, colour table, class names, nodata, overviews by mode
corrected.qml      its class names and colours for QGIS
changed.tif        1 where the class changed, 0 where not, 255 where there is no prediction
confidence.tif     probability of the class after
reasons.tif        number of the correction of each changed pixel, -1 elsewhere
corrections.csv    one row per correction, with its sums and sentences
explanations.trig  the graph of the run
graph.trig         the knowledge graph that was used
figure.png         before, after, why
run.json           what came in, what came out
before.tif         probabilities before, where no file held them (interpret)
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.cog import write_raster
from kg.grid import Grid
from kg.legend import Legend
from kg.official import official_codes
from kg.raster import Raster
from landlore.qgis import write_style

if TYPE_CHECKING:
    from kg.store import KnowledgeGraph
    from reasoning.correction import Corrected, Correction
    from reasoning.explanation.explain import Explanation

KINDS = ("network", "lesson", "calibration", "evidence", "smoothness", "axiom")
COLUMNS = (
    "index", "region", "before_code", "before", "after_code", "after", "pixels", "area_m2", "lon",
    "lat", "log_odds", *(f"{kind}_nats" for kind in KINDS), "confidence", "cause", "excluded_by",
    "evidence", "sentence_en", "sentence_zh",
)  # fmt: skip
"""Columns of `corrections.csv`; the kinds are sums of contributions in nats."""


def write_run(
    corrected: Corrected,
    explanation: Explanation,
    graph: KnowledgeGraph | None,
    folder: str | Path,
    *,
    image: Raster | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write every output of a run into an existing folder; the same run gives the same bytes.

    Args:
        corrected: The run's result.
        explanation: Its reasons.
        graph: Knowledge graph to keep beside them; None leaves `graph.trig` out.
        folder: Existing folder; let it be a temporary one and rename it when all is written.
        image: Image on the same grid, the background of the figure.
        inputs: What came in (`landlore.rerun.write_inputs`), or None.

    Returns:
        What `run.json` holds.

    Raises:
        OutputError: A raster or the graph cannot be written.
        OSError: Another file cannot be written, e.g. the disk is full.
    """
    from landlore.figure import draw_figure
    from reasoning.progress import at

    home = Path(folder)
    at("corrected.tif and the maps beside it")
    write_rasters(corrected, home)
    at("corrections.csv")
    write_corrections(corrected, explanation, home / "corrections.csv")
    at("explanations.trig")
    with (home / "explanations.trig").open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(explanation.trig())
    if graph is not None:
        graph.save(home / "graph.trig")
    at("figure.png")
    draw_figure(corrected, explanation.names, image=image).save(home / "figure.png")
    told = summary(corrected, explanation)
    if inputs is not None:
        told["inputs"] = dict(inputs)
    text = json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False)
    (home / "run.json").write_text(text + "\n", encoding="utf-8")
    return told


def write_rasters(corrected: Corrected, folder: Path) -> None:
    """Write the corrected map, the changed mask, the confidence and the reasons as COGs.

    Raises:
        OutputError: The folder cannot be written or the disk is full.
    """
    grid, legend = corrected.after.grid, corrected.after.legend
    labels, valid = corrected.after.labels, corrected.after.valid
    codes, nodata = official_codes(labels, legend)
    colours = legend.colour_table() if codes.dtype == np.uint8 else None
    write_raster(
        folder / "corrected.tif",
        _layer(codes, grid, nodata, "class"),
        colours=colours,
        names=legend.names(),
    )
    write_style(folder / "corrected.qml", legend)
    changed = np.where(valid, corrected.changed, 255).astype(np.uint8)
    names = {0: "unchanged", 1: "changed"}
    write_raster(folder / "changed.tif", _layer(changed, grid, 255, "changed"), names=names)
    confidence = np.where(valid, corrected.after.confidence, np.nan).astype(np.float32)
    write_raster(
        folder / "confidence.tif",
        _layer(confidence, grid, float("nan"), "confidence"),
        overviews="average",
    )
    reasons = corrected.index.astype(np.int32)
    write_raster(folder / "reasons.tif", _layer(reasons, grid, -1, "correction"))


def _layer(values: NDArray[Any], grid: Grid, nodata: float, band: str) -> Raster:
    return Raster(values[None], grid, nodata, (band,))


def write_corrections(corrected: Corrected, explanation: Explanation, path: Path) -> None:
    """Write one row per correction; UTF-8 with a mark, so that spreadsheets read the Chinese."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for i, correction in enumerate(corrected.corrections):
            writer.writerow(_row(i, correction, explanation, corrected.after.legend))


def _row(i: int, correction: Correction, explanation: Explanation, legend: Legend) -> list[Any]:
    from reasoning.explanation.sentences import cause

    codes = [legend.codes[legend.index(c)] for c in (correction.before, correction.after)]
    labels = [explanation.names.classes[c][0] for c in (correction.before, correction.after)]
    sums = [sum(c.value for c in correction.contributions if c.kind == kind) for kind in KINDS]
    return [
        i, correction.region, codes[0], labels[0], codes[1], labels[1], correction.pixels,
        f"{correction.area:.2f}", f"{correction.lon:.7f}", f"{correction.lat:.7f}",
        f"{correction.log_odds:.6f}", *(f"{value:.6f}" for value in sums),
        f"{correction.confidence:.6f}", vocab.curie(cause(correction)),
        " ".join(map(vocab.curie, correction.excluded_by)), " ".join(correction.evidence),
        explanation.sentences_en[i], explanation.sentences_zh[i],
    ]  # fmt: skip


def summary(corrected: Corrected, explanation: Explanation) -> dict[str, Any]:
    """What came in and what came out, for `run.json`."""
    from reasoning.explanation.conflicts import rule_conflicts
    from reasoning.explanation.sentences import cause

    by_cause: Counter[str] = Counter()
    for correction in corrected.corrections:
        by_cause[vocab.curie(cause(correction))] += correction.pixels
    grid, trace = corrected.after.grid, corrected.trace
    return {
        "run": explanation.run,
        "graph": explanation.graph,
        "when": explanation.when,
        "model": corrected.before.model,
        **({"lesson": corrected.before.lesson.name} if corrected.before.lesson else {}),
        "legend": corrected.after.legend.iri,
        "grid": {
            "crs": grid.crs,
            "transform": list(grid.transform)[:6],
            "height": grid.height,
            "width": grid.width,
        },
        "sources": [
            {"graph": s.source, "name": s.name, "cells": len(s.entities)} for s in corrected.layers
        ],
        "rules": [axiom.iri for axiom in corrected.axioms],
        "inactive_rules": dict(corrected.inactive),
        "pixels": int(corrected.after.valid.sum()),
        "changed_pixels": int(corrected.changed.sum()),
        "regions": len(corrected.regions.count),
        "corrections": len(corrected.corrections),
        "pixels_by_cause": dict(by_cause),
        "rule_conflicts": [asdict(pair) for pair in rule_conflicts(corrected.corrections)],
        "inference": {
            "steps": trace.steps,
            "stopped": trace.stopped,
            "residual": trace.residual,
            "energy": list(trace.energy),
        },
    }
