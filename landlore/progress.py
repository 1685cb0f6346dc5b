"""How far long work has come goes in; now and then a line for people goes out, with how long the rest takes."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fusion.backbones.vectors import EmbedProgress

QUIET = 3.0
"""Seconds without a line after which long work says what it is at."""
EVERY = 10.0
"""Seconds between two lines of progress on the same stage."""


def time_left(seconds: float, done: int, total: int) -> str:
    """What to add to a line: how long the rest takes, "" where that is under a minute or too early to say.

    Args:
        seconds: How long what is done took.
        done: Steps done in these seconds.
        total: Steps that are left.

    Example:
        >>> time_left(30.0, 10, 100)
        ', about 5 min left'
    """
    left = seconds / max(done, 1) * total
    return f", about {left / 60:.0f} min left" if done > 3 and left >= 60 else ""


class Paced:
    """Tells of stages at once, and of what goes on within them only after a while without a line.

    Args:
        tell: Takes a line; None: nobody does.
        quiet: Seconds without a line.
    """

    def __init__(self, tell: Callable[[str], None] | None, quiet: float = QUIET) -> None:
        self._tell, self._quiet, self._last = tell, quiet, monotonic()

    def __call__(self, line: str) -> None:
        """A stage begins."""
        self._last = monotonic()
        if self._tell is not None:
            self._tell(line)

    def within(self, line: str) -> None:
        """What a stage is at: told, indented, where it has been quiet long enough."""
        if monotonic() - self._last >= self._quiet:
            self(f"  {line}")


class Stage:
    """Tells how far a stage of many steps is: the first step, every `EVERY` seconds, and the last one.

    Args:
        tell: Takes a line.
        what: What is done in it, such as "mapping window".
        kept: Steps that were done before, and take no time.
    """

    def __init__(self, tell: Callable[[str], None], what: str, kept: int = 0) -> None:
        self._tell, self._what, self._kept = tell, what, kept
        self._since, self._told = monotonic(), -EVERY

    def __call__(self, done: int, total: int) -> None:
        """After a step."""
        now = monotonic()
        if now - self._told < EVERY and done < total:
            return
        self._told = now
        rest = time_left(now - self._since, done - self._kept, total - done)
        self._tell(f"{self._what} {done:,} of {total:,}{rest}")


class ImageTeller:
    """Tells of images that are read: the first batch, every `EVERY` seconds, the end, and once of what is unusual.

    Args:
        tell: Takes a line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._begun = self._fault = self._kept = False
        self._told = self._since = monotonic()

    def __call__(self, now: EmbedProgress) -> None:
        """After each batch."""
        self._unusual(now)
        due = not self._begun or monotonic() - self._told >= EVERY or now.done == now.total
        if not due:
            return
        self._begun, self._told = True, monotonic()
        lost = f", {now.left_out:,} left out" if now.left_out else ""
        seconds, made = self._told - self._since, now.done - now.kept
        rest = time_left(seconds, made, now.total - now.done)
        self._tell(f"images {now.done:,} of {now.total:,}{lost}{rest}")

    def _unusual(self, now: EmbedProgress) -> None:
        """The first image that is left out, and what a run that was interrupted had read, once each."""
        if now.fault and not self._fault:
            self._fault = True
            self._tell(f"left out: {now.fault.partition(chr(10))[0]}")
        if now.kept and not self._kept and (now.kept < now.done or now.done == now.total):
            self._kept = True
            self._tell(
                f"images {now.kept:,} of {now.total:,} were read before, by an interrupted run"
            )
