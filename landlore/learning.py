"""Learning from files: predictions, truth and rules come in as paths; learned rules, reports and proposals go out."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kg.errors import InputError, OutputError
from kg.folder import check_place, replace_file
from kg.ontology import Axiom
from kg.rules import schema_of
from landlore.labelled import TileFiles, read_tiles
from landlore.outputs import keep_inputs
from landlore.reason import chosen_axioms
from landlore.settings import RunSettings

if TYPE_CHECKING:
    from reasoning.learning.learned import Learned
    from reasoning.learning.report import RuleReport
    from reasoning.learning.steps import Steps
    from reasoning.learning.tiles import LabelledTile
    from reasoning.mining.proposals import Proposal
    from reasoning.settings import CorrectSettings

Progress = Callable[[str, int, int], None]

TOLERANCE = 1e-3
"""Largest change of a probability at which a tile is solved well enough to learn from."""
MARKS = ('"Learned rules', '"Proposed rules', "run:RuleReport")
"""What files that may be replaced have in them."""


def learn(
    files: TileFiles,
    out: str | Path,
    *,
    context: float = 0.0,
    fixed_per_broken: float = 0.0,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[Learned, tuple[RuleReport, ...]]:
    """Learn calibration, smoothness, strengths of sources and weights of rules, and write them as a rule file.

    Each is kept only where it maps tiles that are held out better. What is done is saved in OUT.unfinished, so that the
    same call goes on where one that was stopped ended; the folder is deleted at the end.

    Args:
        files: The tiles, and what is known beside them: rules, products, mapped features, elevation.
        out: Turtle file of the learned rules; `landlore correct --rules OUT` uses it.
        context: Metres over which further rules ask how wide each class is and what the map itself says around
            (`reasoning.learning.candidates`), regions cut into pieces of that size; 0 for no such rules.
        fixed_per_broken: Least number of pixels put right per pixel put wrong, on held-out tiles: a label changes only
            where enough speaks for it, and the map stays as given where that is not to be had; 0 asks for nothing.
        report: CSV file for the report on every rule, with the same as RDF beside it (.ttl); None: no report.
        progress: Called with what was done, and how much of how much.

    Returns:
        What was learned, and the reports; () without `report`.

    Raises:
        InputError: As `read_tiles`; a file without rules; a report on tiles of one scene.
        OutputError: A file cannot be written; found out before the work.
    """
    from reasoning.learning.checked import Checks, learn_checked
    from reasoning.learning.fit_file import write_learned
    from reasoning.learning.report import nothing_held_out, rule_report
    from reasoning.learning.report_text import report_csv, report_turtle
    from reasoning.learning.tiles import scenes
    from reasoning.settings import CorrectSettings

    target = Path(out)
    tables = [] if report is None else [Path(report), Path(report).with_suffix(".ttl")]
    _check_places([target, *tables], files)
    axioms = chosen_axioms(files.sources, RunSettings())
    tiles = read_tiles(files)
    if tables and not scenes(tiles).max():
        raise nothing_held_out()
    candidates = _candidates(axioms, tiles, context)
    settings = CorrectSettings(tolerance=TOLERANCE, superpixel=context)
    _check_ratio(fixed_per_broken)
    steps = _steps(target, files, settings, progress)
    if tables:
        steps.plan(len(tiles) * len(list(candidates.values())[-1]))
    checks = Checks(fixed_per_broken=fixed_per_broken)
    learned = learn_checked(tiles, candidates, settings, checks=checks, steps=steps)
    reports = rule_report(tiles, learned, settings=settings, steps=steps) if tables else ()
    write_learned(learned, target)
    for path, text in zip(tables, (report_csv, report_turtle), strict=False):
        replace_file(path, text(reports).encode())
    shutil.rmtree(_unfinished(target), ignore_errors=True)
    return learned, reports


def mine(
    files: TileFiles,
    out: str | Path,
    *,
    progress: Progress | None = None,
) -> tuple[Proposal, ...]:
    """Propose new rules from labelled tiles, and write them as a rule file for an expert to look through.

    Args:
        files: The tiles; rules beside them are known already, and not proposed again.
        out: Turtle file of the proposals; not written where there is nothing to propose.
        progress: Called with what is done, and how much of how much.

    Raises:
        InputError: As `read_tiles`.
        OutputError: The file cannot be written; found out before the work.
    """
    from reasoning.mining.mine import mine as find
    from reasoning.mining.proposals import write_proposals

    _check_places([Path(out)], files)
    axioms = chosen_axioms(files.sources, RunSettings())
    found = find(read_tiles(files), axioms=axioms, progress=progress)
    if found:
        write_proposals(found, out)
    return found


def _candidates(
    axioms: tuple[Axiom, ...], tiles: Sequence[LabelledTile], reach: float
) -> dict[str, tuple[Axiom, ...]]:
    """Sets of rules to compare, few before many.

    Raises:
        InputError: A distance that is none.
    """
    from reasoning.learning.candidates import candidates

    if not reach:
        return {"rules": axioms}
    shapes, views = candidates(tiles, schema_of(axioms), reach).values()
    tree = schema_of(views)
    extended = tuple(replace(axiom, ontology=tree) for axiom in axioms)
    beside = tuple(replace(axiom, ontology=tree) for axiom in (*shapes, *views))
    around = beside[len(shapes) :]
    return {
        "rules": extended,
        "rules and surroundings": (*extended, *around),
        "rules, shapes and surroundings": (*extended, *beside),
    }


def _check_ratio(ratio: float) -> None:
    """Refuse a ratio that is none."""
    if not 0 <= ratio < math.inf:
        raise InputError(
            f"--fixed-per-broken {ratio:g}: expected a number of 0 or more",
            "for example --fixed-per-broken 2: two pixels put right for each put wrong",
        )


def _check_places(places: Sequence[Path], files: TileFiles) -> None:
    """Refuse places that cannot be written, or where something lies that is read, such as the expert's own rules."""
    keep_inputs(places, files.paths)
    if len({place.resolve() for place in places}) < len(places):
        raise OutputError(
            f"{places[0]}: would be written twice: a report FILE.csv has a FILE.ttl beside it",
            "give -o and --report different names",
        )
    for place in places:
        if place.suffix == ".ttl" and place.is_file() and not _ours(place):
            raise OutputError(
                f"{place}: is there already, and Landlore did not learn or propose what it holds",
                "choose another place with -o, or delete the file",
            )
        check_place(place)


def _ours(path: Path) -> bool:
    """Whether a Turtle file is empty, or says itself that Landlore wrote it after learning or mining."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return not text.strip() or any(mark in text for mark in MARKS)


def _unfinished(out: Path) -> Path:
    return out.with_name(f"{out.name}.unfinished")


def _steps(
    out: Path, files: TileFiles, settings: CorrectSettings, progress: Progress | None
) -> Steps:
    """Steps of this very work: the same files and settings."""
    from importlib.metadata import version

    from landlore.rerun import digest
    from reasoning.learning.steps import saved_steps

    contents = [(str(path), digest(path)) for path in files.paths if path.is_file()]
    told = (version("landlore"), files, contents, settings)
    key = hashlib.sha256(repr(told).encode()).hexdigest()
    return saved_steps(_unfinished(out), key, progress)
