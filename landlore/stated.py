"""What a user knows about a source and its file does not say: its date, licence and whom to name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg import vocab
from kg.errors import InputError
from kg.spelling import meant

if TYPE_CHECKING:
    from kg.sources import Source, SourceInfo

OPTIONS = {"date": "--source-date", "licence": "--source-licence", "attribution": "--source-rights"}
"""Attribute of a source's provenance -> option that states it."""


@dataclass(frozen=True)
class StatedSource:
    """A source, with more said about it than its file says.

    Attributes:
        source: The source.
        said: Attribute of `SourceInfo` ("date", "licence", "attribution") -> what is said.
    """

    source: Source
    said: Mapping[str, str]

    @property
    def iri(self) -> str:
        """IRI of the named graph."""
        return self.source.iri

    def describe(self) -> SourceInfo:
        """Provenance as the file has it, and as it was stated."""
        info = self.source.describe()
        more: dict[str, Any] = {"settings": f"{info.settings} {sorted(self.said.items())}"}
        return replace(info, **{**more, **self.said})

    def ntriples(self) -> Iterator[str]:
        """The statements of the source."""
        return self.source.ntriples()


def stated(found: Sequence[Source], said: Mapping[str, Mapping[str, str]]) -> list[Source]:
    """Sources with what is said of them.

    Args:
        found: The sources.
        said: Attribute ("date", "licence", "attribution") -> name of a source -> what is said. A source is called as
            its named graph is ("vector", "worldcover", "osm-2"), or by its file name.

    Raises:
        InputError: No source of that name, or a date that is none.
    """
    from reasoning.evidence.ageing import year_of

    names = [(source.iri.removeprefix(vocab.GRAPH), _file(source)) for source in found]
    about: list[dict[str, str]] = [{} for _ in found]
    for attribute, values in said.items():
        for name, value in values.items():
            hits = [i for i, known in enumerate(names) if name in known]
            option = OPTIONS[attribute]
            if not hits:
                known = [word for pair in names for word in pair if word]
                raise InputError(
                    f"{option} {name}={value}: there is no source {name!r}",
                    f"{meant(name, known)} known: {', '.join(known)}".strip(),
                )
            if attribute == "date":
                year_of(value, f"{option}: {name}")
            for i in hits:
                about[i][attribute] = value
    return [
        StatedSource(source, words) if words else source
        for source, words in zip(found, about, strict=True)
    ]


def _file(source: Source) -> str:
    path = getattr(source, "path", "") or getattr(getattr(source, "mapping", None), "path", "")
    return Path(path).name
