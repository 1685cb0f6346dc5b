"""Reports on rules as a table, as CSV and as RDF: reports come in, text goes out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from kg import turtle, vocab
from kg.counted import counted
from reasoning.learning.balance import chosen
from reasoning.learning.caution import HELD
from reasoning.learning.learned import Learned, Trial
from reasoning.learning.report import RuleReport
from reasoning.learning.school import LOOSELY, NETWORK

COLUMNS = (
    "rule", "label", "weight_before", "weight_learned", "tiles_fired", "regions_fired", "pixels_fired",
    "pixels_changed", "wrong_to_right", "right_to_wrong", "balance", "balance_low", "balance_high", "gain_miou",
    "right_share_low", "right_share_high", "verdict", "proposed_for_removal",
)  # fmt: skip
"""Columns of the CSV; all pixels are of held-out tiles. The two of `right_share` are Wilson's interval of
wrong_to_right / (wrong_to_right + right_to_wrong), too narrow because pixels are correlated."""
SAID = {
    "network": "the map as given",
    "expert": "rules as they are, nothing learned",
    "calibration": "calibration learned",
    "calibration + smoothness": "calibration and smoothness learned",
}
"""Ways of mapping in the words of a table."""


def report_csv(reports: Sequence[RuleReport]) -> str:
    """One row per rule, with a head row of `COLUMNS`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in reports:
        writer.writerow(
            [
                vocab.curie(one.iri), one.label, f"{one.expert:g}", f"{one.learned:g}", one.tiles, one.regions,
                one.pixels, one.changed, one.helped, one.harmed, one.helped - one.harmed, f"{one.net[0]:g}",
                f"{one.net[1]:g}", f"{one.gain:.6f}", f"{one.wilson[0]:.4f}", f"{one.wilson[1]:.4f}",
                one.verdict, str(one.removal).lower(),
            ]
        )  # fmt: skip
    return out.getvalue()


def report_table(reports: Sequence[RuleReport]) -> str:
    """The same for a terminal: the rules that fired, one row each, and how many did not."""
    head = (
        "rule", "weight", "fired in", "changed", "wrong -> right", "right -> wrong", "balance (95 % over scenes)",
        "mean IoU", "verdict",
    )  # fmt: skip
    fired = [one for one in reports if one.tiles]
    lines = [
        "Each rule on the held-out tiles: every tile is solved again without it, and the maps are compared, in pixels.",
        *_columns([head, *(_row(one) for one in fired)]),
    ]
    if len(fired) < len(reports):
        lines.append(
            f"{counted(len(reports) - len(fired), 'further rule')} never fired on these tiles."
        )
    return "\n".join(lines) + "\n"


def _row(one: RuleReport) -> tuple[str, ...]:
    balance = f"{one.helped - one.harmed:+,d} ({one.net[0]:+,.0f} .. {one.net[1]:+,.0f})"
    return (
        _name(one.iri), f"{one.expert:.2f} -> {one.learned:.2f}", counted(one.tiles, "tile"), f"{one.changed:,d}",
        f"{one.helped:,d}", f"{one.harmed:,d}", balance, f"{100 * one.gain:+.2f}", one.verdict,
    )  # fmt: skip


def _name(iri: str) -> str:
    return vocab.curie(iri).removeprefix("rule:")


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words, one below the other."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(w) for cell, w in zip(row, wide, strict=True)).rstrip() for row in rows
    ]


def report_turtle(reports: Sequence[RuleReport]) -> str:
    """The same as RDF statements (`ontologies/run.ttl`), one run:RuleReport per rule."""
    names = {"run": vocab.RUN, "rule": vocab.RULE}
    head = turtle.prefixes() + "".join(f"@prefix {p}: <{iri}> .\n" for p, iri in names.items())
    return head + "\n" + "\n".join(_statement(one) for one in reports)


def _statement(one: RuleReport) -> str:
    facts = [
        ("rule", f"<{one.iri}>"),
        ("expertWeight", turtle.literal(one.expert)),
        ("weight", turtle.literal(one.learned)),
        *((name, str(value)) for name, value in _whole(one)),
        ("netLow", turtle.literal(one.net[0])),
        ("netHigh", turtle.literal(one.net[1])),
        ("proposedForRemoval", turtle.literal(one.removal)),
    ]
    said = " ;\n    ".join(f"run:{name} {value}" for name, value in facts)
    return (
        f"[] a run:RuleReport ;\n    rdfs:label {turtle.literal(one.label, 'en')} ;\n    {said} .\n"
    )


def _whole(one: RuleReport) -> Iterator[tuple[str, int]]:
    yield "tiles", one.tiles
    yield "regions", one.regions
    yield "pixels", one.pixels
    yield "changedPixels", one.changed
    yield "helped", one.helped
    yield "harmed", one.harmed
    yield "net", one.helped - one.harmed


def score_table(learned: Learned) -> str:
    """Scores of each way of mapping on the held-out tiles, one row each, and which way was kept."""
    if not learned.held_out:
        return (
            "All tiles are of one scene: nothing could be held out, so weights stay close to the expert's, and nothing "
            "is claimed.\n"
        )
    pixels = int(learned.mapped(learned.chosen).counts.sum())
    rows = [("", "mean IoU", "accuracy", "wrong -> right", "right -> wrong", "")]
    for way in learned.ways:
        found = learned.mapped(way)
        moved = ("", "") if way == NETWORK else (f"{found.fixed:,d}", f"{found.broken:,d}")
        kept = "<- kept" if way == learned.chosen else ""
        scores = (f"{100 * found.mean_iou:.2f}", f"{100 * found.accuracy:.2f}")
        rows.append((_said(way), *scores, *moved, kept))
    return "\n".join([
        f"Held out in turn: {counted(len(learned.held_out), 'tile')} of {counted(learned.scenes, 'scene')}, "
        f"in {counted(len(learned.fold_fits), 'part')}; "
        f"{pixels:,d} pixels of known truth.",
        "Each tile is mapped by what the tiles of the other parts taught; pixels are counted against the map as given.",
        f"Smoothness is {learned.smoother:g} times what was fitted, as held-out tiles prefer.",
        *_columns(rows),
        "Kept: the last row that beats those kept before it by 0.1 points of mean IoU; the best of several is a little "
        "optimistic.",
    ]) + "\n"  # fmt: skip


def trial_table(trials: Sequence[Trial]) -> str:
    """What calibrations of different class weights make of held-out tiles, and which weights were taken."""
    if not trials:
        return ""
    rows = [("class weights", "mean IoU", "accuracy", "wrong -> right", "right -> wrong", "")]
    for one in trials:
        found, taken = one.mapped, "<- taken" if one is chosen(trials) else ""
        scores = (f"{100 * found.mean_iou:.2f}", f"{100 * found.accuracy:.2f}")
        moved = (f"{found.fixed:,d}", f"{found.broken:,d}")
        rows.append((f"(1 / share) ** {one.balance:g}", *scores, *moved, taken))
    return "\n".join([
        "How far rare classes count more: held-out tiles, mapped by a calibration of the others alone.",
        *_columns(rows),
    ]) + "\n"  # fmt: skip


def _said(way: str) -> str:
    plain, outweighs, nats = way.partition(HELD.partition("{")[0])
    name, held, _ = plain.partition(LOOSELY)
    said = SAID.get(plain, f"calibration, smoothness and {name} learned{held}")
    return said + outweighs + nats


def remarks(learned: Learned) -> list[str]:
    """What the user should know of the input, two lines each: what was found, and what to do."""
    out = []
    if learned.absent:
        out.append(
            f"no pixel is truly {', '.join(learned.absent)}: nothing was learned about that\n"
            "add a tile whose truth has it, or take the result for other classes only"
        )
    if learned.silent:
        names = ", ".join(map(_name, learned.silent))
        out.append(
            f"rules that say nothing about any labelled pixel keep their weight: {names}\n"
            "landlore check rules FILE says why a rule cannot act; rules about an image or heights need --image, --dem"
        )
    if not learned.held_out:
        out.append(
            "tiles of one scene: nothing that was learned could be checked\n"
            "give tiles of two scenes or more, or cut the scene into parts that lie apart"
        )
    return out


def summary(learned: Learned) -> str:
    """What the learned file holds, in a few words."""
    kept = sum(1 for one in learned.fit.axioms if not one.hard and one.weight > 0)
    left = len(learned.axioms) - len(learned.fit.axioms)
    parts = [_said(learned.chosen)]
    if kept:
        parts.append(f"{counted(kept, 'rule')} with a weight")
    if left:
        parts.append(f"{counted(left, 'rule')} at weight 0, which held-out tiles prefer")
    return ", ".join(parts)
