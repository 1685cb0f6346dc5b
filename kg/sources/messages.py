"""Messages of protocol buffers that lie side by side come in, the numbers of their fields go out, all at once.

Only the fields that are asked for are decoded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.sources.varints import Numbers, eights, sevens, spans, varints

_STOPS = np.uint64(0x8080808080808080)
_PLACES = 1 << np.arange(7, 64, 8, dtype=np.uint64)
"""A number ends with the first byte whose highest bit is not set: these bits, lowest byte first."""


class Messages:
    """Messages whose fields are numbers, or stretches of bytes that hold numbers if they are asked for.

    Args:
        data: Bytes that hold the messages.
        places: (message, 2) first byte and byte after the last of each.

    Raises:
        ValueError: A field of another kind, or one that ends beyond its message.
    """

    def __init__(self, data: NDArray[np.uint8], places: Numbers) -> None:
        self._data, self._none = data, np.zeros((2, len(places)), np.int64)
        self._places = _fields(data, places)

    def numbers(self, field: int, rows: Any = slice(None)) -> tuple[Numbers, Numbers]:
        """What one field holds.

        Args:
            field: Number of the field.
            rows: Which messages; all by default.

        Returns:
            The numbers, message after message, and (message + 1,) where those of each begin.

        Raises:
            ValueError: The field of a message ends within a number.
        """
        index, bounds = spans(*self._places.get(field, self._none)[:, rows])
        values, ends = varints(self._data[index])
        starts = np.searchsorted(ends, bounds, side="right")
        if not np.array_equal(np.append(0, ends)[starts], bounds):
            raise ValueError("a field ends within a number")
        return values, starts

    def each(self, field: int) -> Numbers:
        """(message,) the number in a field that every message has.

        Raises:
            ValueError: A message has none, or more.
        """
        values, starts = self.numbers(field)
        if not np.array_equal(starts, np.arange(self._none.shape[1] + 1)):
            raise ValueError(f"not one number in field {field}")
        return values


def _fields(data: NDArray[np.uint8], places: Numbers) -> dict[int, Numbers]:
    """Field -> (2, message) first byte of what it holds, and the one after; the same twice where it is not there."""
    words = eights(data)
    at, stop = places.T.copy()
    found: dict[int, Numbers] = {}
    rows = np.arange(len(places))
    while len(rows := rows[at[rows] < stop[rows]]):
        tag, first = _number(words, at[rows])
        held, after = _number(words, first)
        packed = tag & 7 == 2
        end = after + np.where(packed, held, 0)
        if (tag & 5).any() or (end > stop[rows]).any():
            raise ValueError("a field is no number and no stretch of bytes, or too long")
        first, field = np.where(packed, after, first), tag >> 3
        for number in set(field.tolist()):
            some = slice(None) if (field == number).all() else field == number
            place = found.setdefault(number, np.zeros((2, len(places)), np.int64))
            place[0, rows[some]], place[1, rows[some]] = first[some], end[some]
        at[rows] = end
    return found


def _number(words: NDArray[np.uint64], at: Numbers) -> tuple[Numbers, Numbers]:
    """The numbers that begin at these bytes (56 bits of them), and the byte after each."""
    word = words[at]
    stops = ~word & _STOPS
    last = stops & (~stops + np.uint64(1))
    size = np.searchsorted(_PLACES, last) + 1
    longer = np.flatnonzero(stops == 0)  # more than eight bytes: a number below 0
    size[longer] = np.where(words[at[longer] + 8] & np.uint64(128), 10, 9)
    return sevens(word & (last ^ (last - np.uint64(1)))), at + size
