"""Pieces of long work come in; what each gives goes out as it ends, by this process or by several at once.

The processes take one piece after the other, say what they are at through the one that asked, and end with it, however
that ends: by a fault, by Ctrl-C or killed. What a piece leaves in files is its own matter.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from kg.errors import InputError

Piece = TypeVar("Piece")
Result = TypeVar("Result")
Tell = Callable[[str], None]

_EVERY = 0.2  # seconds between two looks at what the processes say
_said: list[Any] = []  # in a process that works: where it says what it is at


def each(
    work: Callable[[Piece, Tell], Result],
    pieces: Sequence[Piece],
    jobs: int,
    *,
    tell: Tell,
    ended: Callable[[Piece, Result, int], None],
) -> None:
    """Do work on pieces that do not depend on each other.

    Args:
        work: A function of a module, or a `functools.partial` of one, where more than one process takes part.
        pieces: What it is called with, one after the other.
        jobs: How many processes; 1: this one alone.
        tell: Told what the work is at.
        ended: Called here with a piece, what the work gave and how many have ended, in the order in which they end.

    Raises:
        InputError: A process ended before its piece was done. Errors of the work are passed on.
    """
    jobs = min(jobs, len(pieces))
    if jobs <= 1:
        for count, piece in enumerate(pieces, 1):
            ended(piece, work(piece, tell), count)
        return
    try:
        with _processes(jobs) as (pool, said):
            waiting = {pool.submit(_do, work, piece): piece for piece in pieces}
            while waiting:
                done, _ = wait(waiting, timeout=_EVERY, return_when=FIRST_COMPLETED)
                _pass_on(said, tell)
                for one in [future for future in waiting if future in done]:
                    ended(waiting.pop(one), one.result(), len(pieces) - len(waiting))
    except BrokenProcessPool as error:
        raise InputError(
            f"one of {jobs} processes ended before its work was done (out of memory?)",
            "fewer --jobs; the same command goes on where it stopped (a script that asks for jobs needs: "
            "if __name__ == '__main__')",
        ) from error


@contextmanager
def _processes(jobs: int) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    """Processes and what they say; they end as soon as the pipe that only this process holds is closed."""
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    said, threads = context.SimpleQueue(), max(1, (os.cpu_count() or 1) // jobs)
    pool = ProcessPoolExecutor(jobs, context, _begin, (theirs, said, threads))
    try:
        yield pool, said
        pool.shutdown()
    finally:
        ours.close()
        pool.shutdown(cancel_futures=True)
        theirs.close()


def _pass_on(said: Any, tell: Tell) -> None:
    while not said.empty():
        one = said.get()
        if isinstance(one, str):
            tell(one)
        else:
            warnings.warn(one, stacklevel=3)


def _begin(parent: Connection, said: Any, threads: int) -> None:
    """A process begins to work."""
    _said.append(said)
    os.environ.setdefault("NUMBA_NUM_THREADS", str(threads))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    warnings.showwarning = lambda warning, *_: said.put(warning)


def _end_with(parent: Connection) -> None:
    """End this process once the one that asked is gone, or wants no more."""
    with suppress(EOFError, OSError):
        parent.recv()
    os._exit(1)


def _do(work: Callable[[Piece, Tell], Result], piece: Piece) -> Result:
    return work(piece, _said[0].put)
