"""OWL triples come in, how object properties hang together goes out: sub-properties, inverses, chains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from kg import owl, vocab
from kg.expressions import inverse, is_inverse, property_of
from kg.terms import Literal, Terms

Chain = tuple[str, ...]

_ASIDE = (vocab.RDF, vocab.RDFS, vocab.OWL, vocab.SKOS, vocab.DCT)


@dataclass(frozen=True, eq=False)
class Roles:
    """Object properties, as columns. A role is a property IRI, or `INVERSE` and a property IRI.

    Attributes:
        parts: Property -> roles stated to be directly below it (sub-properties, equivalent properties), sorted.
        inverses: Property -> properties stated to be its inverse, either way round, sorted.
        chains: Property -> chains of roles that imply it (owl:propertyChainAxiom), in file order.
        symmetric, transitive: Properties so declared.
        notes: Property -> annotation IRI -> literal (such as `ll:distance`), labels and definitions left out.
    """

    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inverses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chains: Mapping[str, tuple[Chain, ...]] = field(default_factory=dict)
    symmetric: frozenset[str] = frozenset()
    transitive: frozenset[str] = frozenset()
    notes: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)

    def needed(self, roles: Iterable[str]) -> frozenset[str]:
        """Properties that these roles are made of: themselves, parts, inverses, members of chains, and theirs."""
        found: set[str] = set()
        waiting = [property_of(role) for role in roles]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                members = [role for chain in self.chains.get(one, ()) for role in chain]
                below = [*self.parts.get(one, ()), *self.inverses.get(one, ()), *members]
                waiting += [property_of(role) for role in below]
        return frozenset(found)

    def above(self, property: str) -> frozenset[str]:
        """The property and all that it is stated to be a sub-property of, read forwards."""
        found, waiting = {property}, [property]
        while waiting:
            one = waiting.pop()
            over = {p for p, parts in self.parts.items() if one in parts} - found
            found |= over
            waiting += sorted(over)
        return frozenset(found)

    def note(self, property: str, annotation: str) -> float | str | None:
        """What an annotation says of a property, else of the nearest one above it; None when nothing does.

        Of several equally near, the first by IRI.
        """
        level, seen = [property], {property}
        while level:
            said = [self.notes[p][annotation] for p in level if annotation in self.notes.get(p, ())]
            if said:
                return said[0]
            over = {p for p, parts in self.parts.items() if seen.intersection(parts)} - seen
            level, seen = sorted(over), seen | over
        return None


class RolesBuilder:
    """Collects the object properties of several files, then freezes them."""

    def __init__(self, known: Roles | None = None) -> None:
        known = known or Roles()
        self.parts = defaultdict(set, {p: set(found) for p, found in known.parts.items()})
        self.inverses = defaultdict(set, {p: set(found) for p, found in known.inverses.items()})
        self.chains = defaultdict(list, {p: list(found) for p, found in known.chains.items()})
        self.symmetric, self.transitive = set(known.symmetric), set(known.transitive)
        self.notes = {p: dict(row) for p, row in known.notes.items()}

    def freeze(self) -> Roles:
        """What was read, sorted."""
        return Roles(
            parts={p: tuple(sorted(found)) for p, found in sorted(self.parts.items())},
            inverses={p: tuple(sorted(found)) for p, found in sorted(self.inverses.items())},
            chains={p: tuple(found) for p, found in sorted(self.chains.items())},
            symmetric=frozenset(self.symmetric),
            transitive=frozenset(self.transitive),
            notes=self.notes,
        )

    def read(self, terms: Terms, properties: Iterable[str]) -> None:
        """Take up what one file says about these object properties."""
        known = set(properties)
        self.symmetric |= known & set(terms.typed(vocab.OWL + "SymmetricProperty"))
        self.transitive |= known & set(terms.typed(vocab.OWL + "TransitiveProperty"))
        for one, other in terms.pairs(vocab.RDFS + "subPropertyOf"):
            self._below(terms, one, other)
        for one, other in terms.pairs(vocab.OWL + "equivalentProperty"):
            self._below(terms, one, other)
            self._below(terms, other, one)
        for one, other in terms.pairs(vocab.OWL + "inverseOf"):
            if not one.startswith("_:") and not other.startswith("_:"):
                self.inverses[one].add(other)
                self.inverses[other].add(one)
        self._read_chains(terms)
        for property in sorted(known & terms.index.keys()):
            said = notes(terms, property)
            if said:
                self.notes[property] = {**self.notes.get(property, {}), **said}

    def _below(self, terms: Terms, narrow: str, broad: str) -> None:
        with suppress(owl.UnreadableError):  # a schema may say more than rules can use
            part, whole = owl.role(terms, narrow), owl.role(terms, broad)
            if is_inverse(whole):
                part, whole = inverse(part), inverse(whole)
            if part != whole:
                self.parts[whole].add(part)

    def _read_chains(self, terms: Terms) -> None:
        for whole, head in terms.pairs(vocab.OWL + "propertyChainAxiom"):
            with suppress(owl.UnreadableError):
                chain = tuple(owl.role(terms, str(item)) for item in owl.members(terms, head))
                if chain and chain not in self.chains[whole]:
                    self.chains[whole].append(chain)


def notes(terms: Terms, iri: str) -> dict[str, float | str]:
    """Literals that are no names, definitions or citations; of several the first."""
    return {
        predicate: found[0].value
        for predicate, row in sorted(terms.index[iri].items())
        if not predicate.startswith(_ASIDE)
        and (found := [term for term in row if isinstance(term, Literal) and not term.lang])
    }
