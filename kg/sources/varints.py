"""Bytes of protocol buffers come in, numbers and the places of fields go out (protobuf.dev, "Encoding")."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
_LONGEST = 10
_PAD = np.zeros(16, np.uint8)
_SEVENS = np.uint64(0x7F7F7F7F7F7F7F7F)
_BYTES = np.array([256 ** min(n, 8) - 1 for n in range(_LONGEST + 1)], np.uint64)
"""So many bytes of eight, the first ones, that is the lowest."""
_CLOSER = tuple(
    (np.uint64(gap), np.uint64(kept))
    for gap, kept in ((1, 0x007F007F007F007F), (2, 0x3FFF00003FFF), (4, 0xFFFFFFF))
)
"""Gaps between the sevens, then the fourteens, then the 28 bits, and those that stay where they are."""


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
    tag, first, stop = number << 3 | 2, list[int](), list[int]()
    begun, ended = first.append, stop.append
    while at < end:
        if data[at] != tag:
            raise ValueError(f"a field {data[at] >> 3} among fields {number}")
        size, at = data[at + 1], at + 2
        if size > 127:
            size, at = varint(data, at - 1)
        begun(at)
        at += size
        ended(at)
    if at != end:
        raise ValueError("the last item is cut")
    return np.array([first, stop], np.int64).T


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
    if data[-1] > 127 or (longest := int(sizes.max())) > _LONGEST:
        raise ValueError("a number is cut or too long")
    values = sevens(eights(data).take(begin) & _BYTES.take(sizes), min(longest, 8))
    for k in range(8, longest):
        longer = np.flatnonzero(sizes > k)
        more = (data[begin[longer] + k] & 127).astype(np.uint64)
        values[longer] |= (more << np.uint64(7 * k)).view(np.int64)
    return values, ends


def eights(data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """(byte + 9,) the eight bytes from each byte on as one number; zeros follow the last."""
    return np.ndarray(len(data) + 9, "<u8", np.append(data, _PAD), strides=(1,))


def sevens(words: NDArray[np.uint64], longest: int = 8) -> Numbers:
    """Numbers from up to eight bytes that hold seven bits of each, lowest first; changes these.

    Args:
        words: (number,) the bytes, those behind the last one zero.
        longest: Bytes of the longest.
    """
    words &= _SEVENS
    for gap, kept in _CLOSER[: (longest - 1).bit_length()]:
        high = words >> gap
        high &= ~kept
        words &= kept
        words |= high
    return words.view(np.int64)


def zigzag(values: Numbers) -> Numbers:
    """Signed numbers from their code: 0, -1, 1, -2 ..."""
    half = (values.view(np.uint64) >> np.uint64(1)).view(np.int64)
    return half ^ -(values & 1)


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
