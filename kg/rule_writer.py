"""Axioms come in, a Turtle file that ontology editors open and `load_rules` reads back goes out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from kg import turtle, vocab
from kg.axiom import Axiom
from kg.declaration_writer import declarations
from kg.expressions import HARD_WEIGHT, Expression, Facet, Named, key, walk, without_tolerance
from kg.manchester import manchester
from kg.schema import Ontology

_RULES = vocab.BASE + "rules/"
_NOTES = ("weight", "tolerance", "hard")
_Extra = Mapping[str, Mapping[str, str | float]]


def rules_turtle(
    axioms: Sequence[Axiom], ontology: Ontology, *, title: str, extra: _Extra | None = None
) -> str:
    """Write annotated OWL axioms.

    Args:
        axioms: Rules; each becomes a SubClassOf axiom with an owl:Axiom node (OWL 2 Mapping to RDF Graphs, 2.2).
        ontology: The schema that they are written in (`kg.rules.schema_of`); what it says about names that are
            not of the core ontology is written too.
        title: Title of the file; its IRI is made from it.
        extra: Axiom IRI -> annotation property IRI -> value: further annotations, such as an interval.

    Returns:
        Turtle that `kg.rules.load_rules` reads back as the same axioms, except `file`, and `comment` which is
        the axiom in Manchester syntax. Names that the axioms use are declared, so that an editor that cannot
        reach the imported core ontology knows what they are.

    Raises:
        ValueError: Two axioms of one name or of one content, a name outside `vocab.RULE`, or tolerances that one
            annotation cannot say.
    """
    _refuse_doubles(axioms)
    more = extra or {}
    parts = [turtle.prefixes(), _head(title), _annotation_properties(more)]
    parts += declarations(axioms, ontology)
    for number, axiom in enumerate(axioms, 1):
        parts.append(_axiom(number, axiom, ontology, more.get(axiom.iri, {})))
    return "\n".join(parts)


def _refuse_doubles(axioms: Sequence[Axiom]) -> None:
    names = {axiom.iri for axiom in axioms}
    contents = {
        (key(without_tolerance(axiom.left)), key(without_tolerance(axiom.right)))
        for axiom in axioms
    }
    if len(names) < len(axioms) or len(contents) < len(axioms):
        raise ValueError(
            "two axioms of one name or of one content; a file can hold only one of them"
        )


def _head(title: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "rules"
    return (
        f"<{_RULES}{slug}> a owl:Ontology ;\n"
        f"    owl:imports <{vocab.BASE}core> ;\n"
        f"    dct:title {turtle.literal(title)} .\n"
    )


def _annotation_properties(extra: _Extra) -> str:
    notes = {vocab.CORE + name for name in _NOTES} | {p for row in extra.values() for p in row}
    return "".join(f"{turtle.name(iri)} a owl:AnnotationProperty .\n" for iri in sorted(notes))


def _axiom(number: int, axiom: Axiom, ontology: Ontology, extra: Mapping[str, str | float]) -> str:
    """The axiom, its two nodes (shared with the annotation), and the annotation."""
    lines: list[str] = []
    sides = []
    for word, side in (("left", axiom.left), ("right", axiom.right)):
        sides.append(_side(f"_:{word}{number}", side, lines))
    left, right = sides
    notes = [f"{turtle.name(p)} {text}" for p, text in _notes(axiom, ontology)]
    notes += [f"{turtle.name(p)} {turtle.literal(value)}" for p, value in sorted(extra.items())]
    lines.append(f"{left} rdfs:subClassOf {right} .")
    lines.append(
        f"[] a owl:Axiom ;\n    owl:annotatedSource {left} ; owl:annotatedProperty rdfs:subClassOf ; "
        f"owl:annotatedTarget {right} ;\n    " + " ;\n    ".join(notes) + " ."
    )
    return "\n".join(lines) + "\n"


def _side(label: str, side: Expression, lines: list[str]) -> str:
    if isinstance(side, Named):
        return turtle.name(side.iri)
    lines.append(f"{label} {turtle.inside(side)} .")
    return label


def _notes(axiom: Axiom, ontology: Ontology) -> Iterator[tuple[str, str]]:
    """Annotation properties and their values as Turtle."""
    if not axiom.iri.startswith(vocab.RULE):
        raise ValueError(f"{axiom.iri} does not begin with {vocab.RULE}")
    yield vocab.DCT + "identifier", turtle.literal(axiom.iri.removeprefix(vocab.RULE))
    yield vocab.RDFS + "label", turtle.literal(axiom.label, "en")
    if axiom.label_zh:
        yield vocab.RDFS + "label", turtle.literal(axiom.label_zh, "zh")
    if axiom.hard:
        yield vocab.CORE + "hard", turtle.literal(True)
    if not axiom.hard or axiom.weight != HARD_WEIGHT:
        yield vocab.CORE + "weight", turtle.literal(float(axiom.weight))
    tolerance = _tolerance(axiom)
    if tolerance:
        yield vocab.CORE + "tolerance", turtle.literal(tolerance)
    yield vocab.RDFS + "comment", turtle.literal(manchester(axiom, ontology))
    if axiom.citation:
        yield vocab.DCT + "source", turtle.literal(axiom.citation)


def _tolerance(axiom: Axiom) -> float:
    """The one tolerance of the bounds on the right side's one property, else of the left side's."""
    found = {p: t for p, t in _softened(axiom.right) | _softened(axiom.left) if t}
    if not found:
        return 0.0
    ((named, tolerance),) = found.items() if len(found) == 1 else [("", 0.0)]
    bounded = {p for p, _ in _softened(axiom.right)} or {p for p, _ in _softened(axiom.left)}
    every = {t for p, t in _softened(axiom.right) | _softened(axiom.left) if p == named}
    if bounded != {named} or every != {tolerance}:
        raise ValueError(f"{axiom.iri}: one ll:tolerance cannot say the tolerances of its bounds")
    return tolerance


def _softened(side: Expression) -> set[tuple[str, float]]:
    return {(p.property, p.tolerance) for p in walk(side) if isinstance(p, Facet)}
