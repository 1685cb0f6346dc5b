"""Items that are made when they are asked for: a maker comes in, a sequence that keeps few items in memory goes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

T = TypeVar("T")

ROOM = 16_000_000
"""Numbers (pixels x classes) of the tiles that are kept; about half a gigabyte of prepared tiles."""


class OnDemand(Sequence[T], Generic[T]):
    """A sequence whose items are made when asked for.

    Items are asked for in the same order again and again, so the first ones are kept, as far as there is room, and
    never given up for others: a cache of those used last would forget each item just before it is needed.

    Args:
        make: Makes item i; must give the same each time.
        count: How many items there are.
        size: What an item takes of the room.
        room: How much is kept in memory; 0 keeps nothing.
    """

    def __init__(
        self,
        make: Callable[[int], T],
        count: int,
        *,
        size: Callable[[T], float] = lambda _: 1.0,
        room: float = 0.0,
    ) -> None:
        self._make, self._count, self._size, self._room = make, count, size, room
        self._kept: dict[int, T] = {}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> list[T]: ...

    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return [self[i] for i in range(self._count)[place]]
        i = range(self._count)[place]  # IndexError where there is none, as sequences have it
        if i in self._kept:
            return self._kept[i]
        item = self._make(i)
        size = self._size(item)
        if size <= self._room:
            self._room -= size
            self._kept[i] = item
        return item


def only(items: Sequence[T], places: Sequence[int]) -> OnDemand[T]:
    """Some items of a sequence, each still made when asked for."""
    chosen = [int(place) for place in places]
    return OnDemand(lambda i: items[chosen[i]], len(chosen))
