"""A Turtle file comes in, its triples as plain values and the files that it imports go out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from kg import vocab
from kg.rdf import read_turtle
from kg.terms import Literal, Term, Terms

_INTEGERS = (
    "integer", "long", "int", "short", "byte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger",
    "negativeInteger", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte",
)  # fmt: skip
_NUMBERS: dict[str, Callable[[str], int | float]] = {
    **{vocab.XSD + name: int for name in _INTEGERS},
    **{vocab.XSD + name: float for name in ("decimal", "double", "float")},
}
_IMPORTS = vocab.OWL + "imports"


def turtle_terms(path: str | Path) -> Terms:
    """The triples of a Turtle file, by subject; blank nodes are numbered as they come.

    Args:
        path: Turtle file, UTF-8.

    Raises:
        SourceError: The file is missing or is not Turtle.
    """
    names: dict[str, str] = {}
    index: dict[str, dict[str, list[Term]]] = defaultdict(lambda: defaultdict(list))
    for subject, predicate, value in read_turtle(path):
        head = str(_plain(subject, names))
        index[head][predicate.value].append(_plain(value, names))
    return Terms({s: dict(row) for s, row in index.items()})


def with_parts(path: str | Path) -> tuple[Path, ...]:
    """A Turtle file, then the files beside it that it imports: <https://w3id.org/landlore/core/use> is `core/use.ttl`.

    Imports of other ontologies, or of files that are not there, are left alone.

    Args:
        path: Any file; one that is not Turtle imports nothing here.

    Raises:
        SourceError: The file is missing or is not Turtle.
    """
    first = Path(path)
    found = [first]
    for one in found:
        if one.suffix == ".ttl":
            changed = one.stat().st_mtime_ns if one.is_file() else 0
            beside = [first.parent / f"{name}.ttl" for name in _imported(one, changed)]
            found += [part for part in beside if part.is_file() and part not in found]
    return tuple(found)


@lru_cache(maxsize=64)
def _imported(path: Path, _changed: int) -> tuple[str, ...]:
    """Names of the imported ontologies; a file that is edited is read anew."""
    names = (o.value for _, p, o in read_turtle(path) if p.value == _IMPORTS)
    return tuple(name.removeprefix(vocab.BASE) for name in names)


def _plain(term: Any, names: dict[str, str]) -> Term:
    kind = type(term).__name__
    if kind == "BlankNode":
        return names.setdefault(term.value, f"_:{len(names) + 1}")
    if kind != "Literal":
        return str(term.value)
    if term.datatype.value in _NUMBERS:
        with suppress(ValueError):  # "many"^^xsd:integer stays text; whoever needs a number says so
            return Literal(_NUMBERS[term.datatype.value](term.value))
    return Literal(term.value, term.language or "")
