"""True classes of a map, in its codes or in those of another legend, come in; what became right and wrong goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg.counted import counted
from kg.crosswalk import crosswalk
from kg.errors import GridError, LegendError
from kg.legend import Legend, load_legend
from kg.raster import Raster, read_raster
from landlore.sources import product_words

if TYPE_CHECKING:
    from reasoning.explanation.accounts import Account

_ONE = 0.999
"""Share from which a class of another legend counts as one class of the map's."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is true.

    Attributes:
        labels: (y, x) int16 index into the classes of the map's legend; -1 where nothing is known.
        unplaced: Name of a true class that is no one class of the map's legend -> its pixels, which do not count.
    """

    labels: NDArray[np.int16]
    unplaced: dict[str, int]


@dataclass(frozen=True, eq=False)
class Scores:
    """A map before and after, against the truth.

    Attributes:
        facts: JSON-ready: "before" and "after" (each "accuracy" and "miou", 0..1), pixels "fixed" (wrong -> right)
            and "broken" (right -> wrong), "unplaced" as in `Truth`.
        fixed, broken: (correction,) int64 the same pixels of each correction.
    """

    facts: dict[str, Any]
    fixed: NDArray[np.int64]
    broken: NDArray[np.int64]


def read_truth(word: str | Path, legend: Legend, corrected: Raster) -> Truth:
    """Truth in the classes of a map.

    Args:
        word: Raster of official codes on the grid of the map, or "LEGEND=PATH" where its codes are another legend's.
        legend: The map's.
        corrected: The map.

    Raises:
        GridError: It lies on another grid.
        LegendError: No such legend, it has codes that its legend does not know, or none of its classes is one of the
            map's.
    """
    name, path = product_words(str(word))
    theirs = load_legend(name) if name else legend
    truth = read_raster(path)
    if not truth.grid.same_as(corrected.grid):
        raise GridError(
            f"{path}: lies on another grid than the map",
            f"rio warp {path} OUT --like corrected.tif",
        )
    try:
        found = theirs.encode(truth.values[0], nodata=truth.nodata, path=path)
    except LegendError as error:
        said = error.hint if name else f"--truth LEGEND={path} names the legend of its codes"
        raise LegendError(error.message, said) from error
    if theirs.iri == legend.iri and theirs.classes == legend.classes:
        return Truth(found, {})
    return _placed(found, theirs, legend, path)


def _placed(found: NDArray[np.int16], theirs: Legend, legend: Legend, path: str) -> Truth:
    """Classes of another legend as classes of the map's, each that is one."""
    from kg.ontology import load_ontology

    table = crosswalk(
        [one.iri for one in theirs.classes], legend, load_ontology(), sources=[theirs]
    )
    own = np.where(table.max(axis=1) >= _ONE, table.argmax(axis=1), -1).astype(np.int16)
    pixels = np.bincount(found[found >= 0], minlength=len(theirs))
    lost = {
        one.label: int(n)
        for one, n, to in zip(theirs.classes, pixels, own, strict=True)
        if n and to < 0
    }
    if pixels.sum() == sum(lost.values()):
        raise LegendError(
            f"{path}: no true class of legend {theirs.name} is one class of the map's legend {legend.name}",
            f"give the truth in the codes of {legend.name}",
        )
    return Truth(np.where(found < 0, np.int16(-1), own[found]), lost)


def score(
    labels: NDArray[np.int16],
    number: NDArray[np.int32],
    accounts: Sequence[Account],
    legend: Legend,
    truth: Truth,
) -> Scores:
    """What a run made right and wrong.

    Args:
        labels: (y, x) classes after.
        number: (y, x) number of the correction, -1 where unchanged.
        accounts: The corrections.
        legend: Of the map.
        truth: What is true.
    """
    from fusion.metrics import confusion, miou, overall_accuracy

    iris, true = [one.iri for one in legend.classes], truth.labels
    before, changed = labels.copy(), number >= 0
    was = np.array([iris.index(one.before) for one in accounts], np.int16)
    before[changed] = was[number[changed]]
    told: dict[str, Any] = {}
    for when, found in (("before", before), ("after", labels)):
        table = confusion(true, found, len(iris))
        told[when] = {"accuracy": float(overall_accuracy(table)), "miou": float(miou(table))}
    right, wrong = (before == true) & (true >= 0), (before != true) & (true >= 0)
    fixed = np.bincount(number[changed & wrong & (labels == true)], minlength=len(accounts))
    broken = np.bincount(number[changed & right], minlength=len(accounts))
    told |= {"fixed": int(fixed.sum()), "broken": int(broken.sum()), "unplaced": truth.unplaced}
    return Scores(told, fixed, broken)


def score_lines(facts: Mapping[str, Any]) -> list[str]:
    """The scores of `Scores.facts` for people."""
    was, now = facts["before"], facts["after"]
    lines = [
        f"{counted(facts['fixed'], 'pixel')} wrong -> right, {counted(facts['broken'], 'pixel')} right -> wrong; "
        f"mean IoU {100 * was['miou']:.2f} -> {100 * now['miou']:.2f} %, "
        f"accuracy {100 * was['accuracy']:.2f} -> {100 * now['accuracy']:.2f} %"
    ]
    if lost := facts["unplaced"]:
        named = ", ".join(f"{name} ({counted(n, 'pixel')})" for name, n in lost.items())
        lines.append(f"true classes that are no one class of the map do not count: {named}")
    return lines
