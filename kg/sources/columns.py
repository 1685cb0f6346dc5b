"""What a block of an extract holds, as columns: nodes, ways and relations with their tags; asked for, tags come out."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kg.sources.varints import Numbers, spans


@dataclass(frozen=True)
class Strings:
    """Texts of a block, decoded when they are asked for.

    Attributes:
        data: The block.
        places: (text, 2) first byte of each, and the byte after it.
    """

    data: bytes
    places: Numbers

    def of(self, rows: Numbers) -> list[str]:
        """Some of the texts."""
        data, (first, end) = self.data, self.places[rows].T.tolist()
        return [data[a:b].decode() for a, b in zip(first, end, strict=True)]


@dataclass(frozen=True)
class Tags:
    """Tags of many objects.

    Attributes:
        strings: Texts of the block.
        keys: (tag,) row of the key among them.
        values: (tag,) row of the value.
        starts: (object + 1,) first tag of each object.
    """

    strings: Strings
    keys: Numbers
    values: Numbers
    starts: Numbers

    def having(self, wanted: Set[str]) -> NDArray[np.bool_]:
        """(object,) whether one of the keys is among these."""
        hits = np.concatenate([[0], self._are(wanted).cumsum()])[self.starts]
        return np.asarray(hits[1:] > hits[:-1])

    def of(self, rows: Numbers, wanted: Set[str] | None = None) -> list[dict[str, str]]:
        """Tags of some objects; those of some keys only, where these are given."""
        index, ends = self._index(rows, wanted)
        keys, values = (self.strings.of(column[index]) for column in (self.keys, self.values))
        pairs = pairwise(ends.tolist())
        return [dict(zip(keys[a:b], values[a:b], strict=True)) for a, b in pairs]

    def codes(self, rows: Numbers, wanted: Set[str]) -> list[bytes]:
        """One code an object: the same for objects of this block that have the same tags of these keys."""
        index, ends = self._index(rows, wanted)
        code = np.stack([self.keys[index], self.values[index]], axis=1).astype(np.uint32).tobytes()
        return [code[a:b] for a, b in pairwise((8 * ends).tolist())]

    def _index(self, rows: Numbers, wanted: Set[str] | None) -> tuple[Numbers, Numbers]:
        """Places of the tags of some objects, and where those of each begin among them (one more)."""
        index, starts = spans(self.starts[rows], self.starts[rows + 1])
        if wanted is None:
            return index, starts
        kept = self._are(wanted)[index]
        return index[kept], np.concatenate([[0], kept.cumsum()])[starts]

    @cached_property
    def _names(self) -> tuple[Numbers, list[str]]:
        """Rows that are keys, and their texts."""
        used = np.zeros(len(self.strings.places), bool)
        used[self.keys] = True
        rows = np.flatnonzero(used)
        return rows, self.strings.of(rows)

    def _are(self, wanted: Set[str]) -> NDArray[np.bool_]:
        """(tag,) whether the key is among these."""
        known = np.zeros(len(self.strings.places), bool)
        known[self._names[0]] = [name in wanted for name in self._names[1]]
        return known[self.keys]


@dataclass(frozen=True)
class Nodes:
    """Nodes of a block.

    Attributes:
        ids: (node,) identifiers.
        tags: Their tags.
        xy: (node, 2) longitude and latitude in units of 1e-7 degrees.
    """

    ids: Numbers
    tags: Tags
    xy: Numbers


@dataclass(frozen=True)
class Ways:
    """Ways of a block.

    Attributes:
        ids: (way,) identifiers.
        tags: Their tags.
        refs: Identifiers of their nodes, way after way.
        starts: (way + 1,) first node of each way.
    """

    ids: Numbers
    tags: Tags
    refs: Numbers
    starts: Numbers


@dataclass(frozen=True)
class Members:
    """Members of relations.

    Attributes:
        refs: Identifiers, relation after relation.
        are_ways: Whether each is a way.
        roles: (member,) row of its role among the strings of the block.
        starts: (relation + 1,) first member of each relation.
    """

    refs: Numbers
    are_ways: NDArray[np.bool_]
    roles: Numbers
    starts: Numbers


@dataclass(frozen=True)
class Relations:
    """Relations of a block.

    Attributes:
        ids: (relation,) identifiers.
        tags: Their tags.
        members: Gives the members of some of them, by row; decoded when they are asked for.
    """

    ids: Numbers
    tags: Tags
    members: Callable[[Numbers], Members]
