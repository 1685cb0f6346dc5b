"""Answers about scenes, a map and what was found in the images come in; answers that keep to these go out.

The file says what was found in each image, and what was looked for without being found (0). JSON:

    {"harbour.png": {"hasPart": {"Ship": [0.9, 0.8], "Runway": 0}, "hasCover": {"Water": 0.6}},
     "*": {"hasPart": ["Vehicle"]}}

Numbers of parts are probabilities, several for several objects; numbers of covers are shares of the image. What stands
under "*" was looked for in every image. CSV: columns item, relation, class, value; one line per thing.
"""

from __future__ import annotations

import csv
import json
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg import vocab
from kg.counted import counted
from kg.errors import InputError, LandloreWarning, RuleError
from kg.files import shipped
from kg.reasons import ScenePart, SceneReason
from kg.schema import Ontology
from kg.spelling import near_names
from reasoning.scenes.scene_parts import HAS_COVER, ROLES, Found, SceneEvidence, cover

if TYPE_CHECKING:
    from fusion.prediction import SceneScores
    from fusion.reasons import SceneExplainer
    from fusion.scene import SceneAnswer
    from kg.scenes import SceneKnowledge
    from landlore.classified import ClassifySettings
    from landlore.scene_places import PlacePrior
    from reasoning.scenes.scene_axioms import SceneCorrection

EVERYWHERE = "*"
_SHOWN = (
    'expected JSON {"image.png": {"hasPart": {"Runway": 0.9}}} or CSV item,relation,class,value'
)
_Line = tuple[str, str, str, float]
_More = tuple[
    tuple[int, int], "SceneScores", Callable[[int, tuple[int, int]], tuple[ScenePart, ...]]
]


def explained(
    answer: SceneAnswer, knowledge: SceneKnowledge, settings: ClassifySettings
) -> tuple[SceneScores, tuple[SceneReason, ...], SceneKnowledge, SceneCorrection | None]:
    """Scores and reasons, after the map and the axioms where the settings ask for them.

    Returns:
        Scores, one reason per image, the knowledge with the names of the axioms, and what the axioms did.

    Raises:
        InputError: The file of parts cannot be read, or names no image that was asked about.
        RuleError: Axioms that cannot be used.
    """
    from fusion.reasons import SceneExplainer

    why, items = SceneExplainer(answer, knowledge), range(len(answer.scores.items))
    places = _places(answer, settings) if settings.map else None
    scores = answer.scores if places is None else _shifted(answer, places)
    if not (settings.parts or settings.axioms or settings.add_axioms):
        plain = tuple(
            why.explain(i)
            if places is None
            else _added(why, i, (_best(scores, i), scores, places.parts))
            for i in items
        )
        return scores, plain, knowledge, None
    done = _corrected(scores, settings)
    names = {axiom.iri: (axiom.label, axiom.label_zh) for axiom in done.axioms}
    known = replace(knowledge, labels={**knowledge.labels, **names})

    def both(item: int, pair: tuple[int, int]) -> tuple[ScenePart, ...]:
        """Parts of the map and of the axioms."""
        return (*(places.parts(item, pair) if places else ()), *done.parts(item, pair))

    reasons = (_added(why, i, (done.best(i), done.after, both)) for i in items)
    return done.after, tuple(reasons), known, done


def _places(answer: SceneAnswer, settings: ClassifySettings) -> PlacePrior:
    """What the map says about the images; told once where it says nothing about some."""
    from landlore.graph import open_graph
    from landlore.scene_places import place_prior

    prior = place_prior(answer.scores.items, answer.vectors.concepts, open_graph(str(settings.map)))
    if silent := int((~prior.known).sum()):
        warnings.warn(
            f"the map shows nothing under {silent} of {counted(len(prior.known), 'image')}: "
            "there the images alone decide",
            LandloreWarning,
            stacklevel=2,
        )
    return prior


def _shifted(answer: SceneAnswer, places: PlacePrior) -> SceneScores:
    from fusion.transduce import softmax

    scores = answer.scores
    return replace(scores, scores=softmax(answer.logs + places.logs), model=f"{scores.model} + map")


def _best(scores: SceneScores, item: int) -> tuple[int, int]:
    order = (-scores.scores[item]).argsort(kind="stable")
    return int(order[0]), int(order[1])


def _corrected(scores: SceneScores, settings: ClassifySettings) -> SceneCorrection:
    from kg.ontology import load_ontology
    from kg.rules import load_rules
    from kg.scenes import scene_files
    from reasoning.scenes.scene_axioms import correct_scenes

    ontology = load_ontology([shipped("ontologies/core.ttl"), *scene_files()])
    ours = sorted(shipped("ontologies/rules/scenes").glob("*.ttl"))
    axioms = load_rules([*(settings.axioms or ours), *settings.add_axioms], ontology)
    if not axioms:
        raise RuleError(f"{settings.axioms[0]}: holds no rule", "docs/rules.md shows one")
    evidence = read_parts(settings.parts, scores.items, ontology) if settings.parts else {}
    done = correct_scenes(scores, evidence, axioms, ontology)
    if not done.axioms:
        iri, why = done.inactive[0]
        warnings.warn(
            f"none of the {len(axioms)} rules acts on these images; {vocab.curie(iri)}: {why}",
            LandloreWarning,
            stacklevel=2,
        )
    return done


def _added(why: SceneExplainer, item: int, more: _More) -> SceneReason:
    """The reason for a pair of classes, with further parts."""
    pair, scores, parts_of = more
    plain, parts = why.explain(item, pair), parts_of(item, pair)
    ordered = sorted(
        (*plain.parts, *parts), key=lambda p: (-abs(p.contribution), p.relation, p.value)
    )
    return replace(
        plain,
        probability=float(scores.scores[item, pair[0]]),
        log_odds=plain.log_odds + sum(part.contribution for part in parts),
        parts=tuple(ordered),
    )


def read_parts(
    path: str | Path, items: tuple[str, ...], ontology: Ontology
) -> dict[str, SceneEvidence]:
    """Read what was found in images.

    Args:
        path: JSON or CSV file, see the head of this module.
        items: Images that are asked about: paths or row names; a file name alone is enough.
        ontology: Names of classes.

    Returns:
        Item -> evidence, for the items that the file names (all of them with "*").

    Raises:
        InputError: The file is missing, broken or says something impossible; none of its names is an item.
    """
    path = Path(path)
    lines = list(_lines(path, ontology))
    names = {item: {item, Path(item).name} for item in items}
    wanted = {item for item, known in names.items() if known & {line[0] for line in lines}}
    everywhere = [line for line in lines if line[0] == EVERYWHERE]
    if not lines:
        raise InputError(f"{path}: names no image", _SHOWN)
    for _, _, cls, value in everywhere:
        if value != 0:
            raise InputError(
                f"{path}, {EVERYWHERE}: {vocab.curie(cls)} has value {value}, expected 0: what was looked for "
                "everywhere",
                "say what was found image by image",
            )
    if not wanted and not everywhere:
        raise InputError(
            f"{path}: none of its images ({', '.join(sorted({line[0] for line in lines})[:3])}) is asked about "
            f"({', '.join(items[:3])})",
            "name images as they are given on the command line, or by their file names",
        )
    out = {}
    for item in items if everywhere else sorted(wanted):
        mine = [line for line in lines if line[0] in names[item]]
        found = tuple(_found(line, path) for line in mine if line[3] != 0)
        sought = frozenset((role, cls) for _, role, cls, _ in (*mine, *everywhere))
        out[item] = SceneEvidence(found, sought)
    return out


def _found(line: _Line, path: Path) -> Found:
    item, role, cls, value = line
    try:
        return cover(cls, value) if role == HAS_COVER else Found(role, cls, value)
    except InputError as error:
        raise InputError(f"{path}, {item}: {error.message}", error.hint) from error


def _lines(path: Path, ontology: Ontology) -> Iterator[_Line]:
    """(item, role IRI, class IRI, number) of each statement."""
    for item, relation, name, value in _read(path):
        role = vocab.expand(relation if ":" in relation else f"ll:{relation}")
        if role not in ROLES:
            raise InputError(
                f"{path}, {item}: relation {relation!r}, expected hasPart or hasCover",
                "correct the file",
            )
        try:
            number = float(value)
            if not math.isfinite(number):
                raise ValueError(number)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{path}, {item}: {name} has value {value!r}, expected a number in 0..1",
                "correct the file",
            ) from error
        yield item, role, _class(name, ontology, path), number


def _class(name: str, ontology: Ontology, path: Path) -> str:
    for prefix in ("", "ll:", "sc:"):
        iri = vocab.expand(prefix + name)
        if ontology.is_class(iri):
            return iri
    known = {ontology.short(iri): iri for iri in ontology.classes}
    near = near_names(name, known)
    nearest = f"; the nearest known is {near[0]}" if near else ""
    raise InputError(
        f"{path}: unknown class {name!r}{nearest}",
        "landlore find WORDS tells what classes are called",
    )


def _read(path: Path) -> Iterator[tuple[str, str, str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".csv":
            for row in csv.DictReader(text.splitlines()):
                yield row["item"], row["relation"], row["class"], row["value"]
            return
        stated = json.loads(text)
        for item, relations in stated.items():
            for relation, classes in relations.items():
                named = dict.fromkeys(classes, 0) if isinstance(classes, list) else classes
                for name, values in named.items():
                    for value in values if isinstance(values, list) else [values]:
                        yield item, relation, name, value
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", "check the path") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(
            f"{path}: no evidence of scenes ({type(error).__name__}: {error})",
            _SHOWN,
        ) from error
