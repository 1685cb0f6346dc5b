"""Proposed rules, for an expert to accept: proposals come in, sentences, a table and a rule file go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kg import vocab
from kg.counted import counted
from kg.folder import replace_file
from kg.manchester import manchester
from kg.ontology import Axiom, Ontology, load_ontology
from kg.rule_writer import rules_turtle


@dataclass(frozen=True)
class Proposal:
    """A rule that labelled tiles suggest.

    Attributes:
        axiom: The rule; its weight is the log-odds of being wrong that breaking it adds, shrunk for few regions.
        says: What it says of its class.
        support: Regions of the maps that break it, which no other rule speaks about.
        pixels: Their pixels of known truth.
        wrong: Share of these that are wrong.
        base: Share of wrong pixels in all regions of the class that no other rule speaks about.
        scenes: Scenes with enough such regions to judge it.
        held: Scenes in which these regions are wrong more often than the others.
        exceptions: Share of the true pixels of the class that break it.
    """

    axiom: Axiom
    says: str
    support: int
    pixels: int
    wrong: float
    base: float
    scenes: int
    held: int
    exceptions: float

    @property
    def lift(self) -> float:
        """Wrong share as a multiple of that of the class."""
        return self.wrong / max(self.base, 1e-9)

    def sentence(self) -> str:
        """Why it is proposed, in words."""
        breaking = counted(self.support, "mapped region")
        return (
            f"{self.axiom.label}: {100 * self.wrong:.0f} % of the pixels in {breaking} breaking this were wrong, "
            f"{100 * self.base:.0f} % in all regions of the class; so it was in {self.held} of "
            f"{self.scenes} scenes. {100 * self.exceptions:.1f} % of the true pixels of the class break it."
        )


def proposals_turtle(proposals: Sequence[Proposal], ontology: Ontology) -> str:
    """Rule file of the proposals; each axiom is flagged `run:proposed true` and says what speaks for it."""
    axioms, notes = [], {}
    for one in proposals:
        source = f"Mined from labelled tiles of {one.scenes} scenes. {one.sentence()}"
        axioms.append(replace(one.axiom, citation=source))
        notes[one.axiom.iri] = {
            vocab.RUN + "proposed": True,
            vocab.RUN + "support": float(one.support),
            vocab.RUN + "wrongShare": round(one.wrong, 4),
            vocab.RUN + "lift": round(one.lift, 4),
            vocab.RUN + "tiles": float(one.held),
        }
    return rules_turtle(axioms, ontology, title="Proposed rules", extra=notes)


def write_proposals(proposals: Sequence[Proposal], path: str | Path) -> Path:
    """Write the rule file. Whoever gives it to `correct --rules` accepts what is in it.

    Raises:
        OutputError: The file cannot be written.
    """
    replace_file(Path(path), proposals_turtle(proposals, load_ontology()).encode())
    return Path(path)


def proposals_table(proposals: Sequence[Proposal]) -> str:
    """The same for a terminal: one line per proposal, and its sentence."""
    tree = load_ontology()
    lines = []
    for one in proposals:
        lines.append(f"{one.axiom.weight:.2f}  {manchester(one.axiom, tree)}")
        lines.append(f"      {one.sentence()}")
    return "\n".join(lines or ["nothing to propose"]) + "\n"
