"""Annotated nodes of a file come in, what they say of their axiom goes out: weight, tolerance, names, source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kg import vocab
from kg.errors import AxiomError
from kg.terms import Literal, Terms

_SOURCES = (vocab.DCT + "source", vocab.DCT + "bibliographicCitation")


@dataclass(frozen=True)
class Annotations:
    """What a file says about one axiom, possibly in several owl:Axiom nodes.

    Attributes:
        path: The file.
        terms: Its triples.
        nodes: The owl:Axiom nodes, or the node of a SWRL rule or of DisjointClasses.
    """

    path: Path
    terms: Terms
    nodes: Sequence[str]

    @property
    def identifier(self) -> str:
        """dct:identifier, or ""."""
        return self.text(vocab.DCT + "identifier")

    @property
    def called(self) -> str:
        """How messages call the axiom: its identifier, else its label, in quotes."""
        return repr(self.identifier or self.text(vocab.RDFS + "label", "en") or self.nodes[0])

    @property
    def citation(self) -> str:
        """dct:source, else dct:bibliographicCitation, else ""."""
        return self.text(_SOURCES[0]) or self.text(_SOURCES[1])

    @property
    def weight(self) -> float | None:
        """ll:weight, nats per pixel.

        Raises:
            AxiomError: Not a number, negative, or said twice.
        """
        return self._number("weight")

    @property
    def tolerance(self) -> float | None:
        """ll:tolerance, in the unit of the property.

        Raises:
            AxiomError: Not a number, negative, or said twice.
        """
        return self._number("tolerance")

    @property
    def hard(self) -> bool:
        """ll:hard.

        Raises:
            AxiomError: Neither true nor false.
        """
        values = [str(value).lower() for value in self._values(vocab.CORE + "hard")]
        if any(value not in ("true", "false", "1", "0") for value in values) or len(values) > 1:
            raise self._fault(f"has ll:hard {' and '.join(values)}", "write ll:hard true")
        return values in (["true"], ["1"])

    def text(self, predicate: str, lang: str = "", *, exact: bool = False) -> str:
        """The first literal in this language (unless `exact`, else without language), or ""."""
        found = (self.terms.text(node, predicate, lang, exact=exact) for node in self.nodes)
        return next(filter(None, found), "")

    def _values(self, predicate: str) -> list[str | int | float]:
        found = {t for node in self.nodes for t in self.terms.objects(node, predicate)}
        return sorted({t.value for t in found if isinstance(t, Literal)}, key=str)

    def _number(self, name: str) -> float | None:
        values = self._values(vocab.CORE + name)
        if not values:
            return None
        if len(values) > 1:
            said = " and ".join(map(str, values))
            raise self._fault(f"has ll:{name} {said}", "keep one of them")
        value = values[0]
        if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
            raise self._fault(
                f"has ll:{name} {value!r}; expected a number of at least 0", f"write ll:{name} 1.0"
            )
        return float(value)

    def fault(self, axiom: str, cause: str, hint: str) -> AxiomError:
        """What is wrong with the axiom; `axiom` is how it is written, or "" for its name."""
        return AxiomError(str(self.path), axiom or f"rule {self.called}", cause, hint)

    def _fault(self, what: str, hint: str) -> AxiomError:
        return self.fault("", f"rule {self.called} {what}", hint)
