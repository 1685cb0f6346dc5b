"""What train tiles teach, and what that is worth on test tiles: a table comes in, its rows of learned rules go out.

The rows: smoothness without rules; what held-out scenes choose; the same with the ratio of fixed to broken pixels that
is asked for; the trade between that ratio and the mean IoU; the control with the weights of other classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from correction_rules import candidates, exchanged
from correction_table import Table, labelled, sum_error

from kg.ontology import Axiom
from reasoning.correct import CorrectSettings, correct
from reasoning.learning.balance import chosen
from reasoning.learning.caution import HELD
from reasoning.learning.checked import Checks, choose, fit_rules, learn_checked, tried
from reasoning.learning.fit import Fit
from reasoning.learning.learned import Learned
from reasoning.learning.prepared import Prepared, prepare
from reasoning.learning.report import rule_report
from reasoning.learning.report_text import report_table, trial_table
from reasoning.learning.school import CALIBRATION, NETWORK, SMOOTHNESS
from reasoning.learning.staged import Stages
from reasoning.learning.steps import Steps

STAGES = Stages(rounds=1, shrinkage=0.06, hold=0.1, balance=0.5, polished=False)
STIFF = 1e4
"""A pull with which weights stay as they are; temperature and biases are fitted again beside them."""
WAYS = ("views", "shapes and views")
"""Sets of rules that are compared, few before many."""
TRADE = (0.25, 0.5, 1.0, 1.5, 2.0)
"""Nats for a label as given, whose rows show the trade."""


@dataclass(frozen=True)
class Asked:
    """What is asked of a lesson.

    Attributes:
        ratio: Fixed pixels per broken one.
        draws: Draws of weights of other classes.
        parts: Whether to show each family of rules alone.
        by_rule: Whether to show every rule.
    """

    ratio: float
    draws: int = 1
    parts: bool = False
    by_rule: bool = False


class Lesson:
    """What is learned on the train tiles of a case, its parts and its controls, as rows of the table."""

    def __init__(self, table: Table, settings: CorrectSettings, asked: Asked, steps: Steps) -> None:
        self.table, self.settings, self.asked, self.steps = table, settings, asked, steps
        self.tiles = labelled(table.case.tune)
        self.sets = candidates(self.tiles)
        trials = tried(self.tiles, steps=steps)
        print(trial_table(trials))
        self.stages = replace(STAGES, balance=chosen(trials).balance)
        rules = self.sets[WAYS[-1]]
        self.test = [prepare(tile, rules, settings) for tile in labelled(table.case.test)]

    def learn(self, rng: np.random.Generator) -> None:
        """Rows of what held-out scenes choose, and of what it is made of."""
        learned = learn_checked(
            self.tiles,
            {way: self.sets[way] for way in WAYS},
            self.settings,
            stages=self.stages,
            checks=Checks(fixed_per_broken=self.asked.ratio),
            steps=self.steps,
        )
        _told(learned)
        alone, free = learned.fits[CALIBRATION].calibration, _free(learned)
        if alone is not None:
            after = [alone.apply(p).labels for _, p in self.table.case.test]
            self.table.add("calibration, class weights of ours", after)
        self.row(f"ours: {SMOOTHNESS}", learned.fits[SMOOTHNESS])
        self.row(f"ours: {free} (chosen)", learned.fits[free])
        others = self.controls(learned.fits[free], rng) if free in WAYS else []
        self.row(f"ours, {self.asked.ratio:g} fixed per broken", learned.fit)
        caution = learned.fit.calibration.caution if learned.fit.calibration else 0.0
        if caution:
            less = [("without rules", learned.fits[SMOOTHNESS])]
            for name, fit in (*less, *(("of other classes", fit) for fit in others)):
                self.row(f"  {name}, held", fit.cautious(caution, self.table.case.tiles.legend))
        for nats in TRADE:
            held = learned.fits[free].cautious(nats, self.table.case.tiles.legend)
            self.row(f"  ours{HELD.format(nats)}", held)
        if self.asked.by_rule and free in WAYS:
            reports = rule_report(
                self.tiles, learned, settings=self.settings, weights="learned", method="one step"
            )
            print(report_table(reports))

    def row(self, name: str, fit: Fit) -> None:
        """Map the test tiles by a fit; the sums of one tile's contributions are checked."""
        mine = {axiom.iri for axiom in fit.axioms if axiom.weight > 0}
        some: Sequence[Prepared] = [tile.only(mine) for tile in self.test]
        tile, p = self.table.case.test[0]
        rules = [axiom for axiom in fit.axioms if axiom.iri in mine]
        done = correct(p, axioms=rules, image=tile.image, settings=fit.settings(self.settings))
        labels = [one.labels(one.solve(fit)) for one in some]
        self.table.add(name, labels, sums=sum_error(done), rules=len(mine))

    def controls(self, fit: Fit, rng: np.random.Generator) -> list[Fit]:
        """The weights of other classes, and each family alone; biases are refitted beside them."""
        legend, others = self.table.case.tiles.legend, []
        for number in range(self.asked.draws):
            others.append(self.held(exchanged(fit.axioms, legend, rng), fit))
            self.row(f"  of other classes {number + 1}, refitted", others[-1])
        for family in ("shapes", "views") if self.asked.parts else ():
            mine = {axiom.iri for axiom in self.sets[family]}
            some = [axiom for axiom in fit.axioms if axiom.iri in mine]
            if some:
                self.row(f"  {family} alone, biases refitted", self.held(some, fit))
        return others

    def held(self, rules: Sequence[Axiom], fit: Fit) -> Fit:
        """These weights as they are; temperature and biases fitted again beside them."""
        stages = replace(self.stages, shrinkage=STIFF)
        settings = replace(self.settings, smoothness=fit.smoothness)
        return fit_rules(self.tiles, rules, settings, stages)


def _free(learned: Learned) -> str:
    """The way that held-out scenes choose where no ratio is asked for."""
    word = HELD.partition("{")[0]
    found = choose({way: score for way, score in learned.scores.items() if word not in way})
    return found if found in learned.fits else NETWORK


def _told(learned: Learned) -> None:
    """Print what held-out train tiles say of every way."""
    print(f"smoothness {learned.smoother:g} times what was fitted")
    for way in learned.ways:
        both = learned.mapped(way)
        ratio = both.fixed / max(both.broken, 1)
        print(
            f"held-out train tiles, {way}: mIoU {100 * both.mean_iou:.1f}, accuracy "
            f"{100 * both.accuracy:.1f}, fixed : broken {ratio:.2f}"
        )
    print(f"chosen: {_free(learned)}; with the ratio: {learned.chosen}", flush=True)
