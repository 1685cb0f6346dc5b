"""The words of a command line come in, values go out; what cannot be read is an error of two lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kg.errors import InputError, QueryError
from kg.folder import is_url
from landlore.sources import Sources

_PRINTED = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*°?\s*([NSns])\s*,?\s*(\d+(?:\.\d+)?)\s*°?\s*([EWew])\s*"
)
"""A place as the sentences of a run say it."""
_BOUNDS = "--bounds 24.9,60.1,25.0,60.2"


def sources(**files: Any) -> Sources:
    """`Sources` from the words of a command line; empty lists mean "none"."""
    given: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in files.items()
    }
    return Sources(**given)


def one_place(path: str | None, store: str | None) -> str:
    """The folder, file or server that is meant.

    Raises:
        InputError: None is given, or both, or a store that is no address.
    """
    if path and store:
        raise InputError(f"{path} and --store {store}: expected one place", "leave one of them out")
    if store and not is_url(store):
        raise InputError(f"--store {store}: not an address", "--store http://127.0.0.1:7878/query")
    if not path and not store:
        raise InputError(
            "no graph given", "name a folder or file, or --store http://HOST:PORT/query"
        )
    return path or store or ""


def parse_bounds(text: str | None) -> tuple[float, float, float, float] | None:
    """Read "west,south,east,north".

    Raises:
        InputError: Not four numbers in that order.
    """
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--bounds {text!r}: expected west,south,east,north", _BOUNDS) from error
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InputError(
            f"--bounds {text!r}: not degrees in the order west,south,east,north", _BOUNDS
        )
    return west, south, east, north


def parse_place(text: str) -> tuple[float, float]:
    """Read "LON,LAT", or what a sentence prints: "60.17° N, 24.94° E", with or without ° and spaces.

    Raises:
        InputError: Not two numbers in range.
    """
    printed = _PRINTED.fullmatch(text)
    if printed is not None:
        north, south_or_north, east, west_or_east = printed.groups()
        signs = ["-" if half in "SWsw" else "" for half in (south_or_north, west_or_east)]
        text = f"{signs[1]}{east},{signs[0]}{north}"
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"--at {text!r}: expected LON,LAT in degrees", "--at 24.94,60.17"
        ) from error
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise InputError(
            f"--at {text!r}: outside of -180..180, -90..90", "--at 24.94,60.17, longitude first"
        )
    return lon, lat


def named_values(words: list[str]) -> dict[str, str]:
    """Read NAME=VALUE words.

    Raises:
        QueryError: A word without "=".
    """
    pairs = [word.partition("=") for word in words]
    for name, given, _ in pairs:
        if not given:
            raise QueryError(f"--set {name!r}: expected NAME=VALUE", "--set lon=24.94")
    return {name: value for name, _, value in pairs}


def of_sources(date: str | None, dates: list[str], reliability: list[str]) -> dict[str, Any]:
    """Settings about sources: the date of the image, SOURCE=DATE and SOURCE=SHARE words; None where none is given.

    Raises:
        InputError: A word without "=", a source twice, or a share that is no number.
    """
    shares: dict[str, float] = {}
    for name, text in pairs("--reliability", reliability, "osm=0.9").items():
        try:
            shares[name] = float(text)
        except ValueError as error:
            raise InputError(
                f"--reliability {name}={text}: expected a number in 0..1", "--reliability osm=0.9"
            ) from error
    stated = pairs("--source-date", dates, "nlcd=2011")
    return {"date": date, "dates": stated or None, "reliability": shares or None}


def of_origin(
    dates: list[str], licences: list[str], rights: list[str]
) -> dict[str, dict[str, str]]:
    """What is stated of sources (`Sources.stated`), from SOURCE=TEXT words.

    Raises:
        InputError: A word without "=", or a source twice.
    """
    given = {
        "date": pairs("--source-date", dates, "nlcd=2011"),
        "licence": pairs("--source-licence", licences, "vector=CC-BY-4.0"),
        "attribution": pairs("--source-rights", rights, "'vector=© City of Helsinki'"),
    }
    return {attribute: values for attribute, values in given.items() if values}


def pairs(option: str, words: list[str], example: str) -> dict[str, str]:
    """Read NAME=VALUE words of an option.

    Raises:
        InputError: One is none; the example is shown.
    """
    found: dict[str, str] = {}
    for word in words:
        name, given, value = word.partition("=")
        if not given or not name or not value:
            raise InputError(f"{option} {word!r}: expected SOURCE=VALUE", f"{option} {example}")
        if name in found:
            raise InputError(f"{option}: {name} twice", "give each source once")
        found[name] = value
    return found


def changed_values(words: list[str]) -> dict[str, float]:
    """Read "drop=TERM" and "weight=TERM:VALUE" words: term -> value, 0 for one that is dropped.

    Raises:
        InputError: Another word, or a value that is no number of 0 or more.
    """
    hint = "--what-if drop=water-min-width, or --what-if weight=water-min-width:0.5"
    values: dict[str, float] = {}
    for word in words:
        verb, given, rest = word.partition("=")
        term, colon, number = rest.rpartition(":")
        if not given or not rest or verb not in ("drop", "weight"):
            raise InputError(f"--what-if {word!r}: expected drop=TERM or weight=TERM:VALUE", hint)
        if verb == "drop":
            term, value = rest, 0.0
        else:
            try:
                value = float(number) if colon and term else -1.0
            except ValueError:
                value = -1.0
        if not 0 <= value < float("inf"):
            raise InputError(f"--what-if {word!r}: no value of 0 or more after ':'", hint)
        values[term] = value
    return values


def sparql_text(sparql: str) -> str:
    """SPARQL itself, or what stands in the file after "@".

    Raises:
        QueryError: The file cannot be read.
    """
    if not sparql.startswith("@"):
        if "{" not in sparql and len(sparql) < 256 and Path(sparql).is_file():
            raise QueryError(f"{sparql}: a file, not SPARQL", f"@{sparql} asks what stands in it")
        return sparql
    try:
        return Path(sparql[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(
            f"{sparql[1:]}: cannot be read ({error})", "check the path after @"
        ) from error


def band_names(text: str | None) -> tuple[str, ...] | None:
    """Read "red,green,blue"; None stays None."""
    return tuple(part.strip() for part in text.split(",")) if text else None


def refuse_jobs(jobs: int | None) -> None:
    """Refuse several processes where a map is corrected as one.

    Raises:
        InputError: `jobs` is given.
    """
    if jobs is not None:
        raise InputError(
            "--jobs and no --tiles: a map that is corrected at once is the work of one process",
            "add --tiles 2048, or leave --jobs out",
        )
