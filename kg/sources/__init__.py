"""One module per kind of source; each turns files into RDF in a named graph of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kg.errors import SourceError


@dataclass(frozen=True)
class SourceInfo:
    """Where a source comes from and what may be done with it (DCAT 3, PROV-O).

    Attributes:
        title: Name for people, "ESA WorldCover 2021, N00E006".
        licence: IRI of the licence, or "" where it is not known.
        attribution: The line that the licence asks for, or "".
        date: When the land was observed or the data issued, "2021" or "2021-06-30", or None.
        path: File that was read, or None.
        sha256: Checksum of that file, hexadecimal, or "".
        url: Where the data can be had, or "".
        confidence: Share of places where the source is right, as published, or None where nobody says.
        assumed: What is taken for that where nobody says; evidence is weighed by it unless another is given.
        citation: Whom to cite, or "".
        settings: What besides the file decides the content: part, cell size, tables.
    """

    title: str
    licence: str = ""
    attribution: str = ""
    date: str | None = None
    path: Path | None = None
    sha256: str = ""
    url: str = ""
    confidence: float | None = None
    assumed: float | None = None
    citation: str = ""
    settings: str = ""


class Source(Protocol):
    """What `kg.build.build_graph` needs of a source."""

    @property
    def iri(self) -> str:
        """IRI of the named graph that the source fills, `<vocab.GRAPH>NAME`."""
        ...

    def describe(self) -> SourceInfo:
        """Provenance and licence."""
        ...

    def ntriples(self) -> Iterator[str]:
        """The statements: chunks of whole N-Triples lines."""
        ...


def checksum(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal; read in pieces.

    Raises:
        SourceError: The file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})", "check the path") from error


def no_file(path: str | Path) -> SourceError:
    """The error for a path where no file is."""
    if Path(path).is_dir():
        return SourceError(f"{path}: is a folder, expected a file", "name a file in it")
    return SourceError(f"{path}: no such file", "check the path")
