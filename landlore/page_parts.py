"""Facts of a run come in, the parts of its page that need no script go out: figures, tables, sources, as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from landlore.page_facts import Facts

Words = Mapping[str, str]
_COLOURS = 8
"""So many reasons are named under their map."""
_FLOWS = 24
"""So many changes from one class to another are listed."""


def page_parts(facts: Facts, note: str, words: Words) -> dict[str, str]:
    """The parts of the page by the name of their place in `web/report.html`.

    Args:
        facts: As `landlore.page_record.read_page` gives them.
        note: A line that the reader must not miss, or "".
        words: Phrases of the page's language (`web/words.json`).
    """
    run = facts["run"]
    share = run["changed"] / max(run["pixels"], 1)
    made = words["given"].format(model=run["model"]) if run["labels"] else run["model"]
    name = words["runName"].format(name=run["name"])
    much = f"{share:.1%}" if share >= 0.0005 else _counted(run["changed"], "pixel", words)
    count = run["corrections"]
    notes = [*([words["simulated"]] if facts["simulated"] else []), *([note] if note else [])]
    return {
        "title": escape(words["title"].format(model=run["model"])),
        "eyebrow": escape(f"{made} · {name}"),
        "headline": words["headline"].format(much=much) if count else words["nothing"],
        "note": "".join(f'<p class="note">{escape(one)}</p>' for one in notes),
        "tiles": _tiles(facts, words),
        "classes": _classes(facts),
        "colours": _colours(facts),
        "decided": _decided(facts, words),
        "reasons": _reasons(facts, words),
        "flows": _flows(facts, words),
        "sources": _sources(facts, words),
        "run": _run(facts, words),
    }


def _swatch(colour: str) -> str:
    return f'<span class="sw" style="background:{escape(colour)}"></span>'


def _area(m2: float, words: Words) -> str:
    """Square metres as m², ha or km²."""
    if m2 < 1e4:
        return words["m2"].format(n=f"{m2:,.0f}")
    unit, size = ("km2", 1e6) if m2 >= 1e6 else ("ha", 1e4)
    return words[unit].format(n=f"{m2 / size:,.1f}")


def _tiles(facts: Facts, words: Words) -> str:
    run, truth = facts["run"], facts["truth"]
    shown = [
        (
            "corrected",
            f"{_area(run['area'], words)} <small>{_counted(run['changed'], 'pixel', words)}</small>",
        ),
        ("correctionsHead", f"{run['corrections']:,}"),
    ]
    if truth:
        was, now = truth["before"], truth["after"]
        shown += [
            ("miou", _rise(100 * was["miou"], 100 * now["miou"])),
            ("accuracy", _rise(100 * was["accuracy"], 100 * now["accuracy"])),
            ("fixed", f'<span class="up">{truth["fixed"]:,}</span>'),
            ("broken", f'<span class="down">{truth["broken"]:,}</span>'),
        ]
    return "".join(f"<div><dt>{words[key]}</dt><dd>{value}</dd></div>" for key, value in shown)


def _counted(n: int, key: str, words: Words) -> str:
    return words[key if n == 1 else f"{key}s"].format(n=f"{n:,}")


def _rise(was: float, now: float) -> str:
    return f"<small>{was:.1f} →</small> {now:.1f} %"


def _classes(facts: Facts) -> str:
    shown = [one for one in facts["classes"] if one["before"] or one["after"]]
    return "".join(f"<li>{_swatch(one['colour'])}{escape(one['name'])}</li>" for one in shown)


def _colours(facts: Facts) -> str:
    """The reasons with most pixels, for the map of reasons."""
    shown = [one for one in facts["terms"] if one["pixels"]][:_COLOURS]
    return "".join(f"<li>{_swatch(one['colour'])}{escape(one['name'])}</li>" for one in shown)


def _decided(facts: Facts, words: Words) -> str:
    rules = sum(one["kind"] == "axiom" for one in facts["terms"])
    told = [words["byReason"], *([words["byTruth"]] if facts["truth"] else [])]
    if lost := (facts["truth"] or {}).get("unplaced"):
        named = ", ".join(f"{escape(name)} ({n:,})" for name, n in lost.items())
        told.append(words["unplaced"].format(named=named))
    return " ".join([*told, *([words["inForce"].format(n=rules)] if rules else [])])


def _reasons(facts: Facts, words: Words) -> str:
    terms, truth = facts["terms"], facts["truth"]
    most = max((one["pixels"] for one in terms), default=0) or 1
    keys = ["Reason", "Pixels", "Corrections", *(("Fixed", "Broken") if truth else ())]
    head = [words[f"head{key}"] for key in keys]
    cells = "".join(f"<th{' class=num' if i else ''}>{name}</th>" for i, name in enumerate(head))
    rows = [
        _reason(i, one, (most, bool(truth)), words) for i, one in enumerate(terms) if one["pixels"]
    ]
    table = f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    silent = [one for one in terms if one["kind"] == "axiom" and not one["pixels"]]
    second = _listed(words["silent"], silent, lambda one: one["name"])
    idle = _listed(
        words["idle"],
        sorted(facts["run"]["idle"].items()),
        lambda pair: f"{pair[0]}: {pair[1]}",
    )
    return table + second + idle


def _reason(number: int, one: Facts, how: tuple[int, bool], words: Words) -> str:
    most, scored = how
    told = one["axiom"] or words[one["kind"]]
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


def _flows(facts: Facts, words: Words) -> str:
    classes, rows = facts["classes"], []
    if not facts["flows"]:
        return ""
    most = facts["flows"][0][2]
    for a, b, area in facts["flows"][:_FLOWS]:
        was, now = classes[a], classes[b]
        style = f"width:{max(100 * area / most, 0.8):.1f}%;--a:{was['colour']};--b:{now['colour']}"
        rows.append(
            f"<li><span>{_swatch(was['colour'])}{escape(was['name'])}<span class=arrow>→</span>"
            f"{_swatch(now['colour'])}{escape(now['name'])}</span>"
            f'<span class="t" style="{style}"></span><span class="num">{_area(area, words)}</span></li>'
        )
    return f'<ul class="flows">{"".join(rows)}</ul>'


def _sources(facts: Facts, words: Words) -> str:
    rows = []
    for one in facts["sources"]:
        parts = [f"<b>{escape(one['title'])}</b>"]
        parts += [escape(one[name]) for name in ("rights", "issued", "file") if one[name]]
        parts += [_link(one[name], words[key]) for name, key in (("licence", "licence"), ("url", "origin"))
                  if one[name]]  # fmt: skip
        rows.append(f"<li>{' · '.join(parts)}</li>")
    told = words["own"] if rows else words["noSource"]
    cited = [one for one in facts["terms"] if one["cite"]]
    rules = _listed(words["cites"], cited, lambda one: f"{one['name']}: {one['cite']}")
    return f"<p>{told}</p><ul>{''.join(rows)}</ul>{rules}"


def _link(iri: str, text: str) -> str:
    if not iri.startswith(("http://", "https://")):
        return escape(iri)
    return f'<a href="{escape(iri)}" rel="noopener noreferrer">{text}</a>'


def _run(facts: Facts, words: Words) -> str:
    run = facts["run"]
    thin = words["thin"].format(n=run["step"]) if run["step"] > 1 else ""
    listed = len(facts["corrections"])
    if listed < run["corrections"]:
        thin += " " + words["some"].format(n=f"{listed:,}", of=f"{run['corrections']:,}")
    settled = {k: v for k, v in sorted(run["settings"].items()) if v not in ("", {}, 0, False)}
    told = ", ".join(f"{name} {value}" for name, value in settled.items())
    first = words["inference"].format(
        pixels=_counted(run["pixels"], "pixel", words), stopped=run["stopped"], n=run["steps"]
    )
    return (
        f"<p>{escape(first)} {thin}</p><p>{words['adds']}</p>"
        "<p><code>landlore explain RUN --at=LON,LAT --what-if drop=RULE</code><br>"
        "<code>landlore query RUN --name list</code></p>"
        f"<p class=muted>{escape(told)}</p>"
    )
