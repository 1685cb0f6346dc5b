"""Bytes of protocol buffers come in, numbers and the places of fields go out (protobuf.dev, "Encoding")."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
_LONGEST = 10


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at a byte, and the byte after it."""
    value = shift = 0
    while (byte := data[at]) > 127:
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
    return value | byte << shift, at + 1


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(number, first byte, byte after the last) of each field of a message; (number, value, -1) of a plain number.

    Raises:
        ValueError: A field of another kind, or one that reaches beyond the message.
        IndexError: The data end within a field.
    """
    while at < end:
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 0:
            yield tag >> 3, value, -1
        elif tag & 7 == 2 and at + value <= end:
            yield tag >> 3, at, at + value
            at += value
        else:
            raise ValueError(f"no field begins with {tag}")


def items(data: bytes, at: int, end: int, number: int) -> Numbers:
    """(item, 2) first byte, and byte after the last, of each item of a message that is one repeated field alone.

    Raises:
        ValueError: Another field, or an item that reaches beyond the message.
    """
    tag, found = number << 3 | 2, list[int]()
    while at < end:
        if data[at] != tag:
            raise ValueError(f"a field {data[at] >> 3} among fields {number}")
        size, at = (data[at + 1], at + 2) if data[at + 1] < 128 else varint(data, at + 1)
        found += (at, at + size)
        at += size
    if at != end:
        raise ValueError("the last item is cut")
    return np.array(found, np.int64).reshape(-1, 2)


def varints(data: NDArray[np.uint8]) -> tuple[Numbers, Numbers]:
    """All numbers of a stretch of bytes that holds nothing else.

    Returns:
        (number,) values, and the byte after each.

    Raises:
        ValueError: The last number is cut, or one is longer than 64 bits.
    """
    ends = np.flatnonzero(data < 128) + 1
    if not len(data):
        return ends, ends
    begin = np.concatenate([[0], ends[:-1]])
    sizes = ends - begin
    if data[-1] > 127 or sizes.max() > _LONGEST:
        raise ValueError("a number is cut or too long")
    values = (data[begin] & 127).astype(np.uint64)
    longer = np.arange(len(ends))
    for k in range(1, int(sizes.max())):
        longer = longer[sizes[longer] > k]
        more = (data[begin[longer] + k] & 127).astype(np.uint64)
        values[longer] |= more << np.uint64(7 * k)
    return values.view(np.int64), ends


def zigzag(values: Numbers) -> Numbers:
    """Signed numbers from their code: 0, -1, 1, -2 ..."""
    half = (values.view(np.uint64) >> np.uint64(1)).view(np.int64)
    return half ^ -(values & 1)


def messages(data: NDArray[np.uint8], places: Numbers) -> tuple[Numbers, dict[int, Numbers]]:
    """The fields of many messages at once; all of them, and what they hold, are numbers in the end.

    Args:
        data: Bytes that hold the messages and nothing but numbers and messages of numbers.
        places: (message, 2) first byte and byte after the last of each.

    Returns:
        All numbers of the data, and field -> (message, 2) first and after the last of its numbers; the same number
        twice where a message lacks the field.

    Raises:
        ValueError: A field of another kind, or one that ends within a number.
        IndexError: A field reaches beyond the data.
    """
    values, ends = varints(data)
    begin = np.concatenate([[0], ends])
    row_of = np.zeros(len(data) + 1, np.int64)
    row_of[ends] = 1
    row_of = row_of.cumsum()
    at, stop = row_of[places].T.copy()
    found: dict[int, Numbers] = {}
    rows = np.arange(len(places))
    while len(rows := rows[at[rows] < stop[rows]]):
        tag, first = values[at[rows]], at[rows] + 1
        packed = tag & 7 == 2
        size = np.where(packed, values[first], begin[first + 1] - begin[first])
        end = begin[first + packed] + size
        after = row_of[end]
        if (tag & 5).any() or (size < 0).any() or (begin[after] != end).any():
            raise ValueError("a field is no number and no message of numbers")
        for number in np.unique(tag >> 3).tolist():
            some = tag >> 3 == number
            place = found.setdefault(number, np.zeros((len(places), 2), np.int64))
            place[rows[some]] = np.stack([first + packed, after], axis=1)[some]
        at[rows] = after
    return values, found


def spans(first: Numbers, stop: Numbers) -> tuple[Numbers, Numbers]:
    """Every index from `first` up to `stop`, span after span, and where each span begins among them (one more).

    Example:
        >>> spans(np.array([5, 9]), np.array([7, 10]))
        (array([5, 6, 9]), array([0, 2, 3]))
    """
    sizes = stop - first
    starts = np.concatenate([[0], sizes.cumsum()])
    return np.arange(starts[-1]) + np.repeat(first - starts[:-1], sizes), starts


def undelta(values: Numbers, starts: Numbers) -> Numbers:
    """Numbers from their differences, which begin anew with each span."""
    total = np.concatenate([[0], values.cumsum()])
    return np.asarray(total[1:] - np.repeat(total[starts[:-1]], np.diff(starts)), np.int64)
