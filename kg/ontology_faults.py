"""The triples of ontology, legend and scene files come in; faults of names, labels, shares and matches go out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from kg import vocab
from kg.legend_names import MATCHES
from kg.terms import Literal, Terms

SCHEMA = tuple(
    vocab.OWL + kind
    for kind in ("Class", "ObjectProperty", "DatatypeProperty", "AnnotationProperty")
)
"""Types of what an ontology declares."""
CONCEPTS = (vocab.SKOS + "Concept", vocab.CORE + "SceneClass")
"""Types of what legends and scenes declare."""

_SCENE = vocab.CORE + "SceneClass"
_LABELS = (vocab.RDFS + "label", vocab.SKOS + "prefLabel")
_DEFINITION = vocab.SKOS + "definition"
_COVER, _CROSSWALK = vocab.CORE + "hasCover", vocab.CORE + "crosswalk"
_POINTING = (
    *MATCHES,
    vocab.VALUE,
    *(vocab.RDFS + name for name in ("subClassOf", "subPropertyOf", "domain", "range")),
)
_EPSILON = 1e-6


def own(terms: Terms, kinds: Sequence[str]) -> list[str]:
    """Names of these types that are ours to describe: not blank, and not of another vocabulary; sorted."""
    found = {iri for kind in kinds for iri in terms.typed(kind)}
    foreign = tuple(ns for ns in vocab.PREFIXES.values() if not ns.startswith(vocab.BASE))
    return sorted(iri for iri in found if not iri.startswith(("_:", *foreign)))


def unnamed(terms: Terms, every: Sequence[Terms]) -> Iterator[str]:
    """What has no label in English or Chinese, in this file or in another one."""
    for iri in own(terms, (*SCHEMA, *CONCEPTS)):
        for language in ("en", "zh"):
            if not _said(iri, _LABELS, language, every):
                yield f"{vocab.curie(iri)} has no label in {language}"


def undefined(terms: Terms, every: Sequence[Terms]) -> Iterator[str]:
    """Classes, properties and scenes without a sentence that says what they are.

    What only scenes name (their objects and functions, in the namespace of scenes) needs no definition.
    """
    scenes = set(terms.typed(_SCENE))
    for iri in own(terms, (*SCHEMA, _SCENE)):
        if iri.startswith(vocab.SCENE) and iri not in scenes:
            continue
        text = _said(iri, (_DEFINITION,), "en", every)
        if not text:
            yield f"{vocab.curie(iri)} has no definition"
        elif not text.endswith("."):
            yield f"{vocab.curie(iri)}: the definition is no sentence: {text!r}"


def unequal_shares(terms: Terms) -> Iterator[str]:
    """Covers and crosswalks whose weights are outside 0..1 or do not sum to 1 (of scenes: to more than 1)."""
    scenes = set(terms.typed(_SCENE))
    for subject, row in terms.index.items():
        for predicate in (one for one in (_COVER, _CROSSWALK) if one in row):
            weights = [_weight(terms, node) for node in terms.nodes(subject, predicate)]
            total, name = sum(weights), f"{vocab.curie(predicate)} of {_shown(subject)}"
            if any(not 0 < weight <= 1 for weight in weights):
                yield f"{name} has a weight outside 0..1"
            elif total > 1 + _EPSILON or (subject not in scenes and total < 1 - _EPSILON):
                most = "at most 1" if subject in scenes else "1"
                yield f"{name} sums to {total:g}, {most} expected"


def dangling(terms: Terms, known: Collection[str]) -> Iterator[str]:
    """Matches, values and superclasses in our namespaces that nothing declares.

    Args:
        terms: The file.
        known: Every name that this file, the other ones or the core ontology give a type.
    """
    for subject, row in terms.index.items():
        for predicate in (one for one in _POINTING if one in row):
            for iri in terms.nodes(subject, predicate):
                if iri.startswith((vocab.CORE, vocab.SCENE)) and iri not in known:
                    yield f"{vocab.curie(predicate)} of {_shown(subject)}: there is no {vocab.curie(iri)}"


def clashing(terms: Terms) -> Iterator[str]:
    """Subjects matched with one thing in two ways: the same, above, below and beside exclude each other (S27, S46)."""
    for subject, row in terms.index.items():
        said: dict[str, list[str]] = defaultdict(list)
        for match in (one for one in MATCHES if one in row):
            for iri in terms.nodes(subject, match):
                said[iri].append(vocab.curie(match))
        for iri, matches in said.items():
            if len(matches) > 1:
                yield f"{_shown(subject)} is matched with {vocab.curie(iri)} by {' and '.join(matches)}"


def shared_labels(files: Iterable[Terms]) -> Iterator[str]:
    """Labels that two classes, two properties or two scenes of one vocabulary share."""
    seen: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for terms in files:
        for kinds in (SCHEMA[:1], SCHEMA[1:], (_SCENE,)):
            for iri in own(terms, kinds):
                home = iri[: max(iri.rfind("#"), iri.rfind("/"))]
                for label in (x for name in _LABELS for x in terms.objects(iri, name)):
                    if isinstance(label, Literal):
                        seen[home, kinds[0], label.lang, str(label.value)].add(iri)
    for (_, _, language, text), iris in seen.items():
        if len(iris) > 1:
            yield f"{', '.join(sorted(map(vocab.curie, iris)))} share the label {text!r}@{language}"


def _said(iri: str, predicates: Sequence[str], language: str, every: Sequence[Terms]) -> str:
    found = (terms.text(iri, p, language, exact=True) for terms in every for p in predicates)
    return next(filter(None, found), "")


def _weight(terms: Terms, node: str) -> float:
    found = [x.value for x in terms.objects(node, vocab.WEIGHT) if isinstance(x, Literal)]
    return float(found[0]) if found and not isinstance(found[0], str) else float("nan")


def _shown(subject: str) -> str:
    return "a blank node" if subject.startswith("_:") else vocab.curie(subject)
