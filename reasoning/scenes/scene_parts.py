"""What was found in images comes in (parts, covers, what was looked for); regions-like facts of it go out.

An image is an individual whose parts and covers are individuals too: `hasPart` and `hasCover` lead to them with the
probability that they are there. A cover that takes `COVER` of the image or more is there for certain, a smaller one in
proportion; its share is the data property `ll:share`. The world is open: only classes that were looked for can be known
to be absent, so an image in which no one looked for runways is never blamed for having none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from fusion.prediction import Prediction
from kg import vocab
from kg.errors import InputError
from kg.expressions import And, Count, Expression, Facet, Named, Not, Only, Or, Some, children, walk
from kg.owl import NOTHING, THING
from kg.schema import Ontology
from reasoning.facts import Facts

HAS_PART, HAS_COVER, SHARE = (vocab.CORE + name for name in ("hasPart", "hasCover", "share"))
ROLES = (HAS_PART, HAS_COVER)
"""Roles that evidence of scenes can have."""
COVER = 0.05
"""Share of the image from which a cover is there for certain (expert judgement: errors of maps are of this size)."""


@dataclass(frozen=True)
class Found:
    """One thing in an image.

    Attributes:
        role: `HAS_PART` or `HAS_COVER`.
        cls: Core class IRI.
        probability: That it is there, 0..1.
        share: Share of the image that it takes, 0..1; NaN where unknown.
    """

    role: str
    cls: str
    probability: float
    share: float = float("nan")

    def __post_init__(self) -> None:
        known = np.isnan(self.share) or 0 <= self.share <= 1
        if self.role not in ROLES or not 0 <= self.probability <= 1 or not known:
            raise InputError(
                f"found {vocab.curie(self.cls)} with probability {self.probability}, share {self.share} and role "
                f"{vocab.curie(self.role)}; expected 0..1 and {' or '.join(map(vocab.curie, ROLES))}",
                "correct the evidence of this image",
            )


@dataclass(frozen=True)
class SceneEvidence:
    """What is known of the contents of one image.

    Attributes:
        found: Things in it.
        looked_for: (role, class IRI): where nothing of the kind was found, there is none.
    """

    found: tuple[Found, ...] = ()
    looked_for: frozenset[tuple[str, str]] = frozenset()

    def answers(self, role: str, filler: Expression, ontology: Ontology) -> bool:
        """Whether all things of a kind are known: each of its classes was looked for, or a wider one in vain."""
        for part in walk(filler):
            if isinstance(part, Named):
                if not self._sought(role, part.iri, ontology):
                    return False
            elif not isinstance(part, And | Or | Facet):
                return False
        return True

    def _sought(self, role: str, cls: str, ontology: Ontology) -> bool:
        if (role, cls) in self.looked_for:
            return True
        wider = ontology.above(cls) - {cls}
        in_vain = not any(one.role == role and one.cls in wider for one in self.found)
        return in_vain and any((role, one) in self.looked_for for one in wider)


def cover(cls: str, share: float) -> Found:
    """A cover by the share of the image that it takes."""
    return Found(HAS_COVER, cls, min(1.0, max(share, 0.0) / COVER), share)


def covers_of(prediction: Prediction) -> SceneEvidence:
    """Covers of an image from its segmentation: the share of each label, by the core classes that it is made of."""
    labels = prediction.labels
    seen = labels[labels >= 0]
    shares = np.bincount(seen, minlength=len(prediction.legend)) / max(len(seen), 1)
    total: dict[str, float] = {}
    for one, share in zip(prediction.legend.classes, shares, strict=True):
        for core, part in one.core or ((one.kind, 1.0),):
            total[core] = total.get(core, 0.0) + part * float(share)
    found = tuple(cover(cls, min(share, 1.0)) for cls, share in sorted(total.items()) if share > 0)
    return SceneEvidence(found, frozenset((HAS_COVER, cls) for cls in total))


def scene_facts(evidence: Iterable[SceneEvidence]) -> tuple[Facts, tuple[str, ...]]:
    """Images and the things in them as rows: images first, then things, image by image.

    Returns:
        Facts, and the class IRI of each thing.
    """
    images = tuple(evidence)
    things = [(i, one) for i, image in enumerate(images) for one in image.found]
    n, total = len(images), len(images) + len(things)
    relations = {}
    for role in ROLES:
        mine = [j for j, (_, one) in enumerate(things) if one.role == role]
        chance = np.array([things[j][1].probability for j in mine], np.float64)
        rows = np.array([things[j][0] for j in mine], np.intp)
        places = rows, np.array(mine, np.intp) + n
        relations[role] = csr_matrix((chance, places), shape=(total, total))
    share = np.array([np.nan] * n + [one.share for _, one in things])
    return Facts({SHARE: share}, {}, relations), tuple(one.cls for _, one in things)


def allow(expression: Expression, upper: bool, known: Mapping[int, bool]) -> Expression:
    """Replace what is not known by the greatest (`upper`) or least truth that it may have.

    Args:
        expression: One side of an axiom, as it was read.
        upper: Which bound is wanted.
        known: id of each relation in it -> whether all things that it asks for are known.
    """
    if isinstance(expression, Not):
        return Not(allow(expression.part, not upper, known))
    if isinstance(expression, And | Or):
        parts = tuple(allow(part, upper, known) for part in children(expression))
        return type(expression)(parts)
    if not isinstance(expression, Some | Only | Count) or known[id(expression)]:
        return expression
    return _greatest(expression) if upper else _least(expression)


def _greatest(relation: Some | Only | Count) -> Expression:
    """Whatever was not found may be there, or not: only what was found too often speaks against it."""
    if isinstance(relation, Only):
        return relation
    if isinstance(relation, Some) or relation.high is None:
        return Named(THING)
    return Count(relation.role, 0, relation.high, relation.filler)


def _least(relation: Some | Only | Count) -> Expression:
    """Only what was found speaks for it; that there is nothing else can never be known."""
    closed = isinstance(relation, Only) or (
        isinstance(relation, Count) and relation.high is not None
    )
    return Named(NOTHING) if closed else relation
