"""Axioms and a run's facts come in, penalties on the regions' labels and their gradients go out.

The penalty of `E SubClassOf F` on region r is sum_k q_r(k) * [E and not F](r, k): the probability that r, whatever its
label, breaks the axiom. Named classes are 0 or 1 by the label k; only other regions are averaged; a sub-expression
shared by E and F is one event (`reasoning.logic.truth`). Unknown facts (NaN) never add to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kg import vocab
from kg.errors import RuleError
from kg.legend import Legend
from kg.ontology import And, Axiom, Not, Ontology
from reasoning.facts import Facts
from reasoning.logic.ground import Ground
from reasoning.logic.meaning import UnusableError
from reasoning.logic.reading import UnknownNameError, labels_of, read_sides
from reasoning.logic.roles import with_roles
from reasoning.logic.truth import NEVER, Floats, Form
from reasoning.progress import at


@dataclass(frozen=True, eq=False)
class CompiledAxiom:
    """An axiom, ready to be evaluated on the regions of one run.

    Attributes:
        axiom: What was compiled.
        active: Whether it can change anything in this run.
        reason: Why it cannot; "" when active.
        local: True when the gradient does not depend on q (no relation to other regions).
        note: What is approximate about it; "" when penalty and truth are exact under independent regions.
        violation: Truth of "left and not right".
        sides: Compiles the truths of the two sides (their bounds, where facts are unknown).
    """

    axiom: Axiom
    active: bool
    reason: str
    local: bool
    note: str = ""
    violation: Form = NEVER
    sides: Callable[[], tuple[Form, Form]] = lambda: (NEVER, NEVER)

    def penalty(self, q: Floats) -> Floats:
        """Probability that each region breaks the axiom, not multiplied by the weight.

        Args:
            q: (region, class) float64 marginals; rows sum to 1.

        Returns:
            (region,) float64 in 0..1; 0 everywhere when inactive.
        """
        return self.violation.value(q)

    def gradient(self, q: Floats, b: Floats) -> Floats:
        """Derivative of sum_r b[r] * penalty[r], to the regions themselves and to their neighbours.

        Args:
            q: (region, class) float64 marginals.
            b: (region,) float64, for example pixel counts.

        Returns:
            (region, class) float64, unweighted.
        """
        out = np.zeros(q.shape[::-1]).T  # label by label, as it is filled
        self.violation.pull(q, b, out)
        return out

    def truth(self, q: Floats) -> tuple[Floats, Floats]:
        """Truth of the left and of the right side if the region itself had each label.

        Where a fact is unknown this is the least truth of the left and the greatest of the right.

        Args:
            q: (region, class) float64 marginals, used for the neighbours.

        Returns:
            Two (region, class) float64 arrays in 0..1.
        """
        left, right = self._sides
        return left.matrix(q), right.matrix(q)

    @cached_property
    def _sides(self) -> tuple[Form, Form]:
        return self.sides()


def compile_axioms(
    axioms: Sequence[Axiom], legend: Legend, ontology: Ontology, facts: Facts
) -> tuple[CompiledAxiom, ...]:
    """Compile rules for one run.

    Args:
        axioms: As `kg.ontology.load_rules` gives them.
        legend: Labels that regions can have.
        ontology: Schema that the rules are written in.
        facts: Columns of facts; one that is missing makes the rules that need it inactive.

    Returns:
        One compiled axiom each, same order.

    Raises:
        LegendError: A class of the legend is nothing that the ontology knows.
        RuleError: A name is unknown, a class is defined through itself, or an expression has no meaning here.
    """
    ground = Ground(labels_of(legend, ontology), with_roles(facts, axioms, ontology))
    return tuple(_compile(axiom, ground) for axiom in axioms)


def _compile(axiom: Axiom, ground: Ground) -> CompiledAxiom:
    where = f"{axiom.file}: rule {vocab.curie(axiom.iri)}"
    at(f"compiling {vocab.curie(axiom.iri)}")
    try:
        left, right, never = read_sides(axiom.left, axiom.right, ground.labels)
        reason = never or ground.missing(left) or ground.missing(right)
        violation = NEVER if reason else ground.form(And((left, Not(right))))
        reason = reason or _no_effect(violation, ground)
        if reason:
            return CompiledAxiom(axiom, active=False, reason=reason, local=True)
        return CompiledAxiom(
            axiom,
            active=True,
            reason="",
            local=not violation.links,
            note=_note(violation),
            violation=violation,
            sides=lambda: (ground.form(left), ground.form(right, upper=True)),
        )
    except UnknownNameError as error:
        raise RuleError(
            f"{where}: {error}", "correct the name, or load the ontology that declares it"
        ) from error
    except UnusableError as error:
        raise RuleError(f"{where}: {error}", "rewrite the rule") from error


def _no_effect(violation: Form, ground: Ground) -> str:
    """Why a penalty cannot change a decision, or ""."""
    blocks = [block for _, block in violation.blocks]
    if not blocks:
        return "no region of this run can break it, whatever its label"
    if not violation.links and all(block.same_for_all_labels for block in blocks):
        return f"says the same about every label of the legend {ground.labels.legend.name}"
    return ""


def _note(form: Form) -> str:
    if any(link.filler.links for link in form.links):
        return "approximate: a relation inside a relation can lead back to the region itself"
    if len(form.links) > 1:
        return "approximate: several relations may reach the same neighbour and are taken as independent"
    return ""
