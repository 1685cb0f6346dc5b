"""Terms and relations of another graph come in, what they mean by a mapping goes out, counted."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from kg import vocab
from kg.errors import SourceError
from kg.imports.mapping import KEEP, LEAVE_OUT, ImportMapping
from kg.imports.report import Tally
from kg.imports.vocabulary import OTHERS, Meaning, Vocabulary, local_name
from kg.scenes import RELATIONS

_MOST_WEIGHTS = 1.0


class Interpreter:
    """Says what terms mean, and counts what it met.

    In this order: what the mapping lists; IRIs of ours, and of vocabularies that everybody shares; alignments; names;
    superclasses that the file declares, where unknown terms are left out (kept ones keep their own class).

    Args:
        mapping: What is known of the other graph.
        vocabulary: What there is on our side.

    Raises:
        SourceError: The mapping names something of ours that there is not.
    """

    def __init__(self, mapping: ImportMapping, vocabulary: Vocabulary) -> None:
        self.mapping, self.vocabulary, self.tally = mapping, vocabulary, Tally()
        self.kept: dict[str, str] = {}
        self._labels: dict[str, tuple[str, ...]] = {}
        self._above: dict[str, tuple[str, ...]] = {}
        self._relations = {
            t: self._listed(t, v, relation=True) for t, v in mapping.relations.items() if v
        }
        self._terms = {t: self._listed(t, v, relation=False) for t, v in mapping.terms.items() if v}
        self._between: dict[str, bool] = {}
        self._cache: dict[tuple[str, str, bool], Meaning | None] = {}

    def call(self, term: str, *names: str) -> None:
        """Take note of what a term of theirs is called."""
        self._labels[term] = (*self._labels.get(term, ()), *names)

    def below(self, term: str, above: str) -> None:
        """Take note that one class of theirs is declared to lie below another."""
        if term != above:
            self._above[term] = (*self._above.get(term, ()), above)

    def relation(self, theirs: str) -> Meaning | None:
        """What a relation means; None for one that is to be left out."""
        found = self._relations.get(theirs) or self._found_relation(theirs)
        return self._met("relation", theirs, found, self.mapping.unknown.relations)

    def relates_classes(self, theirs: str) -> bool:
        """Whether a relation of theirs is one of those between scenes and what they are made of; not counted."""
        if theirs not in self._between:
            found = self._relations.get(theirs) or self._found_relation(theirs)
            self._between[theirs] = found is not None and found.iri in RELATIONS
        return self._between[theirs]

    def term(self, theirs: str, relation: str = "", *, head: bool = False) -> Meaning | None:
        """What a class, concept or value means; None for one that is to be left out.

        Args:
            theirs: Name or IRI.
            relation: Relation of ours that it stands beside, "" for rdf:type.
            head: It is the one that the relation is said of.
        """
        key = (theirs, relation, head)
        if key not in self._cache:
            if len(self._cache) > 100_000:
                self._cache.clear()
            found = self._terms.get(theirs) or self._found_term(theirs, relation, head)
            wider = not (found or head or self.mapping.unknown.terms == KEEP)
            self._cache[key] = self._found_above(theirs, relation) if wider else found
        return self._met("term", theirs, self._cache[key], self.mapping.unknown.terms)

    def individual(self, theirs: str) -> str:
        """IRI of a thing: ours where it is known by IRI or alignment, else its own; never by its name."""
        known = self._terms.get(theirs) or self.vocabulary.matches.get(theirs)
        return known.iri if known and ":" in known.iri else theirs

    def _met(self, kind: str, theirs: str, found: Meaning | None, otherwise: str) -> Meaning | None:
        if found is None:
            self.tally.met(kind, theirs)
            return self._own(theirs) if otherwise == KEEP else None
        if found.iri == LEAVE_OUT:
            self.tally.met(kind, theirs, "left out")
            return None
        meant = self._own(theirs) if found.iri == KEEP else found
        self.tally.met(kind, theirs, meant.by, meant.iri)
        return meant

    def _own(self, theirs: str) -> Meaning:
        """A term of theirs as a concept of its own, under its IRI, or one below the name of the graph."""
        iri = (
            theirs
            if ":" in theirs and " " not in theirs
            else f"{vocab.ID}{self.mapping.name}/term/{quote(theirs)}"
        )
        if len(self.kept) < 100_000:
            self.kept.setdefault(iri, next(iter(self._labels.get(theirs, ())), local_name(theirs)))
        return Meaning(iri, "kept")

    def _found_relation(self, theirs: str) -> Meaning | None:
        iri = vocab.expand(theirs)
        if iri in self.vocabulary.relations or iri.startswith(OTHERS):
            return Meaning(iri, "iri")
        aligned = self._aligned(theirs)
        if aligned is not None:
            return aligned
        names = (local_name(theirs), *self._labels.get(theirs, ())) if self._by("name") else ()
        return next(filter(None, map(self.vocabulary.relation_named, names)), None)

    def _found_term(self, theirs: str, relation: str, head: bool) -> Meaning | None:
        iri = vocab.expand(theirs)
        if self.vocabulary.knows(iri) or iri.startswith(OTHERS):
            return Meaning(iri, "iri")
        aligned = self._aligned(theirs)
        if aligned is not None and not (head and aligned.by == "wider alignment"):
            return aligned
        names = (*self._labels.get(theirs, ()), local_name(theirs)) if self._by("name") else ()
        found = (self.vocabulary.named(name, relation, head=head) for name in names)
        return next(filter(None, found), None)

    def _found_above(self, theirs: str, relation: str) -> Meaning | None:
        """The nearest superclass that is understood, level by level; what holds of things of it need not hold of it."""
        seen, level = {theirs}, [theirs]
        while level:
            above = dict.fromkeys(a for term in level for a in self._above.get(term, ()))
            level = []
            for term in (t for t in above if t not in seen):
                seen.add(term)
                found = self._terms.get(term) or self._found_term(term, relation, head=False)
                if found is not None and self.vocabulary.knows(found.iri):
                    return replace(found, by="superclass")
                if found is None or found.iri != LEAVE_OUT:
                    level.append(term)
        return None

    def _aligned(self, theirs: str) -> Meaning | None:
        return self.vocabulary.matches.get(theirs) if self._by("alignment") else None

    def _by(self, means: str) -> bool:
        return means in self.mapping.unknown.by

    def _listed(self, theirs: str, text: str, *, relation: bool) -> Meaning:
        """What the mapping says: "[^]OURS [WEIGHT]" of relations, "OURS" of terms; IRIs, short names or labels."""
        if text in (KEEP, LEAVE_OUT):
            return Meaning(text, "mapping")
        name, inverse, weight = text, False, None
        if relation:
            words, inverse = text.removeprefix("^").split(), text.startswith("^")
            name, weight = words[0], self._weight(theirs, words[1:])
        found = self._ours(name, relation)
        if found is None:
            label, iri = self.vocabulary.nearest(local_name(name.split(":")[-1]), relation=relation)
            table = "relations" if relation else "terms"
            raise SourceError(
                f"{self.mapping.path}: [{table}] {theirs!r} is {name!r}, which is not known",
                f"did you mean {vocab.curie(iri)} ({label})?"
                if iri
                else f"{theirs!r} = {LEAVE_OUT!r} drops it",
            )
        return replace(found, by="mapping", inverse=inverse, weight=weight)

    def _ours(self, name: str, relation: bool) -> Meaning | None:
        iri = vocab.expand(name)
        known = iri in self.vocabulary.relations if relation else self.vocabulary.knows(iri)
        foreign = ":" in iri and not iri.startswith(vocab.BASE)
        if known or (foreign and (iri.startswith(OTHERS) or "//" in iri)):
            return Meaning(iri, "mapping")
        return self.vocabulary.relation_named(name) if relation else self.vocabulary.named(name)

    def _weight(self, theirs: str, words: list[str]) -> float | None:
        try:
            value = float(words[0]) if words else None
        except ValueError:
            value = -1.0
        if len(words) > 1 or (value is not None and not 0 < value <= _MOST_WEIGHTS):
            raise SourceError(
                f"{self.mapping.path}: [relations] {theirs!r} has {' '.join(words)!r} behind its relation, "
                "expected a weight above 0 and at most 1",
                f'"{theirs}" = "{vocab.curie(RELATIONS[1])} 0.5"',
            )
        return value
