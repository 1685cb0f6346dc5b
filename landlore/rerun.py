"""A run that can be asked again: what came in is noted in its folder; the folder comes in, the run itself goes out.

Paths are noted relative to the folder of the run, with the fingerprint (SHA-256) of each file. A file that is not where
it was is looked for by its name in RUN/inputs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fusion.prediction import Lesson, Prediction
from kg.cog import write_raster
from kg.errors import InputError
from kg.legend import Legend, legend_names, load_legend
from kg.raster import Raster, read_raster
from landlore.certainty import with_lesson
from landlore.graph import known_graph
from landlore.inputs import read_prediction
from landlore.progress import Paced
from landlore.reason import chosen_axioms, known_layers, read_beside, reason, run_name
from landlore.run_folder import AGAIN, RECORD, check_keys, read_record
from landlore.settings import RunSettings
from landlore.sources import Sources, feature_layers, product_layers, product_words

if TYPE_CHECKING:
    from reasoning.solved import Solved

BEFORE = "before.tif"
"""Probabilities of a prediction that was made by the run, or came from memory."""
LESSON = "before-lesson.tif"
"""What a lesson said of a prediction that came from memory with it."""
_FILES = ("landcover", "osm", "vector", "facts", "rules", "add_rules")
_PATHS = ("graph", "image", "dem")
_NOTED: dict[str, type] = {
    "job": str, "prediction": object, "legend": str, "model": str, "from_labels": bool, "sources": dict,
    "settings": dict, "sha256": dict,
}  # fmt: skip
"""What `write_inputs` notes."""


@dataclass(frozen=True)
class Inputs:
    """What a run was made from, besides its sources.

    Attributes:
        job: "correct" or "interpret".
        prediction: File of the prediction, or None: it is kept in the folder of the run.
        legend: The legend of the map, its name or its file.
    """

    job: str
    prediction: str | Path | None
    legend: str | Legend


def write_inputs(
    folder: Path,
    home: Path,
    told: Inputs,
    how: tuple[Sources, RunSettings],
    before: Prediction,
) -> dict[str, Any]:
    """Note what came in; a prediction that no file holds is written to `before.tif`.

    Args:
        folder: Where the outputs are written.
        home: Where they will be.
        told: What was done with what.
        how: Sources and settings.
        before: The prediction.

    Returns:
        JSON-ready; goes into `run.json`.
    """
    sources, settings = how
    names = {name: getattr(sources, name) for name in (*_FILES, *_PATHS)}
    noted = {name: _each(value, lambda word: _noted(word, home)) for name, value in names.items()}
    prediction = told.prediction
    in_memory = None if settings.lesson else before.lesson
    if prediction is None:
        _keep(folder / BEFORE, before)
    if in_memory is not None:
        _keep(folder / LESSON, before.advised)
    words = [product_words(word)[1] for name in names for word in _words(names[name])]
    words += [] if prediction is None else [str(prediction)]
    legend = told.legend if isinstance(told.legend, str) else told.legend.name
    words += [legend, *settings.files]
    kept = replace(settings, overwrite=False).with_files(lambda path: _noted(path, home))
    return {
        "job": told.job,
        "prediction": None if prediction is None else _noted(str(prediction), home),
        "legend": legend if legend in legend_names() else _noted(legend, home),
        "model": before.model,
        "from_labels": before.from_labels,
        **({"lesson": in_memory.name} if in_memory else {}),
        "sources": {**asdict(sources), **noted},
        "settings": asdict(kept),
        "sha256": {
            _noted(path, home): digest(Path(path)) for path in words if Path(path).is_file()
        },
    }


def solve_again(folder: str | Path, progress: Callable[[str], None] | None = None) -> Solved:
    """Make a run again from its folder, keeping everything that questions need.

    Args:
        folder: Run folder.
        progress: Told of each stage.

    Raises:
        InputError: Not the folder of a run of a map, one that does not name its inputs, or an input that is gone or
            has changed since.
    """
    from reasoning.progress import heard_by

    tell = Paced(progress)
    home = Path(folder).absolute()
    told, run = read_run(home)
    _check(home, told["sha256"])
    sources, settings = _sources(home, told["sources"]), RunSettings(**told["settings"])
    settings = settings.with_files(lambda path: str(found(home, path)))
    prediction = _prediction(home, told, settings)
    beside = read_beside(sources, prediction.grid)
    prediction = with_lesson(prediction, beside[0], settings.lesson)
    tell("reading what is known")
    graph = known_graph(sources, prediction.grid)
    known = known_layers(
        product_layers(sources, prediction.grid),
        feature_layers(graph, prediction.grid),
        chosen_axioms(sources, settings),
        beside,
        settings,
    )
    tell("solving the run again")
    with heard_by(tell.within):
        solved = reason(prediction, known, sources, settings, learned=told["job"] == "interpret")
    if not str(run["run"]).endswith(f"/{run_name(solved.corrected, settings)}"):
        tell(
            "the run comes out differently now than it did then (another version, or other rules that ship)"
        )
    return solved


def read_run(home: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs of a run, and everything that its `run.json` says.

    Raises:
        InputError: Not the folder of a run of a map, or one that does not name its inputs.
    """
    path, run = home / RECORD, read_record(home)
    told = run.get("inputs")
    if run.get("job") == "by-region":
        raise InputError(
            f"{path}: a run by regions keeps no terms, so nothing can be solved again",
            "correct a part of the map without --by-region, and ask that",
        )
    if not told:
        raise InputError(f"{path}: does not name its inputs, so nothing can be solved again", AGAIN)
    check_keys(path, run, {"inputs": dict})
    check_keys(path, told, _NOTED, "inputs")
    check_keys(path, told["sources"], {"osm": list, "bands": object, "image": object}, "sources")
    for name, kind in (("sources", Sources), ("settings", RunSettings)):
        known = {field.name for field in fields(kind)}
        if strange := sorted(told[name].keys() - known):
            raise InputError(
                f"{path}: {name!r} names {', '.join(map(repr, strange))}, which this version of Landlore does not know",
                AGAIN,
            )
    return dict(told), run


def _check(home: Path, digests: dict[str, str]) -> None:
    """Every input is there and as it was."""
    for name, known in sorted(digests.items()):
        path = found(home, name)
        if not path.is_file():
            raise InputError(
                f"{path}: an input of the run is gone", f"put it back, or into {home / 'inputs'}"
            )
        if digest(path) != known:
            raise InputError(
                f"{path}: has changed since the run (SHA-256 differs), its answers would be about another run",
                "make the run again, or put the old file back",
            )


def _prediction(home: Path, told: dict[str, Any], settings: RunSettings) -> Prediction:
    legend = told["legend"]
    loaded = load_legend(legend if legend in legend_names() else str(found(home, legend)))
    if told["prediction"] is not None:
        path = found(home, told["prediction"])
        said = read_prediction(path, loaded, confidence=settings.confidence)
        return replace(said, model=told["model"])
    kept = read_raster(home / BEFORE)
    values, name = kept.values.astype(np.float32), told.get("lesson")
    lesson = Lesson(read_raster(home / LESSON).values.astype(np.float32), name) if name else None
    return Prediction(values, loaded, kept.grid, told["model"], told["from_labels"], lesson)


def _keep(path: Path, said: Prediction) -> None:
    """Write the probabilities of a prediction."""
    names = tuple(one.label for one in said.legend.classes)
    write_raster(path, Raster(said.probabilities, said.grid, None, names), overviews="average")


def _sources(home: Path, told: dict[str, Any]) -> Sources:
    given: dict[str, Any] = dict(told)
    for name in (*_FILES, *_PATHS):
        if name in told:
            given[name] = _each(told[name], lambda word: _back(word, home))
    if given["bands"] is not None:
        given["bands"] = tuple(given["bands"])
    return Sources(**given)


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if value is None or isinstance(value, str):
        return None if value is None else change(value)
    return tuple(map(change, value))


def _words(value: Any) -> Iterator[str]:
    if value is not None:
        yield from [value] if isinstance(value, str) else value


def _noted(word: str, home: Path) -> str:
    """The word with its path relative to the run."""
    path = product_words(word)[1]
    there = Path(os.path.relpath(Path(path).absolute(), home.absolute())).as_posix()
    return word.removesuffix(path) + there


def _back(word: str, home: Path) -> str:
    legend, equals, path = word.partition("=")
    if equals and not Path(os.path.normpath(home / word)).exists():
        return f"{legend}={found(home, path)}"
    return str(found(home, word))


def found(home: Path, name: str) -> Path:
    """Where a noted file is: where it was, else in RUN/inputs."""
    path = Path(os.path.normpath(home / name))
    beside = home / "inputs" / path.name
    return beside if not path.exists() and beside.exists() else path


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
