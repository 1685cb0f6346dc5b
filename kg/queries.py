"""Named queries: a name comes in, SPARQL with its titles and values goes out.

Each `ontologies/queries/NAME.rq` is SPARQL 1.1 with `# title:` and `# 标题:` lines. A query may take
values: `# parameter: lon number 24.94 longitude` declares `$lon`, its type (`number` or `iri`), its
default and its meaning. Values are checked against their type before they enter the query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kg.errors import QueryError
from kg.files import shipped
from kg.prefixed import full_iri
from kg.spelling import meant

_FOLDER = "ontologies/queries"
_HEAD = re.compile(r"# (title|标题|parameter): (.+)")


@dataclass(frozen=True)
class Parameter:
    """A value that a query takes.

    Attributes:
        name: Name without the `$`.
        kind: "number" or "iri".
        default: Value when none is given, as typed.
        meaning: What it is, in English.
    """

    name: str
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True)
class NamedQuery:
    """A competency query that ships with Landlore.

    Attributes:
        name: File name without the ending.
        title: What it answers, English.
        title_zh: What it answers, Chinese.
        sparql: SPARQL 1.1 with the values filled in; uses `vocab.PREFIXES`.
        parameters: Values that it takes.
    """

    name: str
    title: str
    title_zh: str
    sparql: str
    parameters: tuple[Parameter, ...] = ()


def query_names() -> tuple[str, ...]:
    """Names of the queries that ship, sorted."""
    return tuple(sorted(path.stem for path in shipped(_FOLDER).glob("*.rq")))


def load_query(name: str, values: Mapping[str, str | float] | None = None) -> NamedQuery:
    """Load a named query and fill in its values.

    Args:
        name: One of `query_names()`.
        values: Parameter name -> value; numbers, or IRIs (full or short, "ll:Park"; a legend by its name, "nlcd").
            Parameters that are not given keep their defaults.

    Raises:
        QueryError: No query or parameter of that name (the nearest is named), a value that is not of the
            parameter's type, or an IRI with an unknown prefix.
        LegendError: No legend of that name.

    Example:
        >>> load_query("corrections-at", {"lon": 24.95}).parameters[0].meaning
        'longitude, degrees east'
    """
    if name not in query_names():
        raise _unknown("query", name, query_names())
    source = (shipped(_FOLDER) / f"{name}.rq").read_text(encoding="utf-8")
    head = [(m[1], m[2]) for line in source.splitlines() if (m := _HEAD.match(line))]
    titles = dict(head)
    parameters = tuple(_parameter(text) for key, text in head if key == "parameter")
    given = dict(values or {})
    for key in sorted(given.keys() - {p.name for p in parameters}):
        raise _unknown(f"parameter of {name}", key, [p.name for p in parameters])
    terms = {p.name: _term(p, given.get(p.name, p.default)) for p in parameters}
    sparql = re.sub(r"\$(\w+)", lambda found: terms[found[1]], _body(source))
    return NamedQuery(name, titles["title"], titles["标题"], sparql, parameters)


def _body(source: str) -> str:
    return "".join(line for line in source.splitlines(keepends=True) if not line.startswith("#"))


def _parameter(text: str) -> Parameter:
    name, kind, default, meaning = text.split(maxsplit=3)
    return Parameter(name, kind, default, meaning)


def _term(parameter: Parameter, value: str | float) -> str:
    """The value as a SPARQL term."""
    if parameter.kind == "number":
        try:
            number = repr(float(value))
        except ValueError:
            number = ""
        if not number or number.lstrip("-") in ("nan", "inf"):
            raise QueryError(
                f"{parameter.name}: found {value!r}, expected a number ({parameter.meaning})",
                f"for example {parameter.name}={parameter.default}",
            )
        return number if "e" in number else f"{number}e0"
    typed = str(value)
    iri = _legend(typed) if parameter.name == "legend" and ":" not in typed else full_iri(typed)
    if iri is None:
        raise QueryError(
            f"{parameter.name}: found {value!r}, expected an IRI ({parameter.meaning})",
            f"for example {parameter.name}={parameter.default}",
        )
    return f"<{iri}>"


def _legend(name: str) -> str:
    """IRI of a legend by the name that commands know it by ("nlcd"), or by its file.

    Raises:
        LegendError: No such legend.
    """
    from kg.legend import load_legend

    return load_legend(name).iri


def _unknown(what: str, name: str, known: tuple[str, ...] | list[str]) -> QueryError:
    listed = f"known: {', '.join(known)}" if known else "it takes none"
    return QueryError(f"no {what} {name!r}", f"{meant(name, known, 2)} {listed}".strip())
