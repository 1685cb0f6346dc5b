"""Why not another class? A solved run, a pixel and a class come in; the least changes that would give it go out.

At the fixed point the score of a class is a sum over terms, `s(k) = sum_t value_t * f_t(k)` (`reasoning.terms`), so the
least change of one value that lifts the wanted class above all others has a closed form. Neighbours answer to it,
however, so the closed form only says where to look: each answer is found by solving again, with bisection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import InputError
from reasoning.explanation.whatif import labels_of, place_of, window_around
from reasoning.inference.infer import region_message
from reasoning.solved import Solved, Window, solve_window
from reasoning.terms import Change, Nudge

Floats = NDArray[np.float64]
Try = Callable[[float], Change]

MOST = 10.0
"""A value is raised at most to so many times itself (the network's word: to so many nats more)."""
NARROW = 32
"""Pixels around the place that are solved again while searching."""
HALVINGS = 7
"""Bisections: the answer is the least change to 1 % of the interval searched."""


@dataclass(frozen=True)
class Knob:
    """One value, and the least other value of it that gives the wanted class.

    Attributes:
        term: Its IRI; `vocab.NETWORK` stands for what the network said at these pixels, in nats added for the class.
        kind: "network", "lesson", "calibration", "evidence", "smoothness" or "axiom".
        value: Value in the run (0 for the network: nothing added; infinite for a hard rule).
        needed: Least other value that gives the class, found by solving again; None: no value does.
        estimate: The same by the closed form, neighbours as they are; None where it has none.
        size: |needed - value| / |value|; for the network against its own log-odds between the classes, at least 1 nat.
    """

    term: str
    kind: str
    value: float
    needed: float | None
    estimate: float | None
    size: float


@dataclass(frozen=True)
class WhyNot:
    """Why a place is not of a class.

    Attributes:
        row, col: The pixel.
        now: Class IRI that it has.
        wanted: Class IRI that was asked for.
        log_odds: log q(now) / q(wanted), nats; infinite where a hard rule took the class away.
        parts: (term, kind, nats) that the log-odds are the sum of.
        knobs: Those that give the class, least relative change first, then those that do not.
        excluded_by: Hard rules that took the wanted class away there.
    """

    row: int
    col: int
    now: str
    wanted: str
    log_odds: float
    parts: tuple[tuple[str, str, float], ...]
    knobs: tuple[Knob, ...]
    excluded_by: tuple[str, ...]

    @property
    def possible(self) -> tuple[Knob, ...]:
        """Knobs that give the class by themselves."""
        return tuple(knob for knob in self.knobs if knob.needed is not None)


def why_not(solved: Solved, row: int, col: int, wanted: str) -> WhyNot:
    """Find, for each knob alone, the least change that would give a class at a pixel.

    Args:
        solved: The run.
        row: Row of the pixel.
        col: Its column.
        wanted: Class IRI.

    Returns:
        What holds it back, and every knob with its least change, solved again in a window around the place.

    Raises:
        InputError: The pixel has that class already, or the class is not in the legend.
    """
    classes = [one.iri for one in solved.terms.before.legend.classes]
    if wanted not in classes:
        raise InputError(
            f"{vocab.curie(wanted)}: no class of legend {solved.terms.before.legend.name}",
            f"one of {', '.join(one.label for one in solved.terms.before.legend.classes)}",
        )
    now, label = int(solved.corrected.after.labels[row, col]), classes.index(wanted)
    if now == label:
        raise InputError(
            f"row {row}, column {col} is {solved.terms.before.legend.classes[label].label} already",
            "ask for another class",
        )
    scores = _scores(solved, row, col)
    gone = solved.exclusions.by(int(solved.terms.regions.label[row, col]), label)
    search = _Search(solved, (row, col), label)
    if gone:  # nothing else counts as long as the class is taken away
        knobs = [search.hard(term) for term in gone]
    else:
        knobs = [search.knob(term, kind, part) for term, kind, part in scores]
    knobs.sort(key=lambda knob: (knob.needed is None, knob.size, knob.term))
    parts = tuple((term, kind, float(part[now] - part[label])) for term, kind, part in scores)
    odds = np.inf if gone else sum(value for _, _, value in parts)
    return WhyNot(row, col, classes[now], wanted, float(odds), parts, tuple(knobs), gone)


def _scores(solved: Solved, row: int, col: int) -> list[tuple[str, str, Floats]]:
    """(term, kind, (class,) nats) at one pixel; they sum to its log-marginals, up to a constant."""
    from reasoning.inference.smooth import smoothness_gradient

    terms, rows, cols = solved.terms, np.array([row]), np.array([col])
    found = [(term, kind, part[:, 0]) for term, kind, part in terms.spoken(rows, cols)]
    if terms.settings.nodes == "pixels":
        p, at = solved.problem, solved.solution.at
        rough = smoothness_gradient(at, p.right, p.down, rows, cols)[0]
        found.append((vocab.SMOOTHNESS, "smoothness", -rough))
    b = np.concatenate([terms.regions.count, np.zeros(len(solved.problem.fixed))])
    region = int(terms.regions.label[row, col])
    for one, weight in terms.axioms():
        message = region_message(one, solved.solution.means, b, weight)[region]
        if np.ptp(message) > 0:
            found.append((one.axiom.iri, "axiom", -message))
    return found


class _Search:
    """Tries values of one knob after another in a window around a place."""

    def __init__(self, solved: Solved, place: tuple[int, int], label: int) -> None:
        self.solved, self.place, self.label = solved, place, label
        self.pixels = place_of(solved, *place)
        near = np.zeros_like(self.pixels)
        near[place] = True
        self.window: Window = window_around(near, NARROW)
        self.values = solved.terms.values()
        self.now = int(solved.corrected.after.labels[place])
        self.scores = np.zeros(len(solved.terms.before.legend))
        for _, _, part in _scores(solved, *place):
            self.scores = self.scores + part
        if len(solved.exclusions.axioms):
            region = int(solved.terms.regions.label[place])
            self.scores[~solved.exclusions.allowed[region]] = -np.inf

    def gives(self, change: Change) -> bool:
        """Whether the class is decided for, with the change."""
        window = self.window
        solution = solve_window(self.solved, change, window)
        labels = labels_of(solution.q, self.solved.terms.regions.label[window])
        row, col = self.place[0] - window[0].start, self.place[1] - window[1].start
        return int(labels[row, col]) == self.label

    def knob(self, term: str, kind: str, part: Floats) -> Knob:
        """The least change of one knob."""
        if kind == "network":
            return self.network(part)
        value = self.values[term]
        if not np.isfinite(value):
            return self.hard(term)
        lead = part[self.now] - part[self.label]
        if value == 0 or lead == 0:
            return Knob(term, kind, value, None, None, np.inf)
        factor = least_factor(self.scores, part, self.label)
        estimate = None if factor is None else value * factor

        def change(to: float) -> Change:
            """The term at another value."""
            return Change({term: to})

        limit = 0.0 if lead > 0 else value * MOST
        needed = self.least(change, value, limit, estimate)
        size = np.inf if needed is None else abs(needed - value) / value
        return Knob(term, kind, value, needed, estimate, size)

    def network(self, part: Floats) -> Knob:
        """How much more the network would have to say for the class at the pixels of the place."""
        own = max(abs(float(part[self.now] - part[self.label])), 1.0)
        estimate = float(self.scores.max() - self.scores[self.label])

        def change(to: float) -> Change:
            """The network speaking more for the class."""
            return Change(nudge=Nudge(self.pixels, self.label, to))

        needed = self.least(change, 0.0, max(MOST, 2 * estimate), estimate)
        size = np.inf if needed is None else needed / own
        return Knob(vocab.NETWORK, "network", 0.0, needed, estimate, size)

    def hard(self, term: str) -> Knob:
        """Whether dropping a hard rule is enough."""
        gives = self.gives(Change({term: 0.0}))
        return Knob(term, "axiom", np.inf, 0.0 if gives else None, None, 1.0 if gives else np.inf)

    def least(self, change: Try, start: float, limit: float, guess: float | None) -> float | None:
        """The value nearest to `start`, on the way to `limit`, that gives the class; None when none was found."""
        bad, good = start, None
        near = [] if guess is None else [guess + 0.02 * (guess - start)]
        low, high = min(start, limit), max(start, limit)
        between = start + (limit - start) / 4
        for to in (*(one for one in near if low < one < high), between, limit):
            if self.gives(change(to)):
                good = to
                break
            bad = to
        if good is None:
            return None
        for _ in range(HALVINGS):
            if abs(good - bad) <= 0.01 * abs(good - start):
                break
            middle = (good + bad) / 2
            if self.gives(change(middle)):
                good = middle
            else:
                bad = middle
        return good


def least_factor(scores: Floats, part: Floats, label: int) -> float | None:
    """The factor nearest to 1, and not below 0, on one part of a sum that makes a label the largest.

    Args:
        scores: (class,) sum of all parts.
        part: (class,) the part that is scaled.
        label: The label that shall win.

    Returns:
        The factor, or None when there is none.
    """
    behind, gain = scores - scores[label], part - part[label]
    low, high = 0.0, np.inf
    for k in range(len(scores)):
        if k == label:
            continue
        if gain[k] == 0:
            if behind[k] > 0:
                return None
        elif gain[k] > 0:
            high = min(high, 1 - behind[k] / gain[k])
        else:
            low = max(low, 1 - behind[k] / gain[k])
    return None if low > high else float(np.clip(1.0, low, high))
