"""Rule files come in; what is wrong with them, and what they can never do, goes out, without a run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from kg import vocab
from kg.errors import AxiomError, InputError, OntologyError, RuleError
from kg.expressions import Expression, children, key, walk, without_tolerance
from kg.legend import Legend, legend_names, load_legend
from kg.ontology import (
    Axiom,
    Named,
    Ontology,
    Some,
    check_consistent,
    load_ontology,
    manchester,
)
from kg.owl import NOTHING, THING
from kg.rule_writer import rules_turtle
from kg.rules import ontology_with, read_rules, shipped_rules
from kg.terms import Terms
from reasoning.facts import Facts
from reasoning.logic.axioms import compile_axioms
from reasoning.logic.ground import EVIDENCE
from reasoning.logic.meaning import Labels, UnusableError, names_used, wanted
from reasoning.logic.reading import read_sides
from reasoning.logic.silent import circles, contradictions, same_classes, without_rules
from reasoning.space.relations import BASE

NO_JAVA = (
    "not run: HermiT needs Java, and no `java` was found; "
    "install a Java runtime (for example openjdk-17-jre-headless)"
)


@dataclass(frozen=True)
class RuleCheck:
    """What is to be said about rule files before anything is run with them.

    Attributes:
        axioms: Rules that can be compiled.
        faults: What is wrong with the others: file, axiom, cause and what to do.
        idle: (axiom IRI, why): rules that can never change a decision between labels of the legend.
        unreachable: Class IRIs that rules name and that no label of the legend can be, sorted.
        unmeasured: Object property IRIs that rules name and that nothing measures, sorted.
        unsatisfiable: Class IRIs that can have no instance when all rules hold without exception, sorted.
        reasoner: "consistent", "contradictory", or why HermiT was not run or could not finish.
        same: Names of classes that are told to be below each other, and so are one class.
        taken: IRIs of rules that ship under the same identifier: `--rules` takes such a file, `--add-rules` refuses it.
    """

    axioms: tuple[Axiom, ...]
    faults: tuple[AxiomError, ...]
    idle: tuple[tuple[str, str], ...]
    unreachable: tuple[str, ...]
    unmeasured: tuple[str, ...]
    unsatisfiable: tuple[str, ...]
    reasoner: str
    same: tuple[tuple[str, ...], ...] = ()
    taken: tuple[str, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether every rule can be compiled and, where HermiT was run, none contradicts another."""
        ran = self.reasoner in ("consistent", NO_JAVA)
        return not self.faults and not self.unsatisfiable and ran


def check_rules(
    paths: Sequence[str | Path],
    legend: Legend | None = None,
    ontology: Ontology | None = None,
    *,
    ontology_files: Sequence[str | Path] | None = None,
) -> RuleCheck:
    """Check rule files.

    Args:
        paths: Rule files.
        legend: Labels of the runs that they are for; None: those of all legends that ship, any of which will do.
        ontology: Schema that they are written in; default the core ontology.
        ontology_files: The files of `ontology`, for HermiT; default the core ontology.

    Returns:
        The findings. A fault never hides another one: each axiom is looked at by itself.

    Raises:
        AxiomError: None of the files can be read.
    """
    files, faults = _readable(paths)
    if faults and not files:
        raise _none_readable(faults)
    known = ontology or load_ontology()
    readable = list(files)
    axioms, wrong = read_rules(readable, known)
    schema = ontology_with(readable, known)
    silent = (*without_rules(files, axioms, wrong, known), *circles(files, known, schema))
    legends = [legend] if legend else [load_legend(name) for name in legend_names()]
    where = {Path(path).name: str(path) for path in readable}
    unusable = {axiom.iri: _uncompilable(axiom, legends[0], schema, where) for axiom in axioms}
    usable = tuple(axiom for axiom in axioms if unusable[axiom.iri] is None)
    labels = [Labels(one, schema) for one in legends]
    sound = readable if not wrong else []  # HermiT is not shown what cannot be read
    unsatisfiable, reasoner = _consistency(sound, ontology_files, usable, schema)
    contrary = contradictions(unsatisfiable, usable, schema, where)
    unusable_ones = (fault for fault in unusable.values() if fault)
    return RuleCheck(
        axioms=usable,
        faults=(*faults, *wrong, *silent, *unusable_ones, *contrary),
        idle=tuple((a.iri, why) for a in usable if (why := _idle(a, labels))),
        unreachable=tuple(sorted(_unreachable(usable, labels))),
        unmeasured=tuple(sorted(_unmeasured(usable, schema))),
        unsatisfiable=unsatisfiable,
        reasoner=reasoner,
        same=same_classes(known, schema),
        taken=_taken(axioms, readable),
    )


def _taken(axioms: Sequence[Axiom], paths: Sequence[Path]) -> tuple[str, ...]:
    """Rules whose identifier a rule has that ships in another file."""
    checked = {path.resolve() for path in paths}
    others = [path for path in shipped_rules() if path.resolve() not in checked]
    ships = {axiom.iri for axiom in read_rules(others)[0]}
    return tuple(axiom.iri for axiom in axioms if axiom.iri in ships)


def _readable(paths: Sequence[str | Path]) -> tuple[dict[Path, Terms], list[AxiomError]]:
    """Triples of the files that are OWL, and what is wrong with the others."""
    from kg.ontology import read_owl

    found, faults = {}, []
    for path in map(Path, paths):
        try:
            found[path] = read_owl(path)
        except InputError as error:
            cause = error.message.removeprefix(f"{path}").lstrip(": ")
            faults.append(AxiomError(str(path), "the file", cause, error.hint))
    return found, faults


def _none_readable(faults: Sequence[AxiomError]) -> AxiomError:
    """The first fault of files that cannot be read, with the names of the others."""
    first, others = faults[0], ", ".join(one.file for one in faults[1:])
    cause = f"{first.cause}; nor can {others} be read" if others else first.cause
    return AxiomError(first.file, first.axiom, cause, first.hint)


def _uncompilable(
    axiom: Axiom, legend: Legend, ontology: Ontology, where: dict[str, str]
) -> AxiomError | None:
    """Why an axiom cannot be compiled, whatever the run: tried on facts of every kind."""
    try:
        compile_axioms([axiom], legend, ontology, _everything(axiom, ontology))
    except RuleError as error:
        shown = f"`{manchester(axiom, ontology)}`"
        cause = error.message.removeprefix(f"{axiom.file}: ")
        return AxiomError(
            where.get(axiom.file, axiom.file), shown, f"{cause}, in {shown}", error.hint
        )
    return None


def _everything(axiom: Axiom, ontology: Ontology) -> Facts:
    """Facts of two regions, with everything that an axiom asks for."""
    roles, properties = names_used([axiom], ontology)
    nobody = csr_matrix((2, 2))
    asked = wanted([axiom], ontology) | roles
    covers = {
        p.iri for side in (axiom.left, axiom.right) for p in walk(side) if isinstance(p, Named)
    }
    shares = {
        (kind, cover): np.full(2, 0.5) for kind in ontology.below(EVIDENCE) for cover in covers
    }
    data = {name: np.array([0.0, 1e9]) for name in properties}
    return Facts(data, shares, {role: nobody for role in asked if role not in data})


def _idle(axiom: Axiom, every: Sequence[Labels]) -> str:
    """Why a rule can act on no legend; "" when it can on one."""
    reasons = [read_sides(axiom.left, axiom.right, labels)[2] for labels in every]
    if not all(reasons):
        return ""
    return reasons[0] if len(reasons) == 1 else f"on all {len(reasons)} legends: {reasons[0]}"


def _unreachable(axioms: Sequence[Axiom], every: Sequence[Labels]) -> Iterator[str]:
    named = {iri for a in axioms for side in (a.left, a.right) for iri in _label_classes(side)}
    for iri in named - {THING, NOTHING}:
        if not any(_reach(iri, labels) for labels in every):
            yield iri


def _reach(iri: str, labels: Labels) -> bool:
    try:
        return bool(labels.bounds(labels.expand(Named(iri)))[1].any())
    except UnusableError:
        return False


def _label_classes(expression: Expression) -> Iterator[str]:
    """Classes that stand for labels: not those of evidence, which are behind coveredBy."""
    if isinstance(expression, Named):
        yield expression.iri
    if not (isinstance(expression, Some) and expression.role in vocab.EVIDENCE_ROLES):
        for child in children(expression):
            yield from _label_classes(child)


def _unmeasured(axioms: Sequence[Axiom], ontology: Ontology) -> Iterator[str]:
    roles, _ = names_used(axioms, ontology)
    for role in roles - vocab.EVIDENCE_ROLES:
        needed = ontology.roles.needed([role])
        if not any(ontology.roles.above(one) & BASE for one in needed):
            yield role


def _consistency(
    paths: Sequence[Path],
    ontology_files: Sequence[str | Path] | None,
    axioms: Sequence[Axiom],
    ontology: Ontology,
) -> tuple[tuple[str, ...], str]:
    """What HermiT says of the files, and of the axioms that SWRL rules stand for."""
    if shutil.which("java") is None:
        return (), NO_JAVA
    plain = [
        replace(a, left=without_tolerance(a.left), right=without_tolerance(a.right)) for a in axioms
    ]
    different = {(key(a.left), key(a.right)): a for a in plain}
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "axioms.ttl"
        written.write_text(rules_turtle([*different.values()], ontology, title="checked"), "utf-8")
        try:
            found = check_consistent(ontology_files, [*paths, written])
        except OntologyError as error:
            return (), error.message.replace(f", {written.name}", "")
    return found, "contradictory" if found else "consistent"
