"""How a run is done: arguments or one TOML file come in, one frozen dataclass goes out."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from kg.errors import InputError, known_words

KNOWN = {"mode": ("marginals", "map"), "nodes": ("pixels", "regions")}
"""Settings that are one of a few words."""
LEAST_TILE = 64
"""Pixels of a tile's side, at least."""
LEAST_SAMPLE = 1_000
"""Pixels to learn from, at least."""
_KINDS: dict[type, str] = {dict: "a table of sources"}


@dataclass(frozen=True)
class RunSettings:
    """Settings of `correct` and `interpret`.

    Attributes:
        confidence: Probability given to the stated class where the input is labels only, 0..1.
        smoothness: Strength of the smoothness term, nats per pair of neighbouring pixels; 0 switches it off.
        evidence: Factor on what sources say; 0 switches evidence off.
        rules: Factor on the weights of all rules; 0 switches rules off.
        mode: "marginals" (probabilities that fit everything) or "map" (the one best labelling found).
        nodes: "pixels", or "regions": whole regions are decided at once, faster and without smoothness.
        superpixel: Side in metres of the pieces that regions are cut into; 0 for none.
        date: When the image was taken, "2021" or "2021-06-30": evidence of other dates counts less; "" where unknown.
        dates: Source -> its date, where its file does not say it.
        reliability: Source -> how often it is right, 0..1, where that is known; the others have one of their kind.
        calibration: File of `landlore learn`: how far the network can be believed, what each source is worth, and
            the smoothness unless another than the default is given; "" for none.
        lesson: File of `landlore confidence --truth`: where the network that made the labels usually errs, a source of
            evidence beside them (correct; needs the image); "" for none.
        knowledge_loss: Weight of the rules as a teacher of the segmenter (interpret); 0 for none.
        seed: Seed of everything random.
        steps: Training steps of the segmenter.
        sample: Pixels that the segmenter learns from, of an image that is mapped by tiles (`interpret_tiles`).
        tile: Pixels of a side of the tiles that a map too large for memory is corrected by (`correct_tiles`).
        jobs: Tiles (and windows of an image) that are worked on at once, each by a process with memory of its own; the
            outputs are the same for every number.
        overwrite: Replace an output folder that Landlore wrote before.

    Raises:
        InputError: A value is out of range.
    """

    confidence: float = 0.8
    smoothness: float = 0.5
    evidence: float = 1.0
    rules: float = 1.0
    mode: str = "marginals"
    nodes: str = "pixels"
    superpixel: float = 0.0
    date: str = ""
    dates: Mapping[str, str] = field(default_factory=dict)
    reliability: Mapping[str, float] = field(default_factory=dict)
    calibration: str = ""
    lesson: str = ""
    knowledge_loss: float = 0.0
    seed: int = 0
    steps: int = 300
    sample: int = 2_000_000
    tile: int = 2048
    jobs: int = 1
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("smoothness", "evidence", "rules", "superpixel", "knowledge_loss"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise InputError(
                    f"{name} is {value}, expected 0 or more", f"for example {name} = 1.0"
                )
        for name, known in KNOWN.items():
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}",
                    f'for example {name} = "{known[0]}"',
                )
        self._check_sources()
        if self.tile < LEAST_TILE:
            raise InputError(
                f"tile is {self.tile}, expected at least {LEAST_TILE} pixels a side",
                "for example tile = 2048",
            )
        if self.sample < LEAST_SAMPLE:
            raise InputError(
                f"sample is {self.sample}, expected at least {LEAST_SAMPLE} pixels to learn from",
                "for example sample = 2000000",
            )
        for name, usual in (("steps", 300), ("jobs", 4)):
            if getattr(self, name) < 1:
                raise InputError(
                    f"{name} is {getattr(self, name)}, expected 1 or more",
                    f"for example {name} = {usual}",
                )

    @property
    def files(self) -> tuple[str, ...]:
        """Files of learned numbers."""
        return tuple(path for path in (self.calibration, self.lesson) if path)

    def with_files(self, change: Callable[[str], str]) -> RunSettings:
        """The same with its files named otherwise.

        Args:
            change: Path -> its other name.
        """
        calibration = change(self.calibration) if self.calibration else ""
        lesson = change(self.lesson) if self.lesson else ""
        return replace(self, calibration=calibration, lesson=lesson)

    def _check_sources(self) -> None:
        from reasoning.evidence.ageing import year_of

        for name, share in self.reliability.items():
            number = isinstance(share, int | float) and not isinstance(share, bool)
            if not number or not 0 <= share <= 1:
                raise InputError(
                    f"reliability of {name} is {share!r}, expected 0..1", f"for example {name}=0.9"
                )
        if self.date:
            year_of(self.date, "--date: the image")
        object.__setattr__(self, "dates", {name: str(one) for name, one in self.dates.items()})
        for name, when in self.dates.items():
            year_of(when, f"--source-date: {name}")
        if self.dates and not self.date:
            raise InputError(
                "--source-date and no --date: only the time between them counts",
                "add --date 2021-06-30",
            )


def read_settings(path: str | Path | None, **given: Any) -> RunSettings:
    """Settings from a TOML file, with arguments that were given (not None) on top.

    Args:
        path: TOML file with keys named as the fields of `RunSettings`, or None.
        **given: Values that win over the file; None means "not given".

    Raises:
        InputError: The file cannot be read, has an unknown key, or a value of the wrong type.
    """
    settings = RunSettings()
    if path is not None:
        settings = replace(settings, **_checked(_read(Path(path)), Path(path)))
    return replace(settings, **{k: v for k, v in given.items() if v is not None})


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"{path}: not a readable TOML file ({error})", "see docs/settings.md"
        ) from error


def _checked(table: dict[str, Any], path: Path) -> dict[str, Any]:
    known = {f.name: type(getattr(RunSettings(), f.name)) for f in fields(RunSettings)}
    table = {key: _undated(value) for key, value in table.items()}
    for key, value in table.items():
        if key not in known:
            raise InputError(f"{path}: unknown setting {key!r}", known_words(key, known))
        wanted = (int, float) if known[key] is float else known[key]
        if not isinstance(value, wanted) or (isinstance(value, bool) and known[key] is not bool):
            example = "{ osm = 0.9 }" if known[key] is dict else known[key](1)
            raise InputError(
                f"{path}: {key} is {value!r}, expected {_KINDS.get(known[key], known[key].__name__)}",
                f"for example {key} = {example}",
            )
    return table


def _undated(value: Any) -> Any:
    """TOML has dates of its own; here they are text."""
    if isinstance(value, dict):
        return {name: _undated(one) for name, one in value.items()}
    return value.isoformat() if isinstance(value, date) else value
