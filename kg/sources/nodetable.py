"""Nodes of an extract come in, block after block; where those of a way lie goes out."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kg.sources.columns import Nodes
from kg.sources.varints import Numbers

_EAST, _NORTH = 1_800_000_000, 900_000_000
_NEAR = 2**22  # nodes whose identifiers stay in the cache of a processor
_NOWHERE = np.iinfo(np.int32).max


class NodeTable:
    """Where nodes lie, by identifier: 16 bytes each, in a temporary file that the system keeps in memory while it can.

    Use it as a context manager.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._ids = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by the stack
        self._xy = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by the stack
        self._columns: tuple[Numbers, NDArray[np.int32]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._columns = None
        self._open.close()

    def add(self, nodes: Nodes) -> None:
        """Keep where these nodes lie."""
        xy = nodes.xy.astype(np.int32)
        xy[~on_earth(nodes.xy)] = _NOWHERE
        self._ids.write(nodes.ids.tobytes())
        self._xy.write(xy.tobytes())
        self._columns = None

    def find(self, refs: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        """(node, 2) places in units of 1e-7 degrees, and whether each is known."""
        ids, xy = self._columns = self._columns or self._sorted()
        if not len(ids):
            return np.zeros((len(refs), 2), np.int64), np.zeros(len(refs), bool)
        order = np.argsort(refs) if len(ids) > _NEAR else slice(None)  # in a large table in turn
        row = np.empty(len(refs), np.int64)
        row[order] = np.minimum(np.searchsorted(ids, refs[order]), len(ids) - 1)
        found = xy.take(row, axis=0).astype(np.int64)
        return found, (ids[row] == refs) & (found[:, 0] != _NOWHERE)

    def _sorted(self) -> tuple[Numbers, NDArray[np.int32]]:
        ids, xy = _mapped(self._ids, np.int64), _mapped(self._xy, np.int32).reshape(-1, 2)
        if (ids[1:] > ids[:-1]).all():
            return ids, xy
        order = np.argsort(ids, kind="stable")
        return ids[order], xy[order]


def on_earth(xy: Numbers) -> NDArray[np.bool_]:
    """Which of (node, 2) places in units of 1e-7 degrees lie on Earth."""
    lon, lat = np.abs(xy).T
    return np.asarray((lon <= _EAST) & (lat <= _NORTH))


def _mapped(file: Any, kind: type[np.generic]) -> NDArray[Any]:
    file.flush()
    return np.memmap(file, kind, "r") if file.tell() else np.zeros(0, kind)
