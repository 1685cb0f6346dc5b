"""Alignments of the core ontology with other vocabularies come in, what cannot be right about them goes out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from kg import vocab
from kg.legend_names import MATCHES
from kg.terms import Literal, Terms

VOCABULARIES = {
    "ENVO": re.compile(r"http://purl\.obolibrary\.org/obo/ENVO_\d{7,8}"),
    "SWEET": re.compile(r"http://sweetontology\.net/[A-Za-z]+/[A-Za-z]+"),
    "WorldKG": re.compile(r"http://www\.worldkg\.org/schema/[A-Za-z0-9]+"),
    "LinkedGeoData": re.compile(r"http://linkedgeodata\.org/ontology/[A-Za-z0-9]+"),
    "Wikidata": re.compile(r"http://www\.wikidata\.org/entity/Q[1-9]\d*"),
}
"""Vocabularies that the core may be aligned with, and how their identifiers look."""

_EXACT = vocab.SKOS + "exactMatch"


@dataclass(frozen=True)
class Alignment:
    """One match of a core class with a term of another vocabulary.

    Attributes:
        cls: Core class IRI.
        match: Predicate IRI, `skos:exactMatch` to `skos:relatedMatch`.
        term: IRI there.
        confidence: How sure its author is, 0..1; NaN where nothing is said.
        source: Where the identifier was looked up, or "".
    """

    cls: str
    match: str
    term: str
    confidence: float
    source: str

    @property
    def vocabulary(self) -> str:
        """Which of `VOCABULARIES` the term belongs to, or ""."""
        fits = (name for name, pattern in VOCABULARIES.items() if pattern.fullmatch(self.term))
        return next(fits, "")


def read_alignments(terms: Terms) -> tuple[Alignment, ...]:
    """The alignments of a file: matches that leave the namespace of the core ontology, in file order."""
    said = {}
    for node in terms.typed(vocab.OWL + "Axiom"):
        ends = [
            terms.nodes(node, vocab.OWL + name)
            for name in ("annotatedSource", "annotatedProperty", "annotatedTarget")
        ]
        said[tuple(end[0] if end else "" for end in ends)] = node
    found = []
    for cls, row in terms.index.items():
        for match in (m for m in MATCHES if m in row and cls.startswith(vocab.CORE)):
            for term in terms.nodes(cls, match):
                node = said.get((cls, match, term), "")
                sure = [
                    x.value
                    for x in terms.objects(node, vocab.CORE + "confidence")
                    if isinstance(x, Literal)
                ]
                number = float(sure[0]) if sure else float("nan")
                found.append(
                    Alignment(
                        cls, match, term, number, terms.text(node, vocab.DCT + "source", "en")
                    )
                )
    return tuple(found)


def alignment_faults(found: Collection[Alignment], classes: Collection[str]) -> Iterator[str]:
    """What cannot be right: unknown ends, no confidence or source, two exact matches where one can be.

    Args:
        found: Alignments.
        classes: Class IRIs that there are.
    """
    exact: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in found:
        where = f"{vocab.curie(one.cls)} {vocab.curie(one.match)} <{one.term}>"
        if one.cls not in classes:
            yield f"{where}: no such class"
        if not one.vocabulary:
            yield f"{where}: not an identifier of {', '.join(VOCABULARIES)}"
        if not 0 < one.confidence <= 1:
            yield f"{where}: no ll:confidence in 0..1"
        if not one.source:
            yield f"{where}: no dct:source"
        if one.match == _EXACT:
            exact[one.cls, one.vocabulary].add(one.term)
            exact[one.term, ""].add(one.cls)
    for (name, vocabulary), ends in exact.items():
        if len(ends) > 1:
            shown = ", ".join(sorted(map(vocab.curie, ends)))
            yield f"{vocab.curie(name)} is exactly several things{f' of {vocabulary}' if vocabulary else ''}: {shown}"
