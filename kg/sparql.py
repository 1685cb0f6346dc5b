"""SPARQL that fails comes in, a QueryError that names the place and the way out goes out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from kg.errors import QueryError

_PLACE = re.compile(r"error at (\d+):(\d+): ")
_FORMS = re.compile(
    r"\b(select|ask|construct|describe|insert|delete|drop|clear|create|load|copy|move|add)\b",
    re.IGNORECASE,
)
_DECLARED = re.compile(r"\bprefix\s+([\w.-]*):", re.IGNORECASE)
_NO_NAMES = re.compile(  # IRIs, strings and comments: no prefixed name inside
    r"""<[^<>"{}|^`\\\s]*>|\"\"\".*?\"\"\"|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*""",
    re.DOTALL,
)
_NAME = re.compile(r"(?<![\w:.?$@-])([A-Za-z][\w.-]*):")
_SHOWN = 40  # characters of a query that an error repeats


@contextmanager
def query_errors(sparql: str, prefixes: Collection[str]) -> Iterator[None]:
    """Turn every failure of a query or an update into a QueryError.

    Args:
        sparql: What is run.
        prefixes: Prefixes that it may use without declaring them.

    Raises:
        QueryError: Whatever failed inside.
    """
    try:
        yield
    except SyntaxError as error:
        raise _unparsed(sparql, str(error.msg), prefixes) from error
    except (RuntimeError, OSError, ValueError) as error:
        raise QueryError(f"SPARQL stopped: {error}", "change that part of the query") from error


def _unparsed(sparql: str, reason: str, prefixes: Collection[str]) -> QueryError:
    unknown = _undeclared(sparql, prefixes)
    if unknown is not None:
        known = " ".join(f"{prefix}:" for prefix in prefixes)
        without = f"; known without that: {known}" if known else ""
        hint = f"declare it with PREFIX {unknown[1]}: <iri>{without}"
        return _at(sparql, unknown.start(1), f"unknown prefix {unknown[1]}:", hint)
    found = _PLACE.match(reason)
    if found is None:
        return QueryError(f"SPARQL: {reason}", "correct the query")
    lines = sparql.splitlines(keepends=True)
    start = sum(map(len, lines[: int(found[1]) - 1])) + int(found[2]) - 1
    hint = "look there for a missing term, dot, quote or bracket"
    if not _FORMS.search(sparql):
        hint = "begin with SELECT, ASK, CONSTRUCT or DESCRIBE"
    here = sparql[start : start + _SHOWN].strip().partition("\n")[0] or "the end"
    return _at(sparql, start, f"cannot go on at {here!r}", hint)


def _at(sparql: str, start: int, reason: str, hint: str) -> QueryError:
    line, column = sparql.count("\n", 0, start) + 1, start - sparql.rfind("\n", 0, start)
    return QueryError(f"SPARQL line {line}, column {column}: {reason}", hint)


def _undeclared(sparql: str, prefixes: Collection[str]) -> re.Match[str] | None:
    """The first prefixed name whose prefix nobody declares."""
    bare = _NO_NAMES.sub(lambda found: " " * len(found[0]), sparql)
    known = {*prefixes, *_DECLARED.findall(bare), "_"}
    return next((found for found in _NAME.finditer(bare) if found[1] not in known), None)
