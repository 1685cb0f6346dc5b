"""Work on many strips: a function and its strips come in, results in the order of the strips go out, cores shared."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 4
"""Threads; each holds one strip, so more of them would only cost memory."""


def rows_for(height: int) -> int:
    """Rows of a strip in memory: one strip for each thread, but 512 to 2048 rows, because strips have margins."""
    return max(512, min(2048, -(-height // min(MOST, os.cpu_count() or 1))))


def strips_of(height: int, rows: int) -> list[tuple[int, int]]:
    """(first row, last row + 1) of the strips that a raster of `height` rows is cut into."""
    return [(low, min(low + rows, height)) for low in range(0, height, rows)]


def each(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results in order, computed in threads that run one item ahead; when the caller stops, no more are begun."""
    threads = min(MOST, os.cpu_count() or 1)
    pool, waiting = ThreadPoolExecutor(threads), deque[Future[Result]]()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The results of `each` as a list."""
    return list(each(function, items))
