"""OWL triples come in, the frozen schema goes out: the class tree, names, definitions, units, roles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from kg import owl, vocab
from kg.expressions import And, Expression, Named, Or
from kg.roles import Roles, RolesBuilder, notes
from kg.terms import Literal, Terms


@dataclass(frozen=True, eq=False)
class Ontology:
    """The schema, as columns: classes with their parents and names, properties with their units.

    Attributes:
        classes: Class IRIs, sorted.
        parents: Class IRI -> direct named superclasses, sorted. These are told, not inferred:
            SubClassOf, the named parts of an intersection, membership of a defining union; both
            ways for EquivalentTo between two names.
        labels: (IRI, language) -> rdfs:label.
        definitions: Class IRI -> complex expressions that it is equivalent to.
        refused: Class IRI -> why a definition of it cannot be used in rules.
        object_properties: IRIs, sorted.
        roles: How object properties hang together: sub-properties, inverses, chains, annotations.
        data_properties: IRI -> unit ("m2", "degree", "1"; "" where none is declared).
        disjoint: Pairs of class IRIs that are stated to be disjoint.
        class_notes: Class IRI -> annotation IRI -> literal, such as `ll:distance` of a coarse view.
        version: owl:versionInfo of the first file that has one, or "".
        digest: SHA-256 of the files.
    """

    classes: tuple[str, ...]
    parents: Mapping[str, tuple[str, ...]]
    labels: Mapping[tuple[str, str], str]
    definitions: Mapping[str, tuple[Expression, ...]]
    refused: Mapping[str, str]
    object_properties: tuple[str, ...]
    roles: Roles
    data_properties: Mapping[str, str]
    disjoint: frozenset[frozenset[str]]
    class_notes: Mapping[str, Mapping[str, float | str]]
    version: str
    digest: str
    _below: Mapping[str, frozenset[str]] = field(repr=False)
    _above: Mapping[str, frozenset[str]] = field(repr=False)
    _short: Mapping[str, str] = field(repr=False)

    def is_class(self, iri: str) -> bool:
        """Whether the ontology declares this class."""
        return iri in self._below

    def below(self, iri: str) -> frozenset[str]:
        """The class and everything under it; an unknown IRI is only itself."""
        return self._below.get(iri) or frozenset((iri,))

    def above(self, iri: str) -> frozenset[str]:
        """The class and everything over it; an unknown IRI is only itself."""
        return self._above.get(iri) or frozenset((iri,))

    @property
    def role_notes(self) -> Mapping[str, Mapping[str, float | str]]:
        """Object property IRI -> annotation IRI -> literal, such as `ll:distance` 100.0 of `ll:near`."""
        return self.roles.notes

    def label(self, iri: str, lang: str = "en") -> str:
        """Name in this language, else in English, else the short name."""
        return self.labels.get((iri, lang)) or self.labels.get((iri, "en")) or self.short(iri)

    def short(self, iri: str) -> str:
        """Name for reading: the local name where it is unambiguous here, else with its prefix."""
        return self._short.get(iri) or vocab.curie(iri)

    def are_disjoint(self, one: str, other: str) -> bool:
        """Whether the two classes, or classes over them, are stated to be disjoint."""
        return any(
            frozenset((a, b)) in self.disjoint for a in self.above(one) for b in self.above(other)
        )


_NOTHING = Ontology((), {}, {}, {}, {}, (), Roles(), {}, frozenset(), {}, "", "", {}, {}, {})


def ontology_of(
    files: Iterable[Terms], digest: str, *, extending: Ontology | None = None
) -> Ontology:
    """Build the schema from the triples of its files.

    Args:
        files: Their triples.
        digest: Names their contents.
        extending: A schema to add them to.
    """
    builder = _Builder(extending)
    for terms in files:
        builder.read(terms)
    return builder.freeze(digest)


class _Builder:
    """Collects the schema of several files, then freezes it."""

    def __init__(self, known: Ontology | None = None) -> None:
        known = known or _NOTHING
        self.classes = set(known.classes)
        self.parents = defaultdict(set, {c: set(over) for c, over in known.parents.items()})
        self.definitions = defaultdict(list, {c: list(d) for c, d in known.definitions.items()})
        self.refused = dict(known.refused)
        self.labels = dict(known.labels)
        self.disjoint = set(known.disjoint)
        self.properties = set(known.object_properties)
        self.roles = RolesBuilder(known.roles)
        self.units = dict(known.data_properties)
        self.class_notes = dict(known.class_notes)
        self.version = known.version

    def freeze(self, digest: str) -> Ontology:
        """The ontology of everything that was read."""
        import networkx as nx

        tree = nx.DiGraph((c, parent) for c in self.classes for parent in self.parents[c])
        tree.add_nodes_from(self.classes)
        return Ontology(
            classes=tuple(sorted(self.classes)),
            parents={c: tuple(sorted(self.parents[c])) for c in sorted(self.classes)},
            labels=self.labels,
            definitions={c: tuple(found) for c, found in sorted(self.definitions.items())},
            refused=self.refused,
            object_properties=tuple(sorted(self.properties)),
            roles=self.roles.freeze(),
            data_properties=dict(sorted(self.units.items())),
            disjoint=frozenset(self.disjoint),
            class_notes=self.class_notes,
            version=self.version,
            digest=digest,
            _below={
                c: frozenset({c, *(nx.ancestors(tree, c) & self.classes)}) for c in self.classes
            },
            _above={c: frozenset({c, *nx.descendants(tree, c)}) for c in self.classes},
            _short=_short_names([*self.classes, *self.properties, *self.units]),
        )

    def read(self, terms: Terms) -> None:
        """Take in the triples of one file."""
        for iri in terms.typed(vocab.OWL + "Ontology"):
            self.version = self.version or terms.text(iri, vocab.OWL + "versionInfo")
        named = {c for c in terms.typed(vocab.OWL + "Class") if not c.startswith("_:")}
        self.classes |= named
        self.class_notes |= {c: said for c in sorted(named) if (said := notes(terms, c))}
        declared = terms.typed(vocab.OWL + "ObjectProperty")
        self.properties |= {p for p in declared if not p.startswith("_:")}
        self.roles.read(terms, self.properties)
        for iri in terms.typed(vocab.OWL + "DatatypeProperty"):
            self.units[iri] = terms.text(iri, vocab.CORE + "unit")
        self._read_labels(terms)
        self._read_classes(terms)
        self._read_disjoint(terms)

    def _read_labels(self, terms: Terms) -> None:
        for iri, row in terms.index.items():
            for term in row.get(vocab.RDFS + "label", ()):
                if isinstance(term, Literal) and not iri.startswith("_:"):
                    self.labels[iri, term.lang or "en"] = str(term.value)

    def _read_classes(self, terms: Terms) -> None:
        for child, parent in terms.pairs(owl.SUBCLASS):
            with suppress(owl.UnreadableError):  # a schema may say more than rules can use
                self._narrow(child, owl.expression(terms, parent))
        for one, other in terms.pairs(owl.EQUIVALENT):
            if one in self.classes:
                try:
                    self._same(one, owl.expression(terms, other))
                except owl.UnreadableError as error:
                    self.refused[one] = str(error)

    def _narrow(self, child: str, parent: Expression) -> None:
        for part in parent.parts if isinstance(parent, And) else (parent,):
            if isinstance(part, Named) and part.iri != child and child in self.classes:
                self.parents[child].add(part.iri)

    def _same(self, iri: str, other: Expression) -> None:
        self._narrow(iri, other)
        if isinstance(other, Named):
            self.parents[other.iri].add(iri)
            return
        for part in other.parts if isinstance(other, Or) else ():
            if isinstance(part, Named):
                self.parents[part.iri].add(iri)
        self.definitions[iri].append(other)

    def _read_disjoint(self, terms: Terms) -> None:
        self.disjoint |= {frozenset(pair) for pair in terms.pairs(owl.DISJOINT)}
        for node in terms.typed(vocab.OWL + "AllDisjointClasses"):
            for head in terms.nodes(node, vocab.OWL + "members"):
                members = [item for item in terms.items(head) or () if isinstance(item, str)]
                self.disjoint |= {
                    frozenset((a, b)) for i, a in enumerate(members) for b in members[:i]
                }


def _short_names(iris: Iterable[str]) -> dict[str, str]:
    """Local names that only one IRI has."""
    by_local: dict[str, set[str]] = defaultdict(set)
    for iri in iris:
        by_local[iri[max(iri.rfind("#"), iri.rfind("/")) + 1 :]].add(iri)
    return {next(iter(same)): local for local, same in by_local.items() if len(same) == 1}
