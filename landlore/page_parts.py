"""Facts of a run come in, the parts of its page that need no script go out: figures, tables, sources, as HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from landlore.page_facts import Facts

_KINDS = {
    "axiom": "rule", "evidence": "source", "smoothness": "neighbours", "network": "the map before",
    "calibration": "calibration",
}  # fmt: skip
_COLOURS = 8
"""So many reasons are named under their map."""
_FLOWS = 24
"""So many changes from one class to another are listed."""


def page_parts(facts: Facts, note: str) -> dict[str, str]:
    """The parts of the page by the name of their place in `web/report.html`.

    Args:
        facts: As `landlore.page_record.read_page` gives them.
        note: A line that the reader must not miss, or "".
    """
    run = facts["run"]
    share = run["changed"] / max(run["pixels"], 1)
    made = f"Given labels, {run['model']}" if run["labels"] else run["model"]
    much = f"{share:.1%}" if share >= 0.0005 else _counted(run["changed"], "pixel")
    count = len(facts["corrections"])
    return {
        "title": escape(f"{run['model']}: what was corrected, and why"),
        "eyebrow": escape(f"{made} · run {run['name']}"),
        "headline": f"{much} of the map corrected, each change with its reasons"
        if count
        else "Nothing on this map was changed",
        "note": f'<p class="note">{escape(note)}</p>' if note else "",
        "tiles": _tiles(facts),
        "classes": _classes(facts),
        "colours": _colours(facts),
        "decided": _decided(facts),
        "reasons": _reasons(facts),
        "flows": _flows(facts),
        "sources": _sources(facts),
        "run": _run(facts),
    }


def _swatch(colour: str) -> str:
    return f'<span class="sw" style="background:{escape(colour)}"></span>'


def area_text(m2: float) -> str:
    """Square metres as m², ha or km²."""
    if m2 >= 1e6:
        return f"{m2 / 1e6:,.1f} km²"
    return f"{m2 / 1e4:,.1f} ha" if m2 >= 1e4 else f"{m2:,.0f} m²"


def _tiles(facts: Facts) -> str:
    run, truth = facts["run"], facts["truth"]
    shown = [
        (
            "corrected",
            f"{area_text(run['area'])} <small>{_counted(run['changed'], 'pixel')}</small>",
        ),
        ("corrections", f"{len(facts['corrections']):,}"),
    ]
    if truth:
        was, now = truth["before"], truth["after"]
        shown += [
            ("mean IoU against the truth", _rise(100 * was["miou"], 100 * now["miou"])),
            ("accuracy", _rise(100 * was["accuracy"], 100 * now["accuracy"])),
            ("pixels that became right", f'<span class="up">{truth["fixed"]:,}</span>'),
            ("pixels that became wrong", f'<span class="down">{truth["broken"]:,}</span>'),
        ]
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in shown)


def _counted(n: int, word: str) -> str:
    return f"{n:,} {word}{'s' * (n != 1)}"


def _rise(was: float, now: float) -> str:
    return f"<small>{was:.1f} →</small> {now:.1f} %"


def _classes(facts: Facts) -> str:
    shown = [one for one in facts["classes"] if one["before"] or one["after"]]
    return "".join(f"<li>{_swatch(one['colour'])}{escape(one['name'])}</li>" for one in shown)


def _colours(facts: Facts) -> str:
    """The reasons with most pixels, for the map of reasons."""
    shown = [one for one in facts["terms"] if one["pixels"]][:_COLOURS]
    return "".join(f"<li>{_swatch(one['colour'])}{escape(one['name'])}</li>" for one in shown)


def _decided(facts: Facts) -> str:
    rules = sum(one["kind"] == "axiom" for one in facts["terms"])
    told = (
        "Pixels by the strongest reason of their change. Pick a reason to see only its corrections."
    )
    if facts["truth"]:
        told += " Right and wrong are counted against the truth, both ways."
    return f"{told} {rules} rules were in force." if rules else told


def _reasons(facts: Facts) -> str:
    terms, truth = facts["terms"], facts["truth"]
    most = max((one["pixels"] for one in terms), default=0) or 1
    head = ["Reason", "Pixels", "Corrections", *(("Became right", "Became wrong") if truth else ())]
    cells = "".join(f"<th{' class=num' if i else ''}>{name}</th>" for i, name in enumerate(head))
    rows = [_reason(i, one, most, bool(truth)) for i, one in enumerate(terms) if one["pixels"]]
    table = f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    silent = [one for one in terms if one["kind"] == "axiom" and not one["pixels"]]
    second = _listed("In force, never the strongest reason", silent, lambda one: one["name"])
    idle = _listed(
        "Could not act here",
        sorted(facts["run"]["idle"].items()),
        lambda pair: f"{pair[0]}: {pair[1]}",
    )
    return table + second + idle


def _reason(number: int, one: Facts, most: int, scored: bool) -> str:
    told = one["axiom"] or _KINDS[one["kind"]]
    width = f"width:{100 * one['pixels'] / most:.1f}%;background:{one['colour']}"
    button = (
        f'<button type="button" class="pick" data-term="{number}" aria-pressed="false">'
        f"{_swatch(one['colour'])}<span>{escape(one['name'])}</span></button>"
    )
    what = f'<span class="what">{escape(told)}</span><span class="share" style="{width}"></span>'
    numbers = [
        one["pixels"],
        one["corrections"],
        *((one["fixed"], one["broken"]) if scored else ()),
    ]
    return (
        f"<tr><td>{button}{what}</td>{''.join(f'<td class=num>{n:,}</td>' for n in numbers)}</tr>"
    )


def _listed(title: str, items: Iterable[Any], text: Callable[[Any], str]) -> str:
    found = [f"<li>{escape(text(item))}</li>" for item in items]
    if not found:
        return ""
    return f"<details><summary>{title} ({len(found)})</summary><ul>{''.join(found)}</ul></details>"


def _flows(facts: Facts) -> str:
    classes, sums = facts["classes"], Counter[tuple[int, int]]()
    for before, after, _, area, *_ in facts["corrections"]:
        sums[before, after] += area
    if not sums:
        return ""
    most = max(sums.values())
    rows = []
    for (a, b), area in sorted(sums.items(), key=lambda one: (-one[1], one[0]))[:_FLOWS]:
        was, now = classes[a], classes[b]
        style = f"width:{max(100 * area / most, 0.8):.1f}%;--a:{was['colour']};--b:{now['colour']}"
        rows.append(
            f"<li><span>{_swatch(was['colour'])}{escape(was['name'])}<span class=arrow>→</span>"
            f"{_swatch(now['colour'])}{escape(now['name'])}</span>"
            f'<span class="t" style="{style}"></span><span class="num">{area_text(area)}</span></li>'
        )
    return f'<ul class="flows">{"".join(rows)}</ul>'


def _sources(facts: Facts) -> str:
    rows = []
    for one in facts["sources"]:
        parts = [f"<b>{escape(one['title'])}</b>"]
        parts += [escape(one[name]) for name in ("rights", "issued", "file") if one[name]]
        parts += [_link(one[name], text) for name, text in (("licence", "licence"), ("url", "origin"))
                  if one[name]]  # fmt: skip
        rows.append(f"<li>{' · '.join(parts)}</li>")
    told = "Data keep their own licences." if rows else "No source beside the map and the rules."
    cited = [one for one in facts["terms"] if one["cite"]]
    rules = _listed("What the rules cite", cited, lambda one: f"{one['name']}: {one['cite']}")
    return f"<p>{told}</p><ul>{''.join(rows)}</ul>{rules}"


def _link(iri: str, text: str) -> str:
    if not iri.startswith(("http://", "https://")):
        return escape(iri)
    return f'<a href="{escape(iri)}" rel="noopener noreferrer">{text}</a>'


def _run(facts: Facts) -> str:
    run = facts["run"]
    thin = f" Shown here: every {run['step']}th pixel." if run["step"] > 1 else ""
    settled = {k: v for k, v in sorted(run["settings"].items()) if v not in ("", {}, 0, False)}
    told = ", ".join(f"{name} {value}" for name, value in settled.items())
    return (
        f"<p>{run['pixels']:,} pixels with a prediction; inference {escape(run['stopped'])}, {run['steps']} steps."
        f"{thin}</p>"
        "<p>The reasons of a correction add up to its log-odds: how much more likely the class after is than the class "
        "before, as a natural logarithm. Ask further:</p>"
        "<p><code>landlore explain RUN --at=LON,LAT --what-if drop=RULE</code><br>"
        "<code>landlore query RUN --name list</code></p>"
        f"<p class=muted>{escape(told)}</p>"
    )
