"""The folder of a graph comes in, its database goes out, open for reading or for writing.

With `kg.store` a door to pyoxigraph.
"""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox

from kg.errors import SourceError
from kg.folder import recover, unwritable


def open_folder(path: Path, read_only: bool) -> tuple[ox.Store, bool]:
    """Open the database in a folder.

    Args:
        path: The folder; it need not exist yet when writing.
        read_only: Open what is there for reading.

    Returns:
        The database, and whether the folder is new; a new one gets an empty database in memory, which is to take its
        place on disk with the first content.

    Raises:
        SourceError: Nothing there to read, other files, or a file in place of the folder.
        OutputError: The folder cannot be opened, e.g. another process writes to it.
    """
    try:
        recover(path)
        fresh = not path.exists() or not any(path.iterdir())
        if not fresh and not (path / "CURRENT").exists():
            raise SourceError(f"{path}: holds other files", "name another folder")
        if read_only and not fresh:
            return ox.Store.read_only(str(path)), False
        if not read_only:
            return (ox.Store() if fresh else ox.Store(str(path))), fresh
    except NotADirectoryError as error:
        raise SourceError(
            f"{path}: is a file, not a graph folder", "use KnowledgeGraph.open"
        ) from error
    except OSError as error:
        raise unwritable(path, error) from error
    raise SourceError(f"{path}: no graph there", "landlore build makes one")
