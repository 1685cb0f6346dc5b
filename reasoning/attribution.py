"""Who changed what: a solved field comes in, corrections with their additive contributions go out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg import vocab
from reasoning.correction import MOST_EVIDENCE, Correction
from reasoning.corrections import Columns, Corrections
from reasoning.evidence.observe import Observation
from reasoning.inference.infer import Problem, Solution, region_message
from reasoning.logic.hard import Exclusions
from reasoning.regions.graph import RegionGraph, classes_of, components
from reasoning.terms import Terms

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SPECK = 9
"""Changed patches of fewer pixels share one correction per (region, before, after)."""
ALIKE = 0.05
"""Nats within which two classes count as equally likely."""


@dataclass(frozen=True)
class Run:
    """A solved problem and what it was made from.

    Attributes:
        terms: What it was decided by.
        after: The corrected prediction.
        exclusions: What hard axioms removed.
        problem: Terms of F.
        solution: Where inference ended, for every pixel.
    """

    terms: Terms
    after: Prediction
    exclusions: Exclusions
    problem: Problem
    solution: Solution

    @property
    def before(self) -> Prediction:
        """What the network said."""
        return self.terms.before

    @property
    def regions(self) -> RegionGraph:
        """Regions of the labels before."""
        return self.terms.regions


@dataclass(frozen=True)
class _Changes:
    """Changed pixels, and the groups that they form: patches of one (region, before, after)."""

    rows: Ints
    cols: Ints
    old: Ints
    new: Ints
    group: Ints
    first: Ints
    count: NDArray[np.int64]

    def mean(self, values: Floats) -> Floats:
        """(group,) mean of one value per changed pixel."""
        return np.bincount(self.group, weights=values, minlength=len(self.count)) / self.count

    def means(self, planes: Floats) -> Floats:
        """(group, class) means of (class, pixel) values."""
        return np.stack([self.mean(plane) for plane in planes], axis=1)


def attribute(run: Run) -> tuple[Sequence[Correction], NDArray[np.int32]]:
    """Group the changed pixels into patches of one region, class before and class after; reasons are asked later.

    Returns:
        Corrections, largest area first, whose reasons are computed when one is looked at; and (y, x) int32 row of the
        correction of each changed pixel, -1 elsewhere.
    """
    index = np.full(run.before.grid.shape, -1, np.int32)
    changes = _changes(run)
    if not len(changes.rows):
        return (), index
    order = np.argsort(-changes.count, kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    index[changes.rows, changes.cols] = rank[changes.group]
    return Corrections(len(order), partial(_columns, run, changes, order)), index


def _changes(run: Run) -> _Changes:
    old, new = classes_of(run.before), classes_of(run.after)
    rows, cols = np.nonzero((old != new) & (old >= 0))
    after, before = new[rows, cols].astype(np.intp), old[rows, cols].astype(np.intp)
    k = len(run.before.legend.classes)
    key = (run.regions.label[rows, cols].astype(np.int64) * k + before) * k + after
    kind = np.unique(key, return_inverse=True)[1].ravel()
    _, first, group, count = np.unique(
        _patches(kind, rows, cols, old.shape),
        return_index=True, return_inverse=True, return_counts=True,
    )  # fmt: skip
    return _Changes(rows, cols, before, after, group.ravel(), first, count)


def _patches(kind: Ints, rows: Ints, cols: Ints, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Group of each changed pixel: its patch, or, where that is a speck, all specks of the same kind together."""
    plane = np.full(shape, -1, np.int64)
    plane[rows, cols] = kind
    patch, total = components(plane, 8)
    mine = patch[rows, cols].astype(np.int64)
    size = np.bincount(mine, minlength=total)
    return np.where(size[mine] >= SPECK, mine, total + kind)


def _terms(run: Run, c: _Changes) -> tuple[list[tuple[str, str, Floats]], Floats]:
    """(term, kind, mean contribution per group) of everything that spoke, and (group, class) their sums by class."""
    from reasoning.inference.smooth import smoothness_gradient

    each = np.arange(len(c.rows))
    terms, scores = [], np.zeros((len(c.count), len(run.before.legend)))
    for term, kind, planes in run.terms.spoken(c.rows, c.cols):
        terms.append((term, kind, c.mean(planes[c.new, each] - planes[c.old, each])))
        scores += c.means(planes)
    region, old, new = _heads(run, c)
    if run.terms.settings.nodes == "pixels":
        rough = smoothness_gradient(
            run.solution.at, run.problem.right, run.problem.down, c.rows, c.cols
        )
        pulled = rough[each, c.old] - rough[each, c.new]
        scores -= c.means(rough.T)
        if run.terms.settings.mode == "map":  # a pixel does not hold itself back: it flips whole
            pairs = _pairs_of(run.problem)[c.rows, c.cols]
            pulled = pulled + pairs
            scores[np.arange(len(new)), new] += c.mean(pairs)
        terms.append((vocab.SMOOTHNESS, "smoothness", c.mean(pulled)))
    b = np.concatenate([run.regions.count, np.zeros(len(run.problem.fixed))])
    for one, weight in run.terms.axioms():
        message = region_message(one, run.solution.means, b, weight)
        terms.append((one.axiom.iri, "axiom", message[region, old] - message[region, new]))
        scores -= message[region]
    return _merged(terms), scores


def _alike(run: Run, c: _Changes, scores: Floats) -> NDArray[np.bool_]:
    """(group, class): classes other than the one before that are as likely as the one after."""
    region, old, new = _heads(run, c)
    each = np.arange(len(new))
    near: NDArray[np.bool_] = scores > scores[each, new][:, None] - ALIKE
    near[each, new] = near[each, old] = False
    if len(run.exclusions.axioms):
        near &= run.exclusions.allowed[region]
    return near


def _pairs_of(problem: Problem) -> Floats:
    """(y, x) sum of the smoothness weights of each pixel's pairs."""
    total = problem.right + problem.down
    total[:, 1:] += problem.right[:, :-1]
    total[1:] += problem.down[:-1]
    return total


def _merged(terms: list[tuple[str, str, Floats]]) -> list[tuple[str, str, Floats]]:
    """One entry per term: two layers of one source add up."""
    sums: dict[tuple[str, str], Floats] = {}
    for term, kind, values in terms:
        sums[term, kind] = sums[term, kind] + values if (term, kind) in sums else values
    return [(term, kind, values) for (term, kind), values in sums.items()]


def _heads(run: Run, c: _Changes) -> tuple[Ints, Ints, Ints]:
    """Region, class before and class after of each group."""
    rows, cols = c.rows[c.first], c.cols[c.first]
    return run.regions.label[rows, cols].astype(np.intp), c.old[c.first], c.new[c.first]


def _columns(run: Run, c: _Changes, order: Ints) -> Columns:
    """Everything to be said about the groups, in the order of the corrections."""
    (terms, scores), each = _terms(run, c), np.arange(len(c.rows))
    q = run.solution.q[c.rows, c.cols]
    with np.errstate(divide="ignore"):
        odds = c.mean(np.log(q[each, c.new]) - np.log(q[each, c.old]))
    odds = np.where(np.isfinite(odds), odds, sum(values for _, _, values in terms))
    area = c.count * run.before.grid.pixel_area
    measures = np.stack([area, *_middles(run, c), odds, c.mean(q[each, c.new])])
    evidence = _evidence(run.terms.observations, c)
    number = np.empty(len(order), np.intp)
    number[order] = np.arange(len(order))
    return Columns(
        legend=run.before.legend,
        exclusions=run.exclusions,
        classes=np.stack(_heads(run, c))[:, order],
        pixels=c.count[order],
        measures=measures[:, order],
        terms=[(term, kind) for term, kind, _ in terms],
        values=np.stack([values for _, _, values in terms], axis=1)[order],
        alike=_alike(run, c, scores)[order],
        evidence={int(number[group]): entities for group, entities in evidence.items()},
    )


def _middles(run: Run, c: _Changes) -> tuple[Floats, Floats]:
    """Longitude and latitude of the changed pixel nearest to the middle of each group."""
    away = (c.rows - c.mean(c.rows.astype(np.float64))[c.group]) ** 2 + (
        c.cols - c.mean(c.cols.astype(np.float64))[c.group]
    ) ** 2
    order = np.lexsort((away, c.group))
    starts = np.concatenate([[0], np.cumsum(c.count)[:-1]])
    pick = order[starts]
    return run.before.grid.lonlat(c.rows[pick] + 0.5, c.cols[pick] + 0.5)


def _evidence(observations: Sequence[Observation], c: _Changes) -> dict[int, tuple[str, ...]]:
    """Group -> IRIs of the features and cells under its pixels; those that speak for the change come first."""
    first, found = [0], []
    for one in observations:
        cell = _reach(one)[c.rows, c.cols]
        spoke = one.potential[:, c.rows, c.cols].any(
            axis=0
        )  # a cell that was silenced is no evidence
        seen = np.flatnonzero((cell >= 0) & spoke)
        mine = cell[seen]
        against = one.speaks[mine, c.new[seen]] <= one.speaks[mine, c.old[seen]]
        found.append(np.stack([c.group[seen], against, mine + first[-1]], axis=1))
        first.append(first[-1] + len(one.layer.entities))
    if not first[-1]:
        return {}
    rows, count = np.unique(np.concatenate(found), axis=0, return_counts=True)
    out: dict[int, list[str]] = {}
    for i in np.lexsort((rows[:, 2], -count, rows[:, 1], rows[:, 0])):
        entities = out.setdefault(int(rows[i, 0]), [])
        if len(entities) < MOST_EVIDENCE:
            layer = bisect_right(first, rows[i, 2]) - 1
            entities.append(observations[layer].layer.entities[int(rows[i, 2]) - first[layer]])
    return {group: tuple(entities) for group, entities in out.items()}


def _reach(one: Observation) -> NDArray[np.int32]:
    """Cells of a layer, widened to the nearest feature within its tolerance, as far as it speaks."""
    from scipy.ndimage import distance_transform_edt

    layer = one.layer
    if layer.tolerance <= 0 or not (layer.cell >= 0).any():
        return layer.cell
    dx, dy = layer.grid.pixel_size
    far, nearest = distance_transform_edt(layer.cell < 0, sampling=(dy, dx), return_indices=True)
    widened: NDArray[np.int32] = layer.cell[nearest[0], nearest[1]]
    speaks = (far <= 1.5 * layer.tolerance) & one.potential.any(axis=0)
    return np.where((layer.cell >= 0) | speaks, widened, -1).astype(np.int32)
