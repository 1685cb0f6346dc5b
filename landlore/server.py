"""A run or a graph comes in; a server that answers SPARQL about it, and shows it to people, runs until it is stopped.

SPARQL 1.1 Protocol (W3C, 2013), queries only. Stands on `http.server`: for one user or a small group on a network that
they trust, not for the open web.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kg.errors import InputError, OutputError
from kg.folder import is_url
from kg.queries import load_query, query_names
from landlore.askers import Askers
from landlore.run_folder import RECORD, read_record
from landlore.server_http import Http


@dataclass(frozen=True)
class ServeSettings:
    """How a graph is served.

    Attributes:
        host: Address to listen at; the one that ships is this machine's own.
        port: Port; 0 takes a free one.
        timeout: Seconds that a question may take.
        rows: Rows of an answer; a longer one is cut, and says so in the header `X-SPARQL-MaxRows`.
        processes: Questions that are answered at the same time; each holds the graph once.
        origin: Origin of pages elsewhere that may ask, "https://yasgui.triply.cc"; "" for none.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    timeout: float = 30.0
    rows: int = 10_000
    processes: int = 2
    origin: str = ""


class Server:
    """A server of one run or graph; made, it listens.

    Args:
        place: Run folder, graph folder or RDF file.
        settings: How.

    Raises:
        SourceError, InputError: Nothing there that can be opened.
        OutputError: The port is taken.
    """

    def __init__(self, place: str | Path, settings: ServeSettings | None = None) -> None:
        self.place, self.settings = Path(place), settings or ServeSettings()
        _check(str(place), self.settings)
        how = self.settings
        self.askers = Askers(str(place), how.processes, how.timeout, how.rows)
        self.askers.start()
        try:
            self._http = Http((how.host, how.port), self)
        except OSError as error:
            self.askers.close()
            raise OutputError(
                f"{how.host}:{how.port}: cannot be listened at ({error.strerror or error})",
                "another program has it? --port 0 takes a free one",
            ) from error
        self._running, self._closed, self._lock = False, False, threading.Lock()

    @property
    def url(self) -> str:
        """Where people look."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"http://{host}:{self._http.server_port}/"

    def serve(self) -> None:
        """Answer until `close` is called, or the program is interrupted."""
        self._running = True
        try:
            self._http.serve_forever(poll_interval=0.2)
        finally:
            self._running = False
            self.close()

    def close(self) -> None:
        """Stop listening, and end what looks for answers."""
        if self._running:  # in another thread
            self._http.shutdown()
        with self._lock:
            if not self._closed:
                self._closed = True
                self._http.server_close()
                self.askers.close()

    @cached_property
    def facts(self) -> bytes:
        """What the page for questions shows: the place, whether there is a report, and the named questions."""
        named = [load_query(name) for name in query_names()]
        told = {
            "place": self.place.absolute().name,
            "report": self._is_run_of_a_map,
            "rows": self.settings.rows,
            "queries": [{"name": q.name, "title": q.title, "sparql": q.sparql} for q in named],
        }
        return json.dumps(told, ensure_ascii=False).encode()

    @cached_property
    def report(self) -> bytes | None:
        """The page of a run, or None where there is none."""
        if not self._is_run_of_a_map:
            return None
        from landlore.page import write_page

        with tempfile.TemporaryDirectory() as room:
            return write_page(self.place, Path(room) / "report.html").path.read_bytes()

    @property
    def _is_run_of_a_map(self) -> bool:
        if not (self.place / RECORD).is_file():
            return False
        told = read_record(self.place, tiles=True)
        return "images" not in told and told.get("job") != "by-region"


def _check(place: str, settings: ServeSettings) -> None:
    if is_url(place):
        raise InputError(
            f"{place}: is a server already", "give a run folder, a graph folder or an RDF file"
        )
    for name, least in (("timeout", 0.1), ("rows", 1), ("processes", 1)):
        if not getattr(settings, name) >= least:
            raise InputError(
                f"--{name} {getattr(settings, name)}: expected {least} or more", f"--{name} {least}"
            )
    if not 0 <= settings.port < 65536:
        raise InputError(f"--port {settings.port}: expected 0 to 65535", "--port 8000")


def serve(
    place: str | Path,
    settings: ServeSettings | None = None,
    *,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a run or a graph until the program is interrupted.

    Args:
        place: Run folder, graph folder or RDF file.
        settings: How.
        ready: Told the address, once it answers.

    Raises:
        SourceError, InputError: Nothing there that can be opened.
        OutputError: The port is taken.
    """
    server = Server(place, settings)
    ready(server.url)
    server.serve()
