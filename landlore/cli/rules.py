"""Commands about rules: rule files come in, what is wrong with them goes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.counted import counted
from landlore.cli.options import AsJson
from landlore.cli.printing import say

if TYPE_CHECKING:
    from reasoning.logic.check import RuleCheck

check = typer.Typer(no_args_is_help=True, help="Say what is wrong with files, without a run.")


@check.callback()
def _check() -> None:
    """Say what is wrong with files, without a run."""


@check.command("rules")
def check_rules(
    files: Annotated[list[Path], typer.Argument(help="Rule files (OWL).")],
    legend: Annotated[
        str | None,
        typer.Option(help="Legend of the runs they are for; default: any that ships."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which rules cannot be compiled and why, which can never act, and whether they contradict each other."""
    from kg.legend import load_legend
    from reasoning.logic.check import check_rules as check_files

    found = check_files(files, load_legend(legend) if legend else None)
    say(json.dumps(_record(found), ensure_ascii=False)) if as_json else _tell(found)
    if not found.is_fine:
        raise typer.Exit(1)


def _tell(found: RuleCheck) -> None:
    from kg.vocab import curie

    for fault in found.faults:
        say(f"error: {fault.message}")
        say(f"  try: {fault.hint}")
    for iri, why in found.idle:
        say(f"never acts: {curie(iri)}: {why}")
    for what, iris in (
        ("no label can be", found.unreachable),
        ("nothing measures", found.unmeasured),
    ):
        if iris:
            say(f"{what}: {', '.join(map(curie, iris))}")
    for names in found.same:
        say(f"one class under {len(names)} names: {', '.join(map(curie, names))}")
    if found.taken:
        say(f"ships under the same name: {', '.join(map(curie, found.taken))}")
        say(
            "  --rules FILE takes these instead; for --add-rules FILE give them another dct:identifier"
        )
    say(f"HermiT: {found.reasoner}")
    say(
        f"{counted(len(found.axioms), 'rule')} can be compiled; {counted(len(found.faults), 'fault')}"
    )


def _record(found: RuleCheck) -> dict[str, Any]:
    return {
        "rules": [axiom.iri for axiom in found.axioms],
        "faults": [
            {"file": f.file, "axiom": f.axiom, "cause": f.cause, "hint": f.hint}
            for f in found.faults
        ],
        "idle": dict(found.idle),
        "unreachable": list(found.unreachable),
        "unmeasured": list(found.unmeasured),
        "unsatisfiable": list(found.unsatisfiable),
        "same": [list(names) for names in found.same],
        "taken": list(found.taken),
        "reasoner": found.reasoner,
        "fine": found.is_fine,
    }
