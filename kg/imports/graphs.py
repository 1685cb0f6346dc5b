"""Somebody's RDF file comes in, statements in our words go out. It is read three times, never held whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kg import vocab
from kg.imports.interpreter import Interpreter
from kg.imports.mapping import KEEP
from kg.imports.triples import ForeignTriple, read_triples
from kg.imports.vocabulary import MATCHES, OTHERS, Meaning
from kg.imports.weighted import LEAST, weighted
from kg.scenes import RELATIONS
from kg.statements import Statements, iri

TYPE = vocab.RDF + "type"
_SUBCLASS = frozenset((vocab.RDFS + "subClassOf", vocab.OWL + "equivalentClass"))
_DECLARED = frozenset(
    (
        vocab.OWL + "Class", vocab.RDFS + "Class", vocab.OWL + "ObjectProperty", vocab.OWL + "DatatypeProperty",
        vocab.OWL + "AnnotationProperty", vocab.RDF + "Property", vocab.SKOS + "Concept",
    )
)  # fmt: skip
LABELS = frozenset(
    (
        vocab.RDFS + "label",
        *(vocab.SKOS + n for n in ("prefLabel", "altLabel")),
        "http://schema.org/name",
    )
)
"""Predicates that say what a term is called."""
_WORDS = LABELS | MATCHES | _SUBCLASS
_SCHEMA = "their own schema (used to understand, not taken over)"


@dataclass
class Schema:
    """What a first look tells of a file.

    Attributes:
        terms: IRIs that are classes, concepts or relations rather than things.
        nodes: Nodes of weighted statements (`ll:value`) -> their pairs.
    """

    terms: set[str] = field(default_factory=set)
    nodes: dict[str, list[ForeignTriple]] = field(default_factory=dict)


def read_schema(path: Path, interpreter: Interpreter) -> Schema:
    """Look through a file twice: which terms are classes; then what these are called and matched with.

    The interpreter learns names, superclasses and alignments.

    Raises:
        SourceError: See `kg.imports.triples.read_triples`.
    """
    schema, name = Schema(), interpreter.mapping.name
    for found in filter(None, read_triples(path, name)):
        _classes(found, schema, interpreter)
    schema.terms -= schema.nodes.keys()
    matches = []
    for found in filter(None, read_triples(path, name)):
        if found.subject in schema.nodes:
            schema.nodes[found.subject].append(found)
        elif found.predicate in MATCHES and not found.literal:
            matches.append((found.subject, found.predicate, found.value))
        elif found.predicate in LABELS and found.subject in schema.terms and found.literal:
            interpreter.call(found.subject, found.value)
    interpreter.vocabulary.align(matches)
    return schema


def _classes(found: ForeignTriple, schema: Schema, interpreter: Interpreter) -> None:
    subject, predicate, value, literal = found
    if literal:
        return
    if predicate == TYPE:
        schema.terms.add(
            subject if value in _DECLARED else "" if value.startswith(OTHERS) else value
        )
    elif predicate in _SUBCLASS:
        schema.terms |= {subject, value}
        interpreter.below(subject, value)
        if predicate != vocab.RDFS + "subClassOf":
            interpreter.below(value, subject)
    elif interpreter.relates_classes(predicate):
        schema.terms |= {subject, value}
    elif predicate == vocab.VALUE:
        schema.nodes.setdefault(subject, [])
        schema.terms.add(value)


def graph_statements(path: Path, interpreter: Interpreter) -> Iterator[Statements]:
    """The statements of a file that are understood; the rest is counted (`interpreter.tally`).

    Raises:
        SourceError: See `kg.imports.triples.read_triples`.
    """
    reading = _Reading(read_schema(path, interpreter), interpreter)
    for triple in read_triples(path, interpreter.mapping.name):
        found = reading.statements(triple) if triple else "a statement about a statement"
        yield from interpreter.tally.count(found)


class _Reading:
    """One triple after the other, with the schema at hand."""

    def __init__(self, schema: Schema, interpreter: Interpreter) -> None:
        self.schema, self.interpreter = schema, interpreter
        self.keep = interpreter.mapping.unknown.terms == KEEP

    def statements(self, triple: ForeignTriple) -> list[Statements] | str:
        """What the triple says in our words, or why nothing."""
        if triple.subject in self.schema.nodes:
            return []  # said where the node is named
        if triple.predicate == TYPE:
            return self._typed(triple)
        schema = triple.subject in self.schema.terms
        if schema and (triple.predicate in _WORDS or triple.predicate.startswith(OTHERS)):
            return self._described(triple)
        relation = self.interpreter.relation(triple.predicate)
        if relation is None:
            return "unknown relation"
        if schema or relation.iri in RELATIONS:
            return self._of_classes(triple, relation)
        return self._of_things(triple, relation)

    def _typed(self, triple: ForeignTriple) -> list[Statements] | str:
        thing, kind = triple.subject, triple.value
        if kind.startswith(OTHERS):
            return (
                self._described(triple)
                if thing in self.schema.terms or kind.startswith(vocab.OWL)
                else [(self.interpreter.individual(thing), [(TYPE, iri(kind))])]
            )
        found = self.interpreter.term(kind)
        if found is None:
            return "unknown class"
        return [(self.interpreter.individual(thing), [(TYPE, iri(found.iri))])]

    def _described(self, triple: ForeignTriple) -> list[Statements] | str:
        """Words about a class of theirs: taken over with the class, where it is kept."""
        named = triple.predicate == TYPE or triple.predicate in _SUBCLASS
        if triple.subject not in self.schema.terms or not (named or self.keep):
            return _SCHEMA
        subject = self.interpreter.term(triple.subject)
        if subject is None or subject.by != "kept":
            return _SCHEMA
        if triple.literal or triple.value.startswith(OTHERS) or triple.predicate in MATCHES:
            return [(subject.iri, [(triple.predicate, triple.literal or iri(triple.value))])]
        value = self.interpreter.term(triple.value)
        return [(subject.iri, [(triple.predicate, iri(value.iri))])] if value else "unknown class"

    def _of_classes(self, triple: ForeignTriple, relation: Meaning) -> list[Statements] | str:
        head, tail = triple.subject, triple.value
        weight: float | None = None
        notes: list[tuple[str, str]] = []
        if tail in self.schema.nodes:
            tail, weight, notes = _node(self.schema.nodes[tail])
        elif triple.literal:
            return "a text where a class was expected"
        if weight is not None and not LEAST <= weight <= 1:
            return "weight is no number in 0..1"
        if relation.inverse:
            head, tail = tail, head
        subject = self.interpreter.term(head, relation.iri, head=True)
        value = self.interpreter.term(tail, relation.iri)
        if subject is None or value is None:
            return "unknown head" if subject is None else "unknown tail"
        return weighted(self.interpreter, subject, relation, iri(value.iri), weight, notes)

    def _of_things(self, triple: ForeignTriple, relation: Meaning) -> list[Statements] | str:
        subject = self.interpreter.individual(triple.subject)
        if triple.literal:
            return (
                "a text the other way round"
                if relation.inverse
                else [(subject, [(relation.iri, triple.literal)])]
            )
        value = self.interpreter.individual(triple.value)
        head, tail = (value, subject) if relation.inverse else (subject, value)
        return [(head, [(relation.iri, iri(tail))])]


def _node(pairs: list[ForeignTriple]) -> tuple[str, float | None, list[tuple[str, str]]]:
    """Value, weight and notes of a weighted statement."""
    value, weight, notes = "", None, []
    for _, predicate, text, literal in pairs:
        if predicate == vocab.VALUE:
            value = text
        elif predicate == vocab.WEIGHT:
            try:
                weight = float(text)
            except ValueError:
                weight = -1.0
        elif predicate != TYPE:
            notes.append((predicate, literal or iri(text)))
    return value, weight, notes
