"""A plain Python function over arrays comes in, compiled code goes out. The one door to numba.

Import this module inside functions only: numba takes several times as long to import as numpy. The compiled code is
cached on disk beside the file of the function (or in numba's user cache), so that only the first run of all waits for
the compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

THREADS: int = numba.config.NUMBA_NUM_THREADS
"""Threads that work on blocks of rows (`reasoning.threads`)."""


def compiled(function: Function) -> Function:
    """Compile with numba; one thread and a fixed order of sums, so that results repeat to the last bit."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))
