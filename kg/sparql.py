"""SPARQL text comes in; its form, its missing prefixes, or an error that names the place and the way out goes out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from kg.errors import QueryError

_PLACE = re.compile(r"error at (\d+):(\d+): ")
_FORMS = re.compile(
    r"\b(select|ask|construct|describe|insert|delete|drop|clear|create|load|copy|move|add)\b",
    re.IGNORECASE,
)
_DECLARED = re.compile(r"\bprefix\s+([\w.-]*):", re.IGNORECASE)
_PROLOGUE = re.compile(r"\b(prefix\s+[\w.-]*:|base\b)", re.IGNORECASE)
_NO_NAMES = re.compile(  # IRIs, strings and comments: no prefixed name inside
    r"""<[^<>"{}|^`\\\s]*>|\"\"\".*?\"\"\"|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*""",
    re.DOTALL,
)
_NAME = re.compile(r"(?<![\w:.?$@-])([A-Za-z][\w.-]*):")
_UPDATE = re.compile(
    r"\s*((?:base\s+|prefix\s+[\w.-]*:\s*)*)(insert|delete|drop|clear|load|create|copy|move|add|with)\b",
    re.IGNORECASE,
)
_SELECTED = re.compile(
    r"\bselect\b(.*?)(?:(?<![?$])\b(?:where|from)\b|\{)", re.IGNORECASE | re.DOTALL
)
_SHOWN = 40  # characters of a query that an error repeats
_DEEPEST = 200
"""Brackets within brackets, of a query that is parsed: the parser takes so many steps down, and ends the process where
its stack does (at some 2,000)."""
_LONGEST = 2000
"""Operators (and, or, not, sums, unions) of a query that is parsed, for the same reason."""
_OPERATOR = re.compile(r"&&|\|\||!|\+|\bunion\b", re.IGNORECASE)


def form_of(sparql: str) -> str:
    """The first word that says what the text does, in lower case ("select", "insert"), or ""."""
    found = _FORMS.search(_PROLOGUE.sub(" ", _bare(sparql)))
    return found[1].lower() if found else ""


def refuse_update(sparql: str) -> None:
    """Let questions pass only.

    Raises:
        QueryError: The first word after prefixes and comments is one of an update.
    """
    found = _UPDATE.match(_bare(sparql))
    if found is not None:
        raise QueryError(
            f"SPARQL {found[2].upper()}: an update; what is asked is only read",
            "begin with SELECT, ASK, CONSTRUCT or DESCRIBE; facts go in by landlore build --facts",
        )


def refuse_service(sparql: str) -> None:
    """Let questions pass that ask nobody else.

    Raises:
        QueryError: It asks another server (SERVICE): one that answers strangers would do so in their name.
    """
    if re.search(r"\bservice\b", _bare(sparql), re.IGNORECASE):
        raise QueryError(
            "SPARQL SERVICE: asks another server, which this one does not do",
            "ask that server yourself, or landlore query RUN ...",
        )


def refuse_depth(sparql: str) -> None:
    """Let texts pass only that the parser can take.

    Raises:
        QueryError: Brackets lie too deep within each other, or there are too many operators.
    """
    bare, depth = _bare(sparql), 0
    for found in re.finditer(r"[(\[{]|[)\]}]", bare):
        depth += 1 if found[0] in "([{" else -1
        if depth > _DEEPEST:
            reason = f"more than {_DEEPEST} brackets within each other"
            raise _at(sparql, found.start(), reason, "ask in several queries")
    count = sum(1 for _ in _OPERATOR.finditer(bare))
    if count > _LONGEST:
        raise QueryError(
            f"SPARQL: {count:,} operators (&&, ||, !, +, UNION), at most {_LONGEST:,} are read",
            "use VALUES or IN for long lists, or ask in several queries",
        )


def with_prefixes(sparql: str, prefixes: Mapping[str, str]) -> str:
    """The text with the prefixes that it uses and does not declare, on its first line: lines keep their numbers."""
    bare = _bare(sparql)
    missing = {found[1] for found in _NAME.finditer(bare)} - set(_DECLARED.findall(bare))
    lines = (f"PREFIX {name}: <{prefixes[name]}> " for name in sorted(missing & prefixes.keys()))
    return "".join(lines) + sparql


def page_of(sparql: str, variables: Collection[str], size: int, start: int) -> str | None:
    """Rows `start` and following of a SELECT, in a fixed order; None where it limits its rows itself.

    The order stands in a subselect, because servers that cut answers also refuse to sort many rows and skip.
    """
    bare = _bare(sparql)
    at = next((m.start() for m in _FORMS.finditer(_PROLOGUE.sub(_blank, bare))), 0)
    tail = bare[bare.rfind("}") :].lower()
    if re.search(r"\b(limit|offset)\b", tail) or re.search(r"\bfrom\b", bare, re.IGNORECASE):
        return None
    order = "" if "order" in tail else f" ORDER BY {' '.join(f'?{name}' for name in variables)}"
    names = " ".join(
        f"?{name}" for name in variables
    )  # of all (*) each server has an order of its own
    return f"{sparql[:at]}SELECT {names} WHERE {{ {{ {sparql[at:]}\n{order} }} }} LIMIT {size} OFFSET {start}"


def columns_of(sparql: str) -> list[str] | None:
    """Names of the columns that a SELECT asks for, in their order; None for other forms and for all (*).

    Example:
        >>> columns_of("SELECT DISTINCT ?a (COUNT(?b) AS ?n) { ?a ?p ?b }")
        ['a', 'n']
    """
    bare = _PROLOGUE.sub(_blank, _bare(sparql))
    found = _SELECTED.search(bare)
    if form_of(sparql) != "select" or found is None:
        return None
    names, depth, last = list[str](), 0, ""
    for word in re.findall(r"[()]|[?$]\w+|\*", found[1]):
        depth += (word == "(") - (word == ")")
        if word == "*" and depth == 0:
            return None
        if word[0] in "?$":
            last = word[1:]
        if last and depth == 0:
            names.append(last)
            last = ""
    return names if depth == 0 else None  # EXISTS { } among the columns


def _bare(sparql: str) -> str:
    """The text with blanks in place of IRIs, strings and comments."""
    return _NO_NAMES.sub(_blank, sparql)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


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
    bare = _bare(sparql)
    known = {*prefixes, *_DECLARED.findall(bare), "_"}
    return next((found for found in _NAME.finditer(bare) if found[1] not in known), None)
