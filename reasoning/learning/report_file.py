"""Reports on rules as a table, as CSV and as RDF: reports come in, text goes out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from kg import turtle, vocab
from reasoning.learning.learned import WAYS, Learned
from reasoning.learning.report import RuleReport

COLUMNS = (
    "rule", "label", "expert", "learned", "tiles", "regions", "pixels", "changed", "helped", "harmed", "net",
    "net_low", "net_high", "gain_miou", "helped_share_low", "helped_share_high", "proposed_for_removal",
)  # fmt: skip
"""Columns of the CSV; the two of `helped_share` are Wilson's interval, too narrow because pixels are correlated."""


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
                str(one.removal).lower(),
            ]
        )  # fmt: skip
    return out.getvalue()


def report_table(reports: Sequence[RuleReport]) -> str:
    """The same for a terminal: the rules that fired, and how many did not."""
    rows = [
        (
            "rule",
            "expert",
            "learned",
            "tiles",
            "changed",
            "helped",
            "harmed",
            "net (95 %)",
            "mIoU",
            "",
        )
    ]
    fired = [one for one in reports if one.tiles]
    for one in fired:
        net = f"{one.helped - one.harmed:+d} ({one.net[0]:+.0f} .. {one.net[1]:+.0f})"
        verdict = "proposed for removal" if one.removal else ""
        rows.append(
            (
                vocab.curie(one.iri).removeprefix("rule:"), f"{one.expert:.2f}", f"{one.learned:.2f}", str(one.tiles),
                str(one.changed), str(one.helped), str(one.harmed), net, f"{100 * one.gain:+.2f}", verdict,
            )
        )  # fmt: skip
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(w) for cell, w in zip(row, wide, strict=True)).rstrip() for row in rows
    ]
    if len(fired) < len(reports):
        lines.append(f"{len(reports) - len(fired)} rules fired nowhere")
    return "\n".join(lines) + "\n"


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
    """Held-out scores of each way of mapping, one line each."""
    if not learned.held_out:
        return "tiles of one scene: nothing was held out, so nothing is claimed\n"
    lines = [f"{'held-out tiles: ' + str(len(learned.held_out)):24}mIoU    accuracy"]
    for way in WAYS:
        miou, accuracy = learned.score(way)
        lines.append(f"{way:24}{100 * miou:5.2f}   {100 * accuracy:5.2f}")
    return "\n".join(lines) + "\n"
