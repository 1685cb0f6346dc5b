"""The terms of a run, kept apart: what spoke comes in, the problem that inference solves goes out, weighed as you like.

Everything that decides a pixel is a sum: what the network said, what a lesson knows of its errors, its calibration,
each source, smoothness, each rule.
Each of these terms has one value (a knob): nats per pixel for a rule, nats per pair of pixels for smoothness, a factor
on what it says for the others. `Terms.problem` puts the sum together for the values of the run or for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg import vocab
from kg.errors import RuleError
from kg.ontology import HARD_WEIGHT
from reasoning.evidence.observe import Observation
from reasoning.inference.infer import EXCLUDED, Problem
from reasoning.logic.hard import Exclusions, exclude
from reasoning.regions.graph import RegionGraph, region_means
from reasoning.settings import CorrectSettings
from reasoning.threads import in_blocks

if TYPE_CHECKING:
    from reasoning.logic.axioms import CompiledAxiom

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]


@dataclass(frozen=True)
class Nudge:
    """What if the network had spoken more for a class at some pixels?

    Attributes:
        pixels: (y, x) bool.
        label: Row of the class in the legend.
        nats: Added to its log-probability.
    """

    pixels: NDArray[np.bool_]
    label: int
    nats: float


@dataclass(frozen=True)
class Change:
    """Other values of some knobs.

    Attributes:
        values: Term IRI -> value; terms that are not named keep theirs. 0 drops a term, a hard rule too.
        nudge: What the network might have said, or None.
    """

    values: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    nudge: Nudge | None = None


AS_IT_IS = Change()


@dataclass(frozen=True, eq=False)
class Terms:
    """Everything that a run decides by, term by term.

    Attributes:
        before: What the network said, and what its lesson knows of its errors, if it has one.
        regions: Regions of its labels; with a lesson, of the labels that this makes of them.
        observations: Evidence.
        compiled: Every active axiom.
        repeated: Regions whose marginals as the network saw them serve as further rows
            (`reasoning.facts.limit_messages`).
        contrast: (y, x) weights to the right and below at a smoothness of 1; 0 where regions are the nodes.
        settings: Knobs of the run.
    """

    before: Prediction
    regions: RegionGraph
    observations: tuple[Observation, ...]
    compiled: tuple[CompiledAxiom, ...]
    repeated: NDArray[np.intp]
    contrast: Pair
    settings: CorrectSettings

    def values(self) -> dict[str, float]:
        """Every knob with its value in this run; a hard rule has infinity."""
        found = {vocab.NETWORK: 1.0}
        if self.before.lesson is not None:
            found[vocab.LESSON] = 1.0
        if self.settings.calibration is not None:
            found[vocab.CALIBRATION] = 1.0
        found |= {source_term(one): 1.0 for one in self.observations}
        found[vocab.SMOOTHNESS] = self.settings.smoothness
        hard = {
            one.axiom.iri: np.inf if one.axiom.hard else one.axiom.weight for one in self.compiled
        }
        return found | hard

    def spoken(
        self, rows: NDArray[np.intp], cols: NDArray[np.intp]
    ) -> list[tuple[str, str, Floats]]:
        """What each term but smoothness and rules says at some pixels: (term, kind, (class, pixel) nats)."""
        logs = self._logs_at(self.before, rows, cols)
        found = [(vocab.NETWORK, "network", logs)]
        if self.before.lesson is not None:
            said = self._logs_at(self.before.advised, rows, cols)
            found.append((vocab.LESSON, "lesson", said - logs))
            logs = said
        if self.settings.calibration is not None:
            scores = self.settings.calibration.scores(logs.T, self.before.legend).T
            found.append((vocab.CALIBRATION, "calibration", scores - logs))
        for one in self.observations:
            planes = [self._at(plane, rows, cols) for plane in one.potential]
            found.append((source_term(one), "evidence", np.stack(planes)))
        return found

    def _logs_at(self, said: Prediction, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Floats:
        """(class, pixel) log p of a prediction."""
        planes = (self._log(plane) for plane in said.probabilities)
        return np.stack([self._at(plane, rows, cols) for plane in planes])

    def _log(self, plane: NDArray[np.floating]) -> Floats:
        return np.asarray(np.log(np.maximum(plane.astype(np.float64), self.settings.floor)))

    def _at(
        self, plane: NDArray[np.floating], rows: NDArray[np.intp], cols: NDArray[np.intp]
    ) -> Floats:
        """Values at some pixels; the mean of the region where regions decide as a whole."""
        if self.settings.nodes == "pixels":
            return plane[rows, cols].astype(np.float64)
        label = self.regions.label
        means: Floats = region_means(label, len(self.regions), plane)
        return means[label[rows, cols]]

    def axioms(self, change: Change = AS_IT_IS) -> tuple[tuple[CompiledAxiom, float], ...]:
        """(axiom, weight) of every axiom that acts in F, hard ones about neighbours included."""
        found = []
        for one in self.compiled:
            value = change.values.get(one.axiom.iri, np.inf if one.axiom.hard else one.axiom.weight)
            if not (one.axiom.hard and one.local):
                found.append((one, min(value, HARD_WEIGHT) if one.axiom.hard else value))
        return tuple(found)

    def exclusions(self, change: Change = AS_IT_IS) -> Exclusions:
        """What hard axioms about a single region take away."""
        hard = [
            one
            for one in self.compiled
            if one.axiom.hard and one.local and change.values.get(one.axiom.iri, np.inf) > 0
        ]
        n = len(self.regions)
        rows, legend = n + len(self.repeated), self.before.legend
        return exclude(hard, n, legend, rows=rows, before=self.regions.cls)

    def unary(self, change: Change = AS_IT_IS, window: tuple[slice, slice] | None = None) -> Floats:
        """(y, x, class) everything but smoothness and rules, of the whole map or of a window, plane by plane."""
        rows, cols = window or (slice(None), slice(None))
        logs = self._logs(self.before, rows, cols)
        factor = change.values.get(vocab.NETWORK, 1.0)
        alone = self.before.lesson is None and self.settings.calibration is None
        out = logs if alone and factor == 1.0 else factor * logs
        if self.before.lesson is not None:
            said = self._logs(self.before.advised, rows, cols)
            out += change.values.get(vocab.LESSON, 1.0) * (said - logs)
            logs = said
        if self.settings.calibration is not None:
            scores = self.settings.calibration.scores(logs, self.before.legend)
            out += change.values.get(vocab.CALIBRATION, 1.0) * (scores - logs)
        for one in self.observations:
            factor = change.values.get(source_term(one), 1.0)
            out += np.float32(factor) * np.moveaxis(one.potential[:, rows, cols], 0, -1)
        if change.nudge is not None:
            out[change.nudge.pixels[rows, cols], change.nudge.label] += change.nudge.nats
        return out

    def _logs(self, said: Prediction, rows: slice, cols: slice) -> Floats:
        """(y, x, class) log p of a prediction, in a window."""
        seen = said.probabilities[:, rows, cols]
        logs = np.empty(seen.shape)

        def some(first: int, last: int) -> None:
            """Of some classes."""
            part = logs[first:last]
            np.maximum(seen[first:last], self.settings.floor, out=part, dtype=np.float64)
            np.log(part, out=part)

        in_blocks(some, len(seen), 1)
        return np.moveaxis(logs, 0, -1)

    def problem(
        self,
        change: Change = AS_IT_IS,
        exclusions: Exclusions | None = None,
        window: tuple[slice, slice] | None = None,
    ) -> Problem:
        """The free energy of the run, or of a window of it, under other values of some knobs.

        Args:
            change: Other values.
            exclusions: `self.exclusions(change)`, where that is known already.
            window: Rows and columns; None is the whole map.
        """
        rows, cols = window or (slice(None), slice(None))
        gone = self.exclusions(change) if exclusions is None else exclusions
        label, k = self.regions.label[rows, cols], len(self.before.legend)
        unary = self.unary(change, window)
        if len(gone.axioms):
            unary[~np.vstack([gone.allowed, np.ones((1, k), bool)])[label]] = EXCLUDED
        smooth = change.values.get(vocab.SMOOTHNESS, self.settings.smoothness)
        right, down = (np.ascontiguousarray(smooth * plane[rows, cols]) for plane in self.contrast)
        axioms = tuple((weight, one) for one, weight in self.axioms(change) if weight > 0)
        if self.settings.nodes == "regions":
            return self._by_region(unary, axioms)
        return Problem(unary, right, down, label, np.ones(label.shape), axioms, self.fixed())

    def _by_region(self, unary: Floats, axioms: tuple[tuple[float, CompiledAxiom], ...]) -> Problem:
        """Each region is one node, which stands for all its pixels; nothing is smoothed."""
        label, n = self.regions.label, len(self.regions)
        planes = [region_means(label, n, plane) for plane in np.moveaxis(unary, -1, 0)]
        none, each = np.zeros((1, n)), np.arange(n, dtype=np.int32)[None]
        size = self.regions.count.astype(np.float64)[None]
        mean = np.ascontiguousarray(np.stack(planes, axis=-1)[None])
        return Problem(mean, none, none, each, size, axioms, self.fixed())

    def fixed(self) -> Floats:
        """(row, class) neighbours as the network, or what its lesson makes of it, saw them."""
        p, n = self.before.advised.probabilities, len(self.regions)
        if not len(self.repeated):
            return np.empty((0, len(p)))
        label = self.regions.label
        return np.stack([region_means(label, n, plane)[self.repeated] for plane in p], axis=1)

    def check(self, change: Change) -> None:
        """Refuse values that mean nothing.

        Raises:
            RuleError: A term that this run does not have, a value below 0 or infinite, or a hard rule that is
                neither kept nor dropped.
        """
        known = self.values()
        for term, value in change.values.items():
            name = vocab.curie(term)
            if term not in known:
                raise RuleError(
                    f"{name}: no term of this run",
                    f"known: {', '.join(vocab.curie(one) for one in known)}",
                )
            if not 0 <= value < np.inf:
                raise RuleError(
                    f"{name}: value {value}, expected 0 or more", f"for example {name}:0.5"
                )
            if np.isinf(known[term]) and value > 0:
                raise RuleError(f"{name}: a hard rule has no weight", f"drop={name}")


def source_term(observation: Observation) -> str:
    """The IRI that stands for a source in contributions."""
    return observation.layer.source or observation.layer.name
