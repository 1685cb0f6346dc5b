"""How a command ends: the command line comes in; an exit code, and after a mistake two lines, go out."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn, TextIO

import typer

from kg.errors import LandloreError, LandloreWarning

_MISUSE: Any = typer.BadParameter.__mro__[1]  # UsageError, of click or of typer's own copy of it
_STOPPED = 130


def run(app: typer.Typer) -> NoReturn:
    """Run the command line; errors are two lines on standard error and exit code 2.

    After SIGINT and SIGTERM temporary folders are removed as after an error; a reader that went away is no error.
    """
    signal.signal(signal.SIGTERM, _stop)
    if sys.stdout is None:  # closed by the caller
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, TextIOWrapper
        ):  # a terminal of fewer letters gets the rest as \\uXXXX
            stream.reconfigure(errors="backslashreplace")
    code: Any = 0
    try:
        with warnings.catch_warnings():
            _tell_warnings()
            code = app(standalone_mode=False)
        sys.stdout.flush()
    except LandloreError as error:
        _complain(error.message, error.hint)
    except _MISUSE as error:
        _misused(error)
    except BrokenPipeError:
        _mute()
    except OSError as error:
        _mute()
        place = error.filename or "standard output"
        _complain(f"{place}: {error.strerror or error}", "check the path, its rights and the space")
    except (KeyboardInterrupt, typer.Abort):
        code = _STOPPED
    if code == _STOPPED:
        sys.stderr.write(
            "stopped; outputs are whole or not there, and the same command goes on from what it kept\n"
        )
    sys.exit(code)


def _tell_warnings() -> None:
    """Print our own warnings as one line on standard error, others as Python does."""
    plain = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """One line for a warning of ours."""
        if issubclass(category, LandloreWarning):
            sys.stderr.write(f"warning: {' '.join(str(message).split())}\n")
        else:
            plain(message, category, filename, lineno, file, line)

    warnings.simplefilter("default", LandloreWarning)
    warnings.showwarning = show


def _stop(*_: Any) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def _mute() -> None:
    """What is still to be printed goes nowhere: it would fail again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _misused(error: Any) -> NoReturn:
    """Wrong words: two lines; no words at all: the help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")
        sys.exit(2)
    command = error.ctx.command_path if error.ctx else "landlore"
    _complain(error.format_message(), f"{command} --help")


def _complain(message: str, hint: str) -> NoReturn:
    one_line = " ".join(message.split())
    sys.stderr.write(f"error: {one_line}\n  try: {' '.join(hint.split())}\n")
    sys.exit(2)
