"""An embedding and names come in, the nearest entities of each go out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.embedding import KGEmbedding
from kg.errors import InputError
from kg.spelling import meant


@dataclass(frozen=True)
class Neighbours:
    """What lies next to an entity.

    Attributes:
        entity: Its IRI.
        near: (IRI, cosine) of the nearest others, nearest first.
    """

    entity: str
    near: tuple[tuple[str, float], ...]


def nearest(
    embedding: KGEmbedding,
    names: Sequence[str],
    count: int = 10,
    *,
    words: Mapping[str, str] | None = None,
) -> tuple[Neighbours, ...]:
    """The nearest entities by cosine.

    Args:
        embedding: Where to look.
        names: IRIs, prefixed names ("ll:Lake"), ends of IRIs, or what `words` call them; of things of one name a core
            class comes before a scene, this before a class of a legend, this before anything else.
        count: How many neighbours of each.
        words: IRI -> "label: definition".

    Raises:
        InputError: A name that the embedding does not know; the nearest spelling is told.
    """
    unit = unit_rows(embedding.vectors)
    found = []
    for name in names:
        row = _row(embedding, name, words or {})
        like = unit @ unit[row]
        order = [int(i) for i in np.argsort(-like, kind="stable") if i != row][:count]
        near = tuple((embedding.entities[i], float(like[i])) for i in order)
        found.append(Neighbours(embedding.entities[row], near))
    return tuple(found)


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1; rows of 0 stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1), np.float32)


def _row(embedding: KGEmbedding, name: str, words: Mapping[str, str]) -> int:
    rows = {iri: i for i, iri in enumerate(embedding.entities)}
    ways = {vocab.curie(iri).casefold(): i for iri, i in reversed(rows.items())}
    for iri, i in sorted(rows.items(), key=lambda row: (_rank(row[0]), row[1])):
        ways.setdefault(re.split(r"[#/:]", iri)[-1].casefold(), i)
        ways.setdefault(words.get(iri, "").partition(":")[0].casefold(), i)
    row = rows.get(vocab.expand(name), ways.get(name.casefold()))
    if row is None or not name:
        raise InputError(
            f"no entity {name!r} among the {len(rows)} of the embedding",
            meant(name, filter(None, ways), 3)
            or "landlore find WORDS tells what things are called",
        )
    return row


def _rank(iri: str) -> int:
    """Which of several things of one name is meant, the least first."""
    spaces = (vocab.CORE, vocab.SCENE, vocab.LEGEND)
    return next((i for i, space in enumerate(spaces) if iri.startswith(space)), len(spaces))
