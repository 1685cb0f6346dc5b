"""The triples of one OWL file, by subject and predicate, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kg import vocab

TYPE = vocab.RDF + "type"


class Literal(NamedTuple):
    """An RDF literal.

    Attributes:
        value: Its value; numbers are numbers.
        lang: Language tag, or "".
    """

    value: str | int | float
    lang: str = ""


Term = str | Literal
"""IRIs are plain strings, blank nodes are strings that begin with "_:"."""


class UnreadableError(Exception):
    """A node that is no class expression, or one that is refused; the caller says where."""


@dataclass(frozen=True, eq=False)
class Terms:
    """The triples of one file, by subject and predicate.

    Attributes:
        index: subject -> predicate -> objects, in file order.
    """

    index: dict[str, dict[str, list[Term]]]

    def objects(self, subject: str, predicate: str) -> list[Term]:
        """All objects, in file order."""
        return self.index.get(subject, {}).get(predicate, [])

    def nodes(self, subject: str, predicate: str) -> list[str]:
        """The objects that are IRIs or blank nodes."""
        return [term for term in self.objects(subject, predicate) if isinstance(term, str)]

    def typed(self, kind: str) -> list[str]:
        """Subjects with this rdf:type, sorted."""
        return sorted(s for s, row in self.index.items() if kind in row.get(TYPE, ()))

    def pairs(self, predicate: str) -> list[tuple[str, str]]:
        """(subject, object) of each triple with this predicate whose object is a node."""
        return [(s, o) for s in self.index for o in self.nodes(s, predicate)]

    def text(self, subject: str, predicate: str, lang: str = "", *, exact: bool = False) -> str:
        """The literal in this language (unless `exact`, else one without language), or ""."""
        found = [t for t in self.objects(subject, predicate) if isinstance(t, Literal)]
        plain = [] if exact else [t for t in found if not t.lang]
        best = [t for t in found if t.lang == lang] or plain
        return str(best[0].value) if best else ""

    def items(self, head: str) -> list[Term] | None:
        """Members of an rdf:List; None where it is broken or runs in a circle."""
        out: list[Term] = []
        seen: set[str] = set()
        while head != vocab.RDF + "nil":
            first = self.objects(head, vocab.RDF + "first")
            rest = self.nodes(head, vocab.RDF + "rest")
            if head in seen or len(first) != 1 or len(rest) != 1:
                return None
            seen.add(head)
            out.append(first[0])
            head = rest[0]
        return out
