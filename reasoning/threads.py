"""Work on rows comes in, its results in order come out, from a few threads; the same for every number of threads.

Blocks are as large for one thread as for many, each writes rows of its own, and what they return is added up in their
order. Compiled kernels and numpy release Python's lock, so plain threads are enough: no runtime of a parallel compiler
has to be loaded, and a process that forks stays safe (a child makes helpers of its own).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

Result = TypeVar("Result")

_here = threading.local()


def in_blocks(work: Callable[[int, int], Result], rows: int, block: int) -> list[Result]:
    """Call `work(first, last)` for blocks of rows; `NUMBA_NUM_THREADS` says by how many threads.

    Args:
        work: Must write nothing but rows first ... last - 1 of its outputs.
        rows: How many rows there are.
        block: Rows per call; the last block may be smaller.

    Returns:
        What the calls returned, by block.
    """
    from kg import compiled

    spans = [(low, min(low + block, rows)) for low in range(0, rows, block)]
    threads = min(compiled.THREADS, len(spans))
    if threads <= 1 or getattr(_here, "helping", False):
        return [work(*span) for span in spans]

    def some(turn: int) -> list[Result]:
        """Every so-manieth block."""
        return [work(*span) for span in spans[turn::threads]]

    helpers = _helpers(os.getpid(), compiled.THREADS - 1)
    others = [helpers.submit(some, turn) for turn in range(1, threads)]
    try:
        dealt = [some(0)]
    finally:
        dealt_to_others = [other.result() for other in others]
    dealt += dealt_to_others
    return [dealt[i % threads][i // threads] for i in range(len(spans))]


@lru_cache(maxsize=1)
def _helpers(process: int, count: int) -> ThreadPoolExecutor:
    """The threads of a process beside the one that asks; they take no part in work inside of work."""
    return ThreadPoolExecutor(count, "blocks", initializer=_help)


def _help() -> None:
    _here.helping = True
