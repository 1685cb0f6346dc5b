"""The triples of one rule file come in; its weighted axioms, and what is wrong with the others, go out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from kg import owl, swrl, vocab
from kg.annotations import Annotations
from kg.axiom import Axiom
from kg.declarations import changed
from kg.errors import AxiomError
from kg.expressions import Expression, Named, key
from kg.names import check_names
from kg.rule_axioms import WEIGH, Statement, weigh
from kg.schema import Ontology
from kg.spelling import near_names
from kg.terms import Term, Terms

_WORDS = {
    owl.SUBCLASS: "SubClassOf",
    owl.EQUIVALENT: "EquivalentTo",
    owl.DISJOINT: "DisjointWith",
}
_Stated = Mapping[tuple[object, ...], Statement]


@dataclass
class RuleFile:
    """One file, while it is read.

    Attributes:
        path: Where it is.
        terms: Its triples.
        ontology: Names that it may use, its own included.
        faults: What is wrong with it, found by `axioms`.
    """

    path: Path
    terms: Terms
    ontology: Ontology
    faults: list[AxiomError] = field(default_factory=list)

    def axioms(self) -> list[Axiom]:
        """The axioms that can be used, by identifier."""
        found: list[Axiom] = []
        self._refuse_changes()
        stated = self._stated()
        notes = self._annotations(stated)
        for name, statement in stated.items():
            with self._noting():
                found += self._weighed(statement, notes.get(name, ()))
        for node in self.terms.typed(vocab.OWL + "AllDisjointClasses"):
            with self._noting():
                found += self._disjoint(node)
        for node in self.terms.typed(swrl.RULE):
            with self._noting():
                found += self._swrl(node)
        return sorted(found, key=lambda axiom: axiom.iri)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note what is wrong, once, and go on behind it."""
        try:
            yield
        except AxiomError as fault:
            if str(fault) not in map(str, self.faults):
                self.faults.append(fault)

    def _fault(self, axiom: str, cause: str, hint: str) -> AxiomError:
        return AxiomError(str(self.path), axiom, cause, hint)

    def _said(self, *nodes: str) -> Annotations:
        return Annotations(self.path, self.terms, nodes)

    def _refuse_changes(self) -> None:
        for property in changed(self.terms, self.ontology):
            name = vocab.curie(property)
            with self._noting():
                raise self._fault(
                    name,
                    f"says something new about {name}, which the ontology declares",
                    f"declare a property of your own, such as :my rdfs:subPropertyOf {name}",
                )

    def _stated(self) -> dict[tuple[object, ...], Statement]:
        found: dict[tuple[object, ...], Statement] = {}
        for predicate in _WORDS:
            for left, right in sorted(self.terms.pairs(predicate)):
                with self._noting():
                    statement = self._statement(left, predicate, right)
                    found[statement.key] = statement
        return found

    def _statement(self, left: Term, predicate: str, right: Term) -> Statement:
        try:
            sides = owl.expression(self.terms, left), owl.expression(self.terms, right)
        except owl.UnreadableError as error:
            named = [str(s) for s in (left, right) if not str(s).startswith("_:")]
            about = f" about {vocab.curie(named[0])}" if named else ""
            which = f"a {_WORDS[predicate]} axiom{about}"
            raise self._fault(which, f"{which} holds {error}", "rewrite that axiom") from error
        return self._known(Statement(_WORDS[predicate], *sides))

    def _known(self, statement: Statement) -> Statement:
        """The statement, if the ontology has all its names."""
        wrong = check_names(statement.left, self.ontology) or check_names(
            statement.right, self.ontology
        )
        if wrong:
            shown = statement.shown(self.ontology)
            raise self._fault(
                shown,
                f"rule {shown}: {wrong}",
                "correct the name, declare it in the file, or load the ontology that declares it",
            )
        return statement

    def _weighed(self, statement: Statement, nodes: Sequence[str]) -> list[Axiom]:
        if nodes:
            return weigh(statement, self._said(*nodes), self.ontology)
        if not self._is_schema(statement):
            shown = statement.shown(self.ontology)
            raise self._fault(shown, f"no weight on {shown}", WEIGH)
        return []

    def _is_schema(self, statement: Statement) -> bool:
        """The ontology says the same: the file declares it, or an editor copied it into the file."""
        left, right = statement.left, statement.right
        if not isinstance(left, Named):
            return False
        if statement.word == "DisjointWith":
            return isinstance(right, Named) and self.ontology.are_disjoint(left.iri, right.iri)
        if isinstance(right, Named):
            return right.iri in self.ontology.above(left.iri)
        return key(right) in map(key, self.ontology.definitions.get(left.iri, ()))

    def _annotations(self, stated: _Stated) -> dict[tuple[object, ...], list[str]]:
        """owl:Axiom nodes by the axiom that they annotate."""
        found: dict[tuple[object, ...], list[str]] = defaultdict(list)
        for node in self.terms.typed(vocab.OWL + "Axiom"):
            source, predicate, target = (
                self.terms.objects(node, vocab.OWL + name)
                for name in ("annotatedSource", "annotatedProperty", "annotatedTarget")
            )
            with self._noting():
                whole = len(source) == len(target) == len(predicate) == 1
                if not whole or str(predicate[0]) not in _WORDS:
                    self._refuse_weight(node, str(predicate[0]) if whole else "")
                    continue
                statement = self._statement(source[0], str(predicate[0]), target[0])
                found[self._match(statement, node, stated)].append(node)
        return found

    def _refuse_weight(self, node: str, predicate: str) -> None:
        """An annotation of something that is no class axiom may say anything but a weight."""
        said = self._said(node)
        if said.weight is not None or said.hard:
            about = (
                vocab.curie(predicate)
                if predicate
                else "nothing: it lacks source, property or target"
            )
            raise self._fault(
                f"the annotation {said.called}",
                f"the annotation {said.called} has a weight, but is about {about}; expected a class axiom",
                "weigh SubClassOf, EquivalentTo, DisjointWith or DisjointClasses axioms, or SWRL rules",
            )

    def _match(self, statement: Statement, node: str, stated: _Stated) -> tuple[object, ...]:
        if statement.key in stated:
            return statement.key
        shown = statement.shown(self.ontology)
        texts = [other.shown(self.ontology) for other in stated.values()]
        near = near_names(shown, texts)
        nearest = f"; the nearest that it does is {near[0]}" if near else ""
        raise self._fault(
            shown,
            f"the annotation {self._said(node).called} is on {shown}, which the file does not state{nearest}",
            "make annotatedSource and annotatedTarget say the same as the axiom",
        )

    def _disjoint(self, node: str) -> list[Axiom]:
        """DisjointClasses of several classes: one axiom for each pair, under the annotations of the node."""
        said = self._said(node)
        sides = [
            side
            for head in self.terms.nodes(node, vocab.OWL + "members")
            for side in self._members(head)
        ]
        pairs = [
            self._known(Statement("DisjointWith", one, other))
            for one, other in combinations(sorted(sides, key=lambda side: repr(key(side))), 2)
        ]
        if said.weight is None and not said.hard:
            for pair in pairs:
                self._weighed(pair, ())
            return []
        axioms = [axiom for pair in pairs for axiom in weigh(pair, said, self.ontology)]
        if not said.identifier or len(axioms) < 2:
            return axioms
        return [replace(a, iri=f"{a.iri}-{number}") for number, a in enumerate(axioms, 1)]

    def _members(self, head: str) -> list[Expression]:
        try:
            return [owl.expression(self.terms, item) for item in owl.members(self.terms, head)]
        except owl.UnreadableError as error:
            which = "a list of disjoint classes"
            raise self._fault(which, f"{which} holds {error}", "rewrite that axiom") from error

    def _swrl(self, node: str) -> list[Axiom]:
        said = self._said(node)
        if not swrl.is_enabled(self.terms, node):
            return []
        try:
            sides = swrl.class_axiom(self.terms, node)
        except owl.UnreadableError as error:
            named = said.identifier or said.text(vocab.RDFS + "label", "en")
            which = f"the SWRL rule {named!r}" if named else "a SWRL rule"
            raise self._fault(
                which, f"{which} has {error}", "rewrite that rule, or write a class axiom"
            ) from error
        return weigh(self._known(Statement("SubClassOf", *sides)), said, self.ontology)
