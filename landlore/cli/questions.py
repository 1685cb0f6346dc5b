"""`landlore explain --what-if` and `--why-not`: a run folder and words come in, printed answers go out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import InputError
from landlore.cli.printing import say, teller

if TYPE_CHECKING:
    from reasoning.explanation.whatif import WhatIf
    from reasoning.explanation.whynot import WhyNot
    from reasoning.solved import Solved


@dataclass(frozen=True)
class Asked:
    """Where and how a question is asked.

    Attributes:
        run: Run folder.
        place: (longitude, latitude), or None.
        region: Number of a region, or None.
        lang: "en" or "zh".
        as_json: Print one object.
    """

    run: Path
    place: tuple[float, float] | None
    region: int | None
    lang: str
    as_json: bool


def answer(asked: Asked, values: Mapping[str, float], wanted: str | None) -> None:
    """Solve the run again and answer.

    Raises:
        InputError: A question without a place that needs one, or as `landlore.ask.what_if` and `why_not`.
    """
    if wanted is not None and asked.place is None:
        raise InputError("--why-not: about which place?", "add --at LON,LAT")
    if wanted is not None and values:
        raise InputError("--why-not and --what-if: one question at a time", "leave one out")
    from landlore.question import check_question
    from landlore.rerun import solve_again

    check_question(asked.run, terms=values, place=asked.place, region=asked.region, wanted=wanted)
    solved = solve_again(asked.run, teller(asked.as_json))
    if wanted is not None:
        _why_not(solved, asked, wanted)
    else:
        _what_if(solved, asked, values)


def _what_if(solved: Solved, asked: Asked, values: Mapping[str, float]) -> None:
    from kg.ontology import load_ontology
    from landlore.ask import what_if
    from reasoning.explanation.answers import told_place, told_what_if
    from reasoning.explanation.sentences import names_of
    from reasoning.explanation.whatif import pixel_at

    found = what_if(solved, values, place=asked.place, region=asked.region)
    if asked.as_json:
        say(json.dumps(_what_if_record(found), ensure_ascii=False))
        return
    names, done = names_of(solved.corrected, load_ontology()), solved.corrected
    if asked.place is not None:
        place = pixel_at(solved.terms, *asked.place)
        say(told_place(found, place, names, done.after, asked.lang))
    for line in told_what_if(found, names, done.before, solved.terms.values(), asked.lang):
        say(line)


def _why_not(solved: Solved, asked: Asked, wanted: str) -> None:
    from kg.ontology import load_ontology
    from landlore.ask import why_not
    from reasoning.explanation.answers import told_why_not
    from reasoning.explanation.sentences import names_of

    found = why_not(solved, asked.place or (0.0, 0.0), wanted)
    if asked.as_json:
        say(json.dumps(_why_not_record(found), ensure_ascii=False))
        return
    names = names_of(solved.corrected, load_ontology())
    for line in told_why_not(found, names, solved.corrected.before, asked.lang):
        say(line)


def _what_if_record(found: WhatIf) -> dict[str, Any]:
    rows, cols = found.window
    return {
        "values": dict(found.change.values),
        "window": {"rows": [rows.start, rows.stop], "columns": [cols.start, cols.stop]},
        "pixels": found.pixels,
        "flips": [_finite(asdict(flip)) for flip in found.flips],
    }


def _why_not_record(found: WhyNot) -> dict[str, Any]:
    record = _finite(asdict(found))
    return record | {"knobs": [_finite(knob) for knob in record["knobs"]]}


def _finite(record: dict[str, Any]) -> dict[str, Any]:
    """The same with null for what JSON has no number for."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }
