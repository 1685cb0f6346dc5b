"""What one run of a benchmark keeps for the next: a folder comes in; the base's probabilities, steps and rows go out.

Everything is kept under the digest of the code, so that a stopped run goes on and changed code starts anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from weak_base import Tile, TileSet, fit_base

from fusion.prediction import Prediction
from kg.files import shipped
from reasoning.learning.steps import Steps, saved_steps

HERE = Path(__file__).resolve().parent
BASE_CODE = (HERE / "weak_base.py",)


def digest(paths: tuple[Path, ...]) -> str:
    """SHA-256 of what some files hold, in 16 letters."""
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def code() -> str:
    """Digest of everything that a row depends on: the reasoner, its rules and these scripts."""
    root = HERE.parent
    rules = Path(shipped("ontologies")).rglob("*.ttl")
    python = [
        path for one in ("reasoning", "kg", "fusion", "benchmarks") for path in (root / one).rglob("*.py")
    ]  # fmt: skip
    return digest(tuple(sorted([*rules, *python])))


@dataclass(frozen=True)
class Cache:
    """A folder for one data set and one base; None keeps nothing.

    Attributes:
        folder: Where things are kept.
        name: Names the data set and the seed.
        recipe: What was asked for, in words.
    """

    folder: Path | None
    name: str
    recipe: str = ""

    @property
    def key(self) -> str:
        """Names the code and what was asked for."""
        return f"{code()} {self.recipe}"

    def base(
        self, tiles: TileSet, seed: int
    ) -> tuple[Callable[[Tile], Prediction], tuple[str, ...]]:
        """As `weak_base.fit_base`; what it says of each tile is kept."""
        if self.folder is None:
            return fit_base(tiles, seed)
        place = self.folder / f"{self.name}-base-{digest(BASE_CODE)}"
        if not (place / "seen.json").is_file():
            predict, seen = fit_base(tiles, seed)
            place.mkdir(parents=True, exist_ok=True)
            for i, tile in enumerate((*tiles.train, *tiles.test)):
                np.save(place / f"{i}.npy", predict(tile).probabilities)
            (place / "seen.json").write_text(json.dumps(seen))
        known = {id(tile): i for i, tile in enumerate((*tiles.train, *tiles.test))}

        def read(tile: Tile) -> Prediction:
            p = np.load(place / f"{known[id(tile)]}.npy")
            return Prediction(p, tiles.legend, tile.image.grid, f"gradient boosting, seed {seed}")

        return read, tuple(json.loads((place / "seen.json").read_text()))

    def steps(self) -> Steps:
        """Steps of learning that were done already."""
        if self.folder is None:
            return Steps()
        self.folder.mkdir(parents=True, exist_ok=True)
        return saved_steps(self.folder / f"{self.name}-steps", self.key)

    def done(self) -> dict[str, Any] | None:
        """The result of the same code for the same options, if it was kept."""
        if self.folder is None or not (self.folder / f"{self.name}.json").is_file():
            return None
        found: dict[str, Any] = json.loads((self.folder / f"{self.name}.json").read_text())
        return found if found.pop("key") == self.key else None

    def keep(self, result: dict[str, Any]) -> None:
        """Keep a result."""
        if self.folder is not None:
            text = json.dumps({"key": self.key, **result}, indent=1)
            (self.folder / f"{self.name}.json").write_text(text)
