"""Regions of a large raster come in as nodes; what rules make of each, and why, goes out.

Every region stands for all its pixels (`CorrectSettings.nodes` = "regions"), so that the terms of a run, inference
and attribution are those of maps in memory, on a map of one row whose pixels are the regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction, prediction_from_labels
from kg import vocab
from kg.grid import Grid
from kg.legend import Legend
from kg.ontology import Axiom, Ontology
from reasoning.attribution import Run, attribute
from reasoning.correction import Corrected, Correction
from reasoning.facts import Facts, limit_messages, shapes
from reasoning.inference.infer import Problem, Solution
from reasoning.logic.hard import Exclusions
from reasoning.logic.meaning import wanted
from reasoning.regions.graph import RegionGraph
from reasoning.regions.unseen import fact_ranges
from reasoning.settings import CorrectSettings
from reasoning.solved import corrected_prediction, solve_terms
from reasoning.space.relations import CHEAP, Measurer, roles_of
from reasoning.terms import Terms

NOT_BY_STRIPS = "not measured for rasters that are read by strips"


@dataclass(frozen=True)
class NodeRun:
    """A run on regions.

    Attributes:
        terms: What it was decided by; its grid is one row of regions.
        exclusions: What hard axioms removed.
        problem: Terms of F.
        solution: Where inference ended.
        after: What came out.
        inactive: (axiom IRI, why) of rules that could not act.
    """

    terms: Terms
    exclusions: Exclusions
    problem: Problem
    solution: Solution
    after: Prediction
    inactive: tuple[tuple[str, str], ...]

    @property
    def old(self) -> NDArray[np.int16]:
        """(region,) class index before."""
        return self.terms.regions.cls

    @property
    def new(self) -> NDArray[np.int16]:
        """(region,) class index after."""
        labels: NDArray[np.int16] = self.after.labels[0]
        return labels


def node_row(regions: RegionGraph) -> RegionGraph:
    """The same regions on a map of one row, region r being its pixel r."""
    return replace(regions, label=np.arange(len(regions), dtype=np.int32)[None])


def solve_nodes(
    regions: RegionGraph,
    legend: Legend,
    grid: Grid,
    rules: Sequence[Axiom],
    ontology: Ontology,
    settings: tuple[CorrectSettings, float, str],
) -> NodeRun:
    """Compile rules on regions and decide every region.

    Args:
        regions: From `reasoning.regions.graph.region_graph`.
        legend: Names the classes.
        grid: Grid of the raster.
        rules: Rules.
        ontology: What they are written in.
        settings: Knobs of the run (nodes are regions in any case), confidence of the stated class, name of the model.

    Raises:
        RuleError: A rule cannot be compiled, or hard rules contradict each other.
        RasterError: The confidence is out of range.
    """
    from reasoning.logic.axioms import compile_axioms
    from reasoning.logic.roles import with_roles

    knobs, confidence, model = settings
    row = node_row(regions)
    line = replace(grid, height=1, width=len(regions))
    before = prediction_from_labels(
        regions.cls[None], legend, line, confidence=confidence, model=model
    )
    facts = with_roles(_facts(row, grid, rules, ontology), rules, ontology)
    facts, repeated = limit_messages(facts, regions.count, knobs.message_cap)
    compiled = compile_axioms(rules, legend, ontology, facts)
    none = np.zeros((1, len(regions)))
    terms = Terms(
        before=before,
        regions=row,
        observations=(),
        compiled=tuple(one for one in compiled if one.active),
        repeated=repeated,
        contrast=(none, none),
        settings=replace(knobs, nodes="regions", smoothness=0.0),
    )
    exclusions = terms.exclusions()
    problem, solution = solve_terms(terms, exclusions=exclusions)
    after = corrected_prediction(before, solution, row.label)
    idle = tuple((one.axiom.iri, one.reason) for one in compiled if not one.active)
    return NodeRun(terms, exclusions, problem, solution, after, idle)


def _facts(regions: RegionGraph, grid: Grid, rules: Sequence[Axiom], ontology: Ontology) -> Facts:
    """Shapes and shared boundaries; what needs the pixels is absent, with that as the reason."""
    names = wanted(rules, ontology)
    data = {name: one for name, one in shapes(regions).items() if not np.isnan(one).all()}
    edge = np.where(np.asarray(regions.cut, bool), 0.0, np.inf)
    roles = roles_of(names, ontology.roles.above, ontology.role_notes)
    near = tuple(role for role in roles if role.base in CHEAP)
    relations = Measurer(regions, grid, near).relations()
    absent = dict.fromkeys(sorted(names - data.keys() - relations.keys()), NOT_BY_STRIPS)
    ranges = fact_ranges(regions, data, edge)
    return Facts(data, {}, relations, absent=absent, ranges=ranges)


def listed(
    run: NodeRun, most: int, places: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> Corrected:
    """The largest changed regions as corrections with their contributions.

    Args:
        run: The run.
        most: How many regions are told of one by one.
        places: (region,) longitude and latitude of a pixel of each region.

    Returns:
        A result on the map of one row; its corrections have the pixels, area and place of their regions.
    """
    changed = np.flatnonzero(run.old != run.new)
    count, area = run.terms.regions.count, run.terms.regions.area
    told = changed[np.argsort(-count[changed], kind="stable")[:most]]
    after = run.terms.before.probabilities.copy()
    after[:, 0, told] = run.after.probabilities[:, 0, told]
    shown = replace(run.after, probabilities=after)
    found, _ = attribute(Run(run.terms, shown, run.exclusions, run.problem, run.solution))
    lon, lat = places
    full = (
        replace(
            one,
            pixels=int(count[one.region]),
            area=float(area[one.region]),
            lon=float(lon[one.region]),
            lat=float(lat[one.region]),
        )
        for one in found
    )
    corrections: tuple[Correction, ...] = tuple(sorted(full, key=lambda c: (-c.pixels, c.region)))
    index = np.full((1, len(count)), -1, np.int32)
    index[0, [one.region for one in corrections]] = np.arange(len(corrections))
    return Corrected(
        before=run.terms.before,
        after=run.after,
        regions=run.terms.regions,
        corrections=corrections,
        index=index,
        axioms=tuple(one.axiom for one in run.terms.compiled),
        layers=(),
        trace=run.solution.trace,
        inactive=run.inactive,
    )


def causes(run: NodeRun) -> dict[str, tuple[int, int]]:
    """Term IRI -> (regions, pixels) of the changes that it is the one strongest reason for, most pixels first.

    As in `reasoning.explanation.sentences.cause`: the first hard rule that removed the class before, else the rule with
    the largest contribution, else the network.
    """
    from reasoning.inference.infer import region_message

    changed = np.flatnonzero(run.old != run.new)
    old, new = run.old[changed], run.new[changed]
    names, best = [vocab.NETWORK], np.full(len(changed), 0.01)
    which = np.zeros(len(changed), np.intp)
    b = np.concatenate([run.terms.regions.count, np.zeros(len(run.problem.fixed))])
    for one, weight in run.terms.axioms():
        message = region_message(one, run.solution.means, b, weight)
        value = message[changed, old] - message[changed, new]
        which[value > best] = len(names)
        best = np.maximum(best, value)
        names.append(one.axiom.iri)
    for i in reversed(range(len(run.exclusions.axioms))):
        which[run.exclusions.removed[i, changed, old]] = len(names)
        names.append(run.exclusions.axioms[i])
    pixels = np.bincount(which, run.terms.regions.count[changed], len(names)).astype(np.int64)
    number = np.bincount(which, minlength=len(names))
    order = np.argsort(-pixels, kind="stable")
    return {names[i]: (int(number[i]), int(pixels[i])) for i in order if number[i]}
