"""The demo: a seed comes in, a simulated coastal town is made, interpreted, scored and explained."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kg.files import shipped
from kg.legend import load_legend
from kg.queries import load_query
from kg.raster import read_raster
from landlore.maps import Interpretation, interpret, telling_sentences
from landlore.outputs import whole_folder
from landlore.page import write_page
from landlore.render import Files, render
from landlore.settings import RunSettings
from landlore.sources import Sources
from landlore.town import build_town

QUESTION = "corrections-by-rule"
"""The named query that the demo asks."""


@dataclass(frozen=True)
class Demo:
    """What the demo found.

    Attributes:
        run: The interpretation.
        scores: "before" and "after" -> overall accuracy, mean IoU and IoU per class, against the truth.
        fixed: Pixels that were wrong and are right now.
        broken: Pixels that were right and are wrong now.
        answer: The answer to `QUESTION`, as a table.
        seconds: Wall time.
    """

    run: Interpretation
    scores: dict[str, dict[str, Any]]
    fixed: int
    broken: int
    answer: str
    seconds: float

    def to_record(self) -> dict[str, Any]:
        """The figures as one JSON-ready mapping."""
        return {
            "simulated": True,
            "miou_before": round(self.scores["before"]["miou"], 4),
            "miou_after": round(self.scores["after"]["miou"], 4),
            "oa_before": round(self.scores["before"]["oa"], 4),
            "oa_after": round(self.scores["after"]["oa"], 4),
            "iou_before": self.scores["before"]["iou"],
            "iou_after": self.scores["after"]["iou"],
            "fixed_pixels": self.fixed,
            "broken_pixels": self.broken,
            "corrections": len(self.run.corrected.corrections),
            "triples": len(self.run.graph),
            "seconds": round(self.seconds, 1),
            "folder": str(self.run.folder),
        }

    def to_text(self) -> str:
        """The figures, three explained corrections and one answer, for people."""
        before, after = self.scores["before"], self.scores["after"]
        lines = [
            "A SIMULATED coastal town (1024 x 1024 pixels of 2 m); no figure here says anything about real land.",
            "               before   after    (before: learned from the 20 m product, no label of the scene)",
            f"mean IoU       {before['miou']:.3f}    {after['miou']:.3f}",
            f"accuracy       {before['oa']:.3f}    {after['oa']:.3f}",
            f"{self.fixed:,} wrong pixels became right, {self.broken:,} right ones became wrong.",
            "",
            "Three corrections, and why:",
            *(f"  {text}" for text in telling_sentences(self.run)),
            "",
            f"landlore query {self.run.folder} --name {QUESTION}",
            self.answer.rstrip(),
            "",
            f"{self.run.folder}/report.html shows before, after and why; open it in a browser. {self.seconds:.0f} s.",
        ]
        return "\n".join(lines)


def make_scene(folder: Path, seed: int) -> Files:
    """Write the inputs of the demo into an existing folder; the same seed gives the same files."""
    recipe = tomllib.loads(shipped("data/demo/recipe.toml").read_text(encoding="utf-8"))
    rng = np.random.default_rng(seed)
    return render(build_town(recipe, rng), recipe, rng, folder)


def demo(
    out: str | Path = "landlore-demo",
    *,
    seed: int = 7,
    progress: Callable[[str], None] | None = None,
) -> Demo:
    """Make a simulated coastal town, interpret it, score it against its truth and explain it.

    Args:
        out: Folder for inputs and outputs; replaced when Landlore wrote it before.
        seed: Seed of the scene and of the training.
        progress: Told of each stage.

    Raises:
        MissingExtraError: Torch is not installed.
        OutputError: `out` cannot be written.
    """
    start = time.perf_counter()
    tell = progress or (lambda _: None)
    with whole_folder(out, overwrite=True) as folder:
        tell("making a simulated town")
        inputs = folder / "inputs"
        inputs.mkdir()
        files = make_scene(inputs, seed)
        sources = Sources(
            landcover=(f"worldcover={files.product}",), osm=(str(files.osm),), dem=str(files.dem)
        )
        settings = RunSettings(seed=seed)
        run = interpret(
            files.image,
            legend="town",
            sources=sources,
            settings=settings,
            out=folder / "run",
            progress=tell,
        )
        scores, fixed, broken = score(run, files.truth)
        for part in sorted((folder / "run").iterdir()):
            part.rename(folder / part.name)
        (folder / "run").rmdir()
        tell("writing the report")
        write_page(folder, truth=files.truth)
    run = replace(run, folder=Path(out))
    answer = run.graph.query(load_query(QUESTION).sparql).to_table()
    return Demo(run, scores, fixed, broken, answer, time.perf_counter() - start)


def score(run: Interpretation, truth: Path) -> tuple[dict[str, dict[str, Any]], int, int]:
    """Accuracy before and after against a raster of official codes; fixed and broken pixels."""
    from fusion.metrics import confusion, iou, miou, overall_accuracy

    legend = load_legend("town")
    want = legend.encode(read_raster(truth).values[0])
    scores = {}
    labels = {"before": run.corrected.before.labels, "after": run.corrected.after.labels}
    for when, found in labels.items():
        table = confusion(want, found, len(legend))
        scores[when] = {
            "oa": overall_accuracy(table),
            "miou": miou(table),
            "iou": {
                c.label: round(float(v), 4) for c, v in zip(legend.classes, iou(table), strict=True)
            },
        }
    was, now = labels["before"] == want, labels["after"] == want
    return scores, int((now & ~was).sum()), int((was & ~now).sum())
