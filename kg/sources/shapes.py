"""Places of lines and rings come in as columns; what can be said of all at once goes out: boxes, directions, texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.sources.varints import Numbers, spans

UNIT = 10**7
"""Steps of coordinates in a degree."""
_LOW = 10**4
_TOGETHER = 8192  # points that are written at once: their columns stay near the processor
_FAR = 2**31


@dataclass(frozen=True)
class Shapes:
    """Lines or rings, none of them without points.

    Attributes:
        xy: (point, 2) longitude and latitude in units of 1e-7 degrees, shape after shape.
        starts: (shape + 1,) first point of each shape.
    """

    xy: Numbers
    starts: Numbers

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> Numbers:
        """Points of each shape."""
        return np.diff(self.starts)

    @property
    def numbers(self) -> Numbers:
        """(point,) which shape each point belongs to."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def only(self, rows: NDArray[Any]) -> Shapes:
        """Some of the shapes, by number or by a mask."""
        index, starts = spans(self.starts[:-1][rows], self.starts[1:][rows])
        return Shapes(self.xy.take(index, axis=0), starts)

    def without_repeats(self) -> Shapes:
        """The same without points that lie where the one before them lies."""
        moved = self.xy[1:] != self.xy[:-1]
        kept = np.ones(len(self.xy), bool)
        kept[1:] = moved[:, 0] | moved[:, 1]
        kept[self.starts[:-1]] = True
        return self if kept.all() else self._of(kept)

    def since(self, known: NDArray[np.bool_]) -> tuple[Shapes, NDArray[np.bool_]]:
        """The same from the first point that is known (else the last point), and what is known of the rest."""
        if known.all():
            return self, known
        seen = np.concatenate([[0], known.cumsum()])
        kept = seen[1:] > seen[self.starts[:-1]][self.numbers]
        kept[self.starts[1:] - 1] = True
        return self._of(kept), known[kept]

    def _of(self, kept: NDArray[np.bool_]) -> Shapes:
        return Shapes(
            self.xy.compress(kept, axis=0), np.concatenate([[0], kept.cumsum()])[self.starts]
        )

    def boxes(self, known: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(shape, 4) west, south, east and north in degrees, of the points that are known; NaN where none is."""
        places = np.where(known[:, None], self.xy / UNIT, np.nan)
        first = self.starts[:-1]
        least = np.fmin.reduceat(places, first)
        return np.hstack([least, np.fmax.reduceat(places, first)])

    def are_stars(self) -> NDArray[np.bool_]:
        """Which closed rings go once, and never back, around the mean of their points: they are simple.

        False where this cannot be said by whole numbers of 64 bits.
        """
        first, last = self.starts[:-1], self.starts[1:] - 1
        middle = np.add.reduceat(self.xy, first) // self.sizes[:, None]
        x, y = (self.xy - middle.take(self.numbers, axis=0)).T
        turn = np.append(x[:-1] * y[1:] - y[:-1] * x[1:], 0)
        turn[last] = turn[first]  # from ring to ring nothing
        north = (y > 0) | ((y == 0) & (x > 0))
        halves = np.append(north[:-1] != north[1:], False)
        halves[last] = False
        once = np.add.reduceat(halves, first, dtype=np.int64) == 2
        one_way = (np.minimum.reduceat(turn, first) > 0) | (np.maximum.reduceat(turn, first) < 0)
        far = max(np.abs(x).max(), np.abs(y).max()) >= _FAR
        return np.asarray(once & one_way & (not far))

    def counterclockwise(self) -> Shapes:
        """Simple closed rings, counterclockwise from the westernmost (then southernmost) point, as osmium has them."""
        ring, count = self.numbers, self.sizes - 1
        first = self.starts[:-1]
        x, y = (self.xy - self.xy[first].take(ring, axis=0)).T
        twice = np.add.reduceat(
            x[:-1] * y[1:] - x[1:] * y[:-1], first
        )  # from ring to ring nothing: both are 0
        code = (self.xy[:, 0] << 32) + self.xy[:, 1]
        least = np.flatnonzero(code == np.minimum.reduceat(code, first)[ring])
        begin = least[np.searchsorted(least, first)] - first
        step = np.arange(len(self.xy)) - first[ring]
        step = (begin[ring] + step * np.where(twice < 0, -1, 1)[ring]) % count[ring]
        return Shapes(self.xy.take(first[ring] + step, axis=0), self.starts)

    def texts(
        self, between: str = ",", middle: str = " ", *, all_digits: bool = False
    ) -> list[str]:
        """Coordinates of each shape in degrees, "7.41 43.7,7.42 43.7": as few digits as say the same.

        Args:
            between: Between two points, at most four characters.
            middle: Between longitude and latitude, at most four characters.
            all_digits: Write seven digits after the point always.
        """
        bounds = np.arange(0, len(self.xy), _TOGETHER)
        cuts = np.unique(np.append(np.searchsorted(self.starts, bounds), len(self)))
        texts = list[str]()
        for a, b in pairwise(cuts.tolist()):
            first, end = self.starts[[a, b]]
            some = Shapes(self.xy[first:end], self.starts[a : b + 1] - first)
            texts += some._texts(between, middle, all_digits)
        return texts

    def _texts(self, between: str, middle: str, all_digits: bool) -> list[str]:
        negative = self.xy < 0
        size = np.abs(self.xy).astype(np.uint32)
        whole = size // UNIT
        rest = size - whole * UNIT
        high = rest // _LOW
        low = rest - high * _LOW
        whole += negative * np.uint32(181)
        high += ((low > 0) | all_digits) * np.uint32(1000)
        data = bytearray(32 * len(size))
        words = np.frombuffer(data, np.uint64).reshape(-1, 2, 2)
        words[:, 0, 0] = _wholes(between)[whole[:, 0]]
        words[:, 1, 0] = _wholes(middle)[whole[:, 1]]
        words[:, :, 1] = _HIGH[high] | _LAST[low + _LOW * all_digits]
        first = self.starts[:-1]
        words[first, 0, 0] = _wholes("\n")[whole[first, 0]]
        text = data.translate(None, b"\0").decode("ascii")
        return text.split("\n")[1:]


def joined(parts: Sequence[Shapes]) -> Shapes:
    """All shapes of the parts, one after the other."""
    ends = [np.zeros(1, np.int64), *(part.sizes for part in parts)]
    return Shapes(
        np.concatenate([np.zeros((0, 2), np.int64), *(part.xy for part in parts)]),
        np.concatenate(ends).cumsum(),
    )


@cache
def _wholes(between: str) -> NDArray[np.uint64]:
    """What comes in between, then degrees before the point: from 0 to 180, then the same below 0; eight characters."""
    texts = [f"{between:\0<4}{sign}{n}" for sign in ("", "-") for n in range(181)]
    return np.array([text.encode() for text in texts], "S8").view(np.uint64)


def _digits(count: int, at: int) -> NDArray[np.uint8]:
    """Numbers of so many digits as eight characters each, zeros around them: without 0 at the end, then all digits."""
    number, place = np.arange(10**count)[:, None], 10 ** np.arange(count)[::-1]
    texts = np.zeros((2, len(number), 8), np.uint8)
    texts[:, :, at : at + count] = ord("0") + number // place % 10
    texts[0, :, at : at + count] *= number % (10 * place) > 0
    return texts


def _after_the_point() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The point and three digits, then four digits more; without 0 at the end, then all digits."""
    high, last = _digits(3, 1), _digits(4, 4)
    high[:, :, 0] = ord(".")
    high[0, 0, 0] = 0  # ".000" is nothing
    return high.view(np.uint64).ravel(), last.view(np.uint64).ravel()


_HIGH, _LAST = _after_the_point()
