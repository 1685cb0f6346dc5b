"""Class names and a seed come in; seen/unseen draws of a zero-shot protocol go out, and the files they are kept in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kg.errors import InputError


@dataclass(frozen=True)
class Splits:
    """A zero-shot protocol.

    Attributes:
        name: "whu_rs19_14_5".
        classes: All class names.
        seed: Seed of the draws.
        unseen: One tuple of unseen class names per draw; the rest is seen.
    """

    name: str
    classes: tuple[str, ...]
    seed: int
    unseen: tuple[tuple[str, ...], ...]

    def seen(self, draw: int) -> tuple[str, ...]:
        """Seen classes of a draw, in the order of `classes`."""
        return tuple(name for name in self.classes if name not in self.unseen[draw])


def draw_splits(
    name: str, classes: Sequence[str], *, unseen: int, draws: int, seed: int = 0
) -> Splits:
    """Distinct draws of `unseen` classes each, every set equally likely.

    Raises:
        InputError: Fewer than two classes would be seen or unseen, or there are not that many different draws.
    """
    count = len(classes)
    if not 2 <= unseen <= count - 2:
        raise InputError(
            f"{unseen} unseen of {count} classes", "leave at least two classes seen and two unseen"
        )
    rng, found = np.random.default_rng(seed), dict[tuple[int, ...], None]()
    for _ in range(100 * draws):
        if len(found) == draws:
            break
        found[tuple(sorted(int(i) for i in rng.choice(count, unseen, replace=False)))] = None
    if len(found) < draws:
        raise InputError(f"only {len(found)} different draws, asked for {draws}", "ask for fewer")
    names = tuple(tuple(classes[i] for i in rows) for rows in found)
    return Splits(name, tuple(classes), seed, names)


def write_splits(splits: Splits, path: str | Path) -> None:
    """Write a protocol as JSON, one draw per line."""
    draws = ",\n    ".join(json.dumps(list(u)) for u in splits.unseen)
    head = json.dumps(
        {"name": splits.name, "seed": splits.seed, "classes": list(splits.classes)}, indent=2
    )
    Path(path).write_text(f'{head[:-2]},\n  "unseen": [\n    {draws}\n  ]\n}}\n', encoding="utf-8")


def read_splits(path: str | Path) -> Splits:
    """Read a protocol.

    Raises:
        InputError: The file is missing, not JSON, or names an unseen class that is not in its class list.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        splits = Splits(
            str(found["name"]),
            tuple(found["classes"]),
            int(found["seed"]),
            tuple(tuple(u) for u in found["unseen"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not a split file ({error})", "write one with fusion.splits.write_splits"
        ) from error
    strange = {name for draw in splits.unseen for name in draw} - set(splits.classes)
    if strange:
        raise InputError(
            f"{path}: unseen classes that are not listed: {', '.join(sorted(strange))}",
            "name every class under 'classes'",
        )
    return splits
