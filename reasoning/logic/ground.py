"""Class expressions meet a run: legend, ontology and facts come in, graded truths (`Form`s) go out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from scipy.sparse import csr_matrix

from kg import vocab
from kg.expressions import children, key, property_of, walk
from kg.ontology import And, Count, Expression, Facet, Named, Not, Ontology, Or, Some
from kg.owl import THING
from reasoning.facts import Facts
from reasoning.logic.blocks import Block, block_of
from reasoning.logic.meaning import Labels, UnusableError, is_link
from reasoning.logic.truth import Floats, Form, Link

REGION = vocab.CORE + "Region"
EVIDENCE = vocab.CORE + "Evidence"
MAX_LINKS = 6
"""Different relations in one side-by-side expression; the coefficients double with each."""

_Key = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Ground:
    """What expressions are evaluated over.

    Attributes:
        labels: What classes mean for the labels that a region may have.
        facts: What is known of each region.
    """

    labels: Labels
    facts: Facts

    @property
    def ontology(self) -> Ontology:
        """The schema that expressions are written in."""
        return self.labels.ontology

    @cached_property
    def _relations(self) -> Mapping[str, csr_matrix]:
        """One matrix per role, whichever rules ask for it, so that what they share is seen."""
        return {role: csr_matrix(matrix) for role, matrix in self.facts.relations.items()}

    def missing(self, expression: Expression) -> str:
        """Which fact an expanded expression needs that this run does not have; "" when it has all."""
        for part in walk(expression):
            if isinstance(part, Facet):
                values = self.facts.data.get(part.property)
                name = self.ontology.short(part.property)
                if values is None:
                    return f"this run has no {name}{self._because(part.property)}"
                if np.isnan(values).all():
                    return f"{name} is unknown for every region"
            elif isinstance(part, Some) and part.role in vocab.EVIDENCE_ROLES:
                wanted = _kinds(part.filler, self.ontology)
                kinds = {kind for kind, _ in self._evidence(part.role)}
                if not any(kind in wanted for kind in kinds) if wanted else not kinds:
                    why = self._because(min(wanted)) if len(wanted) == 1 else ""
                    return f"this run has no {self.names(wanted) or 'evidence'}{why}"
            elif is_link(part) and part.role not in self.facts.relations:
                role = property_of(part.role)
                return f"this run has no relation {self.ontology.short(role)}{self._because(role)}"
        return ""

    def _because(self, iri: str) -> str:
        why = self.facts.absent.get(iri)
        return f": {why}" if why else ""

    def _evidence(self, role: str) -> Mapping[tuple[str, str], Floats]:
        """(kind, class) -> (region,) how much evidence of it has this role to each region, 0..1."""
        if role == vocab.COVERED_BY:
            return self.facts.shares
        return {(k, c): t for (r, k, c), t in self.facts.topology.items() if r == role}

    def names(self, iris: Iterable[str]) -> str:
        """Short names, sorted, for messages; narrower kinds are left to their broader ones."""
        every = set(iris)
        broadest = {i for i in every if not (self.ontology.above(i) - {i}) & every}
        return ", ".join(sorted(map(self.ontology.short, broadest)))

    def form(self, expression: Expression, *, upper: bool = False) -> Form:
        """Compile an expanded expression.

        Args:
            expression: As `expand` gives it.
            upper: Where a fact is unknown (NaN), take the greatest truth it allows instead of the least.

        Raises:
            UnusableError: Too many relations, or evidence named in a way that has no meaning.
        """
        families = _families(expression, upper)
        size = sum(len(family.parts) for family in families)
        if size > MAX_LINKS:
            raise UnusableError(f"{size} relations side by side; at most {MAX_LINKS} are compiled")
        links = tuple(
            Link(
                self._relations[family.role],
                self.form(family.filler, upper=family.upper),
                at_least=tuple(sorted(family.parts)),
                origin=self.facts.origin,
            )
            for family in families
        )
        shared = self._shared(expression)
        blocks = []
        for states in product(*(range(len(family.parts) + 1) for family in families)):
            settled = {
                k: bit for f, s in zip(families, states, strict=True) for k, bit in f.settled(s)
            }
            block = self._settle(expression, upper, settled, shared)
            if not block.is_zero:
                blocks.append((states, block))
        return Form(links, tuple(blocks))

    def _shared(self, expression: Expression) -> dict[_Key, Floats]:
        """Facts of a degree between 0 and 1 that occur more than once: (region, 1) truth of each."""
        keyed = [(key(part), part) for part in _leaves(expression)]
        if len(keyed) < 2:
            return {}
        counts = Counter(k for k, _ in keyed)
        truths = {k: self._fact(part) for k, part in dict(keyed).items() if counts[k] > 1}
        return {k: t for k, t in truths.items() if ((t > 0) & (t < 1)).any()}

    def _settle(
        self,
        expression: Expression,
        upper: bool,
        settled: Mapping[_Key, int],
        shared: Mapping[_Key, Floats],
    ) -> Block:
        """Coefficients under an assignment; shared facts are averaged over, so that they count once."""
        if not shared:
            return block_of(_Evaluation(self, settled).factors(expression, upper))
        total: Floats = np.zeros((1, 1))
        bounds: list[Floats] = []
        for bits in product((0, 1), repeat=len(shared)):
            both = {**settled, **dict(zip(shared, bits, strict=True))}
            part = _Evaluation(self, both).value(expression, upper)
            chances = [t if bit else 1 - t for bit, t in zip(bits, shared.values(), strict=True)]
            total = total + np.prod(np.broadcast_arrays(*chances), axis=0) * part
            bounds.append(part)
        pick = np.maximum if upper else np.minimum
        extreme = pick.reduce(np.broadcast_arrays(*bounds))
        return block_of([np.where(np.isnan(total), extreme, total)])

    def _fact(self, leaf: Expression) -> Floats:
        """(region, 1) truth of a bound or of evidence; NaN where unknown."""
        if isinstance(leaf, Facet):
            truth = _step(leaf, self.facts.data[leaf.property])
            for end in self.facts.ranges.get(leaf.property, ()):
                truth = np.where(_step(leaf, end) == truth, truth, np.nan)
            return truth[:, None]
        if not isinstance(leaf, Some):
            raise TypeError(f"{leaf} is no fact")
        spoken = [
            share
            for (kind, cls), share in self._evidence(leaf.role).items()
            if self._speaks(leaf.filler, kind, cls)
        ]
        every = np.broadcast_arrays(np.zeros(1), *spoken)
        pick = np.add if leaf.role == vocab.COVERED_BY else np.maximum
        total: Floats = np.clip(pick.reduce(every), 0.0, 1.0)
        return total[:, None]

    def _speaks(self, filler: Expression, kind: str, cls: str) -> bool:
        """Whether evidence of a kind, with a class, is what `coveredBy some` asks for."""
        if isinstance(filler, Named):
            below = self.ontology.below(filler.iri)
            return filler.iri == THING or kind in below or cls in below
        if isinstance(filler, And):
            return all(self._speaks(part, kind, cls) for part in filler.parts)
        if isinstance(filler, Or):
            return any(self._speaks(part, kind, cls) for part in filler.parts)
        if isinstance(filler, Not):
            return not self._speaks(filler.part, kind, cls)
        raise UnusableError(
            "evidence with a restriction inside; expected a kind of evidence and classes"
        )


@dataclass(frozen=True)
class _Evaluation:
    """Values of expressions once each relation (and shared fact) is settled to 0 or 1."""

    ground: Ground
    settled: Mapping[_Key, int]

    def value(self, expression: Expression, upper: bool) -> Floats:
        """Truth, shape (1 or region, 1 or label)."""
        if isinstance(expression, And | Not):
            out = np.ones((1, 1))
            for factor in self.factors(expression, upper):
                out = out * factor
            return out
        if isinstance(expression, Or):
            return 1 - self.value(And(tuple(map(_negate, expression.parts))), not upper)
        return self._leaf(expression, upper)

    def factors(self, expression: Expression, upper: bool) -> list[Floats]:
        """Arrays whose product is the truth; kept apart so that rows and columns need not be multiplied out."""
        if isinstance(expression, And):
            return [f for part in expression.parts for f in self.factors(part, upper)]
        if not isinstance(expression, Not):
            return [self.value(expression, upper)]
        inner = expression.part
        if isinstance(inner, Or):
            return [f for part in inner.parts for f in self.factors(_negate(part), upper)]
        return [1 - self.value(inner, not upper)]

    def _leaf(self, leaf: Expression, upper: bool) -> Floats:
        if isinstance(leaf, Named):
            return self.ground.labels.below(leaf.iri)[None, :]
        bit = self.settled.get(key(leaf))
        if bit is not None:
            return np.full((1, 1), float(bit))
        truth = self.ground._fact(leaf)
        return np.where(np.isnan(truth), float(upper), truth)


def _negate(expression: Expression) -> Expression:
    return expression.part if isinstance(expression, Not) else Not(expression)


def _step(facet: Facet, values: Floats) -> Floats:
    """Truth of `values >= v` (or `> v`): 0 to 1 over v - tolerance .. v + tolerance."""
    if facet.tolerance > 0:
        low = facet.value - facet.tolerance
        ramp: Floats = np.clip((values - low) / (2 * facet.tolerance), 0.0, 1.0)
        return ramp
    hit = values >= facet.value if facet.op == ">=" else values > facet.value
    return np.where(np.isnan(values), np.nan, hit.astype(np.float64))


def _kinds(filler: Expression, ontology: Ontology) -> frozenset[str]:
    """Kinds of evidence that a filler names, with those below them."""
    named = {part.iri for part in walk(filler) if isinstance(part, Named)}
    every = named & ontology.below(EVIDENCE)
    return frozenset(kind for iri in every for kind in ontology.below(iri))


def _leaves(expression: Expression) -> Iterator[Expression]:
    """Bounds and evidence of the region itself, as often as they occur."""
    if is_link(expression):
        return
    if isinstance(expression, Facet | Some):
        yield expression
        return
    for child in children(expression):
        yield from _leaves(child)


@dataclass(frozen=True)
class _Family:
    """Relations of one role and filler: one count of neighbours, of which each says that it is at least n.

    Attributes:
        role: To the neighbours that are counted.
        filler: What they must be.
        upper: Which bound is wanted of the filler.
        parts: n -> key of the relation.
    """

    role: str
    filler: Expression
    upper: bool
    parts: Mapping[int, _Key]

    def settled(self, state: int) -> Iterator[tuple[_Key, int]]:
        """Which of the relations hold where the count has reached `state` of the numbers."""
        for place, number in enumerate(sorted(self.parts)):
            yield self.parts[number], int(place < state)


def _families(expression: Expression, upper: bool) -> list[_Family]:
    numbers: dict[_Key, dict[int, _Key]] = defaultdict(dict)
    found: dict[_Key, _Family] = {}
    for part, high in _links(expression, upper):
        counted = (part.role, key(part.filler))
        numbers[counted][part.low if isinstance(part, Count) else 1] = key(part)
        found[counted] = _Family(part.role, part.filler, high, numbers[counted])
    return list(found.values())


def _links(expression: Expression, upper: bool) -> Iterator[tuple[Some | Count, bool]]:
    """Relations of the region itself, each with the bound that is wanted of it."""
    if is_link(expression):
        yield expression, upper
    elif not isinstance(expression, Some):
        for child in children(expression):
            yield from _links(child, upper != isinstance(expression, Not))
