"""Image vectors on their way come in and lie in a folder; those of files that have not changed come back after a kill.

`vectors.f32` holds rows of float32, `batches.jsonl` a first line on the backbone and then one line per finished batch:
path, size, time of change and fault of each file. A line is written after its rows; what a kill cut off is cut away.
"""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError, OutputError
from kg.folder import lock

VECTORS, LINES = "vectors.f32", "batches.jsonl"


@dataclass(frozen=True)
class Seen:
    """An image file that was looked at.

    Attributes:
        path: As given.
        size: Bytes.
        changed: Time of its last change, nanoseconds.
        vector: (dimension,) float32, or None where there is a fault.
        fault: The two lines that say why it cannot be used, or None.
    """

    path: str
    size: int
    changed: int
    vector: NDArray[np.float32] | None
    fault: str | None

    @classmethod
    def of(cls, path: str, vector: NDArray[np.float32] | None, fault: str | None) -> Seen:
        """With size and time of the file as they are now."""
        return cls(path, *_stamp(path), vector, fault)


def _stamp(path: str) -> tuple[int, int]:
    try:
        now = Path(path).stat()
    except OSError:
        return -1, -1
    return now.st_size, now.st_mtime_ns


class KeptVectors:
    """Finished batches of a run, in a folder or (None) nowhere.

    Args:
        folder: Made when missing.
        facts: What changes the vectors: backbone and reading.

    Raises:
        InputError: The folder holds vectors of another backbone or reading, or another run is writing into it.
        OutputError: The folder cannot be written.
    """

    def __init__(self, folder: Path | None, facts: dict[str, Any]) -> None:
        self._folder, self._facts = folder, json.loads(json.dumps(facts))
        self._known: dict[str, Seen] = {}
        self._files: tuple[IO[bytes], IO[bytes]] | None = None
        self._open = ExitStack()

    def __enter__(self) -> KeptVectors:
        if self._folder is None:
            return self
        try:
            with ExitStack() as opened:
                self._begin(self._folder, opened)
                self._open = opened.pop_all()
        except OSError as error:
            raise OutputError(
                f"{self._folder}: cannot be written ({error.strerror})", "choose another -o"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def _begin(self, folder: Path, opened: ExitStack) -> None:
        """Take in what is whole, cut off what is not, and leave both files open at their end."""
        folder.mkdir(parents=True, exist_ok=True)
        vectors, lines = (folder / name for name in (VECTORS, LINES))
        rows = opened.enter_context(vectors.open("ab"))
        if lock(rows) is False:
            raise InputError(
                f"{folder}: another run keeps its vectors there",
                "wait until it ends, or choose another -o",
            )
        ends = self._load(vectors, lines)
        self._files = (rows, opened.enter_context(lines.open("ab")))
        for file, end in zip(self._files, ends, strict=True):
            file.truncate(end)
        if not ends[1]:
            self._line(self._facts)

    def find(self, path: str) -> Seen | None:
        """What is kept of a file, as long as it has not changed."""
        found = self._known.get(path)
        return found if found and (found.size, found.changed) == _stamp(path) else None

    def add(self, batch: list[Seen]) -> None:
        """Keep a batch: rows first, then the line that makes them count."""
        if self._files is None or not batch:
            return
        for seen in batch:
            if seen.vector is not None:
                self._files[0].write(np.asarray(seen.vector, "<f4").tobytes())
        self._files[0].flush()
        self._line([_entry(seen) for seen in batch])

    def _line(self, content: Any) -> None:
        if self._files is not None:
            self._files[1].write(json.dumps(content).encode() + b"\n")
            self._files[1].flush()

    def _load(self, vectors: Path, lines: Path) -> tuple[int, int]:
        """Take in what is whole; where the rows and the lines of it end, bytes."""
        if not lines.exists() or not vectors.exists():
            return 0, 0
        first, *rest = lines.read_bytes().split(b"\n")[:-1] or [b""]
        facts = _json(first)
        if facts is None:
            return 0, 0
        if facts != self._facts:
            raise InputError(
                f"{self._folder}: holds vectors on the way of another backbone, other bands or another scale",
                f"give the settings of the run that was interrupted, or remove it: rm -r {self._folder}",
            )
        rows, end = np.fromfile(vectors, "<f4"), len(first) + 1
        at = 0
        for line in rest:
            entries = _json(line)
            taken = _batch(entries, rows, at)
            if taken is None:
                break
            batch, at = taken
            self._known |= {seen.path: seen for seen in batch}
            end += len(line) + 1
        return at * 4, end


def _entry(seen: Seen) -> list[Any]:
    width = 0 if seen.vector is None else len(seen.vector)
    return [seen.path, seen.size, seen.changed, seen.fault, width]


def _batch(entries: Any, rows: NDArray[np.float32], at: int) -> tuple[list[Seen], int] | None:
    """The files of a line with their rows, and where the next rows begin; None where something is cut off."""
    if not isinstance(entries, list):
        return None
    batch = []
    for path, size, changed, fault, width in entries:
        row = rows[at : at + width]
        if len(row) < width:
            return None
        batch.append(Seen(path, size, changed, None if fault else row, fault))
        at += width
    return batch, at


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def drop_empty(folder: Path) -> None:
    """Remove a folder of vectors on the way that holds none, as a run leaves that ended before its first batch.

    One that another run writes to stays, and so does a folder with any other file.
    """
    files = [path for path in folder.rglob("*") if not path.is_dir()] if folder.is_dir() else None
    if files is None or {path.name for path in files} - {VECTORS, LINES}:
        return
    rows = [path for path in files if path.name == VECTORS]
    if not any(path.stat().st_size or _in_use(path) for path in rows):
        drop(folder)


def _in_use(path: Path) -> bool:
    with path.open("ab") as file:
        return lock(file) is False


def drop(folder: Path) -> None:
    """Remove a folder of vectors on the way, once they lie in the result."""
    shutil.rmtree(folder, ignore_errors=True)
