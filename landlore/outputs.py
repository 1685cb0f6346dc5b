"""Output folders that appear whole or not at all: a path comes in, a temporary folder goes out, renamed at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kg.errors import OutputError
from kg.folder import recover, swap, unwritable

MARKS = ("run.json", "graph.json")
"""A folder with one of these files was written by Landlore, and may be replaced with `overwrite`."""


@contextmanager
def whole_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Write into a hidden sibling of `path`; rename it to `path` only when the block ends well.

    Args:
        path: The folder that shall appear.
        overwrite: Replace a folder that Landlore wrote before.

    Yields:
        The temporary folder to write into.

    Raises:
        OutputError: The folder exists already, or cannot be written, or the disk is full.
    """
    target = Path(path).absolute()
    recover(target)
    _refuse(target, overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    except OSError as error:
        raise unwritable(target, error) from error
    try:
        yield folder
        _refuse(target, overwrite)  # another run may have come first
        folder.chmod(0o755)
        swap(folder, target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse(target: Path, overwrite: bool) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not target.is_dir() or not any((target / mark).exists() for mark in MARKS):
        raise OutputError(
            f"{target}: exists and was not written by Landlore; expected a new folder",
            "choose another folder with -o",
        )
    if not overwrite:
        raise OutputError(
            f"{target}: exists already", "add --overwrite to replace it, or choose another with -o"
        )
