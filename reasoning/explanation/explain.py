"""A corrected map comes in; its reasons go out as RDF (PROV-O, GeoSPARQL) and as sentences.

One named graph per run. Statements are made one correction at a time, so a hundred thousand
corrections stream to a store or a file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg import statements as rdf
from kg import vocab
from kg.errors import InputError
from kg.statements import Statements
from reasoning.correction import Contribution, Corrected, Correction
from reasoning.explanation import footprints
from reasoning.explanation.provenance import (
    evidence_statements,
    input_statements,
    region_statements,
    rule_statements,
    run_statements,
)
from reasoning.explanation.sentences import (
    Names,
    cause,
    names_of,
    sentence_en,
    sentence_zh,
    smoothness_alone,
    support,
)

if TYPE_CHECKING:
    from kg.ontology import Ontology

_A = vocab.RDF + "type"
_RUN, _PROV, _GEO = vocab.RUN, vocab.PROV, vocab.GEO
_CORRECTION_TYPES = [
    (_A, f"<{_RUN}Correction>"),
    (_A, f"<{_GEO}Feature>"),
    (_A, f"<{_PROV}Entity>"),
]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a run changed what it changed.

    Attributes:
        run: IRI of the run, `<vocab.ID>run/NAME`. Correction i is `<run>/correction/i`.
        graph: IRI of the named graph that holds its statements, `<vocab.GRAPH>run/NAME`.
        corrected: The run's result.
        ontology: Names the classes in the rules.
        when: xsd:dateTime at which the run ended, or None.
    """

    run: str
    graph: str
    corrected: Corrected
    ontology: Ontology
    when: str | None = None

    @cached_property
    def names(self) -> Names:
        """What classes, rules and sources are called."""
        return names_of(self.corrected, self.ontology)

    @cached_property
    def sentences_en(self) -> tuple[str, ...]:
        """One English text per correction, same order."""
        return tuple(sentence_en(c, self.names) for c in self.corrected.corrections)

    @cached_property
    def sentences_zh(self) -> tuple[str, ...]:
        """One Chinese text per correction, same order."""
        return tuple(sentence_zh(c, self.names) for c in self.corrected.corrections)

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """(correction, 4) west, south, east, north, degrees CRS84."""
        done = self.corrected
        return footprints.bounds(done.index, len(done.corrections), done.before.grid)

    @cached_property
    def outlines(self) -> Mapping[int, str]:
        """Correction number -> its outline, lexical form of a geo:wktLiteral, CRS84."""
        done = self.corrected
        return footprints.polygons(done.index, len(done.corrections), done.before.grid)

    def statements(self) -> Iterator[Statements]:
        """Every subject of the run's graph with its statements; no blank nodes, fixed order."""
        done, run = self.corrected, self.run
        yield from run_statements(done, run, self.when)
        yield from input_statements(done, run, self.names)
        yield from rule_statements(done, self.ontology)
        yield from region_statements(done, run)
        yield from evidence_statements(self.names)
        for i, correction in enumerate(done.corrections):
            yield from _correction(self, i, correction)

    def ntriples(self) -> Iterator[str]:
        """The graph as chunks of N-Triples."""
        return rdf.ntriples(self.statements())

    def trig(self) -> Iterator[str]:
        """The graph as TriG, prefixes first."""
        return rdf.trig(self.statements(), self.graph)


def explain(
    corrected: Corrected, ontology: Ontology, *, run: str, when: str | None = None
) -> Explanation:
    """Explain every correction of a run.

    Args:
        corrected: The run's result.
        ontology: Ontology that the rules are written in; names classes in their Manchester syntax.
        run: Name of the run, letters, digits, "-", "_" and "."; the same name replaces the run.
        when: Date and time at which the run ended, ISO 8601; left out of the graph when None.

    Returns:
        Statements and sentences, made when asked for.

    Raises:
        InputError: `run` cannot be part of an IRI, or `when` is not a date.

    Example:
        >>> explanation = explain(corrected, ontology, run="helsinki-1")  # doctest: +SKIP
        >>> graph.replace_graph(explanation.graph, explanation.ntriples())  # doctest: +SKIP
    """
    if not run or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in run):
        raise InputError(
            f"run name {run!r}: expected letters, digits, '-', '_' and '.'", "for example run-1"
        )
    return Explanation(
        run=f"{vocab.ID}run/{run}",
        graph=f"{vocab.GRAPH}run/{run}",
        corrected=corrected,
        ontology=ontology,
        when=_moment(when),
    )


def _moment(when: str | None) -> str | None:
    if when is None:
        return None
    try:
        return datetime.fromisoformat(when).isoformat()
    except ValueError as error:
        raise InputError(
            f"time {when!r}: expected ISO 8601", "for example 2026-01-31T12:00:00"
        ) from error


def _correction(explanation: Explanation, i: int, correction: Correction) -> Iterator[Statements]:
    run = explanation.run
    this = f"{run}/correction/{i}"
    pairs = [
        *_CORRECTION_TYPES,
        (_RUN + "index", rdf.integer(i)),
        (_PROV + "wasGeneratedBy", f"<{run}>"),
        (_RUN + "region", f"<{run}/region/{correction.region}>"),
        (_RUN + "before", rdf.iri(correction.before)),
        (_RUN + "after", rdf.iri(correction.after)),
        (_RUN + "pixels", rdf.integer(correction.pixels)),
        (_RUN + "area", rdf.double(correction.area)),
        (_RUN + "lon", rdf.double(correction.lon)),
        (_RUN + "lat", rdf.double(correction.lat)),
        (_RUN + "logOdds", rdf.double(correction.log_odds)),
        (_RUN + "confidence", rdf.double(correction.confidence)),
        (_RUN + "cause", rdf.iri(cause(correction))),
        (_RUN + "smoothnessAlone", rdf.boolean(smoothness_alone(correction))),
        (_RUN + "sentence", rdf.text(explanation.sentences_en[i], "en")),
        (_RUN + "sentence", rdf.text(explanation.sentences_zh[i], "zh")),
    ]
    sides = zip(("west", "south", "east", "north"), explanation.bounds[i].tolist(), strict=True)
    pairs += [(_RUN + side, rdf.double(value)) for side, value in sides if math.isfinite(value)]
    pairs += [(_RUN + "excludedBy", rdf.iri(rule)) for rule in correction.excluded_by]
    pairs += [(_RUN + "alike", rdf.iri(other)) for other in correction.alike]
    pairs += [(_RUN + "evidence", rdf.iri(entity)) for entity in correction.evidence]
    count = len(correction.contributions)
    pairs += [(_RUN + "contribution", f"<{this}/reason/{n}>") for n in range(count)]
    outline = explanation.outlines.get(i)
    if outline:
        pairs.append((_GEO + "hasGeometry", f"<{this}/outline>"))
    yield this, pairs
    if outline:
        wkt = (_GEO + "asWKT", rdf.typed(outline, _GEO + "wktLiteral"))
        yield f"{this}/outline", [(_A, f"<{_GEO}Geometry>"), wkt]
    total = support(correction)
    for n, contribution in enumerate(correction.contributions):
        mine = [
            e for e in correction.evidence if explanation.names.owner.get(e) == contribution.term
        ]
        yield f"{this}/reason/{n}", _contribution(contribution, total, mine)


def _contribution(
    contribution: Contribution, total: float, evidence: list[str]
) -> list[tuple[str, str]]:
    share = contribution.value / total if contribution.value > 0 else 0.0
    return [
        (_A, f"<{_RUN}Contribution>"),
        (_RUN + "kind", rdf.text(contribution.kind)),
        (_RUN + "term", rdf.iri(contribution.term)),
        (_RUN + "value", rdf.double(contribution.value)),
        (_RUN + "share", rdf.double(share)),
        *((_RUN + "evidence", rdf.iri(entity)) for entity in evidence),
    ]
