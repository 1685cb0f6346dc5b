"""Requests of the SPARQL 1.1 Protocol and of browsers come in, answers and pages go out."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from kg.errors import LandloreError, QueryError
from kg.files import shipped
from kg.sparql import refuse_service
from landlore.askers import BusyError, Refusal

if TYPE_CHECKING:
    from landlore.server import Server

_HERE = ("127.0.0.1", "localhost", "::1")
_MOST = 1_000_000
"""Bytes of a question."""
_NAMED = ("this server is asked for by another name", "use the address that it printed")
_SILENT = 30.0
"""Seconds that a client may be silent in the middle of a request."""
_FILES = {
    "/": ("ask.html", "text/html; charset=utf-8"),
    "/ask.js": ("ask.js", "text/javascript; charset=utf-8"),
    "/ask.css": ("ask.css", "text/css; charset=utf-8"),
}
_POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"


class Http(ThreadingHTTPServer):
    """Listens, and hands each request to a thread of its own.

    Args:
        address: (host, port).
        owner: Knows the answers.
    """

    daemon_threads, block_on_close = True, False

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        self.owner = owner
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Http
    protocol_version, timeout, server_version = "HTTP/1.1", _SILENT, "landlore"

    def do_GET(self) -> None:
        """A page, or a question in the address."""
        parts = urlsplit(self.path)
        if not self._is_asked_for_here():
            self._say(403, *_NAMED)
        elif parts.path == "/sparql" and parts.query:
            self._ask(parse_qs(parts.query, keep_blank_values=True))
        else:
            self._page(unquote(parts.path))

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """A question as a form, or as it is."""
        length, parts = self.headers.get("Content-Length", ""), urlsplit(self.path)
        if not length.isdigit() or int(length) > _MOST:
            self._pass_over(int(length) if length.isdigit() else 0)
            said = f"a question of {length or 'unknown'} bytes, expected {_MOST:,} at most"
            self._say(413, said, "ask for less")
            return
        body = self.rfile.read(int(length)).decode(errors="replace")
        kind = self.headers.get_content_type()
        if not self._is_asked_for_here():
            self._say(403, *_NAMED)
        elif parts.path != "/sparql":
            self._say(404, f"{parts.path}: nothing is here", "questions go to /sparql")
        elif kind == "application/sparql-query":
            self._ask({"query": [body]} | parse_qs(parts.query))
        elif kind == "application/x-www-form-urlencoded":
            self._ask(parse_qs(body, keep_blank_values=True))
        else:
            said = f"{kind}: not how questions are sent"
            self._say(415, said, "send a form, or application/sparql-query")

    def do_OPTIONS(self) -> None:
        """What a browser asks before it lets a page elsewhere ask."""
        self._send(204, "text/plain", b"")

    def _ask(self, form: dict[str, list[str]]) -> None:
        owner, asked = self.server.owner, form.get("query", [])
        if "update" in form:
            self._say(
                403, "an update; this server only reads", "facts go in by landlore build --facts"
            )
        elif len(asked) != 1:
            self._say(
                400, f"{len(asked)} questions, expected one as `query`", "/sparql?query=SELECT..."
            )
        elif form.keys() & {"default-graph-uri", "named-graph-uri"}:
            self._say(400, "graphs are named in the question here", "use FROM or GRAPH")
        else:
            try:
                refuse_service(asked[0])
                reply = owner.askers.ask(asked[0], self.headers.get("Accept", ""))
            except BusyError as error:
                self._say(503, error.message, error.hint)
            except QueryError as error:
                self._say(400, error.message, error.hint)
            except LandloreError as error:
                self._say(500, error.message, error.hint)
            else:
                if isinstance(reply, Refusal):
                    return self._say(reply.code, reply.message, reply.hint)
                cut = {} if reply.cut is None else {"X-SPARQL-MaxRows": str(reply.cut)}
                self._send(200, f"{reply.kind}; charset=utf-8", reply.body, cut)

    def _page(self, path: str) -> None:
        if path in _FILES:
            name, kind = _FILES[path]
            self._send(200, kind, shipped(f"landlore/web/{name}").read_bytes())
        elif path == "/facts.json":
            self._send(200, "application/json", self.server.owner.facts)
        elif path == "/sparql":
            self._say(400, "no question", "/sparql?query=SELECT..., or POST it")
        elif path == "/report" and (page := self.server.owner.report) is not None:
            self._send(200, "text/html; charset=utf-8", page, policy="")
        else:
            self._say(404, f"{path}: nothing is here", "/ for questions, /sparql for programs")

    def _pass_over(self, length: int) -> None:
        """Read on, within reason: a client hears nothing before it has sent everything."""
        self.close_connection = True
        for _ in range(min(length, 32 * _MOST) // _MOST + 1):
            if not self.rfile.read(min(length, _MOST)):
                break
            length -= min(length, _MOST)

    def _is_asked_for_here(self) -> bool:
        """A server of this machine alone answers to its own names only: no page elsewhere can borrow another."""
        name = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        return self.server.owner.settings.host not in _HERE or name in _HERE

    def _say(self, code: int, message: str, hint: str) -> None:
        self._send(code, "text/plain; charset=utf-8", f"{message}\n{hint}\n".encode())

    def _send(
        self,
        code: int,
        kind: str,
        body: bytes,
        more: dict[str, str] | None = None,
        policy: str = _POLICY,
    ) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if policy:
            self.send_header("Content-Security-Policy", policy)
        if origin := self.server.owner.settings.origin:
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Headers", "Content-Type, Accept")
            self.send_header("Access-Control-Expose-Headers", "X-SPARQL-MaxRows")
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: what is asked is nobody else's."""
