"""Learned numbers as a rule file that ontology editors open: a fit comes in and Turtle goes out, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kg import turtle, vocab
from kg.errors import RuleError
from kg.folder import replace_file
from kg.ontology import Ontology, read_owl
from kg.rule_writer import rules_turtle
from kg.rules import load_rules, schema_of
from kg.terms import Literal, Terms
from reasoning.learning.calibration import Calibration
from reasoning.learning.fit import DIGITS, Fit
from reasoning.learning.learned import Learned

RUN = vocab.RUN
Notes = Mapping[str, Mapping[str, str | float]]


def write_learned(learned: Learned, path: str | Path, *, title: str = "Learned rules") -> Path:
    """Write the learned rules as annotated axioms, with calibration, strengths and smoothness beside them.

    Each axiom carries, besides the weight that it acts with, the expert's (`run:expertWeight`), the learned one with
    its standard error and 95 % interval (`run:learnedWeight`, `run:weightError`, `run:weightLow`, `run:weightHigh`) and
    the tiles in which it spoke (`run:tiles`). A rule that held-out tiles do not prefer stands there with weight 0.

    Args:
        learned: What was learned.
        path: Turtle file.
        title: Its title.

    Returns:
        The path. `read_fit` gives the same numbers again.

    Raises:
        OutputError: The file cannot be written.
    """
    tree = schema_of(learned.axioms)
    fit = replace(learned.fit, axioms=learned.axioms)
    text = fit_turtle(fit, tree, title=title, notes=_notes(learned), comment=_comment(learned))
    replace_file(Path(path), text.encode())
    return Path(path)


def fit_turtle(
    fit: Fit, ontology: Ontology, *, title: str, notes: Notes | None = None, comment: str = ""
) -> str:
    """The Turtle of a fit.

    Args:
        fit: Rules and numbers.
        ontology: Names for rdfs:comment.
        title: Title of the file.
        notes: Further annotations by axiom IRI.
        comment: How the numbers were found.
    """
    lines = [f"[] a <{RUN}Learned>", f"<{RUN}learnedSmoothness> {turtle.literal(fit.smoothness)}"]
    if comment:
        lines.append(f"rdfs:comment {turtle.literal(comment)}")
    if fit.superpixel:
        lines.append(f"<{RUN}learnedPieces> {turtle.literal(fit.superpixel)}")
    if fit.calibration is not None:
        known = fit.calibration
        lines.append(f"<{RUN}temperature> {turtle.literal(known.temperature)}")
        if known.caution:
            lines.append(f"<{RUN}learnedCaution> {turtle.literal(known.caution)}")
        for iri, bias in zip(known.classes, known.bias, strict=True):
            lines.append(
                f"<{RUN}classBias> [ ll:value {turtle.name(iri)} ; ll:weight {turtle.literal(bias)} ]"
            )
    for name, strength in sorted(fit.strengths.items()):
        lines.append(
            f"<{RUN}layerStrength> [ ll:value {turtle.literal(name)} ; ll:weight {turtle.literal(strength)} ]"
        )
    rules = rules_turtle(fit.axioms, ontology, title=title, extra=notes)
    return rules + "\n" + " ;\n    ".join(lines) + " .\n"


def read_fit(paths: Sequence[str | Path], ontology: Ontology | None = None) -> Fit | None:
    """Read what `write_learned` wrote, also after an ontology editor has saved it again.

    Args:
        paths: Rule files; at most one holds learned numbers.
        ontology: Default the core ontology.

    Returns:
        The rules of all files with the learned numbers; None where no file holds any.

    Raises:
        RuleError: Two files with learned numbers, or one that is damaged; and as `kg.rules.load_rules`.
    """
    found = [
        (path, terms, node)
        for path, terms in ((path, read_owl(path)) for path in paths)
        for node in terms.typed(RUN + "Learned")
    ]
    if not found:
        return None
    if len(found) > 1:
        raise RuleError(
            f"learned numbers stand in {' and '.join(str(path) for path, _, _ in found)}, expected once",
            "give one learned file at a time",
        )
    path, terms, node = found[0]
    smoothness = _number(terms, node, "learnedSmoothness", path)
    strengths = dict(_weighted(terms, node, "layerStrength", path))
    axioms = load_rules(paths, ontology)
    ordered = tuple(sorted(axioms, key=lambda axiom: axiom.iri))
    pieces = 0.0
    if terms.objects(node, RUN + "learnedPieces"):
        pieces = _number(terms, node, "learnedPieces", path)
    return Fit(ordered, _calibration(terms, node, path), strengths, smoothness, pieces)


def _calibration(terms: Terms, node: str, path: str | Path) -> Calibration | None:
    if not terms.objects(node, RUN + "temperature"):
        return None
    pairs = sorted(_weighted(terms, node, "classBias", path))
    caution = 0.0
    if terms.objects(node, RUN + "learnedCaution"):
        caution = _number(terms, node, "learnedCaution", path)
    return Calibration(
        _number(terms, node, "temperature", path),
        tuple(bias for _, bias in pairs),
        tuple(iri for iri, _ in pairs),
        caution,
    )


def _weighted(terms: Terms, node: str, name: str, path: str | Path) -> list[tuple[str, float]]:
    """(value, weight) of every weighted statement."""
    out = []
    for inner in terms.nodes(node, RUN + name):
        values = terms.objects(inner, vocab.VALUE)
        if len(values) != 1:
            raise _damaged(path, name, len(values))
        value = values[0].value if isinstance(values[0], Literal) else values[0]
        out.append((str(value), _float(terms.objects(inner, vocab.WEIGHT), name, path)))
    return out


def _number(terms: Terms, node: str, name: str, path: str | Path) -> float:
    return _float(terms.objects(node, RUN + name), name, path)


def _float(found: Sequence[object], name: str, path: str | Path) -> float:
    value = found[0].value if len(found) == 1 and isinstance(found[0], Literal) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise _damaged(path, name, len(found))
    return float(value)


def _damaged(path: str | Path, name: str, count: int) -> RuleError:
    return RuleError(
        f"{path}: the learned numbers are damaged: run:{name} has {count} values or no number, expected one number",
        "learn again, or correct that statement",
    )


def _comment(learned: Learned) -> str:
    """Which way of mapping was chosen, and on what ground."""
    if not learned.held_out:
        return "Learned from tiles of one scene, held to the expert's weights; not checked on any other."
    scores = "; ".join(f"{way} {100 * score:.2f}" for way, score in learned.scores.items())
    over = f"{len(learned.held_out)} held-out tiles of {learned.scenes} scenes"
    return f"Kept: {learned.chosen}. Mean IoU of {over}: {scores}."


def _notes(learned: Learned) -> dict[str, dict[str, str | float]]:
    out: dict[str, dict[str, str | float]] = {}
    for one in learned.weights:
        notes: dict[str, str | float] = {
            RUN + "expertWeight": one.expert,
            RUN + "learnedWeight": one.learned,
            RUN + "tiles": float(one.tiles),
            RUN + "regions": float(one.regions),
        }
        if np.isfinite(one.error):
            low, high = one.interval
            notes[RUN + "weightError"] = round(one.error, DIGITS)
            notes[RUN + "weightLow"] = round(low, DIGITS)
            notes[RUN + "weightHigh"] = round(high, DIGITS)
        out[one.iri] = notes
    return out
