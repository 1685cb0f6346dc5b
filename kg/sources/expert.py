"""An expert's Turtle file comes in, its statements with their citation go out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from kg import vocab
from kg.counted import counted
from kg.errors import SourceError
from kg.legend_names import MATCHES
from kg.sources import SourceInfo, checksum
from kg.store import read_turtle

_CITES = (
    vocab.DCT + "source",
    vocab.DCT + "bibliographicCitation",
    vocab.PROV + "wasDerivedFrom",
    vocab.PROV + "hadPrimarySource",
)
_TYPE = vocab.RDF + "type"
_AXIOM, _SWRL = vocab.OWL + "Axiom", "http://www.w3.org/2003/11/swrl#Imp"
_ANNOTATED = vocab.OWL + "annotatedProperty"
_AS_WKT = vocab.GEO + "asWKT"
_CHUNK = 2000


def _has_rules(triples: list[tuple[Any, Any, Any]]) -> bool:
    """Whether there are SWRL rules, or annotated axioms that are no alignments (matches with a confidence)."""
    kinds = {s: o.value for s, p, o in triples if p.value == _TYPE and o.value in (_AXIOM, _SWRL)}
    matches = {s for s, p, o in triples if p.value == _ANNOTATED and o.value in MATCHES}
    return bool(kinds.keys() - matches)


class ExpertSource:
    """Facts that people wrote down in Turtle: scene concepts, traits of classes, local knowledge.

    Title (`dct:title`), licence (`dct:license`), author (`dct:creator`) and date (`dct:issued`) are
    taken from the first statement of each in the file. The file must cite something: `dct:source`,
    `dct:bibliographicCitation`, `prov:wasDerivedFrom` or `prov:hadPrimarySource`.

    What the file says about itself (`<>`) is said of the graph, and blank nodes get IRIs
    (`<vocab.ID>NAME/node/1`, RDF 1.1 Concepts, 3.5), so that the same file always gives the same graph.

    Args:
        path: A `.ttl` file.
        name: Name of the graph; default the name of the file without ending.
    """

    def __init__(self, path: str | Path, *, name: str | None = None) -> None:
        self.path = Path(path)
        self.name = name or self.path.stem

    @property
    def iri(self) -> str:
        """IRI of the named graph."""
        return f"{vocab.GRAPH}{self.name}"

    @cached_property
    def _triples(self) -> list[tuple[Any, Any, Any]]:
        found = read_turtle(self.path)
        if not found:
            raise SourceError(f"{self.path}: no statement in it, expected Turtle", "check the path")
        if _has_rules(found):
            raise SourceError(
                f"{self.path}: holds rules (weighted axioms), expected facts",
                f"--rules {self.path}, or --add-rules {self.path} beside those that ship",
            )
        if not any(predicate.value in _CITES for _, predicate, _ in found):
            raise SourceError(
                f"{self.path}: {counted(len(found), 'statement')} and no citation, expected at least one",
                f'add a line such as  <> <{_CITES[0]}> "Author (year): title" .',
            )
        return found

    def describe(self) -> SourceInfo:
        """Title, licence, author and date as the file states them, and its checksum.

        Raises:
            SourceError: The file is missing, not Turtle, empty, or cites nothing.
        """
        return SourceInfo(
            title=self._first("title") or f"expert facts, {self.path.name}",
            licence=self._first("license"),
            attribution=self._first("creator"),
            date=self._first("issued") or None,
            path=self.path,
            sha256=checksum(self.path),
        )

    def _first(self, name: str) -> str:
        role = vocab.DCT + name
        found = (o.value for _, p, o in self._triples if p.value == role)
        return str(next(found, ""))

    def ntriples(self) -> Iterator[str]:
        """The statements as N-Triples, in the order of the file.

        Raises:
            SourceError: The file is missing, not Turtle, empty, or cites nothing.
        """
        blank: dict[str, str] = {}
        lines: list[str] = []
        base = f"<{self.path.resolve().as_uri()}"
        for head, role, tail in self._triples:
            said = (head, role, self._placed(tail) if role.value == _AS_WKT else tail)
            s, p, o = (self._text(str(term), base, blank) for term in said)
            lines.append(f"{s} {p} {o} .\n")
        for start in range(0, len(lines), _CHUNK):
            yield "".join(lines[start : start + _CHUNK])

    def _placed(self, term: Any) -> Any:
        """A geometry in CRS84, whatever CRS the file has it in."""
        from kg.geometry import in_crs84

        try:
            return type(term)(in_crs84(term.value), datatype=term.datatype)
        except SourceError as error:
            raise SourceError(f"{self.path}: {error.message}", error.hint) from error

    def _text(self, text: str, base: str, blank: dict[str, str]) -> str:
        if text.startswith(base):  # <> is the file itself: the graph, wherever the file lies
            return f"<{self.iri}{text.removeprefix(base)}"
        if not text.startswith("_:"):
            return text
        return blank.setdefault(text, f"<{vocab.ID}{self.name}/node/{len(blank) + 1}>")
