"""Long work in steps: what makes each step comes in; its arrays go out, computed once, saved, and told of.

A folder of steps survives `kill -9`: each file appears whole or not at all, and the same work started again reads what
is there instead of computing it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from kg.errors import OutputError
from kg.folder import replace_file, unwritable

Arrays = Mapping[str, NDArray[Any]]
Progress = Callable[[str, int, int], None]
"""Called with the name of a step that was computed, how many steps are done, and of how many."""

KEY = "key.txt"


class Steps:
    """Steps that are each computed once.

    Args:
        folder: Where they are saved; None: nowhere.
        tell: Told of each step that was computed, not of those that were read.

    Attributes:
        done: Steps that are done.
        total: Steps that there will be, as far as `plan` was told.
        found: Steps that were read instead of computed.
        fresh: Whether any had to be computed.
    """

    def __init__(self, folder: Path | None = None, tell: Progress | None = None) -> None:
        self.folder, self.tell = folder, tell
        self.done = self.total = self.found = 0
        self.fresh = False

    def plan(self, more: int) -> None:
        """Say that so many more steps will come."""
        self.total += more

    def at_least(self, more: int) -> None:
        """Say that so many steps come now, whether they were among those of `plan` or not."""
        self.total = max(self.total, self.done + more)

    def do(self, name: str, make: Callable[[], Arrays], *, count: int = 1) -> Arrays:
        """The arrays of a step: read where they were saved, else made and saved.

        Args:
            name: Of the step; parts between slashes are folders, and `a/b` is a part of the step `a`. What was saved
                of its parts is deleted once a step is saved.
            make: Computes it; called at most once.
            count: Steps that it stands for: those that it is made of, where they count themselves.

        Raises:
            OutputError: The folder cannot be written.
        """
        path = None if self.folder is None else self.folder / f"{_slug(name)}.npz"
        found = None if path is None else _read(path)
        if found is not None:
            self.done, self.found = self.done + count, self.found + count
            return found
        if self.found and not self.fresh and self.tell is not None:
            self.tell("going on after what was saved before", self.done, self.total)
        self.fresh = True
        before = self.done
        made = make()
        if path is not None:
            _write(path, made)
        news, self.done = self.done < before + count, before + count
        if news and self.tell is not None:
            self.tell(name, self.done, self.total)
        return made


def saved_steps(folder: Path, key: str, tell: Progress | None = None) -> Steps:
    """Steps that are saved in a folder, if what is there belongs to the same work.

    Args:
        folder: Made where it does not exist; steps of other work in it are deleted.
        key: Names everything that the work depends on.
        tell: As `Steps` takes it.

    Raises:
        OutputError: The folder cannot be written, or is not one of steps.
    """
    known = folder / KEY
    if folder.exists() and not known.is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            f"{folder}: exists, and is no folder of an unfinished run", "move it away, or delete it"
        )
    try:
        if known.is_file() and known.read_text() != key:
            shutil.rmtree(folder)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    replace_file(known, key.encode())
    return Steps(folder, tell)


def _slug(name: str) -> str:
    return "/".join(re.sub(r"[^a-z0-9]+", "-", part.lower()) for part in name.split("/"))


def _read(path: Path) -> Arrays | None:
    """What was saved; None where nothing was, or nothing that can be used."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile):
        return None


def _write(path: Path, made: Arrays) -> None:
    body = BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in made.items()}
    np.savez(body, **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    replace_file(path, body.getvalue())
    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
