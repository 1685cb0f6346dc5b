"""A mapping file (TOML) comes in, what it says about somebody's graph or table goes out as one value."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

from kg import vocab
from kg.errors import SourceError, known_words
from kg.imports.origin import Origin, check_origin

__all__ = [
    "KEEP",
    "LEAVE_OUT",
    "MEANS",
    "Columns",
    "ImportMapping",
    "Origin",
    "Unknown",
    "read_mapping",
]

KEEP, LEAVE_OUT = "keep", "leave-out"
"""What a mapping may say of a term instead of what it means: take it over as a concept of its own, or drop it."""
MEANS = ("name", "alignment")
"""How a term may be understood that the mapping does not list: by labels, by skos and owl matches."""


@dataclass(frozen=True)
class Columns:
    """The table [table]: what the columns of a spreadsheet are; names of the header, or numbers from 1.

    Attributes:
        head, relation, tail: Who, how, whom. Without `relation` every row states `is`.
        weight, confidence, source, licence, date: Columns about the statement itself, "" for none.
        sheet: Name of the sheet, "" for the first.
        header: Whether the first row holds names.
        delimiter: Of text files; "" finds it out.
        encoding: Of text files.
        percent: Weights and confidences are 0..100.
        relation_is: The relation of every row, where no column says it.
    """

    head: str | int = ""
    relation: str | int = ""
    tail: str | int = ""
    weight: str | int = ""
    confidence: str | int = ""
    source: str | int = ""
    licence: str | int = ""
    date: str | int = ""
    sheet: str = ""
    header: bool = True
    delimiter: str = ""
    encoding: str = "utf-8-sig"
    percent: bool = False
    relation_is: str = ""


@dataclass(frozen=True)
class Unknown:
    """The table [unknown]: what happens to terms of which nobody says what they mean.

    Attributes:
        terms, relations: `KEEP` or `LEAVE_OUT`.
        by: Which of `MEANS` may be used.
        weight: Weight of a statement that says none, where a weight is needed.
    """

    terms: str = LEAVE_OUT
    relations: str = LEAVE_OUT
    by: tuple[str, ...] = MEANS
    weight: float = 0.5


@dataclass(frozen=True)
class ImportMapping:
    """What a mapping file says.

    Attributes:
        path: The mapping file, or None for one that was guessed.
        file: The file that it is about.
        name: Name of the graph that comes of it.
        source: Where it comes from.
        table: Its columns; None for RDF.
        relations: Their relation -> "[^]RELATION [WEIGHT]", `KEEP` or `LEAVE_OUT`; "" is not decided yet.
        terms: Their term -> class, scene concept or value of ours, `KEEP` or `LEAVE_OUT`; "" is not decided yet.
        unknown: What happens to the rest.
        alignments: Turtle files with skos and owl matches between their terms and ours.
        digest: SHA-256 of the mapping file and the alignments, "" for a guess.
    """

    path: Path | None
    file: Path
    name: str
    source: Origin = field(default_factory=Origin)
    table: Columns | None = None
    relations: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    unknown: Unknown = field(default_factory=Unknown)
    alignments: tuple[Path, ...] = ()
    digest: str = ""

    @property
    def cited(self) -> bool:
        """Whether it says where the file comes from; a guess need not."""
        return self.path is None or bool(self.source.citation)


_KEYS = (
    "file",
    "name",
    "alignments",
    "prefixes",
    "source",
    "table",
    "relations",
    "terms",
    "unknown",
)


def read_mapping(path: str | Path, file: str | Path | None = None) -> ImportMapping:
    """Read a mapping file.

    Args:
        path: TOML file; files that it names lie beside it.
        file: The file that is imported, instead of the one that it names.

    Raises:
        SourceError: It cannot be read, has a key that means nothing, or a value of the wrong kind.
    """
    place = Path(path)
    data = _toml(place)
    _check_keys(place, "", data, _KEYS)
    prefixes = {**vocab.PREFIXES, **_words(place, data, "prefixes")}
    named = file or place.parent / str(data.get("file", ""))
    if not file and not data.get("file"):
        raise SourceError(
            f"{place}: does not say which file it is about",
            'add a first line such as file = "graph.csv"',
        )
    beside = tuple(place.parent / str(name) for name in data.get("alignments", ()))
    return ImportMapping(
        place,
        Path(named),
        _name(place, data, Path(named)),
        check_origin(place, _part(place, data, "source", Origin)),
        _part(place, data, "table", Columns) if "table" in data else None,
        {_full(k, prefixes): v for k, v in _words(place, data, "relations").items()},
        {_full(k, prefixes): v for k, v in _words(place, data, "terms").items()},
        _unknown(place, _part(place, data, "unknown", Unknown)),
        beside,
        _digest((place, *beside)),
    )


def _name(place: Path, data: Mapping[str, Any], file: Path) -> str:
    """What the graph is called: as the mapping says, or as the file, in letters that an IRI takes."""
    plain = re.compile(r"[^\w.-]+")
    if not data.get("name"):
        return plain.sub("-", file.name.split(".")[0]) or "import"
    name = str(data["name"])
    if plain.search(name) or not name.strip("."):
        raise SourceError(
            f"{place}: name = {name!r} is to be part of an IRI, expected letters, digits, '-', '_' and '.' only",
            f'name = "{plain.sub("-", name).strip("-.") or "mine"}"',
        )
    return name


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path}: not a TOML mapping ({error})",
            "landlore import FILE --suggest MAPPING.toml writes one",
        ) from error


def _check_keys(path: Path, where: str, found: Collection[str], known: Collection[str]) -> None:
    for key in found:
        if key not in known:
            raise SourceError(f"{path}: {where}unknown key {key!r}", known_words(key, known))


def _part(path: Path, data: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    """One table of the file as a value; each entry of the kind that its default has."""
    found = data.get(name, {})
    if not isinstance(found, dict):
        raise SourceError(f"{path}: {name} is no table", f"write [{name}] on a line of its own")
    kinds = {f.name: f.type for f in fields(kind)}
    _check_keys(path, f"[{name}] ", found, kinds)
    values = {key: _plain(v) for key, v in found.items()}
    for key, value in values.items():
        words = str(kinds[key])
        fits = type(value).__name__ in words or (isinstance(value, int) and "float" in words)
        if not fits:
            raise SourceError(
                f"{path}: [{name}] {key} is {value!r}, expected {words}", f"correct {key} in {path}"
            )
    return kind(**values)


def _plain(value: Any) -> Any:
    """A list as a tuple, a date of TOML as it is written."""
    if isinstance(value, list):
        return tuple(value)
    return value.isoformat() if isinstance(value, date) else value


def _words(path: Path, data: Mapping[str, Any], name: str) -> dict[str, str]:
    found = data.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise SourceError(
            f"{path}: [{name}] holds something else than words",
            f'write "theirs" = "ours" below [{name}]',
        )
    return found


def _unknown(path: Path, found: Unknown) -> Unknown:
    for value in (found.terms, found.relations):
        if value not in (KEEP, LEAVE_OUT):
            raise SourceError(
                f"{path}: [unknown] {value!r}, expected {KEEP!r} or {LEAVE_OUT!r}",
                "correct it there",
            )
    _check_keys(path, "[unknown] by: ", found.by, MEANS)
    if not 0 < found.weight <= 1:
        raise SourceError(f"{path}: [unknown] weight {found.weight} is not in 0..1", "weight = 0.5")
    return found


def _full(name: str, prefixes: Mapping[str, str]) -> str:
    prefix, colon, local = name.partition(":")
    fits = colon and prefix in prefixes and not local.startswith("//")
    return prefixes[prefix] + local if fits else name


def _digest(paths: Collection[Path]) -> str:
    sums = hashlib.sha256()
    for path in paths:
        try:
            sums.update(path.read_bytes())
        except OSError as error:
            raise SourceError(
                f"{path}: cannot be read ({error.strerror})", "check the path"
            ) from error
    return sums.hexdigest()
