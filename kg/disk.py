"""The folder of a graph comes in, its database goes out, open for reading or for writing, or a copy of it.

With `kg.store` a door to pyoxigraph.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kg.errors import SourceError
from kg.folder import recover, unwritable

_MANY = 500_000  # statements that are removed in one step, in memory: some hundred MiB


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


def copy_without(
    store: ox.Store, graphs: Collection[ox.NamedNode], folder: Path | None = None
) -> ox.Store:
    """A copy of a database without some of its graphs.

    Where little of a database on disk goes, the copy shares its files (hard links), and only what goes takes time.

    Args:
        store: The database; on disk, or empty, where a folder is given.
        graphs: What is left out.
        folder: Where the copy shall be, not there yet; None is memory.

    Raises:
        OSError: The folder cannot be written.
    """
    gone = sum(size_of(store, graph) for graph in graphs)
    if folder is not None and gone <= _MANY and gone < len(store) - gone:
        store.backup(str(folder))
        copy = ox.Store(str(folder))
        for graph in graphs:
            copy.remove_graph(graph)
        return copy
    copy = ox.Store() if folder is None else ox.Store(str(folder))
    kept = [graph for graph in store.named_graphs() if graph not in graphs]
    for one in (ox.DefaultGraph(), *kept):
        copy.bulk_extend(store.quads_for_pattern(None, None, None, one))
    return copy


def size_of(store: ox.Store, graph: ox.NamedNode) -> int:
    """How many statements a named graph holds."""
    found: Any = store.query(f"SELECT (COUNT(*) AS ?n) {{ GRAPH {graph} {{ ?s ?p ?o }} }}")
    return int(next(found)[0].value)
