"""An OpenStreetMap file (.pbf) comes in, its nodes, ways and relations go out as columns, block after block.

Written from the format's description, https://wiki.openstreetmap.org/wiki/PBF_Format. Numbers are decoded by whole
blocks, so that no object of Python stands for a node or a way.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import BinaryIO

import numpy as np

from kg.sources.columns import Members, Nodes, Relations, Strings, Tags, Ways
from kg.sources.messages import Messages
from kg.sources.varints import Numbers, fields, items, undelta, varints, zigzag

DAMAGE = (ValueError, LookupError, EOFError, zlib.error)
"""What a damaged file leads to."""
_MOST_HEADER, _MOST_BLOB = 64 * 1024, 32 * 1024**2
_SMALL = 8 * 1024**2  # blocks that begin here are inflated once and kept until they are read
_NANO = 100  # coordinates are stored in 1e-9 degrees, OpenStreetMap keeps 1e-7
_RAW, _DEFLATED = 1, 3
_KNOWN = {"OsmSchema-V0.6", "DenseNodes"}
_SORTED = "Sort.Type_then_ID"
_NODES, _DENSE, _WAYS, _RELATIONS = 1, 2, 3, 4


@dataclass(frozen=True)
class PbfFile:
    """A file, opened.

    Attributes:
        file: Where it is read from.
        places: (first byte, size) of each blob, the header's first.
    """

    file: BinaryIO
    places: Sequence[tuple[int, int]]
    _kept: dict[tuple[int, int], bytes] = field(default_factory=dict, repr=False)

    @cached_property
    def header(self) -> dict[int, set[str]]:
        """Texts of the header by field: 4 is what a reader must know, 5 what it may rely on."""
        data = self._blob(self.places[0])
        told: dict[int, set[str]] = {4: set(), 5: set()}
        for number, first, end in fields(data, 0, len(data)):
            if number in told:
                told[number].add(data[first:end].decode())
        return told

    @property
    def is_plain(self) -> bool:
        """Whether it can be read here: blobs deflated or raw, and nothing unusual that a reader must know."""
        first = self._stored(self.places[min(1, len(self.places) - 1)])[1]
        return bool({_RAW, _DEFLATED} & first.keys()) and self.header[4] <= _KNOWN

    def blocks(self) -> Iterator[Nodes | Ways]:
        """All nodes and ways, in the order of the file."""
        for place in self.places[1:]:
            yield from _Block(self._blob(place)).nodes_and_ways()

    def relations(self) -> list[Relations]:
        """All relations. In a file that says that it is sorted they stand at the end, and no more is read."""
        found: list[Relations] = []
        for place in reversed(self.places[1:]):
            block = _Block(self._blob(place))
            if sum(place) < _SMALL:
                self._kept[place] = block.data
            if _SORTED in self.header[5] and _RELATIONS not in block.kinds:
                break
            found[:0] = block.relations()
        return found

    def _blob(self, place: tuple[int, int]) -> bytes:
        if place in self._kept:
            return self._kept.pop(place)
        data, told = self._stored(place)
        if _RAW in told:
            return data[slice(*told[_RAW])]
        whole = zlib.decompressobj()
        found = whole.decompress(data[slice(*told[_DEFLATED])], _MOST_BLOB)
        if not whole.eof:
            raise EOFError("a block is cut, or too large")
        return found

    def _stored(self, place: tuple[int, int]) -> tuple[bytes, dict[int, tuple[int, int]]]:
        """A blob as it is stored, and the places of its fields."""
        self.file.seek(place[0])
        data = self.file.read(place[1])
        if len(data) < place[1]:
            raise EOFError("the file ends within a block")
        return data, {number: (first, end) for number, first, end in fields(data, 0, len(data))}


def open_pbf(file: BinaryIO) -> PbfFile:
    """Find the blobs of a file.

    Raises:
        ValueError, LookupError, EOFError: It is damaged, or something else (`DAMAGE`).
    """
    places, at = list[tuple[int, int]](), 0
    while size := file.read(4):
        length = int.from_bytes(size, "big")
        if len(size) < 4 or length > _MOST_HEADER:
            raise ValueError("not an OpenStreetMap file of this format")
        header = file.read(length)
        told = {number: (value, end) for number, value, end in fields(header, 0, len(header))}
        kind, blob = header[slice(*told[1])], told[3][0]
        if (not places and kind != b"OSMHeader") or blob > _MOST_BLOB:
            raise ValueError("not an OpenStreetMap file of this format")
        at += 4 + length
        if kind in (b"OSMHeader", b"OSMData"):
            places.append((at, blob))
        at = file.seek(at + blob)
    return PbfFile(file, places)


class _Block:
    """One block of data (PrimitiveBlock)."""

    def __init__(self, data: bytes) -> None:
        self.data, self.bytes = data, np.frombuffer(data, np.uint8)
        told = list(fields(data, 0, len(data)))
        self.parts = [(a, b) for n, a, b in told if n == 2 and b > a]
        self.kinds = {data[a] >> 3 for a, _ in self.parts}
        numbers = {n: value for n, value, end in told if end < 0}
        self.step = numbers.get(17, _NANO)
        signed = np.array([numbers.get(20, 0), numbers.get(19, 0)], np.uint64)
        self.offset = signed.view(np.int64)
        (self.table,) = ((a, b) for n, a, b in told if n == 1)

    @cached_property
    def strings(self) -> Strings:
        """Texts of the block."""
        return Strings(self.data, items(self.data, *self.table, 1))

    def nodes_and_ways(self) -> Iterator[Nodes | Ways]:
        """Its nodes and ways."""
        read: dict[int, Callable[[int, int], Nodes | Ways]]
        read = {_NODES: self._nodes, _DENSE: self._dense, _WAYS: self._ways}
        for first, end in self.parts:
            kind = self.data[first] >> 3
            if kind in read:
                yield read[kind](first, end)

    def relations(self) -> list[Relations]:
        """Its relations."""
        return [
            self._relations(*part) for part in self.parts if self.data[part[0]] >> 3 == _RELATIONS
        ]

    def _dense(self, first: int, end: int) -> Nodes:
        ((first, end),) = items(self.data, first, end, _DENSE).tolist()
        packed = {n: self.bytes[a:b] for n, a, b in fields(self.data, first, end)}
        ids, lats, lons = (zigzag(varints(packed[n])[0]).cumsum() for n in (1, 8, 9))
        told = varints(packed[10])[0] if len(packed.get(10, b"")) else np.zeros(len(ids), np.int64)
        ends = _ends(told, len(ids))
        pairs = np.delete(told, ends)
        starts = np.append(0, ends - np.arange(len(ends))) // 2
        tags = Tags(self.strings, pairs[::2], pairs[1::2], starts)
        return Nodes(ids, tags, self._places(lons, lats))

    def _nodes(self, first: int, end: int) -> Nodes:
        told, tags = self._messages(first, end, _NODES)
        ids, lats, lons = (zigzag(told.each(n)) for n in (1, 8, 9))
        return Nodes(ids, tags, self._places(lons, lats))

    def _ways(self, first: int, end: int) -> Ways:
        told, tags = self._messages(first, end, _WAYS)
        refs, starts = told.numbers(8)
        return Ways(told.each(1), tags, undelta(zigzag(refs), starts), starts)

    def _relations(self, first: int, end: int) -> Relations:
        told, tags = self._messages(first, end, _RELATIONS)
        return Relations(told.each(1), tags, partial(_members, told))

    def _messages(self, first: int, end: int, kind: int) -> tuple[Messages, Tags]:
        told = Messages(self.bytes[first:end], items(self.data, first, end, kind) - first)
        (keys, starts), (texts, same) = (told.numbers(n) for n in (2, 3))
        if not np.array_equal(starts, same):
            raise ValueError("an object has keys without values")
        return told, Tags(self.strings, keys, texts, starts)

    def _places(self, lons: Numbers, lats: Numbers) -> Numbers:
        places = np.stack([lons, lats], axis=1)
        if self.step == _NANO and not self.offset.any():
            return places
        fine = places * self.step + self.offset
        return np.asarray(np.sign(fine) * (np.abs(fine) // _NANO), np.int64)


def _members(told: Messages, rows: Numbers) -> Members:
    (roles, starts), (refs, same), (kinds, again) = (told.numbers(n, rows) for n in (8, 9, 10))
    if not (np.array_equal(starts, same) and np.array_equal(starts, again)):
        raise ValueError("a relation has members without roles or kinds")
    return Members(undelta(zigzag(refs), starts), kinds == 1, roles, starts)


def _ends(told: Numbers, count: int) -> Numbers:
    """Where the tags of each dense node end: at a 0 in the place of a key (an empty value is a 0, too)."""
    ends = np.flatnonzero(told == 0)
    if len(ends) == count:
        return ends
    at, found = 0, []
    for _ in range(count):
        while told[at]:
            at += 2
        found.append(at)
        at += 1
    return np.array(found, np.int64)
