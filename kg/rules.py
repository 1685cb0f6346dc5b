"""Rule files come in (OWL axioms with a weight and a source), `Axiom`s go out, each fault named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from kg import vocab
from kg.axiom import Axiom
from kg.declarations import own_terms
from kg.errors import AxiomError, OntologyError, RuleError
from kg.files import shipped
from kg.rule_file import RuleFile
from kg.schema import Ontology, ontology_of
from kg.terms import Terms


def load_rules(
    paths: Sequence[str | Path] | None = None, ontology: Ontology | None = None
) -> tuple[Axiom, ...]:
    """Read weighted axioms from OWL files.

    An axiom is SubClassOf, EquivalentTo (read as two), DisjointWith (A SubClassOf not B), DisjointClasses (one for
    each pair) or a SWRL rule whose body is a tree (`kg.swrl`); either side may be complex. Annotations stand on an
    owl:Axiom node (OWL 2 Mapping to RDF Graphs, section 2.2) and are matched to their axiom by structure, so a
    copied node is as good as a shared one; those of a SWRL rule or of DisjointClasses stand on its own node:
    ll:weight or ll:hard, ll:tolerance, rdfs:label, dct:source, dct:identifier, rdfs:comment.

    Args:
        paths: Files; default all `ontologies/rules/*.ttl` that ship, by name.
        ontology: Names that rules may use, beside those that the files declare for themselves; default the core
            ontology.

    Returns:
        The axioms, in the order of the files and by identifier within a file; the same objects again while the files'
        contents stay the same. Where the files declare names of their
        own, each axiom carries the schema that has them (`schema_of`).

    Raises:
        RuleError: An axiom without weight, an annotation without axiom, an unknown or unusable name,
            an unsupported construct, two rules with one identifier; file and rule are named.
        SourceError: Broken Turtle.
    """
    from kg.ontology import load_ontology

    files = tuple(map(Path, shipped_rules() if paths is None else paths))
    return _loaded(files, tuple(map(_content, files)), ontology or load_ontology())


def _content(path: Path) -> str:
    """What a file holds, in short; "" where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


@lru_cache(maxsize=32)
def _loaded(
    files: tuple[Path, ...], contents: tuple[str, ...], ontology: Ontology
) -> tuple[Axiom, ...]:
    """The axioms of files of these contents: many tiles are corrected by the same rules."""
    axioms, faults = read_rules(files, ontology)
    if faults:
        raise faults[0]
    return axioms


def read_rules(
    paths: Sequence[str | Path] | None = None, ontology: Ontology | None = None
) -> tuple[tuple[Axiom, ...], tuple[AxiomError, ...]]:
    """As `load_rules`, but go on after a fault.

    Returns:
        The axioms that can be used, and what is wrong with the others, file by file.

    Raises:
        RuleError: A file is missing or is no OWL file.
        SourceError: Broken Turtle.
    """
    from kg.ontology import load_ontology

    known = ontology or load_ontology()
    files = {path: _read(path) for path in map(Path, shipped_rules() if paths is None else paths)}
    schema = _extended(known, files.values())
    carried = None if schema is known else schema
    found: dict[str, Axiom] = {}
    faults: list[AxiomError] = []
    for path, terms in files.items():
        file = RuleFile(path, terms, schema)
        for axiom in file.axioms():
            if axiom.iri in found:
                faults.append(_twice(path, axiom, found[axiom.iri]))
            else:
                found[axiom.iri] = replace(axiom, ontology=carried)
        faults += file.faults
    return tuple(found.values()), tuple(faults)


def shipped_rules() -> list[Path]:
    """The rule files that ship and are in force by default, by name."""
    return sorted(shipped("ontologies/rules").glob("*.ttl"))


def ontology_with(paths: Sequence[str | Path], ontology: Ontology | None = None) -> Ontology:
    """The ontology with what rule files declare for themselves; itself when they declare nothing.

    Args:
        paths: Rule files.
        ontology: What is known without them; default the core ontology.

    Raises:
        RuleError: A file is missing or is no OWL file.
        SourceError: Broken Turtle.
    """
    from kg.ontology import load_ontology

    return _extended(ontology or load_ontology(), [_read(path) for path in map(Path, paths)])


def schema_of(axioms: Iterable[Axiom], ontology: Ontology | None = None) -> Ontology:
    """The schema that rules are written in.

    Args:
        axioms: Rules, as `load_rules` gives them; any selection will do.
        ontology: What to answer for rules without names of their own; default the core ontology.

    Raises:
        RuleError: Rules with names of their own come from several calls of `load_rules`.
    """
    from kg.ontology import load_ontology

    found = {one.ontology.digest: one.ontology for one in axioms if one.ontology is not None}
    if len(found) > 1:
        raise RuleError(
            "rules that declare names of their own were loaded apart, and each knows only its own",
            "give all files to one load_rules",
        )
    return next(iter(found.values()), None) or ontology or load_ontology()


def _read(path: Path) -> Terms:
    from kg.ontology import read_owl

    try:
        return read_owl(path)
    except OntologyError as error:
        raise RuleError(error.message, error.hint) from error


def _extended(ontology: Ontology, files: Iterable[Terms]) -> Ontology:
    """The ontology with what the files declare for themselves; itself when they declare nothing."""
    own = [part for part in (own_terms(terms, ontology) for terms in files) if part.index]
    if not own:
        return ontology
    text = repr([ontology.digest, *(sorted(part.index.items()) for part in own)])
    return ontology_of(own, hashlib.sha256(text.encode()).hexdigest(), extending=ontology)


def _twice(path: Path, axiom: Axiom, other: Axiom) -> AxiomError:
    name = vocab.curie(axiom.iri)
    return AxiomError(
        str(path),
        name,
        f"two rules are called {name}; the other is in {other.file}",
        "give each rule a dct:identifier of its own",
    )
