"""Files and folders that appear whole or not at all: readers see the old or the new, no half."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from kg.errors import OutputError

_TRIES, _PAUSE = 20, 0.05  # seconds
_FULL = {
    errno.ENOSPC: "make room there, or choose a place on another disk",
    errno.EDQUOT: "make room there, or choose a place that your quota does not count",
    errno.EFBIG: "the system allows no file of this size there (ulimit -f, or the kind of disk): choose another place",
}
"""What to do where nothing more can be written."""


def is_url(place: object) -> bool:
    """Whether a place is the address of a server rather than a path."""
    return str(place).startswith(("http://", "https://"))


def _former(path: Path) -> Path:
    return path.with_name(f".{path.name}.former")


def recover(path: Path) -> None:
    """Put the former folder back when a crash fell between the two renames of `replace_folder`."""
    if not path.exists() and _former(path).exists():
        _former(path).rename(path)


def left_behind(path: Path) -> str:
    """How to get a folder back that a crash left under its former name; "" where none did."""
    former = _former(path)
    if path.exists() or not former.exists():
        return ""
    return f"mv {former} {path} (a program that was killed left it there)"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Write a place as the only one: of two programs that change it at once, one would undo what the other did.

    What a program that was killed left half-written beside it goes.

    Args:
        path: Folder or file that is about to be read and replaced.

    Raises:
        OutputError: Another program is writing it, or its folder cannot be written.
    """
    path = path.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mark = _marked(path)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        for left in path.parent.glob(f".{path.name}.*"):
            if re.fullmatch(r"[a-z0-9_]{8}", left.name[len(path.name) + 2 :]) and _is_room(left):
                shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        with suppress(OSError):
            _mark(path).unlink()
        mark.close()


def _mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _marked(path: Path) -> IO[Any]:
    """The open and locked mark of a place; one that its former holder has just removed is made anew."""
    while True:
        file = _mark(path).open("a")
        if lock(file) is False:
            file.close()
            raise OutputError(
                f"{path}: another program is writing it", "wait until that is done, then try again"
            )
        with suppress(OSError):
            if os.fstat(file.fileno()).st_ino == _mark(path).stat().st_ino:
                return file
        file.close()


def _is_room(folder: Path) -> bool:
    """Whether a hidden folder is one of `replace_folder` that nobody is in any more."""
    return folder.is_dir() and {one.name for one in folder.iterdir()} <= {"new"}


def replace_folder(path: Path, build: Callable[[Path], None]) -> None:
    """Build a folder beside its place, then rename it there.

    Args:
        path: Where the folder shall be; the former one, if any, goes once the new one is there.
        build: Fills the (not yet existing) folder that it is given.

    Raises:
        OutputError: The place cannot be written, or somebody else has filled it meanwhile; whatever was there is
            untouched. The message names the place, not the room beside it.
    """
    there = path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        build(room / "new")
        if path.exists() and not there:
            raise OutputError(
                f"{path}: another program has made it meanwhile",
                "choose another place, or try again",
            )
        swap(room / "new", path)
    except OutputError as error:
        named = error.message.replace(str((room / "new").absolute()), str(path))
        raise OutputError(named, error.hint) from error
    except OSError as error:
        if not _full(error):
            raise
        raise unwritable(path, error) from error
    finally:
        _remove(room)


def _remove(room: Path) -> None:
    """Remove a folder that a database which is about to close may still write to."""
    for _ in range(_TRIES):
        shutil.rmtree(room, ignore_errors=True)
        if not room.exists():
            return
        time.sleep(_PAUSE)


def replace_file(path: Path, body: bytes | Iterable[str]) -> None:
    """Write a file beside its place, then rename it there.

    Args:
        path: Where it shall be.
        body: Its bytes, or its text in pieces, which is never whole in memory.

    Raises:
        OutputError: The place cannot be written; whatever was there is untouched.
    """
    pieces = [body] if isinstance(body, bytes) else (piece.encode() for piece in body)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as room:
            part = Path(room) / path.name
            with part.open("wb") as file:
                file.writelines(pieces)
            part.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error


def check_place(path: Path) -> None:
    """Refuse, before long work, a file that could not be written after it.

    Raises:
        OutputError: It is a folder, or its folder is missing or cannot be written.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder, expected a file to write", f"-o {path}/NAME")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path | None, error: OSError) -> OutputError:
    """The error for a place that cannot be written: read-only, locked, missing or full."""
    reason = error.strerror or str(error)
    hint = "choose another place, in a folder that you can write to"
    if full := _full(error):
        reason, hint = os.strerror(full), _FULL[full]
    elif "lock" in reason.lower():
        reason, hint = "another program has it open for writing", "close that program"
    elif path is not None:
        reason, hint = _refusal(path, error, hint) or (reason, hint)
    return OutputError(f"{path or 'the graph'}: cannot be written ({reason})", hint)


def _full(error: OSError) -> int:
    """Why nothing more can be written, as a number of `errno`; 0 where that is not the reason.

    Databases, and copies of folders, tell it in words alone.
    """
    if error.errno in _FULL:
        return error.errno
    words = "" if error.errno else str(error)
    return next((number for number in _FULL if os.strerror(number) in words), 0)


def _refusal(path: Path, error: OSError, hint: str) -> tuple[str, str] | None:
    """Which folder stands in the way, and what to do; None where the system's word is all that is known."""
    there = path.absolute().parent
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return f"{there} is a file, not a folder", hint
    if error.errno == errno.EROFS:
        return f"{there} is on a disk that can only be read", hint
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"you have no right to write in {there}", hint
    if error.errno != errno.ENOENT:
        return None
    if there == path.absolute().parent:
        return f"the system lets nobody make files in {there}", hint
    missing = path.absolute().parent
    return f"there is no folder {missing}", f"make it (mkdir -p {missing}), or choose another place"


def lock(file: IO[Any]) -> bool | None:
    """Take the lock of an open file; it goes with the process, however that ends.

    Returns:
        True where it was taken, False where another process has it, None where the system has no such locks.
    """
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def swap(new: Path, path: Path) -> None:
    """Rename a finished folder to its place; the former one goes, or comes back when the rename fails."""
    former = _former(path)
    shutil.rmtree(former, ignore_errors=True)
    if path.exists():
        path.rename(former)
    try:
        new.rename(path)
    except OSError:
        recover(path)
        raise
    shutil.rmtree(former, ignore_errors=True)
