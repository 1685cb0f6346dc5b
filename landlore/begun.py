"""A folder that long work goes on in: what it is begun with comes in; the folder is held, refused or begun anew."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

from kg.errors import OutputError
from kg.folder import lock, unwritable
from kg.legend import Legend
from landlore.rerun import digest
from landlore.run_folder import RECORD
from landlore.settings import RunSettings
from landlore.sources import Sources
from landlore.tile import MARGIN

BEGUN = "tiles.json"
"""Says what a folder of tiles was begun with; locked while tiles are made."""
LEARNED = "learned.npz"
"""Weights of a segmenter."""
FINISHED = (f"tiles/*/{RECORD}", LEARNED)
"""What is lost when a folder is begun anew."""
UNFINISHED = ".landlore-*"
"""Folders of files that were being written when a run was killed."""
_FILE = "sha256: "


def begun_with(
    path: str | Path, legend: Legend, how: tuple[Sources, RunSettings]
) -> dict[str, Any]:
    """What a folder of tiles is begun with: other files or settings make another folder.

    Args:
        path: The map or image that is worked on.
        legend: Of the map.
        how: What is known beside it, and the settings.
    """
    sources, settings = how
    words = [str(path), *settings.files, *sources.paths]
    files = {word: _content(Path(word)) for word in words if Path(word).exists()}
    plain = asdict(replace(settings, overwrite=False, jobs=1))
    return {
        "margin": MARGIN, "legend": legend.iri, "sha256": files, "sources": asdict(sources),
        "settings": plain,
    }  # fmt: skip


def _content(path: Path) -> str:
    """Changes with what a file holds, or a graph on disk; what a store only notes about itself does not count."""
    if path.is_file():
        return digest(path)
    found = hashlib.sha256()
    for one in sorted(path.rglob("*")):
        if one.is_file() and (one.suffix == ".sst" or one.name == "IDENTITY"):
            found.update(f"{one.relative_to(path).as_posix()} {one.stat().st_size}\n".encode())
            found.update(one.read_bytes() if one.name == "IDENTITY" else b"")
    return found.hexdigest()


@contextmanager
def held_folder(home: Path, begun: dict[str, Any], overwrite: bool) -> Iterator[None]:
    """The folder to work in, held by this process alone; one that was begun otherwise is refused or replaced.

    Args:
        home: The folder.
        begun: What it is begun with, or was.
        overwrite: Begin anew in any case.

    Raises:
        OutputError: It holds something else, or something was finished there that was begun otherwise; or it cannot be
            written.
    """
    mark = home / BEGUN
    try:
        if home.exists() and any(home.iterdir()):
            if not mark.is_file():
                raise OutputError(
                    f"{home}: exists and holds no tiles", "choose another folder with -o"
                )
            former = mark.read_text(encoding="utf-8")
            other = _told_apart(former, begun)
            if overwrite or other:
                _replace(home, overwrite, other)
        home.mkdir(parents=True, exist_ok=True)
        if not mark.exists():
            write_json(mark, begun)
        with mark.open() as file:
            _take(file, home)
            for left in home.glob(UNFINISHED):
                shutil.rmtree(left, ignore_errors=True)
            yield
    except OSError as error:
        raise unwritable(home, error) from error


def _replace(home: Path, overwrite: bool, other: str) -> None:
    """Remove a folder of tiles, where that is wanted or nothing was finished."""
    if not overwrite and any(any(home.glob(name)) for name in FINISHED):
        raise OutputError(
            f"{home}: holds tiles that were begun with other files or settings ({other})",
            "add --overwrite to begin anew, or choose another folder with -o",
        )
    with (home / BEGUN).open() as file:
        _take(file, home)
        shutil.rmtree(home)


def _take(mark: IO[Any], home: Path) -> None:
    """Lock a folder of tiles."""
    if lock(mark) is False:
        raise OutputError(f"{home}: another run is writing there", "wait until it is done")


def _told_apart(former: str, begun: Mapping[str, Any]) -> str:
    """What is another now than it was: "seed 0, now 1"; "" where nothing is, however the files are worded."""
    try:
        before = _flat(_by_name(json.loads(former)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{BEGUN} is broken"
    now = _flat(_by_name(json.loads(_text(dict(begun)))))
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    said = []
    for name in names:
        file = name.removeprefix(_FILE)
        was, changed = before.get(name), file != name and name in before and name in now
        said.append(f"{file} has changed" if changed else f"{file} {was}, now {now.get(name)}")
    return "; ".join(said[:3])


def _by_name(told: dict[str, Any]) -> dict[str, Any]:
    """The same with files by their last names, which go into outputs, not by the way to them; two alike keep it."""
    files = told["sha256"]
    often = Counter(Path(word).name for word in files)
    short = {word: name if often[name := Path(word).name] == 1 else word for word in files}

    def named(value: Any) -> Any:
        """A setting, with what it names called by its last name."""
        if isinstance(value, list):
            return [named(one) for one in value]
        if not isinstance(value, str):
            return value
        kind, equals, path = value.rpartition("=")  # as products are named
        return short[value] if value in short else f"{kind}{equals}{short.get(path, path)}"

    parts = {
        part: {name: named(value) for name, value in told[part].items()}
        for part in ("sources", "settings")
    }
    return {**told, **parts, "sha256": {short[word]: files[word] for word in files}}


def _flat(told: Any, above: str = "") -> dict[str, Any]:
    """The values of nested tables by their names, those of settings and sources by their own name."""
    if not isinstance(told, dict):
        return {above: told}
    found: dict[str, Any] = {}
    for name, value in told.items():
        found |= _flat(value, name if above in ("", "settings", "sources") else f"{above}: {name}")
    return found


def _text(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_json(path: Path, told: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    new = path.with_name(f".{path.name}")
    new.write_text(_text(told), encoding="utf-8", newline="\n")
    new.replace(path)
