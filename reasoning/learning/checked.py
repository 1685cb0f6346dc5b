"""The learner: labelled tiles and sets of rules come in; the numbers that held-out tiles prefer go out.

The ways of mapping that are compared are: the map as given, the rules at the expert's weights, a learned calibration,
the same with learned smoothness, and each set of rules learned beside these. A later one is kept only where it maps
held-out tiles better, so that what is learned is never worse there than what needs less. The score of the winner is a
little optimistic: it is the best of a few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kg.ontology import Axiom
from reasoning.learning.balance import arrays_of, chosen, trials_of, try_balances
from reasoning.learning.caution import HELD, choose_caution
from reasoning.learning.fit import Fit
from reasoning.learning.learned import HeldOut, Learned, Mapped, Trial
from reasoning.learning.school import CALIBRATION, EXPERT, NETWORK, SMOOTHNESS, Parts, School
from reasoning.learning.smoothing import choose_smoothing
from reasoning.learning.staged import Stages
from reasoning.learning.steps import Steps
from reasoning.learning.tiles import LabelledTile, check_tiles, class_counts, folds, scenes
from reasoning.settings import CorrectSettings

MARGIN = 0.001
"""Mean IoU by which a way of mapping must beat one that needs less."""
LOOSE = 1e-3
"""A pull to the expert's weights that few tiles overcome."""
ONE_SCENE = Stages(shrinkage=0.3, polished=False)
"""How little one scene alone may teach, because what it teaches cannot be checked."""


@dataclass(frozen=True)
class Checks:
    """How held-out tiles decide.

    Attributes:
        most_folds: Most parts that the tiles are held out in; with as many scenes, each is held out alone.
        fixed_per_broken: Least number of pixels that held-out tiles must have put right per pixel put wrong: labels
            are held accordingly (`reasoning.learning.caution`), and the map stays as given where that is not to be
            had. 0 asks for nothing.
    """

    most_folds: int = 6
    fixed_per_broken: float = 0.0


def learn_checked(
    tiles: Sequence[LabelledTile],
    candidates: Mapping[str, Sequence[Axiom]],
    settings: CorrectSettings,
    *,
    stages: Stages | None = None,
    checks: Checks | None = None,
    steps: Steps | None = None,
) -> Learned:
    """Learn calibration, smoothness, strengths of sources and weights of rules, as far as held-out tiles prefer them.

    Held-out tiles also say by how much the learned smoothness should be multiplied (`reasoning.learning.smoothing`).

    Args:
        tiles: Of one legend. They are asked for one after the other, several times, so that a sequence that reads them
            when asked for keeps memory small. With tiles of one scene nothing can be held out: the rules of the first
            candidate are learned, held to the expert's weights as `ONE_SCENE` says, and nothing is claimed.
        candidates: Name -> rules, each with the weight that it starts from and is shrunk towards; few rules before
            many. Hard rules act in every way but the map as given, and have no weight to learn.
        settings: How tiles are corrected; its smoothness and strengths are where learning starts.
        stages: Knobs of each fit; default `Stages()` with class weights that held-out tiles prefer
            (`reasoning.learning.balance`), each set of rules that an expert weighed tried
            with the pull `LOOSE` too.
        checks: How tiles are held out, and what is asked of them; default `Checks()`.
        steps: Remembers what is done already, and tells of it.

    Returns:
        What was learned. The same input gives the same numbers.

    Raises:
        InputError: No tile, or no known pixel.
        LegendError: Tiles with different legends.
        RuleError: A rule that cannot be compiled, or a set of rules of a name that is taken.
    """
    check_tiles(tiles)
    several = bool(scenes(tiles).max() > 0)
    work, asked = steps or Steps(), checks or Checks()
    knobs, trials = stages or Stages(), tuple[Trial, ...]()
    if not several:
        knobs = replace(knobs, shrinkage=ONE_SCENE.shrinkage, polished=ONE_SCENE.polished)
    elif stages is None:
        trials = tried(tiles, most_folds=asked.most_folds, steps=work)
        knobs = replace(knobs, balance=chosen(trials).balance, loose=LOOSE)
    parts = [[int(i) for i in part] for part in folds(tiles, asked.most_folds)] if several else []
    school = School(tiles, candidates, settings, knobs, work, parts)
    learned = replace(_learned(school, _held_out(school), parts), trials=trials)
    ratio = asked.fixed_per_broken
    return _cautious(school, learned, ratio) if ratio > 0 else learned


def tried(
    tiles: Sequence[LabelledTile], *, most_folds: int = 6, steps: Steps | None = None
) -> tuple[Trial, ...]:
    """As `reasoning.learning.balance.try_balances`, once; arguments are those of `learn_checked` and `Checks`."""
    work = steps or Steps()
    work.plan(1)
    found = work.do(
        "trials of class weights", lambda: arrays_of(try_balances(tiles, most_folds=most_folds))
    )
    return trials_of(found, len(tiles[0].prediction.legend))


def _held_out(school: School) -> tuple[HeldOut, ...]:
    given, expert = school.survey()
    if not school.parts:
        return ()
    school.smoother = choose_smoothing(lambda factor: _smoothed(school, factor), MARGIN)
    maps = {NETWORK: given, EXPERT: expert}
    maps |= {way: school.held_out(way) for way in school.sets}
    return tuple(
        HeldOut(i, tile.name or f"tile {i + 1}", {way: row[i] for way, row in maps.items()})
        for i, tile in enumerate(school.tiles)
    )


def _smoothed(school: School, factor: float) -> Sequence[Mapped]:
    """Held-out tiles, mapped without rules and with so many times the learned smoothness."""
    if factor > 1:
        school.steps.plan(len(school.tiles))
    school.smoother = factor
    return school.held_out(SMOOTHNESS)


def _learned(school: School, held: tuple[HeldOut, ...], parts: Parts) -> Learned:
    """Choose a way; report on the rules of it, or where it has none, of the last candidate."""
    candidates = school.candidates
    rows = held and {way: [one.ways[way] for one in held] for way in held[0].ways}
    chosen = (candidates or (SMOOTHNESS,))[0]
    told = chosen
    if rows:
        chosen = choose({way: Mapped.together(maps).mean_iou for way, maps in rows.items()})
        told = chosen if chosen in candidates else (candidates or (SMOOTHNESS,))[-1]
    fits = {way: school.fit(way) for way in dict.fromkeys((CALIBRATION, SMOOTHNESS, told, chosen))}
    counts = class_counts(school.tiles)
    return Learned(
        chosen=chosen,
        fits=fits,
        expert=school.expert,
        weights=school.weights(told),
        held_out=held,
        fold_fits=tuple((tuple(part), school.fit(told, i)) for i, part in enumerate(parts)),
        scenes=int(scenes(school.tiles).max()) + 1,
        absent=tuple(
            one.label for one, n in zip(school.legend.classes, counts, strict=True) if n == 0
        ),
        smoother=school.smoother,
    )


def _cautious(school: School, learned: Learned, ratio: float) -> Learned:
    """Hold labels as given until held-out tiles have the ratio; the map as given where they never have."""
    way, legend = learned.chosen, school.legend
    if way == NETWORK or not learned.held_out:
        return learned
    school.steps.at_least(len(school.tiles))
    found = choose_caution(lambda nats: school.held_out(way, nats), ratio)
    if found is None:
        return replace(learned, chosen=NETWORK, fits={**learned.fits, NETWORK: school.fit(NETWORK)})
    nats, maps = found
    if not nats:
        return learned
    name = way + HELD.format(nats)
    held = tuple(
        replace(one, ways={**one.ways, name: mapped})
        for one, mapped in zip(learned.held_out, maps, strict=True)
    )
    folds = tuple((part, fit.cautious(nats, legend)) for part, fit in learned.fold_fits)
    fits = {**learned.fits, name: learned.fit.cautious(nats, legend)}
    return replace(learned, chosen=name, fits=fits, held_out=held, fold_fits=folds)


def choose(scores: Mapping[str, float]) -> str:
    """Name by name, the simplest first: the first, or a later one where it beats the one so far by `MARGIN`."""
    names = list(scores)
    best = names[0]
    for name in names[1:]:
        if scores[name] >= scores[best] + MARGIN:
            best = name
    return best


def fit_rules(
    tiles: Sequence[LabelledTile],
    rules: Sequence[Axiom],
    settings: CorrectSettings,
    stages: Stages | None = None,
) -> Fit:
    """Fit one set of rules to all tiles, whether it is worth it or not; arguments are those of `learn_checked`."""
    school = School(tiles, {"rules": rules}, settings, stages or Stages(), Steps())
    school.survey()
    return school.fit("rules")
