"""Rule files come in; what they say to no effect goes out: files without a rule, classes defined in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kg import vocab
from kg.declarations import own_terms
from kg.errors import AxiomError
from kg.expressions import Named, walk
from kg.ontology import Axiom, Ontology
from kg.terms import Terms

Files = Mapping[Path, Terms]


def without_rules(
    files: Files, axioms: Sequence[Axiom], faults: Sequence[AxiomError], ontology: Ontology
) -> Iterator[AxiomError]:
    """Files in which nothing was meant as a rule and nothing is declared for the rules of other files.

    Args:
        files: Path -> triples.
        axioms: Rules that were read from all of them.
        faults: What was wrong with others.
        ontology: What is known without them.
    """
    speaking = {axiom.file for axiom in axioms} | {Path(fault.file).name for fault in faults}
    from reasoning.learning.fit_file import read_fit

    others = bool(speaking) or read_fit([*files]) is not None
    for path, terms in files.items():
        if path.name in speaking or (others and own_terms(terms, ontology).index):
            continue
        yield AxiomError(str(path), "the file", "holds no rule", "docs/rules.md shows one")


def contradictions(
    unsatisfiable: Sequence[str],
    axioms: Sequence[Axiom],
    schema: Ontology,
    where: Mapping[str, str],
) -> Iterator[AxiomError]:
    """The topmost classes that can have no instance, each with the rules about it and the classes above it.

    Args:
        unsatisfiable: IRIs of classes that can have no instance.
        axioms: The rules.
        schema: The classes, with what the rule files declare.
        where: Name of a rule file -> its path.
    """
    for iri in unsatisfiable:
        above = schema.above(iri)
        if any(other in above and iri not in schema.above(other) for other in unsatisfiable):
            continue
        rules = [a for a in axioms if isinstance(a.left, Named) and a.left.iri in above | {iri}]
        files = ", ".join(dict.fromkeys(where.get(a.file, a.file) for a in rules))
        named = " and ".join(vocab.curie(a.iri) for a in rules) or "what the files say of it"
        shown = vocab.curie(iri)
        yield AxiomError(
            files or "the rules",
            shown,
            f"{shown} can have no instance: {named} cannot all hold",
            "change a bound or drop one; if they contradict on purpose, `landlore correct` weighs them",
        )


def circles(files: Files, known: Ontology, schema: Ontology) -> Iterator[AxiomError]:
    """Classes of rule files whose definitions lead back to themselves, whether a rule uses them or not.

    Args:
        files: Path -> triples.
        known: What is known without them.
        schema: The same with what they declare.
    """
    for circle in _circles(schema, frozenset(schema.classes) - frozenset(known.classes)):
        shown = " -> ".join(vocab.curie(iri) for iri in (*circle, circle[0]))
        path = next(p for p, terms in files.items() if circle[0] in terms.index)
        yield AxiomError(
            str(path),
            shown,
            f"{vocab.curie(circle[0])} is defined through itself ({shown}), so that no rule can use it",
            "define one of them without the others",
        )


def same_classes(known: Ontology, schema: Ontology) -> tuple[tuple[str, ...], ...]:
    """Names of one class: each is told to be below the others. Only groups with a class that rule files declare."""
    own = frozenset(schema.classes) - frozenset(known.classes)
    groups = {schema.below(iri) & schema.above(iri) for iri in own}
    return tuple(sorted(tuple(sorted(group)) for group in groups if len(group) > 1))


def _circles(schema: Ontology, own: frozenset[str]) -> list[tuple[str, ...]]:
    """Shortest circle of definitions through each class, each circle once, from its first class on."""
    import networkx as nx

    leads = nx.DiGraph(
        (iri, part.iri)
        for iri in own & schema.definitions.keys()
        for definition in schema.definitions[iri]
        for part in walk(definition)
        if isinstance(part, Named) and part.iri in own
    )
    found = set()
    for group in nx.strongly_connected_components(leads):
        first = min(group)
        if leads.has_edge(first, first):
            found.add((first,))
        elif len(group) > 1:
            back = min(
                (nx.shortest_path(leads, after, first) for after in sorted(leads[first])
                 if after in group), key=len,
            )  # fmt: skip
            found.add((first, *back[:-1]))
    return sorted(found)
