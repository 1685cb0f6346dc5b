"""The triples of a legend file come in; a name in them that nobody knows is an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kg import vocab
from kg.errors import LegendError
from kg.features import core_classes
from kg.spelling import near_names

MATCHES = tuple(
    vocab.SKOS + kind + "Match" for kind in ("exact", "close", "broad", "narrow", "related")
)
"""Predicates that lead from a class of a legend to classes of the core ontology (SKOS Reference, 10)."""

_OWN = ("code", "colour", "crosswalk", "hasCover", "nodata", "value", "variant", "variantCode", "weight")  # fmt: skip
_SKOS = (
    "prefLabel", "altLabel", "hiddenLabel", "notation", "inScheme", "topConceptOf", "hasTopConcept", "broader",
    "narrower", "related", "broaderTransitive", "narrowerTransitive", "semanticRelation", "mappingRelation", "note",
    "changeNote", "definition", "editorialNote", "example", "historyNote", "scopeNote", "member", "memberList",
)  # fmt: skip
_PREDICATES = {*MATCHES, *(vocab.CORE + p for p in _OWN), *(vocab.SKOS + p for p in _SKOS)}
_TO_CORE = {*MATCHES, vocab.VALUE}


def check_legend_names(graph: Mapping[Any, Mapping[str, list[Any]]], path: Path) -> None:
    """Make sure that every match and every share of a legend leads to a class that there is.

    Args:
        graph: Subject -> predicate IRI -> objects (terms with `.value`) of the file.
        path: The file, for messages.

    Raises:
        LegendError: A match or share names a class in the namespace of the core ontology that it does not have, or a
            predicate of SKOS or of Landlore that does not exist.
    """
    known = core_classes()
    for subject, row in graph.items():
        for predicate, objects in row.items():
            ours = predicate.startswith((vocab.CORE, vocab.SKOS))
            if ours and predicate not in _PREDICATES:
                raise _unknown(path, subject, "predicate", predicate, _PREDICATES)
            names = [str(term.value) for term in objects] if predicate in _TO_CORE else []
            wrong = [name for name in names if name.startswith(vocab.CORE) and name not in known]
            if wrong:
                what = f"the class of {vocab.curie(predicate)}"
                raise _unknown(path, subject, what, wrong[0], known)


def _local(iri: str) -> str:
    return iri[max(iri.rfind("#"), iri.rfind("/")) + 1 :]


def _unknown(path: Path, subject: Any, what: str, name: str, known: Iterable[str]) -> LegendError:
    where = f" of <{subject.value}>" if type(subject).__name__ == "NamedNode" else ""
    names = {_local(one): vocab.curie(one) for one in sorted(known)}
    near = near_names(_local(name), names)
    nearest = f"; the nearest is {names[near[0]]}" if near else ""
    return LegendError(
        f"{path}: {what}{where}: {vocab.curie(name)} is not known{nearest}",
        "correct it there; the classes are in ontologies/core/*.ttl",
    )
