"""What long work is at comes in; whoever listens hears it. Nobody listens unless `heard_by` says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str], None]
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener | None) -> Iterator[None]:
    """Let somebody hear what `at` is told inside of the block.

    Args:
        listener: Takes a line for people; called often, so that it should pass on few of them. None: nobody.
    """
    former = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(former)


def at(line: str) -> None:
    """Say what is being done; results never depend on it."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(line)
