"""How far long work has come goes in; now and then a line for people goes out, with how long the rest takes."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fusion.backbones.vectors import EmbedProgress

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
