"""Where outputs go: a path comes in; it is refused, or a temporary folder goes out that is renamed at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from kg import vocab
from kg.errors import OutputError
from kg.folder import lock, recover, swap, unwritable

WRITING = ".landlore-writing"
"""Stands, locked, in a folder while it is written."""
MARKS = ("run.json", "graph.json")
"""A folder with one of these files was written by Landlore, and may be replaced with `overwrite`."""
SOURCED = (f'{vocab.curie(vocab.FINGERPRINT)} "', f'<{vocab.FINGERPRINT}> "')
"""Either stands in every RDF file of `build` and `import`: what a source depends on, in Turtle or as a line."""
_PIECE = 2**20  # bytes


def keep_inputs(outputs: Iterable[str | Path], inputs: Iterable[object]) -> None:
    """Refuse, before anything is read, outputs that would replace what is read.

    Args:
        outputs: Files, or folders that are replaced as a whole.
        inputs: Files and folders that are read; what is no path, and paths of nothing, are passed over.

    Raises:
        OutputError: An input is an output, or lies in the folder that one replaces.
    """
    paths = [Path(word) for word in inputs if isinstance(word, str | Path)]
    read = [(path, path.resolve()) for path in paths if os.path.exists(path)]  # noqa: PTH110
    for output in map(Path, outputs):
        target = output.resolve()
        for word, place in read:
            if target == place or target in place.parents:
                what = (
                    "is a file that is read" if target == place else f"holds {word}, which is read"
                )
                raise OutputError(
                    f"{output}: {what}, and would be replaced",
                    f"choose another place, for example {target.stem}-2{target.suffix}",
                )


def keep_foreign(target: Path, marks: Iterable[str] = SOURCED) -> None:
    """Refuse to replace a file that Landlore did not write; one that is empty, or not there, is no loss.

    Args:
        target: The file.
        marks: One of them stands in every file of this kind that Landlore writes.

    Raises:
        OutputError: The file holds no mark, or cannot be read.
    """
    if target.is_dir() or not target.exists():
        return
    try:
        if target.stat().st_size and not _holds(target, [mark.encode() for mark in marks]):
            raise OutputError(
                f"{target}: exists and was not written by Landlore, which replaces its own files only",
                "choose another place",
            )
    except OSError as error:
        raise unwritable(target, error) from error


def _holds(path: Path, sought: list[bytes]) -> bool:
    """Whether one of some words stands anywhere in a file, which is never whole in memory."""
    last, longest = b"", max(map(len, sought))
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            here = last + piece
            if any(one in here for one in sought):
                return True
            last = here[-longest:]
    return False


@contextmanager
def whole_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Write into a hidden sibling of `path`; rename it to `path` only when the block ends well.

    Args:
        path: The folder that shall appear.
        overwrite: Replace a folder that Landlore wrote before.

    What a killed run into the same place left behind is removed first.

    Yields:
        The temporary folder to write into.

    Raises:
        OutputError: The folder exists already, or cannot be written, or the disk is full.
    """
    target = Path(path).absolute()
    recover(target)
    _refuse(target, overwrite)
    _sweep(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    except OSError as error:
        raise unwritable(target, error) from error
    try:
        with _held(folder):
            yield folder
        _refuse(target, overwrite)  # another run may have come first
        folder.chmod(0o755)
        swap(folder, target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Mark a folder as being written; the lock goes with the process, however that ends."""
    mark = folder / WRITING
    with mark.open("w") as file:
        lock(file)
        yield
    mark.unlink()


def _sweep(target: Path) -> None:
    """Remove what runs into this folder left behind that were killed (SIGKILL, power)."""
    for left in sorted(target.parent.glob(f".{escape(target.name)}-*/{WRITING}")):
        with suppress(OSError), left.open() as file:
            if lock(file):
                shutil.rmtree(left.parent, ignore_errors=True)


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
