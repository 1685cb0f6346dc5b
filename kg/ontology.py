"""OWL files come in, schemas and class expressions go out. The one door to owlready2."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import shutil
import warnings
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from kg import owl, vocab
from kg.axiom import Axiom
from kg.errors import OntologyError
from kg.expressions import HARD_WEIGHT, And, Count, Expression, Facet, Named, Not, Only, Or, Some
from kg.files import shipped
from kg.manchester import manchester
from kg.schema import Ontology, ontology_of
from kg.terms import Literal, Term, Terms
from kg.turtle_terms import turtle_terms, with_parts

__all__ = [
    "HARD_WEIGHT",
    "And",
    "Axiom",
    "Count",
    "Expression",
    "Facet",
    "Named",
    "Not",
    "Only",
    "Ontology",
    "Or",
    "Some",
    "check_consistent",
    "load_ontology",
    "manchester",
    "read_owl",
    "schema_files",
]

_TURTLE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|#[^\n]*\n)*(?:@prefix|@base|prefix\s|base\s)", re.IGNORECASE
)
"""How Turtle begins, and no other syntax of OWL that is read."""


def load_ontology(paths: Sequence[str | Path] | None = None) -> Ontology:
    """Read the schema from OWL files.

    Args:
        paths: Turtle, N-Triples, RDF/XML or OWL/XML files; default `ontologies/core.ttl`. What a Turtle file imports
            is read too where it lies beside it (`kg.turtle_terms.with_parts`).

    Returns:
        The ontology; the same object again while the files' contents stay the same.

    Raises:
        SourceError: A Turtle file is missing or broken (file and line are named).
        OntologyError: Another file is missing or broken, or its OWL cannot be read.
    """
    files = schema_files(paths)
    return _load(files, tuple(_digest(path) for path in files))


def schema_files(paths: Sequence[str | Path] | None = None) -> tuple[Path, ...]:
    """The files of a schema, imported parts included; default those of the core ontology.

    Raises:
        SourceError: A Turtle file is broken.
        OntologyError: A file cannot be read.
    """
    given = paths or (shipped("ontologies/core.ttl"),)
    for path in given:
        _digest(Path(path))
    return tuple(dict.fromkeys(part for path in given for part in with_parts(path)))


@lru_cache(maxsize=8)
def _load(files: tuple[Path, ...], digests: tuple[str, ...]) -> Ontology:
    digest = hashlib.sha256("".join(digests).encode()).hexdigest()
    return ontology_of([read_owl(path) for path in files], digest)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise OntologyError(
            f"{path}: cannot be read ({error.strerror})", "check the path"
        ) from error


def read_owl(path: str | Path) -> Terms:
    """The triples of one OWL file, by subject; what it imports is not read.

    Args:
        path: `.ttl`; or N-Triples, RDF/XML or OWL/XML under any other name.

    Raises:
        SourceError: Broken Turtle.
        OntologyError: The file is missing or is none of these.
    """
    path = Path(path)
    _digest(path)
    if path.suffix == ".ttl":
        return turtle_terms(path)
    if _TURTLE.match(path.read_bytes()):
        raise OntologyError(
            f"{path}: holds Turtle, and its name does not say so",
            f"rename it: mv {path} {path.with_suffix('.ttl')}",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import owlready2

        world = owlready2.World()
        onto = world.get_ontology(vocab.BASE + "reading#")
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # where it prints tracebacks
                onto.graph.parse(
                    io.BytesIO(path.read_bytes()), default_base=vocab.BASE + "reading#"
                )
        except Exception as error:  # owlready2 raises whatever its parsers stumble over
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            said = "" if "unrecognized file format" in reason else f" ({reason})"
            raise OntologyError(
                f"{path}: not readable OWL{said}",
                "expected Turtle (.ttl), RDF/XML, OWL/XML or N-Triples; in Protégé: File, Save as, Turtle",
            ) from error
        return _terms(world)


def _terms(world: Any) -> Terms:
    """Copy owlready2's quads: its numbers become IRIs, negative ones are blank nodes."""
    index: dict[str, dict[str, list[Term]]] = defaultdict(lambda: defaultdict(list))
    name: dict[int, str] = {}

    def node(number: int) -> str:
        """IRI or blank name behind a number."""
        if number not in name:
            name[number] = f"_:{-number}" if number < 0 else world._unabbreviate(number)
        return name[number]

    for s, p, o in world._get_obj_triples_spo_spo(None, None, None):
        index[node(s)][node(p)].append(node(o))
    for s, p, value, kind in world._get_data_triples_spod_spod(None, None, None, None):
        lang = kind[1:] if isinstance(kind, str) else ""
        index[node(s)][node(p)].append(Literal(value, lang))
    world.close()
    return Terms({s: dict(row) for s, row in index.items()})


def check_consistent(
    ontology_files: Sequence[str | Path] | None = None,
    rule_files: Sequence[str | Path] = (),
) -> tuple[str, ...]:
    """Ask the HermiT reasoner which classes can have no instance.

    Args:
        ontology_files: The schema; default the core ontology.
        rule_files: Rule files whose axioms are to hold without exception.

    Returns:
        IRIs of unsatisfiable classes, sorted; empty when all is well.

    Raises:
        OntologyError: Java is missing, the ontology as a whole is inconsistent, or HermiT cannot read it.
    """
    if shutil.which("java") is None:
        raise OntologyError(
            "the consistency check needs Java, and no `java` was found",
            "install a Java runtime (for example openjdk-17-jre-headless)",
        )
    files = [*schema_files(ontology_files), *rule_files]
    text = owl.schema_ntriples([read_owl(path) for path in files])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import owlready2

        world = owlready2.World()
        onto = world.get_ontology(vocab.BASE + "checking#")
        onto.load(fileobj=io.BytesIO(text.encode()))
        try:
            owlready2.sync_reasoner_hermit(world, debug=0)
        except owlready2.OwlReadyInconsistentOntologyError as error:
            names = ", ".join(Path(path).name for path in files)
            raise OntologyError(
                f"{names}: contradictory as a whole",
                "open the files in Protégé and run its reasoner",
            ) from error
        except owlready2.OwlReadyJavaError as error:
            reason = str(error).splitlines()[0]
            raise OntologyError(
                f"HermiT stopped: {reason}", "check the ontology in Protégé"
            ) from error
        found = {cls.iri for cls in world.inconsistent_classes()}
        world.close()
    return tuple(sorted(found - {owl.NOTHING}))
