"""Vectors of entities and relations come in, how likely each link is goes out: one product of matrices per question.

Complex vectors stand as their real parts, then their imaginary parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg.embeddings.indexed import Ids
from kg.embeddings.ranking import Scores

if TYPE_CHECKING:
    from torch import Tensor

DECODERS = ("TransE", "DistMult", "ComplEx", "RotatE")
_PRODUCTS = ("DistMult", "ComplEx")
_LEAST = 1e-9


def questions(decoder: str, known: Tensor, relation: Tensor, *, head: bool) -> Tensor:
    """What the vector of the entity that is asked for should be like.

    Args:
        decoder: One of `DECODERS`.
        known: (question, dimension) vectors of the known ends.
        relation: (question, dimension) vectors of the relations.
        head: Whether the head is asked for, the tail being known.

    Returns:
        (question, dimension); the best answer is the nearest entity (TransE, RotatE) or the one with the largest
        product (DistMult, ComplEx).
    """
    import torch

    if decoder == "TransE":
        return known - relation if head else known + relation
    if decoder == "DistMult":
        return known * relation
    real, imaginary = known.tensor_split(2, dim=1)
    cos, sin = relation.tensor_split(2, dim=1)
    if decoder == "RotatE":  # a relation turns, and does not stretch
        length = (cos * cos + sin * sin).clamp(min=_LEAST).sqrt()
        cos, sin = cos / length, sin / length
    sin = -sin if head else sin
    return torch.cat([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=1)


def against_all(decoder: str, asked: Tensor, candidates: Tensor) -> Tensor:
    """(question, candidate) scores of every candidate for every question."""
    product = asked @ candidates.T
    if decoder in _PRODUCTS:
        return product
    lengths = (asked * asked).sum(1)[:, None] + (candidates * candidates).sum(1)
    return -(lengths - 2 * product).clamp(min=_LEAST).sqrt()


def one_each(decoder: str, asked: Tensor, answers: Tensor) -> Tensor:
    """(question,) score of one answer to each question."""
    if decoder in _PRODUCTS:
        return (asked * answers).sum(1)
    return -((asked - answers) ** 2).sum(1).clamp(min=_LEAST).sqrt()


def link_scores(
    decoder: str, vectors: NDArray[np.float32], relation_vectors: NDArray[np.float32]
) -> Scores:
    """How a model ranks all entities as heads and as tails, from its vectors alone.

    Args:
        decoder: One of `DECODERS`.
        vectors: (entity, dimension).
        relation_vectors: (relation, dimension).
    """
    import torch

    entities, relations = torch.from_numpy(vectors), torch.from_numpy(relation_vectors)

    def scores(ids: Ids) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores of every entity as the head, and as the tail, of some statements."""
        rows = torch.from_numpy(ids)
        by = relations[rows[:, 1]]
        heads = questions(decoder, entities[rows[:, 2]], by, head=True)
        tails = questions(decoder, entities[rows[:, 0]], by, head=False)
        return tuple(against_all(decoder, asked, entities).numpy() for asked in (heads, tails))  # type: ignore[return-value]

    return scores
