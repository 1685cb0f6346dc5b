"""Rows of somebody's table come in, statements in our words go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kg import vocab
from kg.imports.interpreter import Interpreter
from kg.imports.tables import Row
from kg.imports.vocabulary import Meaning
from kg.imports.weighted import LEAST, weighted
from kg.statements import Statements, decimal, iri, text

_CONFIDENCE = vocab.CORE + "confidence"
_PERCENT = (2, 100)  # what may be a percentage, and hardly a share
_NOTES = {
    "source": vocab.DCT + "source",
    "licence": vocab.DCT + "license",
    "date": vocab.DCT + "issued",
}


def row_statements(rows: Iterable[Row], interpreter: Interpreter) -> Iterator[Statements]:
    """One or two subjects per row that is understood; the rest is counted (`interpreter.tally`)."""
    for row in rows:
        yield from interpreter.tally.count(_Reading(row, interpreter).statements())


class _Reading:
    """One row."""

    def __init__(self, row: Row, interpreter: Interpreter) -> None:
        self.cells, self.interpreter = row.cells, interpreter
        self.table = interpreter.mapping.table

    def statements(self) -> list[Statements] | str:
        """What the row says, or why nothing."""
        said = self.cells.get("relation") or (self.table.relation_is if self.table else "")
        head, tail = self.cells["head"], self.cells["tail"]
        if not (head and tail and said):
            return "an empty cell"
        relation = self.interpreter.relation(said)
        if relation is None:
            for term in (head, tail):
                self.interpreter.term(term)  # counted all the same
            return "unknown relation"
        if relation.inverse:
            head, tail = tail, head
        subject = self.interpreter.term(head, relation.iri, head=True)
        kind = self.interpreter.vocabulary.values_of(relation.iri)
        value = Meaning(tail, "") if kind else self.interpreter.term(tail, relation.iri)
        if subject is None or value is None:
            return "unknown head" if subject is None else "unknown tail"
        try:
            told = _literal(tail, kind) if kind else iri(value.iri)
            weight, sure = self._number("weight"), self._number("confidence")
        except ValueError as error:
            return str(error)
        notes = [(_NOTES[name], _note(word)) for name in _NOTES if (word := self.cells.get(name))]
        if sure is not None:
            notes.append((_CONFIDENCE, decimal(sure)))
        return weighted(self.interpreter, subject, relation, told, weight, notes)

    def _number(self, role: str) -> float | None:
        """A share, 0..1.

        Raises:
            ValueError: It is none.
        """
        word = self.cells.get(role, "")
        if not word:
            return None
        try:
            value = float(word.removesuffix("%").replace(",", "."))
        except ValueError:
            value = -1.0
        if word.endswith("%"):
            value /= 100
        elif self.table and self.table.percent:
            self.interpreter.tally.read_percent(value)
            value /= 100
        if not (LEAST if role == "weight" else 0.0) <= value <= 1:
            more = (
                "; percent = true in [table] reads 0..100"
                if _PERCENT[0] <= value <= _PERCENT[1]
                else ""
            )
            raise ValueError(f"{role} is no number in 0..1{more}")
        return value


def _literal(word: str, kind: str) -> str:
    """Words as they are, a number as a decimal.

    Raises:
        ValueError: A word where a number was expected.
    """
    if kind == "words":
        return text(word)
    try:
        return decimal(float(word))
    except ValueError:
        raise ValueError("a word where a number was expected") from None


def _note(word: str) -> str:
    return iri(word) if word.startswith(("http://", "https://")) else text(word)
