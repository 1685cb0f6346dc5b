"""Turtle files about scenes come in; what they say, looked up by subject and relation, goes out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kg import vocab
from kg.errors import OntologyError
from kg.rdf import read_turtle
from kg.triples import Triple


class SceneSource:
    """What some files say together; the files may add statements to each other's subjects.

    Args:
        paths: Turtle files.

    Raises:
        SourceError: A file cannot be read or is not Turtle.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._known: dict[str, dict[str, list[Any]]] = {}
        for number, path in enumerate(paths):
            for s, p, o in read_turtle(path):
                told = self._known.setdefault(_name(s, number), {})
                told.setdefault(p.value, []).append((_name(o, number), o))

    def subjects(self, kind: str) -> list[str]:
        """Named subjects of a type, sorted."""
        return sorted(s for s in self.named() if kind in self.iris(s, vocab.RDF + "type"))

    def named(self) -> list[str]:
        """Every subject that has an IRI, in file order."""
        return [s for s in self._known if not _blank(s)]

    def iris(self, subject: str, relation: str) -> list[str]:
        """Values that are not blank nodes (IRIs, or the text of literals), in file order."""
        found = self._known.get(subject, {}).get(relation, ())
        return [name for name, _ in found if not _blank(name)]

    def text(self, subject: str, relation: str) -> str:
        """The first value of a relation, "" without one."""
        return next(iter(self.iris(subject, relation)), "")

    def labels(self, subject: str) -> tuple[str, str]:
        """(English, Chinese) label, skos:prefLabel before rdfs:label; "" for a language without one."""
        found = {"en": "", "zh": ""}
        for relation in (vocab.SKOS + "prefLabel", vocab.RDFS + "label"):
            for _, o in self._known.get(subject, {}).get(relation, ()):
                language = getattr(o, "language", None) or "en"
                if not found.get(language, "x"):
                    found[language] = o.value
        return found["en"], found["zh"]

    def weighted(self, subject: str, relation: str) -> list[Triple]:
        """Weighted statements `subject relation [ ll:value ?tail ; ll:weight ?weight ]`.

        Raises:
            OntologyError: A statement has no value, or a weight outside (0, 1].
        """
        values = self._known.get(subject, {}).get(relation, ())
        return [self._statement(subject, relation, node) for node, _ in values]

    def _statement(self, head: str, relation: str, node: str) -> Triple:
        tails, weights = self.iris(node, vocab.VALUE), self.iris(node, vocab.WEIGHT)
        where = f"{vocab.curie(head)} {vocab.curie(relation)}"
        if len(tails) != 1 or len(weights) != 1:
            raise OntologyError(
                f"{where}: found {len(tails)} values and {len(weights)} weights, expected one of each",
                "write it as [ ll:value ll:Water ; ll:weight 0.4 ]",
            )
        weight = number(weights[0])
        if not 0 < weight <= 1:
            raise OntologyError(
                f"{where} {vocab.curie(tails[0])}: weight {weights[0]} is not above 0 and at most 1",
                "give a share or degree, for example ll:weight 0.4",
            )
        return Triple(head, relation, tails[0], weight)


def number(text: str) -> float:
    """The number that a literal says; 0 where it says none."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _name(term: Any, file: int) -> str:
    blank = type(term).__name__ == "BlankNode"
    value: str = term.value
    return f"_:{file}:{value}" if blank else value


def _blank(name: str) -> bool:
    return name.startswith("_:")
