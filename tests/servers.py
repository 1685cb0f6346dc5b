"""A folder comes in, a real SPARQL server that listens on the loopback address goes out, and is stopped at the end.

Oxigraph comes from the registry package `oxigraph` (extra `test`); Virtuoso 7 from Debian's packages, unpacked without
being installed. Where one cannot be had, `Unavailable` says why.
"""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("virtuoso-opensource-7-bin", "libpcre3")
ROWS = 1_000  # that Virtuoso gives at most; its usual setting is 10,000
INI = """[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DirsAllowed = .
NumberOfBuffers = 10000
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 4
[SPARQL]
ResultSetMaxRows = {rows}
"""


class Unavailable(Exception):
    """A server that cannot be had here."""


@dataclass
class Server:
    """A running server: its name, the address for queries and updates, the same without password, and its process."""

    name: str
    url: str
    bare: str
    process: subprocess.Popen


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def oxigraph(folder: Path, port: int | None = None) -> Iterator[Server]:
    """Oxigraph with its database in `folder`."""
    beside = Path(sys.executable).parent / "oxigraph"
    program = str(beside) if beside.exists() else shutil.which("oxigraph")
    if program is None:
        raise Unavailable("no oxigraph program; pip install oxigraph brings it")
    place = f"127.0.0.1:{port or free_port()}"
    command = [program, "serve", "--location", str(folder), "--bind", place]
    url = f"http://{place}/query"
    with _running(command, folder.parent) as process:
        _wait(process, url, 120)
        yield Server("oxigraph", url, url, process)


def unpack_virtuoso(folder: Path) -> Path:
    """Fetch Debian's packages and unpack them; the program."""
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise Unavailable(f"Virtuoso comes from Debian's packages, and there is no {tool} here")
    packed = folder / "packed"
    packed.mkdir()
    fetch = ["apt-get", "-o", "APT::Sandbox::User=root", "download", *PACKAGES]
    try:
        got = subprocess.run(
            fetch, cwd=packed, capture_output=True, text=True, timeout=180, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable("Debian's packages of Virtuoso: no answer within 60 s") from error
    if got.returncode:
        raise Unavailable(f"Debian's packages of Virtuoso: {got.stderr.strip().splitlines()[-1]}")
    for package in packed.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, folder], check=True)
    program = folder / "usr/bin/virtuoso-t"
    missing = subprocess.run(
        ["ldd", program], env=_libraries(program), capture_output=True, text=True, check=False
    )
    if "not found" in missing.stdout:
        raise Unavailable(f"Virtuoso lacks a library here: {missing.stdout}")
    return program


@contextmanager
def virtuoso(folder: Path, program: Path) -> Iterator[Server]:
    """Virtuoso with its database in `folder`; the address holds its first password."""
    http, sql = free_port(), free_port()
    (folder / "virtuoso.ini").write_text(INI.format(sql=sql, http=http, rows=ROWS))
    command = [str(program), "+configfile", "virtuoso.ini", "+foreground"]
    bare = f"127.0.0.1:{http}/sparql-auth"
    with _running(command, folder, _libraries(program)) as process:
        _wait(process, f"http://127.0.0.1:{http}/sparql", 180)
        yield Server("virtuoso", f"http://dba:dba@{bare}", f"http://{bare}", process)


def _libraries(program: Path) -> dict[str, str]:
    found = {str(path.parent) for path in program.parents[2].rglob("libpcre.so.3")}
    return {"LD_LIBRARY_PATH": ":".join(sorted(found))}


@contextmanager
def _running(
    command: list[str], folder: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen, url: str, seconds: float) -> None:
    """Until the server answers, whatever it answers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.05)
    raise Unavailable(f"{url}: the server did not start within {seconds:g} s")
