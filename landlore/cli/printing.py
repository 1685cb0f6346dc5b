"""What commands share when they print: lines come in, standard output and standard error get them."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from kg.errors import MissingExtraError
from landlore.progress import EVERY, time_left

if TYPE_CHECKING:
    from reasoning.correction import Corrected, Trace

Tell = Callable[[str], None]
VISION = (
    "torch",
    "torch_geometric",
    "pykeen",
    "sentence_transformers",
    "transformers",
    "safetensors",
)
"""Packages of the extra `vision`."""


def say(text: str = "") -> None:
    """Print one line on standard output."""
    sys.stdout.write(text + "\n")


def teller(quiet: bool) -> Tell:
    """A function that tells of each stage on standard error, or says nothing."""

    def tell(line: str) -> None:
        """One line on standard error."""
        if not quiet:
            sys.stderr.write(f"· {line}\n")
            sys.stderr.flush()

    return tell


def counter(quiet: bool) -> Callable[[str, int, int], None]:
    """Tells when a stage begins and every `EVERY` seconds: what was done, of how much, and how long the rest takes."""
    tell, lines = teller(quiet), list[tuple[str, float, int]]()

    def count(what: str, done: int, total: int) -> None:
        """Tell of a stage, or say nothing."""
        now, stage = monotonic(), what.split("/", maxsplit=1)[0]
        if lines and lines[-1][0] == stage and now - lines[-1][1] < EVERY and done < total:
            return
        lines.append((stage, now, done))
        _, since, before = lines[0]
        rest = time_left(now - since, done - before, total - done)
        tell(f"{what.replace('/', ', ')}: {done} of {total}{rest}")

    return count


def told_inference(trace: Trace) -> str:
    """How the inference ended, for people."""
    steps = f"{trace.steps} step{'s' * (trace.steps != 1)}"
    rest = f"a further step would move a probability by {trace.residual:.1g} at most"
    return {
        "converged": f"inference converged after {steps}",
        "cap": f"inference was cut off after {steps}, its limit, before it had settled ({rest})",
        "no descent": f"inference ended after {steps}: none fits better ({rest})",
    }.get(trace.stopped, f"the best labelling of {trace.steps} searches was taken")


def told_unmoved(corrected: Corrected) -> str:
    """Why labels stayed as they are, and what would move them."""
    sure = float(corrected.before.confidence.max())
    others = max(len(corrected.before.legend) - 1, 1)
    nats = math.log(sure * others / max(1 - sure, 1e-9))
    heaviest = max((axiom.weight for axiom in corrected.axioms), default=0.0)
    return (
        f"labels are held with {sure:.2g}, {nats:.1f} nats against each other class; the heaviest rule that could act "
        f"has {heaviest:.1f}.\nOther evidence (--osm, --landcover, --vector), probabilities instead of labels, "
        "a --lesson or a lower --confidence move more"
    )


def need_vision(command: str) -> None:
    """Stop with two lines when the extra is not installed.

    Raises:
        MissingExtraError: A package of the extra is missing.
    """
    missing = [name for name in VISION if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(command, "vision", ", ".join(missing))
