"""SPARQL text comes in, the answer of a server goes out, or an error of two lines.

SPARQL 1.1 Protocol, W3C 2013.
"""

from __future__ import annotations

import netrc
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from kg.errors import LandloreError, OutputError, QueryError, SourceError

TIMEOUT = 120.0
"""Seconds that a server may be silent."""
SLOWEST = 100
"""Bytes a second that an answer needs on average, once it takes longer than a server may be silent."""

_FORMS = "http://HOST:7878/query (Oxigraph), http://HOST:8890/sparql (Virtuoso), http://HOST:3030/DATASET (Fuseki)"
_PIECE = 1 << 20
_SHOWN = 200  # characters of a server's message that an error repeats


@dataclass(frozen=True)
class Answer:
    """What a server sent.

    Attributes:
        body: The bytes.
        kind: Media type, without parameters.
        server: Name of the server, "Virtuoso/07.20.3229 (Linux)", or "".
        cut: Rows after which the server stopped although there were more, or None.
    """

    body: bytes
    kind: str
    server: str
    cut: int | None


class Endpoint:
    """A SPARQL 1.1 server: one address for queries, one for updates.

    Requests are form-encoded POSTs; no default graph is named. User and password stand in the address
    (`http://user:password@host/...`, not repeated in any message) or in `~/.netrc`; basic and digest
    authentication are answered.

    Args:
        url: Where queries go. `http://host:7878` alone means Oxigraph's `/query`.
        update_url: Where updates go; default: `/query` becomes `/update`, `/repositories/NAME` (RDF4J, GraphDB) gets
            `/statements`, and every other address takes both.
        timeout: Seconds that the server may be silent.

    Raises:
        SourceError: Not an http or https address.
    """

    def __init__(self, url: str, update_url: str | None = None, timeout: float = TIMEOUT) -> None:
        self.url, user = _split(url)
        self.update_url = _update_url(self.url) if update_url is None else _split(update_url)[0]
        self.timeout = timeout
        proxies: dict[str, str] | None = {} if _is_here(self.url) else None
        handlers: list[Any] = [urllib.request.ProxyHandler(proxies)]
        if user:
            passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            for address in (self.url, self.update_url):
                passwords.add_password(None, address, *user)
            handlers += [_Digest(passwords), _Basic(passwords)]
        self._opener = urllib.request.build_opener(*handlers)

    def query(self, sparql: str, accept: str) -> Answer:
        """Send a query.

        Raises:
            QueryError: The server cannot parse or run it.
            SourceError: No server there, no answer in time, no permission, or not a SPARQL server.
        """
        answer = self._send(self.url, {"query": sparql}, accept, SourceError)
        if answer.kind not in accept:
            raise SourceError(
                f"{self.url}: answers {answer.kind or 'nothing'}, expected {accept.partition(',')[0]}",
                f"give the address that takes SPARQL queries: {_FORMS}",
            )
        return answer

    def update(self, sparql: str) -> None:
        """Send an update.

        Raises:
            QueryError: The server cannot parse or run it.
            OutputError: No server there, no answer in time, no permission, or not a SPARQL server.
        """
        self._send(self.update_url, {"update": sparql}, "*/*", OutputError)

    def _send(
        self, url: str, form: dict[str, str], accept: str, kind: type[LandloreError]
    ) -> Answer:
        head = {"Accept": accept, "Content-Type": "application/x-www-form-urlencoded"}
        request = urllib.request.Request(url, urlencode(form).encode(), head)
        try:
            with self._opener.open(request, timeout=self.timeout) as reply:
                body, found = self._read(reply, url, kind), reply.headers
        except urllib.error.HTTPError as error:
            raise _refused(url, error, kind) from error
        except TimeoutError as error:
            raise self._silent(url, kind) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise self._silent(url, kind) from error
            raise _gone(url, error.reason, kind) from error
        except (OSError, HTTPException, ValueError) as error:
            raise _gone(url, error, kind) from error
        cut = _most_rows(url, found.get("X-SPARQL-MaxRows"), kind)
        return Answer(body, found.get_content_type(), found.get("Server", ""), cut)

    def _read(self, reply: Any, url: str, kind: type[LandloreError]) -> bytes:
        """The whole answer, unless it comes so slowly that it may never end."""
        parts, size, begun = list[bytes](), 0, monotonic()
        while part := reply.read1(_PIECE):
            parts.append(part)
            size += len(part)
            seconds = monotonic() - begun
            if seconds > self.timeout and size < seconds * SLOWEST:
                raise kind(
                    f"{url}: {size:,} bytes within {seconds:.0f} s, expected {SLOWEST:,} a second at least",
                    "ask for less (LIMIT, a named graph), or try again when the server is idle",
                )
        if reply.length:  # read1 does not complain, as read does
            raise IncompleteRead(b"", reply.length)
        return b"".join(parts)

    def _silent(self, url: str, kind: type[LandloreError]) -> LandloreError:
        return kind(
            f"{url}: no answer within {self.timeout:g} s",
            "ask for less (LIMIT, a named graph), or try again when the server is idle",
        )


class _LettingGo:
    """Lets go of the connection that brought a challenge, unless the challenge is left to others."""

    def http_error_401(self, req: Any, fp: Any, *rest: Any) -> Any:
        """Answer as the handler does, and let go of the connection that was refused."""
        answer, failed = None, True
        try:
            answer = super().http_error_401(req, fp, *rest)  # type: ignore[misc]
            failed = False
        finally:
            if failed or answer is not None:
                fp.close()
        return answer


class _Digest(_LettingGo, urllib.request.HTTPDigestAuthHandler):
    """Answers a digest challenge (RFC 7616)."""


class _Basic(_LettingGo, urllib.request.HTTPBasicAuthHandler):
    """Answers a basic challenge (RFC 7617)."""


def _most_rows(url: str, said: str | None, kind: type[LandloreError]) -> int | None:
    """Rows after which a server says that it stopped.

    Raises:
        LandloreError: It says that it stopped, and not where.
    """
    if said is None:
        return None
    if not (said.strip().isdecimal() and int(said) > 0):
        raise kind(
            f"{url}: left rows out and says X-SPARQL-MaxRows: {said[:_SHOWN]!r}, expected a number of rows",
            "mend that header of the server, or ask for less with LIMIT",
        )
    return int(said)


def _split(url: str) -> tuple[str, tuple[str, str] | None]:
    """The address without user and password, and these two."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:  # half an IPv6 address, a port that is no number
        fits = False
    if not fits or not parts.hostname or re.search(r"[\s\x00-\x1f]", url):
        shown = re.sub(r"//.*@", "//", url)
        raise SourceError(f"{shown}: not the address of a server", f"give one such as {_FORMS}")
    path = parts.path if parts.path.strip("/") else "/query"
    place = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, parts.query, ""))
    if parts.username is not None:
        return place, (unquote(parts.username), unquote(parts.password or ""))
    return place, _from_netrc(parts.hostname)


def _from_netrc(host: str) -> tuple[str, str] | None:
    try:
        found = netrc.netrc().authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return (found[0], found[2]) if found and found[0] and found[2] else None


def _is_here(url: str) -> bool:
    """A server on this machine is asked directly, whatever proxy is set."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def _update_url(url: str) -> str:
    if url.endswith("/query"):
        return f"{url.removesuffix('/query')}/update"
    return (
        f"{url}/statements" if url.rstrip("/").rpartition("/")[0].endswith("/repositories") else url
    )


def _refused(url: str, error: urllib.error.HTTPError, kind: type[LandloreError]) -> LandloreError:
    """The error for an answer with an HTTP status of 400 or more."""
    said = _first_lines(error)
    if error.code in (401, 403) or "permission" in said.lower():
        return kind(
            f"{url}: user or password refused ({error.code}{f', {said}' if said else ''})",
            "write them into the address, http://USER:PASSWORD@HOST/..., or into ~/.netrc",
        )
    if error.code in (404, 405, 410):
        return kind(
            f"{url}: no SPARQL there ({error.code} {error.reason})",
            f"give an address such as {_FORMS}",
        )
    if error.code in (502, 503, 504):
        return kind(f"{url}: the server is not ready ({error.code} {said})", "try again later")
    hint = "change that part of the SPARQL"
    if error.code >= 500:  # some servers say so of a query, too
        hint = "the server failed: ask for less (LIMIT, a named graph), try again, or look into its log"
    return QueryError(f"{url}: {said or error.reason} ({error.code})", hint)


def _first_lines(error: urllib.error.HTTPError) -> str:
    try:
        with error:
            text = error.read().decode(errors="replace")
    except (OSError, HTTPException):
        return ""
    text = "" if "<html" in text.lower() else text.partition("SPARQL query:")[0]
    return " ".join(text.split())[:_SHOWN]


def _gone(url: str, error: Any, kind: type[LandloreError]) -> LandloreError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return kind(f"{url}: the server does not answer ({reason})", "start it, or check the address")
