"""Ontology, legend and scene files come in; what is wrong with them goes out, each fault with its file."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kg import vocab
from kg.alignments import alignment_faults, read_alignments
from kg.errors import InputError, OntologyError
from kg.files import core_files, shipped
from kg.legend import load_legend
from kg.ontology import check_consistent, read_owl
from kg.ontology_faults import (
    CONCEPTS,
    SCHEMA,
    clashing,
    dangling,
    own,
    shared_labels,
    undefined,
    unequal_shares,
    unnamed,
)
from kg.owl_profile import dl_faults
from kg.scene_check import check_scenes
from kg.scenes import SCENE_CLASS, load_scenes
from kg.shapes import shape_faults
from kg.sources import no_file
from kg.terms import TYPE, Terms

CHECKS = (
    "file", "name", "definition", "label", "share", "match", "scene", "alignment", "profile", "HermiT", "SHACL",
)  # fmt: skip
"""Kinds of faults, in the order in which they are told."""

NO_JAVA = "needs Java, and no `java` was found; install a Java runtime (openjdk-17-jre-headless)"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        check: One of `CHECKS`.
        file: Path of the file, or "" where it is not one file's.
        what: What is wrong, a sentence.
    """

    check: str
    file: str
    what: str


@dataclass(frozen=True)
class OntologyCheck:
    """What is to be said about ontology files.

    Attributes:
        files: Paths that were looked at.
        classes, relations, concepts: How many the files declare: classes, properties, concepts of legends and scenes.
        alignments: How many matches with other vocabularies they hold.
        faults: What is wrong, in the order of `CHECKS`, then by file.
        skipped: Check -> why it was not made ("HermiT" without Java or not asked, "SHACL" without pyshacl).
    """

    files: tuple[Path, ...]
    classes: int
    relations: int
    concepts: int
    alignments: int
    faults: tuple[Fault, ...]
    skipped: Mapping[str, str]

    @property
    def is_fine(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def shipped_ontologies() -> tuple[Path, ...]:
    """The ontologies, scenes and legends that ship; rules have a check of their own."""
    folder = shipped("ontologies")
    rules = set((folder / "rules").rglob("*.ttl"))
    rest = sorted({*folder.rglob("*.ttl")} - rules - {*core_files()})
    return (*core_files(), *rest)


def check_ontology(paths: Sequence[str | Path] = (), *, reasoner: bool = True) -> OntologyCheck:
    """Check ontology, scene and legend files.

    Args:
        paths: The files; none means those that ship. Files of one's own are read beside the core ontology.
        reasoner: Ask HermiT too (seconds).

    Returns:
        The findings; one fault never hides another.

    Raises:
        SourceError: No such file.
    """
    for path in paths:
        if not Path(path).is_file():
            raise no_file(path)
    files = tuple(map(Path, paths)) or shipped_ontologies()
    read, faults = _read(files)
    core = {path: read_owl(path) for path in core_files()}
    every = [*{**core, **read}.values()]
    known = {iri for terms in every for iri, row in terms.index.items() if TYPE in row}
    skipped = {} if reasoner else {"HermiT": "--no-reasoner"}
    for path, terms in read.items():
        faults += [Fault(check, str(path), what) for check, what in _of(path, terms, every, known)]
    aligned = [one for terms in read.values() for one in read_alignments(terms)]
    schema = {path: terms for path, terms in {**core, **read}.items() if _is_schema(terms)}
    apart = {
        "alignment": alignment_faults(aligned, known),
        "label": shared_labels(read.values()),
        "scene": _scenes(read),
        "profile": dl_faults([*schema.values()]),
        "HermiT": _reasoned([*schema], skipped) if reasoner else (),
        "SHACL": shape_faults([*read], skipped),
    }
    faults += [Fault(check, "", what) for check, found in apart.items() for what in found]
    return OntologyCheck(
        files,
        classes=_count(read.values(), SCHEMA[:1]),
        relations=_count(read.values(), SCHEMA[1:]),
        concepts=_count(read.values(), CONCEPTS),
        alignments=len(aligned),
        faults=tuple(sorted(faults, key=lambda fault: (CHECKS.index(fault.check), fault.file))),
        skipped=skipped,
    )


def _read(files: Sequence[Path]) -> tuple[dict[Path, Terms], list[Fault]]:
    read, faults = {}, []
    for path in files:
        try:
            read[path] = read_owl(path)
        except InputError as error:
            faults.append(Fault("file", str(path), error.message.removeprefix(f"{path}: ")))
    return read, faults


def _of(
    path: Path, terms: Terms, every: Sequence[Terms], known: set[str]
) -> Iterator[tuple[str, str]]:
    """(check, what is wrong) of one file."""
    yield from (("name", what) for what in unnamed(terms, every))
    yield from (("definition", what) for what in undefined(terms, every))
    yield from (("share", what) for what in unequal_shares(terms))
    yield from (("match", what) for what in dangling(terms, known))
    yield from (("match", what) for what in clashing(terms))
    if any(vocab.CORE + "code" in row for row in terms.index.values()):
        try:
            load_legend(path)
        except InputError as error:
            yield "match", error.message.removeprefix(f"{path}: ")


def _scenes(read: Mapping[Path, Terms]) -> tuple[str, ...]:
    """What `kg.scene_check` says of these scenes and class lists, read beside those that ship."""
    kinds = (SCENE_CLASS, vocab.SKOS + "ConceptScheme")
    paths = [path for path, terms in read.items() if any(terms.typed(kind) for kind in kinds)]
    ours = set(shipped_ontologies())
    try:
        return check_scenes(load_scenes([p for p in paths if p not in ours])) if paths else ()
    except InputError as error:
        return (error.message,)


def _reasoned(paths: Sequence[Path], skipped: dict[str, str]) -> list[str]:
    if shutil.which("java") is None:
        skipped["HermiT"] = NO_JAVA
        return []
    try:
        return [f"{vocab.curie(iri)} can have no instance" for iri in check_consistent(paths)]
    except OntologyError as error:
        return [error.message]


def _is_schema(terms: Terms) -> bool:
    """Whether a file holds OWL axioms rather than concepts and weighted statements."""
    return any(terms.typed(kind) for kind in SCHEMA)


def _count(files: Iterable[Terms], kinds: Sequence[str]) -> int:
    return len({iri for terms in files for iri in own(terms, kinds)})
