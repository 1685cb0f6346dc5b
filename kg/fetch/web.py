"""Addresses of files on the web come in; their sizes, answers and errors of two lines go out."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from kg.errors import SourceError
from kg.folder import unwritable

AGENT = "landlore (https://w3id.org/landlore)"
"""How requests name themselves; public servers ask for it."""
TIMEOUT = 60.0
"""Seconds that a server of files may be silent."""
_PIECE = 1 << 20
_BUSY = (429, 502, 503, 504)


def is_there(url: str, timeout: float = TIMEOUT) -> bool:
    """Whether a server has a file.

    Args:
        url: Its address.
        timeout: Seconds that the server may be silent.

    Raises:
        SourceError: The server does not answer, or refuses.
    """
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": AGENT})
    try:
        with _opener(url).open(request, timeout=timeout):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (403, 404):  # what a bucket without a listing says of a file that it lacks
            return False
        raise _refused(url, error.code, error.reason) from error
    except (OSError, HTTPException, ValueError) as error:
        raise _silent(url, error) from error


def post(
    url: str,
    form: dict[str, str],
    target: Path,
    *,
    timeout: float = TIMEOUT,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Send a form, and write the answer to a file, piece by piece.

    Args:
        url: Where it goes.
        form: Fields.
        target: The file.
        timeout: Seconds that the server may be silent.
        tell: Told how much has come.

    Raises:
        SourceError: The server does not answer, refuses, or stops on the way.
        OutputError: The file cannot be written.
    """
    request = urllib.request.Request(url, urlencode(form).encode(), {"User-Agent": AGENT})
    try:
        reply = _opener(url).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            said = " ".join(error.read(2000).decode(errors="replace").split())
        raise _refused(
            url, error.code, error.reason if "<html" in said.lower() else said[:200]
        ) from error
    except (OSError, HTTPException, ValueError) as error:
        raise _silent(url, error) from error
    with reply:
        _keep(url, reply, target, tell)


def _keep(url: str, reply: Any, target: Path, tell: Callable[[str], None]) -> None:
    come, wanted = 0, reply.headers.get("Content-Length")
    try:
        file = target.open("wb")
    except OSError as error:
        raise unwritable(target, error) from error
    with file:
        while True:
            try:
                piece = reply.read(_PIECE)
            except (OSError, HTTPException) as error:
                raise _silent(url, error) from error
            if not piece:
                break
            try:
                file.write(piece)
            except OSError as error:
                raise unwritable(target, error) from error
            come += len(piece)
            tell(f"{come / 1e6:.0f} MB have come")
    if wanted is not None and come < int(wanted):
        raise _silent(url, ValueError(f"it stopped after {come:,} of {int(wanted):,} bytes"))


def _opener(url: str) -> urllib.request.OpenerDirector:
    """A server on this machine is asked directly, whatever proxy is set."""
    here = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    return urllib.request.build_opener(urllib.request.ProxyHandler({} if here else None))


def _refused(url: str, code: int, said: str) -> SourceError:
    if code in _BUSY:
        return SourceError(
            f"{url}: the server is busy ({code} {said})",
            "wait some minutes and type the same again: what has come is kept",
        )
    return SourceError(
        f"{url}: the server refuses ({code} {said})",
        "ask for a smaller area, or name another server with --server",
    )


def _silent(url: str, error: Exception) -> SourceError:
    reason = getattr(error, "reason", None) or error
    told = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
    return SourceError(
        f"{url}: does not answer ({told})",
        "is there a network? type the same again later: what has come is kept; --server names another server",
    )
