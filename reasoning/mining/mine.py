"""New rules from labelled tiles: maps with truth come in, proposals for an expert to accept go out.

A candidate is kept when the regions of its class that break it are wrong more often than the others: over all tiles
beyond chance (a stratified test on regions, corrected for the number of candidates), in most scenes in which it can be
judged, and beside the rules that are known or kept already. True regions must hardly ever break it; and where regions
of whatever label would break it with its class, the calibrated model must promise more of that class than there is, for
a rule takes its class away from all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.ontology import Axiom
from kg.rules import schema_of
from reasoning.learning.calibration import fit_calibration
from reasoning.learning.tiles import LabelledTile, check_tiles, scenes
from reasoning.mining.breaches import Breaches, breaches_of_map, breaches_of_truth
from reasoning.mining.patterns import Pattern, patterns, true_map
from reasoning.mining.proposals import Proposal

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class MineSettings:
    """Knobs of mining.

    Attributes:
        tail: Share of the true pixels of a class that may break a rule.
        fewest: Breaking regions that a scene needs to judge a rule.
        scenes: Scenes in which a rule must hold, at least.
        most: Share of the scenes that can judge a rule in which it must hold.
        chance: Chance that any rule at all is proposed where labels are random.
        lift: Least ratio of the wrong share of breaking regions to that of the class.
        least: Smallest weight that is worth proposing, nats.
        prior: Regions that the wrong share of breaking regions is shrunk to that of the class by.
    """

    tail: float = 0.02
    fewest: int = 5
    scenes: int = 2
    most: float = 0.6
    chance: float = 0.01
    lift: float = 1.1
    least: float = 0.2
    prior: float = 20.0


def mine(
    tiles: Sequence[LabelledTile],
    *,
    axioms: Sequence[Axiom] = (),
    settings: MineSettings | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Proposal, ...]:
    """Propose rules about size, width, place, spectrum and neighbours of classes.

    Args:
        tiles: Maps with truth, of one legend. Tiles of one scene only give no proposals: what holds in one scene
            may harm the next.
        axioms: Rules that are known: regions that break them teach nothing new.
        settings: Knobs.
        progress: Called with what is done, and how much of how much.

    Returns:
        Proposals, those that concern most wrong pixels first. The same input gives the same proposals.

    Raises:
        InputError: No tile, or no known pixel.
        LegendError: Tiles with different legends.
    """
    knobs, tree = settings or MineSettings(), schema_of(axioms)
    legend = check_tiles(tiles)
    tiles = [tile for tile in tiles if tile.known.any()]
    if scenes(tiles).max() + 1 < knobs.scenes:
        return ()
    maps = [true_map(tile, tree) for tile in tiles]
    found = patterns(maps, legend, tree, knobs.tail)
    every = [one.axiom for one in found]
    rules = [*every, *(axiom for axiom in axioms if axiom.iri not in {a.iri for a in every})]
    about = [one.label for one in found] + [-1] * (len(rules) - len(every))
    calibration = fit_calibration(tiles, balance=0.0)
    seen: list[Breaches] = []
    true: list[Breaches] = []
    for i, tile in enumerate(tiles):
        seen.append(breaches_of_map(tile, rules, about, calibration))
        true.append(breaches_of_truth(tile, every, about))
        if progress is not None:
            progress("tiles mined", i + 1, len(tiles))
    evidence = _Evidence(tuple(seen), tuple(true), scenes(tiles), len(every))
    return _select(found, evidence, knobs)


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Breaches of all tiles: the candidates first, then the known rules."""

    seen: tuple[Breaches, ...]
    true: tuple[Breaches, ...]
    scene: Ints
    candidates: int

    def exceptions(self, rule: int, label: int) -> float:
        """Share of the true pixels of the class that break a rule."""
        mine = [(one.known * (one.label == label), one.broken[rule]) for one in self.true]
        total = sum(float(pixels.sum()) for pixels, _ in mine)
        return sum(float(pixels[broken].sum()) for pixels, broken in mine) / max(total, 1.0)

    def known(self, label: int) -> list[Mask]:
        """(tile, region): regions of the class that break a known rule."""
        return [
            (one.label == label) & one.broken[self.candidates :].any(axis=0) for one in self.seen
        ]


@dataclass(frozen=True)
class _Judged:
    """How a candidate does on regions that no kept rule speaks about."""

    proposal: Proposal
    score: float
    pixels: float


def _select(
    found: Sequence[Pattern], evidence: _Evidence, knobs: MineSettings
) -> tuple[Proposal, ...]:
    """Class by class: keep the candidate that finds most wrong pixels, take its regions away, look again."""
    kept: list[_Judged] = []
    hurdle = _hurdle(knobs.chance / max(len(found), 1))
    for label in sorted({one.label for one in found}):
        taken = evidence.known(label)
        left = [
            (i, one)
            for i, one in enumerate(found)
            if one.label == label and evidence.exceptions(i, label) <= 2 * knobs.tail
        ]
        while left:
            judged = [(i, one, _judge(i, one, evidence, taken, knobs)) for i, one in left]
            good = [(i, one, j) for i, one, j in judged if j is not None and j.score > hurdle]
            if not good:
                break
            best, _, verdict = max(good, key=lambda row: (row[2].pixels, -row[0]))
            kept.append(verdict)
            for tile, one in enumerate(evidence.seen):
                taken[tile] = taken[tile] | ((one.label == label) & one.broken[best])
            left = [(i, one) for i, one, _ in good if i != best]
    kept.sort(key=lambda one: (-one.pixels, one.proposal.axiom.iri))
    return tuple(one.proposal for one in kept)


def _hurdle(chance: float) -> float:
    """One-sided normal quantile."""
    from scipy.stats import norm

    return float(norm.isf(chance))


@dataclass(frozen=True, eq=False)
class _Rows:
    """The regions of a class that are left, of all tiles: scene, wrong share, known pixels, breaking."""

    tile: Ints
    scene: Ints
    wrong: Floats
    known: Floats
    broken: Mask


def _rows(rule: int, label: int, evidence: _Evidence, taken: Sequence[Mask]) -> _Rows:
    parts = []
    for number, (one, gone) in enumerate(zip(evidence.seen, taken, strict=True)):
        keep = (one.label == label) & (one.known > 0) & ~gone
        many = np.full(int(keep.sum()), number)
        parts.append((many, one.wrong[keep], one.known[keep], one.broken[rule][keep]))
    tile, wrong, known, broken = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Rows(tile, evidence.scene[tile], wrong, known, broken)


def _judge(
    rule: int, pattern: Pattern, evidence: _Evidence, taken: Sequence[Mask], knobs: MineSettings
) -> _Judged | None:
    """Weigh a candidate; None where it does not hold in enough scenes, or says too little."""
    rows = _rows(rule, pattern.label, evidence, taken)
    if not rows.broken.any() or rows.broken.all():
        return None
    held, able = _scenes(rows, knobs.fewest)
    if held < knobs.scenes or held < knobs.most * able:
        return None
    base = float(rows.wrong @ rows.known / rows.known.sum())
    mine = rows.known[rows.broken]
    share = float(rows.wrong[rows.broken] @ mine / mine.sum())
    regions = int(rows.broken.sum())
    shrunk = (share * regions + base * knobs.prior) / (regions + knobs.prior)
    among = _log_odds(shrunk) - _log_odds(base)
    weight = round(min(among, _promised(rule, pattern.label, evidence, knobs)), 2)
    if share < knobs.lift * base or weight < knobs.least:
        return None
    proposal = Proposal(
        axiom=replace(pattern.axiom, weight=weight),
        says=pattern.says,
        support=regions,
        pixels=int(mine.sum()),
        wrong=share,
        base=base,
        scenes=able,
        held=held,
        exceptions=evidence.exceptions(rule, pattern.label),
    )
    return _Judged(proposal, _score(rows), float(rows.wrong[rows.broken] @ mine))


def _promised(rule: int, label: int, evidence: _Evidence, knobs: MineSettings) -> float:
    """Log-odds of a class that the model promises in all regions that would break a rule, less those that are true.

    The lesser of the median over scenes and of all pixels together: 0 or less where the rule would take the class
    from pixels that have it.
    """
    sums: dict[int, Floats] = {}
    for one, scene in zip(evidence.seen, evidence.scene, strict=True):
        mine = one.would[rule] & (one.known > 0)
        pixels = one.known[mine]
        row = np.array(
            [
                pixels @ one.said[mine, label],
                pixels @ one.true[mine, label],
                pixels.sum(),
                mine.sum(),
            ]
        )
        sums[int(scene)] = sums.get(int(scene), np.zeros(4)) + row
    able = [row for row in sums.values() if row[3] >= knobs.fewest]
    total = np.sum(list(sums.values()), axis=0)
    if not able or total[2] == 0:
        return 0.0
    every = [_log_odds(row[0] / row[2]) - _log_odds(row[1] / row[2]) for row in (*able, total)]
    return float(min(every[-1], np.median(every[:-1])))


def _scenes(rows: _Rows, fewest: int) -> tuple[int, int]:
    """Scenes in which breaking regions are wrong more often, and scenes that can judge."""
    held = able = 0
    for scene in np.unique(rows.scene):
        here = rows.scene == scene
        broken, other = here & rows.broken, here & ~rows.broken
        if broken.sum() >= fewest and other.sum() >= fewest:
            able += 1
            held += bool(rows.wrong[broken].mean() > rows.wrong[other].mean())
    return held, able


def _score(rows: _Rows) -> float:
    """Standard normal score of "breaking regions are wrong more often", stratified by tile.

    Each region counts once. The sum over tiles of n1 n0 / n (mean1 - mean0), over its standard deviation with a
    variance of its own for either side, the larger of that and the pooled one.
    """
    total = variance = 0.0
    for tile in np.unique(rows.tile):
        here = rows.tile == tile
        one, other = rows.wrong[here & rows.broken], rows.wrong[here & ~rows.broken]
        if not len(one) or len(other) < 2:
            continue
        pooled = float(np.var(rows.wrong[here], ddof=1))
        factor = len(one) * len(other) / (len(one) + len(other))
        first = max(float(np.var(one)), pooled)
        total += factor * float(one.mean() - other.mean())
        variance += factor**2 * (first / len(one) + pooled / len(other))
    return total / float(np.sqrt(variance)) if variance > 0 else 0.0


def _log_odds(share: float) -> float:
    inside = float(np.clip(share, 0.01, 0.99))
    return float(np.log(inside / (1 - inside)))
