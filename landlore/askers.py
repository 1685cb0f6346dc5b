"""Questions come in; answers, or the news that they take too long, go out of processes that hold a graph each."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

from kg.errors import LandloreError, SourceError
from kg.result_formats import written
from kg.store import KnowledgeGraph

READY = 600.0
"""Seconds that a process may take to open its graph."""


class BusyError(LandloreError):
    """No answer in time, or nobody free to look for one."""


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        kind: Media type.
        body: The answer.
        cut: Rows after which it stops although there are more, or None.
    """

    kind: str
    body: bytes
    cut: int | None


@dataclass(frozen=True)
class Refusal:
    """Why there is no answer.

    Attributes:
        code: Status of HTTP: 400 for a question that cannot be run, 406 for an answer in no form that is taken.
        message, hint: As those of an error.
    """

    code: int
    message: str
    hint: str


@dataclass
class _Process:
    process: Any
    pipe: Connection


@dataclass
class Askers:
    """Processes that each hold a graph, so that a question that takes too long can be ended.

    Attributes:
        place: Run folder, graph folder or RDF file.
        count: Processes.
        timeout: Seconds that a question may take, waiting included.
        rows: Rows of an answer.
    """

    place: str
    count: int = 2
    timeout: float = 30.0
    rows: int = 10_000
    _free: queue.Queue[_Process | None] = field(default_factory=queue.Queue, repr=False)
    _all: list[_Process] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self) -> None:
        """Open the graph, in one process for a start; the others open it when they are first needed.

        Raises:
            SourceError, InputError: Nothing there that can be opened.
        """
        self._free.put(self._begun())
        for _ in range(self.count - 1):
            self._free.put(None)

    def ask(self, sparql: str, accept: str = "") -> Reply | Refusal:
        """Answer a question.

        Args:
            sparql: SELECT, ASK, CONSTRUCT or DESCRIBE.
            accept: Media types that the client takes.

        Raises:
            BusyError: No answer in time.
        """
        until = monotonic() + self.timeout
        try:
            one = self._free.get(timeout=self.timeout)
        except queue.Empty:
            raise BusyError(
                f"nobody is free within {self.timeout:g} s", "try again later"
            ) from None
        try:
            one = one or self._begun()
            told = self._answer(one, (sparql, accept, self.rows), until)
        except BaseException:
            if one is not None:
                self._end(one)
            self._free.put(None)
            raise
        self._free.put(one)
        return told

    def close(self) -> None:
        """End every process."""
        with self._lock:
            held = list(self._all)
        for one in held:
            self._end(one)

    def _answer(self, one: _Process, asked: tuple[str, str, int], until: float) -> Reply | Refusal:
        try:
            one.pipe.send(asked)
            if one.pipe.poll(max(0.0, until - monotonic())):
                told: Reply | Refusal = one.pipe.recv()
                return told
        except (EOFError, OSError) as error:
            raise BusyError(
                "the process that looked for the answer ended (out of memory?)",
                "ask for less: LIMIT, or fewer patterns",
            ) from error
        raise BusyError(f"no answer within {self.timeout:g} s", "ask for less, or use LIMIT")

    def _begun(self) -> _Process:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(self.place, theirs), daemon=True)
        process.start()
        theirs.close()
        one = _Process(process, ours)
        with self._lock:
            self._all.append(one)
        try:
            told = (
                ours.recv() if ours.poll(READY) else (f"{self.place}: takes too long to open", "")
            )
        except EOFError:
            told = (f"{self.place}: cannot be opened (out of memory?)", "")
        if told is not None:
            self._end(one)
            raise SourceError(told[0], told[1] or "landlore query opens the same")
        return one

    def _end(self, one: _Process) -> None:
        one.process.kill()
        one.process.join()
        one.pipe.close()
        with self._lock:
            if one in self._all:
                self._all.remove(one)


def _work(place: str, pipe: Connection) -> None:
    """Open a graph, say None or what is wrong, and then answer until the other side is gone."""
    import signal

    from landlore.graph import open_graph

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        graph = open_graph(Path(place))
    except LandloreError as error:
        pipe.send((error.message, error.hint))
        return
    pipe.send(None)
    while True:
        try:
            sparql, accept, rows = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_reply(graph, sparql, accept, rows))


def _reply(graph: KnowledgeGraph, sparql: str, accept: str, rows: int) -> Reply | Refusal:
    try:
        found = graph.query(sparql, most=rows + 1)
    except LandloreError as error:
        return Refusal(400, error.message, error.hint)
    cut = rows if len(found) > rows else None
    try:
        kind, text = written(replace(found, rows=found.rows[:rows]), accept)
    except LandloreError as error:
        return Refusal(406, error.message, error.hint)
    return Reply(kind, text.encode(), cut)
