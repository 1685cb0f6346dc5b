"""Rule files come in (OWL axioms with a weight and a source), `Axiom`s go out, each fault named."""

from __future__ import annotations

import difflib
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg import owl, vocab
from kg.annotations import Annotations
from kg.errors import OntologyError, RuleError
from kg.expressions import (
    HARD_WEIGHT,
    Axiom,
    Count,
    Expression,
    Facet,
    Named,
    Not,
    Only,
    Some,
    key,
    property_of,
    soften,
    walk,
)
from kg.files import shipped
from kg.manchester import manchester
from kg.schema import Ontology
from kg.terms import Term, Terms

_WORDS = {
    owl.SUBCLASS: "SubClassOf",
    owl.EQUIVALENT: "EquivalentTo",
    owl.DISJOINT: "DisjointWith",
}
_WEIGH = "annotate the axiom with ll:weight (nats per pixel, for example 1.0) or ll:hard true"


def load_rules(
    paths: Sequence[str | Path] | None = None, ontology: Ontology | None = None
) -> tuple[Axiom, ...]:
    """Read weighted axioms from OWL files.

    An axiom is SubClassOf, EquivalentTo (read as two) or DisjointWith (A SubClassOf not B); either
    side may be complex. Its annotations stand on an owl:Axiom node (OWL 2 Mapping to RDF Graphs,
    section 2.2) and are matched to it by structure, so a copied node is as good as a shared one:
    ll:weight or ll:hard, ll:tolerance, rdfs:label, dct:source, dct:identifier, rdfs:comment.

    Args:
        paths: Files; default all `ontologies/rules/*.ttl` that ship, by name.
        ontology: Names that rules may use; default the core ontology.

    Returns:
        The axioms, in the order of the files and by identifier within a file.

    Raises:
        RuleError: An axiom without weight, an annotation without axiom, an unknown or unusable name,
            an unsupported construct, two rules with one identifier; file and rule are named.
        SourceError: Broken Turtle.
    """
    from kg.ontology import load_ontology, read_owl

    ontology = ontology or load_ontology()
    if paths is None:
        paths = sorted(shipped("ontologies/rules").glob("*.ttl"))
    found: dict[str, Axiom] = {}
    for path in map(Path, paths):
        try:
            terms = read_owl(path)
        except OntologyError as error:
            raise RuleError(error.message, error.hint) from error
        for axiom in _RuleFile(path, terms, ontology).axioms():
            if axiom.iri in found:
                raise RuleError(
                    f"{path}: two rules are called {vocab.curie(axiom.iri)}; "
                    f"the other is in {found[axiom.iri].file}",
                    "give each rule a dct:identifier of its own",
                )
            found[axiom.iri] = axiom
    return tuple(found.values())


def check_names(expression: Expression, ontology: Ontology) -> str:
    """What is wrong with the names in an expression, with the nearest known name; "" when all are fine."""
    for part in walk(expression):
        if isinstance(part, Named):
            known, kind, iri = ontology.classes, "class", part.iri
            if iri in (owl.THING, owl.NOTHING) or iri.startswith(vocab.LEGEND):
                continue
        elif isinstance(part, Some | Only | Count):
            known, kind, iri = ontology.object_properties, "object property", property_of(part.role)
        elif isinstance(part, Facet):
            known, kind, iri = tuple(ontology.data_properties), "data property", part.property
        else:
            continue
        if iri not in known:
            near = _nearest(iri, known, ontology)
            return f"unknown {kind} {vocab.curie(iri)}{near}"
        if iri in ontology.refused:
            return f"the definition of {vocab.curie(iri)} cannot be used: {ontology.refused[iri]}"
    return ""


def _nearest(iri: str, known: Sequence[str], ontology: Ontology) -> str:
    names = {ontology.short(other).lower(): vocab.curie(other) for other in known}
    local = iri[max(iri.rfind("#"), iri.rfind("/")) + 1 :].lower()
    near = difflib.get_close_matches(local, names, n=1, cutoff=0.0)
    return f"; the nearest known is {names[near[0]]}" if near else ""


@dataclass(frozen=True)
class _Statement:
    """One axiom of a file, before its annotations are known."""

    word: str
    left: Expression
    right: Expression

    @property
    def key(self) -> tuple[object, ...]:
        sides = key(self.left), key(self.right)
        ordered = sides if self.word == "SubClassOf" else tuple(sorted(sides, key=repr))
        return (self.word, *ordered)


class _RuleFile:
    """One file, while it is read."""

    def __init__(self, path: Path, terms: Terms, ontology: Ontology) -> None:
        self.path, self.terms, self.ontology = path, terms, ontology

    def axioms(self) -> list[Axiom]:
        self._refuse_others()
        statements = {s.key: s for s in self._statements()}
        notes = self._annotations(statements)
        found: list[Axiom] = []
        for name, statement in statements.items():
            if name in notes:
                found += self._freeze(statement, notes[name])
            elif not self._is_schema(statement):
                raise self._fault(
                    f"no weight on {self._render(statement)}",
                    _WEIGH,
                )
        return sorted(found, key=lambda axiom: axiom.iri)

    def _fault(self, what: str, hint: str) -> RuleError:
        return RuleError(f"{self.path}: {what}", hint)

    def _refuse_others(self) -> None:
        swrl = "http://www.w3.org/2003/11/swrl#Imp"
        for kind, what in (
            (swrl, "a SWRL rule"),
            (vocab.OWL + "AllDisjointClasses", "a list of disjoint classes"),
        ):
            if self.terms.typed(kind):
                raise self._fault(
                    f"holds {what}; expected class axioms",
                    "write it as SubClassOf, EquivalentTo or DisjointWith axioms",
                )

    def _statements(self) -> Iterator[_Statement]:
        for predicate in _WORDS:
            for left, right in sorted(self.terms.pairs(predicate)):
                yield self._statement(left, predicate, right)

    def _statement(self, left: Term, predicate: str, right: Term) -> _Statement:
        try:
            sides = owl.expression(self.terms, left), owl.expression(self.terms, right)
        except owl.UnreadableError as error:
            named = [str(s) for s in (left, right) if not str(s).startswith("_:")]
            about = f" about {vocab.curie(named[0])}" if named else ""
            raise self._fault(
                f"a {_WORDS[predicate]} axiom{about} holds {error}", "rewrite that axiom"
            ) from error
        statement = _Statement(_WORDS[predicate], *sides)
        wrong = check_names(sides[0], self.ontology) or check_names(sides[1], self.ontology)
        if wrong:
            raise self._fault(
                f"rule {self._render(statement)}: {wrong}",
                "correct the name, or load the ontology that declares it",
            )
        return statement

    def _render(self, statement: _Statement) -> str:
        left, right = (
            manchester(side, self.ontology) for side in (statement.left, statement.right)
        )
        return f"`{left} {statement.word} {right}`"

    def _is_schema(self, statement: _Statement) -> bool:
        """The ontology says the same: an editor copied it into the file."""
        left, right = statement.left, statement.right
        if not isinstance(left, Named) or statement.word == "DisjointWith":
            return False
        if isinstance(right, Named):
            return right.iri in self.ontology.above(left.iri)
        return key(right) in map(key, self.ontology.definitions.get(left.iri, ()))

    def _annotations(
        self, statements: dict[tuple[object, ...], _Statement]
    ) -> dict[tuple[object, ...], list[str]]:
        """owl:Axiom nodes by the axiom that they annotate."""
        found: dict[tuple[object, ...], list[str]] = defaultdict(list)
        for node in self.terms.typed(vocab.OWL + "Axiom"):
            sides = [
                self.terms.objects(node, vocab.OWL + name)
                for name in ("annotatedSource", "annotatedProperty", "annotatedTarget")
            ]
            if any(len(side) != 1 for side in sides) or str(sides[1][0]) not in _WORDS:
                continue  # an annotation of something that is no class axiom
            statement = self._statement(sides[0][0], str(sides[1][0]), sides[2][0])
            if statement.key not in statements:
                called = Annotations(str(self.path), self.terms, [node]).called
                raise self._fault(
                    f"the annotation {called} is on {self._render(statement)}, "
                    f"which the file does not state{self._likeliest(statement, statements)}",
                    "make annotatedSource and annotatedTarget say the same as the axiom",
                )
            found[statement.key].append(node)
        return found

    def _likeliest(self, wanted: _Statement, stated: dict[Any, _Statement]) -> str:
        texts = [self._render(statement) for statement in stated.values()]
        near = difflib.get_close_matches(self._render(wanted), texts, n=1, cutoff=0.0)
        return f"; the nearest that it does is {near[0]}" if near else ""

    def _freeze(self, statement: _Statement, nodes: Sequence[str]) -> list[Axiom]:
        """One axiom; two for EquivalentTo."""
        said = Annotations(str(self.path), self.terms, nodes)
        if said.weight is None and not said.hard:
            raise self._fault(f"no weight on rule {said.called}, {self._render(statement)}", _WEIGH)
        left, right = self._soften(statement, said)
        if statement.word == "DisjointWith":
            right = Not(right)
        axioms = [self._axiom(left, right, said, said.identifier)]
        if statement.word == "EquivalentTo":
            name = said.identifier and said.identifier + "-converse"
            axioms.append(self._axiom(right, left, said, name))
        return axioms

    def _soften(self, statement: _Statement, said: Annotations) -> tuple[Expression, Expression]:
        """Put the tolerance on the bounds of the right side's one property, else of the left side's."""
        left, right, tolerance = statement.left, statement.right, said.tolerance
        if tolerance is None:
            return left, right
        found = _bounded(right) or _bounded(left)
        if len(found) != 1:
            names = ", ".join(sorted(map(self.ontology.short, found))) or "none"
            raise self._fault(
                f"rule {said.called} has a tolerance, which needs bounds on one property on the right "
                f"(or, if it has none, on the left); found {names}",
                "remove ll:tolerance, or split the rule",
            )
        (name,) = found
        return soften(left, name, tolerance), soften(right, name, tolerance)

    def _axiom(self, left: Expression, right: Expression, said: Annotations, name: str) -> Axiom:
        content = hashlib.sha256(f"{key(left)} {key(right)}".encode()).hexdigest()
        plain = self._render(_Statement("SubClassOf", left, right)).strip("`")
        return Axiom(
            iri=vocab.RULE + (name or f"axiom-{content[:10]}"),
            label=said.text(vocab.RDFS + "label", "en") or plain,
            label_zh=said.text(vocab.RDFS + "label", "zh", exact=True),
            left=left,
            right=right,
            weight=HARD_WEIGHT if said.weight is None else said.weight,
            hard=said.hard,
            citation=said.citation,
            file=self.path.name,
            comment=said.text(vocab.RDFS + "comment"),
        )


def _bounded(expression: Expression) -> set[str]:
    """Data properties that have a bound in an expression."""
    return {part.property for part in walk(expression) if isinstance(part, Facet)}
