"""OWL files come in, what keeps them out of OWL 2 DL goes out (OWL 2 Structural Specification, 4, 5.8 and 11.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from kg import vocab
from kg.terms import Terms

_KINDS = {
    "a class": ("Class",),
    "an object property": ("ObjectProperty",),
    "a data property": ("DatatypeProperty",),
    "an annotation property": ("AnnotationProperty",),
}
_PROPERTIES = ("an object property", "a data property", "an annotation property")
_TO_CLASS = (
    vocab.RDFS + "subClassOf",
    vocab.OWL + "equivalentClass",
    vocab.OWL + "disjointWith",
    vocab.RDFS + "domain",
)
_SIMPLE = ("FunctionalProperty", "InverseFunctionalProperty", "IrreflexiveProperty", "AsymmetricProperty")  # fmt: skip
_COUNTS = tuple(
    vocab.OWL + name
    for name in (
        "cardinality", "minCardinality", "maxCardinality", "qualifiedCardinality", "minQualifiedCardinality",
        "maxQualifiedCardinality", "hasSelf",
    )
)  # fmt: skip
_BUILT_IN = (vocab.OWL, vocab.RDF, vocab.RDFS, vocab.XSD)
_NOTES = (
    vocab.DCT,
    vocab.SKOS,
)  # tools take their terms for annotation properties without being told
_DATATYPES = {
    vocab.XSD + name
    for name in (
        "decimal", "integer", "nonNegativeInteger", "nonPositiveInteger", "positiveInteger", "negativeInteger", "long",
        "int", "short", "byte", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte", "double", "float",
        "string", "normalizedString", "token", "language", "Name", "NCName", "NMTOKEN", "boolean", "hexBinary",
        "base64Binary", "anyURI", "dateTime", "dateTimeStamp",
    )
} | {vocab.OWL + "real", vocab.OWL + "rational", vocab.RDFS + "Literal", vocab.RDF + "PlainLiteral"}  # fmt: skip


def dl_faults(files: Sequence[Terms]) -> tuple[str, ...]:
    """What is not OWL 2 DL about an ontology, its imports among the files.

    Checked are: typing (every class and property declared, no name two kinds of property), the datatype map, that only
    simple properties are counted or functional, and that chains of properties are regular. Not checked: datatype
    facets, individuals.

    Args:
        files: Their triples.

    Returns:
        Sentences, sorted; none when the files are within the profile.
    """
    declared = {
        kind: {iri for terms in files for name in names for iri in terms.typed(vocab.OWL + name)}
        for kind, names in _KINDS.items()
    }
    found = {
        *_two_kinds(declared),
        *_undeclared(files, declared),
        *_datatypes(files, declared["a data property"]),
        *_counted(files, declared["an object property"]),
        *_circular(files),
    }
    return tuple(sorted(found))


def _two_kinds(declared: dict[str, set[str]]) -> Iterator[str]:
    for i, one in enumerate(_PROPERTIES):
        for other in _PROPERTIES[:i]:
            for iri in declared[one] & declared[other]:
                yield f"{vocab.curie(iri)} is {other} and {one}"


def _undeclared(files: Sequence[Terms], declared: dict[str, set[str]]) -> Iterator[str]:
    properties = set().union(*(declared[kind] for kind in _PROPERTIES))
    for terms in files:
        for predicate in _TO_CLASS:
            for subject, other in terms.pairs(predicate):
                for iri in (other,) if predicate.endswith("domain") else (subject, other):
                    if not _known(iri, declared["a class"]):
                        yield f"{vocab.curie(iri)} is used as a class and not declared as one"
        for row in terms.index.values():
            for iri in row:
                if not iri.startswith(_NOTES) and not _known(iri, properties):
                    yield f"{vocab.curie(iri)} is used as a property and not declared as one"


def _known(iri: str, declared: set[str]) -> bool:
    return iri in declared or iri.startswith(("_:", *_BUILT_IN))


def _datatypes(files: Sequence[Terms], properties: set[str]) -> Iterator[str]:
    for terms in files:
        for iri, kind in terms.pairs(vocab.RDFS + "range"):
            if iri in properties and not kind.startswith("_:") and kind not in _DATATYPES:
                yield f"{vocab.curie(iri)} has the range {vocab.curie(kind)}, which is no datatype of OWL 2"


def _counted(files: Sequence[Terms], properties: set[str]) -> Iterator[str]:
    """Properties that must be simple and are not: transitive, made by a chain, or above such a one."""
    composite = {p for terms in files for p in terms.typed(vocab.OWL + "TransitiveProperty")}
    composite |= {p for terms in files for p, _ in terms.pairs(vocab.OWL + "propertyChainAxiom")}
    above = [pair for terms in files for pair in terms.pairs(vocab.RDFS + "subPropertyOf")]
    while more := {whole for part, whole in above if part in composite} - composite:
        composite |= more
    for terms in files:
        for name in _SIMPLE:
            for iri in composite & properties & set(terms.typed(vocab.OWL + name)):
                yield f"{vocab.curie(iri)} is not simple, so it cannot be {name}"
        for node, iri in terms.pairs(vocab.OWL + "onProperty"):
            if iri in composite and any(terms.objects(node, count) for count in _COUNTS):
                yield f"{vocab.curie(iri)} is not simple, so it cannot be counted"


def _circular(files: Sequence[Terms]) -> Iterator[str]:
    """Chains that need themselves through another property (11.2, the restriction on the property hierarchy)."""
    import networkx as nx

    needs: dict[str, set[str]] = defaultdict(set)
    for terms in files:
        for part, whole in terms.pairs(vocab.RDFS + "subPropertyOf"):
            needs[whole].add(part)
        for head, start in terms.pairs(vocab.OWL + "propertyChainAxiom"):
            chain = [str(item) for item in terms.items(start) or ()]
            inner = chain if chain == [head, head] else [role for role in chain if role != head]
            needs[head] |= set(inner) - {head}
            if head in chain[1:-1]:
                yield f"{vocab.curie(head)} stands in the middle of its own chain"
    for circle in nx.simple_cycles(nx.DiGraph((p, q) for p, found in needs.items() for q in found)):
        yield f"{' and '.join(sorted(map(vocab.curie, circle)))} are made of each other"
