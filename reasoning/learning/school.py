"""Fits to all tiles but some: tiles and sets of rules come in; numbers, and maps of the tiles left out, go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from kg.errors import RuleError
from kg.ontology import Axiom
from reasoning.learning.calibration import Calibration, fit_calibration
from reasoning.learning.fit import DIGITS, Fit, Parameters, expert_fit
from reasoning.learning.learned import LearnedWeight, Mapped
from reasoning.learning.on_demand import ROOM, OnDemand, only
from reasoning.learning.prepared import Prepared, prepare
from reasoning.learning.staged import Staged, Stages, learn_staged
from reasoning.learning.steps import Arrays, Steps
from reasoning.learning.tiles import LabelledTile, check_tiles
from reasoning.settings import CorrectSettings

NETWORK, EXPERT = "network", "expert"
CALIBRATION, SMOOTHNESS = "calibration", "calibration + smoothness"
BESIDE = (NETWORK, EXPERT, CALIBRATION, SMOOTHNESS)
"""Ways of mapping that are always compared: the map as given; the rules at the expert's weights; a learned calibration;
the same with learned smoothness."""

LOOSELY = ", loosely held"
"""End of the name of a way that is learned with the weaker pull to where weights start."""

Parts = Sequence[Sequence[int]]


class School:
    """Tiles, sets of rules, and what some of the tiles teach.

    Args:
        tiles: Labelled tiles of one legend; asked for one after the other, several times.
        candidates: Name -> rules; their names must differ from `BESIDE`.
        settings: How tiles are corrected.
        stages: Knobs of each fit.
        steps: Remembers what is done already.
        parts: Tiles that are held out together.

    Attributes:
        legend: Of the tiles.
        expert: All rules with the weights that they start from.
        sets: Way of mapping -> IRIs of its rules, hard ones in each.
        smoother: Factor on the learned smoothness of every way (`reasoning.learning.smoothing`).

    Raises:
        InputError: No tile, or no known pixel.
        RuleError: A candidate of a name that is taken, or two rules of one name.
    """

    def __init__(
        self,
        tiles: Sequence[LabelledTile],
        candidates: Mapping[str, Sequence[Axiom]],
        settings: CorrectSettings,
        stages: Stages,
        steps: Steps,
        parts: Parts = (),
    ) -> None:
        self.legend, self.tiles, self.parts = check_tiles(tiles), tiles, parts
        self.settings, self.stages, self.steps = settings, stages, steps
        self.smoother = 1.0
        rules = _all_rules(candidates)
        sources = sorted({layer.name for tile in tiles for layer in tile.layers})
        self.expert = expert_fit(rules, sources, settings)
        hard = {axiom.iri for axiom in rules if axiom.hard}
        self.sets = {way: hard for way in BESIDE[2:]}
        for name, some in candidates.items():
            weighed = all(axiom.hard or axiom.weight > 0 for axiom in some)
            for pull in ("", LOOSELY) if stages.loose is not None and weighed else ("",):
                self.sets[name + pull] = hard | {axiom.iri for axiom in some}
        self._prepared = OnDemand(self._prepare, len(tiles), size=_size, room=ROOM)
        self._active: frozenset[str] = frozenset()
        self._calibrations: dict[int | None, Calibration] = {}
        self._taught: dict[tuple[str, int | None], Staged] = {}
        steps.plan(self._solves())

    @property
    def candidates(self) -> tuple[str, ...]:
        """Ways of mapping with rules, few rules before many."""
        return tuple(self.sets)[2:]

    def _solves(self) -> int:
        """Steps that all of `survey`, `held_out` and two fits to all tiles take."""
        n, k, ways = len(self.tiles), self.stages.solves, len(self.sets)
        taught = sum(n - len(part) for part in self.parts)
        held = sum(len(part) for part in self.parts) * ways
        return n + held + (ways - 1) * k * taught + min(ways - 1, 2) * k * n + len(self.parts) + 1

    def _prepare(self, place: int) -> Prepared:
        return prepare(self.tiles[place], self.expert.axioms, self.settings)

    def survey(self) -> tuple[list[Mapped], list[Mapped]]:
        """Map every tile in the two ways that need no learning, and see which rules can act.

        Returns:
            Per tile: the map as given, and the map by the expert's weights.
        """
        rows = [
            self.steps.do(f"looked at/tile {i + 1}", lambda i=i: self._seen(i))  # type: ignore[misc]
            for i in range(len(self.tiles))
        ]
        active = np.any([row["active"] for row in rows], axis=0)
        every = (axiom.iri for axiom in self.expert.axioms)
        self._active = frozenset(iri for iri, one in zip(every, active, strict=True) if one)
        found = [[Mapped.of(row[way], len(self.legend)) for row in rows] for way in BESIDE[:2]]
        return found[0], found[1]

    def _seen(self, place: int) -> Arrays:
        tile = self._prepared[place]
        labels = tile.labels(tile.solve(self.expert))
        return {
            NETWORK: Mapped.by(tile.tile, tile.tile.prediction.labels).array,
            EXPERT: Mapped.by(tile.tile, labels).array,
            "active": np.array([axiom.iri in tile.rules for axiom in self.expert.axioms], bool),
        }

    def rest(self, part: int | None) -> list[int]:
        """The tiles that are not held out."""
        gone = () if part is None else self.parts[part]
        return [i for i in range(len(self.tiles)) if i not in gone]

    def _calibration(self, part: int | None) -> Calibration:
        """Calibration as if there were no rules."""
        if part not in self._calibrations:
            tiles = only(self.tiles, self.rest(part))

            def fitted() -> Arrays:
                """The calibration as arrays."""
                found = fit_calibration(
                    tiles, balance=self.stages.balance, polished=self.stages.polished
                )
                return {"temperature": np.array(found.temperature), "bias": np.array(found.bias)}

            found = self.steps.do(f"calibration/{_without(part)}", fitted)
            self._calibrations[part] = Calibration(
                float(found["temperature"]),
                tuple(float(one) for one in found["bias"]),
                tuple(one.iri for one in self.legend.classes),
            )
        return self._calibrations[part]

    def _start(self, way: str) -> Fit:
        """The rules of a way, with the numbers that learning starts from."""
        mine = self.sets[way]
        return replace(
            self.expert, axioms=tuple(one for one in self.expert.axioms if one.iri in mine)
        )

    def staged(self, way: str, part: int | None = None) -> Staged:
        """Weights, smoothness and strengths beside the calibration, from the tiles that are not held out."""
        if (way, part) not in self._taught:
            self._taught[way, part] = learn_staged(
                self._course(way, self.rest(part)),
                self._parameters(way),
                self._calibration(part),
                self._stages(way),
                steps=self.steps,
                name=f"{way}/{_without(part)}",
            )
        return self._taught[way, part]

    def _stages(self, way: str) -> Stages:
        loose = self.stages.loose
        if loose is None or not way.endswith(LOOSELY):
            return self.stages
        return replace(self.stages, shrinkage=loose)

    def _course(self, way: str, places: Sequence[int]) -> Sequence[Prepared]:
        def taught(i: int) -> Prepared:
            """A tile with the rules of the way."""
            whole = self._prepared[places[i]]
            return whole if way == EXPERT else whole.only(self.sets[way])

        return OnDemand(taught, len(places))

    def _parameters(self, way: str) -> Parameters:
        start = self._start(way)
        soft = {axiom.iri for axiom in start.axioms if not axiom.hard}
        return Parameters.of(self.legend, start, self._active & soft)

    def fit(self, way: str, part: int | None = None) -> Fit:
        """The numbers of one way."""
        if way == EXPERT:
            said = tuple(one for one in self.expert.axioms if one.hard or one.weight > 0)
            return replace(self.expert, axioms=said)
        if way not in (NETWORK, CALIBRATION):
            found = self.staged(way, part).fit
            return replace(found, smoothness=round(self.smoother * found.smoothness, DIGITS))
        calibration = None if way == NETWORK else self._calibration(part)
        return replace(self._start(CALIBRATION), calibration=calibration, smoothness=0.0)

    def held_out(self, way: str, caution: float = 0.0) -> list[Mapped]:
        """Every tile, mapped by what the tiles of other parts teach; () without parts.

        Args:
            way: How they are mapped.
            caution: Nats that the label as given gets beside.
        """
        knobs = f", {caution:g}" if caution else ""
        knobs += f", smoothness x {self.smoother:g}" if self.smoother != 1 else ""
        found: dict[int, Mapped] = {}
        for number, part in enumerate(self.parts):
            fit = self.fit(way, number)
            fit = fit.cautious(caution, self.legend) if caution else fit
            for i, tile in zip(part, self._course(way, part), strict=True):

                def mapped(tile: Prepared = tile, fit: Fit = fit) -> Arrays:
                    """The map of a held-out tile as an array."""
                    return {"map": Mapped.by(tile.tile, tile.labels(tile.solve(fit))).array}

                done = self.steps.do(f"{way}/held out{knobs}/tile {i + 1}", mapped)
                found[i] = Mapped.of(done["map"], len(self.legend))
        return [found[i] for i in sorted(found)]

    def weights(self, way: str) -> tuple[LearnedWeight, ...]:
        """What all tiles say about each soft rule of a way."""
        taught, parameters = self.staged(way), self._parameters(way)
        before = {axiom.iri: axiom.weight for axiom in self.expert.axioms}
        place = {iri: i for i, iri in enumerate(parameters.rules)}
        out = []
        for axiom in taught.fit.axioms:
            if axiom.hard:
                continue
            error, spoken = float("nan"), np.zeros(1, np.int64)
            if axiom.iri in place:
                spoken = taught.spoken[place[axiom.iri]]
                error = float(taught.errors[parameters.smoothness + 1 + place[axiom.iri]])
            regions, tiles = int(spoken.sum()), int((spoken > 0).sum())
            out.append(
                LearnedWeight(axiom.iri, before[axiom.iri], axiom.weight, error, regions, tiles)
            )
        return tuple(out)


def _all_rules(candidates: Mapping[str, Sequence[Axiom]]) -> tuple[Axiom, ...]:
    """Each rule once."""
    taken = sorted(set(BESIDE) & candidates.keys())
    if taken:
        raise RuleError(
            f"rules called {taken[0]!r}: that name is taken; it stands for what rules are compared with",
            "give that set of rules another name",
        )
    found: dict[str, Axiom] = {}
    for axiom in chain.from_iterable(candidates.values()):
        if found.setdefault(axiom.iri, axiom) != axiom:
            raise RuleError(
                f"<{axiom.iri}>: two rules of one name", "give one of them another name"
            )
    return tuple(found.values())


def _size(tile: Prepared) -> float:
    """Numbers that a prepared tile takes of the room."""
    return float(tile.tile.prediction.probabilities.size)


def _without(part: int | None) -> str:
    return "all tiles" if part is None else f"without part {part + 1}"
