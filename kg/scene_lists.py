"""SKOS schemes of scene data sets come in; class lists, official name -> scene concept, go out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kg import vocab
from kg.errors import InputError
from kg.scene_source import SceneSource
from kg.spelling import near_names

MATCHES = tuple(vocab.SKOS + f"{kind}Match" for kind in ("exact", "close", "broad", "narrow"))
"""How a class of a data set relates to its scene concept, best first."""


@dataclass(frozen=True)
class ListedClass:
    """One class of a data set.

    Attributes:
        name: As the data set spells it (folder name).
        words: The same in plain English words, for prompts.
        concept: IRI of the scene concept that it means.
        match: skos relation to that concept, one of `MATCHES`.
        spellings: Other spellings in use.
    """

    name: str
    words: str
    concept: str
    match: str
    spellings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassList:
    """The classes of one data set.

    Attributes:
        key: Short name, e.g. "nwpu".
        names: Other names of the data set.
        source: Citation of the data set.
        note: Whether and how the official names were confirmed.
        classes: One per class, sorted by name; each means another concept.
    """

    key: str
    names: tuple[str, ...]
    source: str
    note: str
    classes: tuple[ListedClass, ...]

    @property
    def official(self) -> tuple[str, ...]:
        """Official class names."""
        return tuple(one.name for one in self.classes)

    def find(self, name: str) -> ListedClass | None:
        """The class of that name in any spelling, or None."""
        return _spelt(self.classes).get(plain(name))


def plain(name: str) -> str:
    """A name without case, spaces and signs: what is left must agree.

    Example:
        >>> plain("Railway_Stations")
        'railwaystations'
    """
    return re.sub(r"[\W_]+", "", name.casefold())


def read_lists(source: SceneSource) -> dict[str, ClassList]:
    """Class lists: every skos:ConceptScheme that has a skos:notation, by that notation."""
    members: dict[str, list[ListedClass]] = {}
    for iri in source.subjects(vocab.SKOS + "Concept"):
        match = next((m for m in MATCHES if source.text(iri, m)), "")
        name = source.text(iri, vocab.SKOS + "notation")
        if match and name:
            words = source.labels(iri)[0] or name
            spelt = tuple(source.iris(iri, vocab.SKOS + "altLabel"))
            one = ListedClass(name, words, source.text(iri, match), match, spelt)
            for scheme in source.iris(iri, vocab.SKOS + "inScheme"):
                members.setdefault(scheme, []).append(one)
    found = {}
    for iri in source.subjects(vocab.SKOS + "ConceptScheme"):
        key = source.text(iri, vocab.SKOS + "notation")
        if key:
            names = tuple(source.iris(iri, vocab.SKOS + "altLabel"))
            cited = source.text(iri, vocab.DCT + "source")
            note = source.text(iri, vocab.SKOS + "editorialNote")
            classes = tuple(sorted(members.get(iri, ()), key=lambda one: one.name))
            found[key] = ClassList(key, names, cited, note, classes)
    return dict(sorted(found.items()))


def class_list(lists: Mapping[str, ClassList], name: str) -> ClassList:
    """The class list of that name.

    Raises:
        InputError: None has it.
    """
    wanted = plain(name)
    for one in lists.values():
        if wanted in map(plain, (one.key, *one.names)):
            return one
    begun = [key for key in lists if wanted and plain(key).startswith(wanted)]
    near = begun or near_names(name, lists)
    meant = f"did you mean {near[0]}? " if near else ""
    raise InputError(
        f"no class list {name!r}; known are {', '.join(lists)}",
        f"{meant}name one of these, or name classes with -l",
    )


def shared_names(lists: Mapping[str, ClassList]) -> dict[str, str]:
    """Plain official name -> concept IRI, of names for which all lists that have them agree."""
    found: dict[str, set[str]] = {}
    for one in lists.values():
        for key, listed in _spelt(one.classes).items():
            found.setdefault(key, set()).add(listed.concept)
    return {key: next(iter(iris)) for key, iris in found.items() if len(iris) == 1}


def _spelt(classes: tuple[ListedClass, ...]) -> dict[str, ListedClass]:
    spelt: dict[str, ListedClass] = {}
    for one in classes:
        for name in (one.name, one.words, *one.spellings):
            spelt.setdefault(plain(name), one)
    return spelt
